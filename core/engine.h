// The strategy engine: says which checks to run next and is told how they ended. It does no I/O, so
// that tests and the simulation drive it.
//
// Rules of the verify half (autotest's, notes in docs/strategies.md): depth-first in declared
// order, dependencies before dependants, each verifier at most once; siblings go on after a
// failure; a verifier with a failed dependency is not run and has no record; the root passes with
// record GOOD verify.PASS when everything passed; only original failures are reported, without
// repeats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/report.h"
#include "core/strategy.h"

namespace muster {

struct CheckOutcome {
  bool passed = false;
  std::string message;  // why not; one line, or more
  Duration duration{0};
};

// An original failure: one whose own check failed.
struct StrategyFailure {
  std::string tag;
  std::string description;
  std::string message;
  bool operator==(const StrategyFailure&) const = default;
};

class VerifyRun {
 public:
  // `strategy` must be checked and outlive the run. At most `parallel_max` checks are handed out at
  // the same time; records come in declared order whatever order the checks end in.
  VerifyRun(const Strategy& strategy, uint32_t parallel_max);

  // Verifiers (index into strategy.verifiers) to start now. Each is handed out once.
  std::vector<size_t> next();

  // How a check that was handed out ended.
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
  enum class State : uint8_t { waiting, running, passed, failed, blocked };
  struct Node {
    State state = State::waiting;
    bool handed_out = false;
    bool recorded = false;
    CheckOutcome outcome;
    std::vector<size_t> deps;
    std::vector<size_t> dependants;
    size_t deps_open = 0;
  };
  const Strategy& strategy_;
  uint32_t parallel_max_;
  std::vector<Node> nodes_;
  std::vector<size_t> order_;  // depth-first, dependencies first
  std::vector<Record> records_;
  std::vector<CaseResult> results_;
  std::vector<StrategyFailure> failures_;
  size_t recorded_ = 0;  // prefix of order_ that is final
  uint32_t running_ = 0;
};

}  // namespace muster
