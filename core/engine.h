// The strategy engine: says which checks to run next and is told how they ended. It does no I/O, so
// that tests and the simulation drive it.
//
// Rules of the verify half (autotest's, notes in docs/strategies.md): depth-first in declared
// order, dependencies before dependants, each verifier at most once; siblings go on after a
// failure; a verifier with a failed dependency is not run and has no record; the root passes with
// record GOOD verify.PASS when everything passed; only original failures are reported, without
// repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "core/report.h"
#include "core/strategy.h"
#include "core/strategy_step.h"
#include "core/verify_graph.h"

namespace muster {

struct CheckOutcome {
  bool passed = false;
  std::string message;  // why not; one line, or more
  Duration duration{0};
};

class VerifyRun {
 public:
  // `strategy` must be checked and outlive the run. At most `parallel_max` checks (0 counts as 1)
  // are handed out at the same time; records come in the same order whatever order they end in.
  VerifyRun(const Strategy& strategy, uint32_t parallel_max);

  // Verifiers (index into strategy.verifiers) to start now. Each is handed out once.
  std::vector<size_t> next();

  // How a check that was handed out ended; once for each.
  void finish(size_t verifier, CheckOutcome outcome);

  // Records that became final since the last call, in order: GOOD / FAIL of verify.TAG, and last
  // GOOD verify.PASS. The caller brackets them with START and END.
  std::vector<Record> take_records();

  // One CaseResult per verifier that became final since the last call: pass, fail, or skip for one
  // whose dependency failed (the message names it). Suite "verify".
  std::vector<CaseResult> take_results();

  bool done() const;
  bool passed() const;  // only when done
  const std::vector<StrategyFailure>& failures() const;

 private:
  enum class State : uint8_t {
    waiting,  // for its dependencies, or to be handed out
    running,  // handed out
    passed,
    failed,   // its own check failed
    blocked,  // a dependency failed or is blocked; its check never runs
  };
  struct Node {
    State state = State::waiting;
    CheckOutcome outcome;
    size_t position = 0;             // in graph_.order
    size_t deps_open = 0;            // dependencies that have not ended
    std::vector<size_t> dependants;  // verifiers that name it
  };

  // Counts the end of `verifier` down in its dependants; blocks them, and theirs, or makes them
  // ready.
  void settle(size_t verifier);
  bool has_failed_dep(size_t verifier) const;
  // Moves what has ended, in order, to records_, results_ and failures_.
  void release();
  void release_one(size_t verifier);
  // The failed verifier because of which a blocked one did not run: the first in order.
  size_t first_blocker(size_t verifier) const;

  const Strategy& strategy_;
  const uint32_t parallel_max_;
  VerifyGraph graph_;
  std::vector<Node> nodes_;
  // Positions in graph_.order of verifiers that may be handed out, least first.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<size_t>> ready_;
  uint32_t running_ = 0;
  size_t released_ = 0;          // length of the prefix of graph_.order that was released
  std::vector<size_t> blocker_;  // of each released blocked verifier: the failed one behind it
  std::vector<Record> records_;
  std::vector<CaseResult> results_;
  std::vector<StrategyFailure> failures_;
};

}  // namespace muster
