// The strategy engine: runs a strategy's verification, or a repair, without doing any of it. It
// says which checks and actions to start next and is told how they ended, so that tests and the
// simulation drive it. Time is an argument.
//
// The rules are autotest's (docs/strategies.md), and beyond them what DESIGN section 5 asks for:
// after actions that acted, what failed or depends on what they touched is verified anew, so that a
// healthy device never ends as failed and a sick one never as healthy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/report.h"
#include "core/strategy.h"

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

enum class RunKind : uint8_t { verify, repair };

struct RunOptions {
  RunKind kind = RunKind::verify;
  std::string level;            // verifiers of this level and what they depend on; empty: all
  Profile profile;              // of the device, for `when`
  uint32_t parallel_max = 1;    // checks handed out at the same time; 0 counts as 1
  std::vector<ActionUse> used;  // for per_day
};

class StrategyRun {
 public:
  // `strategy` must be checked and outlive the run.
  StrategyRun(const Strategy& strategy, RunOptions options, Instant now);
  ~StrategyRun();

  // Steps to start now. Each is handed out once and must be finished. An action, a wait and a
  // closing action are alone; checks are up to parallel_max together.
  std::vector<EngineStep> next(Instant now);

  // How a step that was handed out ended.
  void finish(const EngineStep& step, StepOutcome outcome, Instant now);

  // No check and no action is handed out any more, only closing actions. What runs is to be ended
  // and finished by the caller; it leaves no record.
  void stop();

  // Records that became final since the last call, in order. The caller brackets them with START
  // and END of the whole. Checks come in the same order whatever order they end in.
  std::vector<Record> take_records();

  // One CaseResult per verifier and action that became final since the last call, suites "verify"
  // and "repair": pass, fail, or skip (the message says why).
  std::vector<CaseResult> take_results();

  // How far it has come, when that changed since the last call: at most one.
  std::vector<Progress> take_progress();

  bool done() const;    // closing actions included
  bool passed() const;  // only when done and not stopped
  // The original failures as things stand, in the order of the strategy, without repeats.
  std::vector<StrategyFailure> failures() const;
  StrategyResult result() const;  // of a repair, only when done
  ActionStatus action_status(size_t action) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

std::string_view to_string(ActionStatus status);
std::string_view to_string(StrategyResult result);

}  // namespace muster
