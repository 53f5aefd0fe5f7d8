// What the strategy engine hands out and is told, and its words for what became of things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/time.h"

namespace muster {

// How a check, an action or a closing action ended.
struct StepOutcome {
  bool passed = false;
  std::string message;  // why not; one line, or more
  Duration duration{0};
};

// An original failure: one whose own check failed.
struct StrategyFailure {
  std::string tag;
  std::string description;
  std::string message;
  std::string blame;  // of the verifier, unexpanded; empty: the device's own fault
  bool operator==(const StrategyFailure&) const = default;
};

// What the shell is to do.
enum class StepKind : uint8_t {
  check,    // run strategy.verifiers[index].check
  action,   // run strategy.actions[index].run
  wait,     // let `duration` pass (RepairActionSpec::then_wait)
  closing,  // run strategy.closing[index].run
};
struct EngineStep {
  StepKind kind = StepKind::check;
  size_t index = 0;
  Duration duration{0};  // how long it may take (check, action, closing) or has to (wait)
  bool operator==(const EngineStep&) const = default;
};

// How a repair action ended (autotest's words).
enum class ActionStatus : uint8_t {
  unknown,         // it was not its turn, or it was interrupted
  blocked,         // a dependency failed
  skipped,         // no trigger failed, it does not apply, or it ran often enough today
  repaired,        // it ran, and its triggers pass now
  repair_failure,  // it ran and failed
  verify_failure,  // it ran, and some trigger still fails
};

// What a repair came to as a whole (autotest's words).
enum class StrategyResult : uint8_t {
  success,          // the device passes after actions that ran
  not_attempted,    // the device passes, and no action ran
  failure,          // the device fails after actions that ran
  attempt_blocked,  // the device fails, and no action ran
};

std::string_view to_string(ActionStatus status);
std::string_view to_string(StrategyResult result);

}  // namespace muster
