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
#include "core/strategy_step.h"

namespace muster {

enum class RunKind : uint8_t { verify, repair };

struct StrategyRunOptions {
  RunKind kind = RunKind::verify;
  // Verifiers of this level and what they depend on; all when it is empty or no verifier has it, so
  // that nothing passes unchecked. Actions then trigger on these only.
  std::string level;
  Profile profile;              // of the device, with its name (match_profile), for `when`
  uint32_t parallel_max = 1;    // checks handed out at the same time; 0 counts as 1
  std::vector<ActionUse> used;  // for per_day
};

class StrategyRun {
 public:
  // `strategy` must be checked and outlive the run.
  StrategyRun(const Strategy& strategy, StrategyRunOptions options, Instant now);
  ~StrategyRun();

  // Steps to start now. Each is handed out once and must be finished. An action, a wait and a
  // closing action are alone; checks are up to parallel_max together.
  std::vector<EngineStep> next(Instant now);

  // How a step that was handed out ended.
  void finish(const EngineStep& step, StepOutcome outcome, Instant now);

  // No check and no action is handed out any more, only closing actions. What runs is to be ended
  // and finished by the caller; it leaves no record, but an action's bracket that is open is closed
  // with END ABORT. Closing actions then run as after a failure.
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

}  // namespace muster
