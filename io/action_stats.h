// How well repair actions have worked, by strategy, action and model of the device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

// Sorted by strategy, action and model.
std::vector<ActionStat> summarise_actions(const std::vector<LedgerActionRun>& runs);

}  // namespace muster
