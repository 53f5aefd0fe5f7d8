// How well repair actions have worked, by strategy, action and model of the device.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/time.h"

namespace muster {

struct LedgerActionRun;

struct ActionStat {
  std::string strategy;  // empty: not known
  std::string action;
  std::string model;  // empty: not known, or none
  uint64_t repaired = 0;
  uint64_t failed = 0;
  uint64_t not_tried = 0;          // nothing to repair, blocked, or out of time
  std::optional<Duration> median;  // of those that ran
  bool operator==(const ActionStat&) const = default;
};

// Of as many runs as there are, without having them at once.
class ActionSummary {
 public:
  void add(const LedgerActionRun& run);
  // Of those that were added; sorted by strategy, action and model.
  std::vector<ActionStat> take();

 private:
  struct Sum {
    ActionStat stat;
    std::vector<Duration> durations;  // of those that ran
  };
  std::map<std::tuple<std::string, std::string, std::string>, Sum> sums_;
};

}  // namespace muster
