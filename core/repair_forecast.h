// What a repair would do: the ladder of checks and actions when certain checks fail and nothing
// that is tried mends them, and how long that takes at worst (muster strategy simulate).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/strategy.h"
#include "core/strategy_run.h"

namespace muster {

struct ForecastOptions {
  std::set<std::string> failing;  // tags of verifiers whose checks fail, again and again
  std::string level;
  Profile profile;
  uint32_t parallel_max = 16;  // as workers have it
};

struct ForecastEntry {
  enum class Kind : uint8_t {
    check,
    action,
    wait,     // after an action
    skipped,  // an action that is not tried
    closing,
  };
  Kind kind = Kind::check;
  size_t index = 0;     // of the verifier, action or closing action
  Duration begins{0};   // at the latest, after the beginning of the repair
  Duration at_most{0};  // that it takes; 0 for `skipped`
  bool passes = true;   // of a check
  std::string why;      // of what is skipped
};

struct Forecast {
  std::vector<ForecastEntry> entries;  // in the order in which they begin
  Duration at_most{0};                 // until the repair is over, closing actions not counted
  bool passes = false;
  std::vector<StrategyFailure> failures;
};

// `strategy` must be checked. Every check and action takes its whole timeout, also those that pass.
Forecast forecast_repair(const Strategy& strategy, const ForecastOptions& options);

std::string_view to_string(ForecastEntry::Kind kind);
// Of the verifier, action or closing action.
const std::string& tag_of(const Strategy& strategy, const ForecastEntry& entry);

}  // namespace muster
