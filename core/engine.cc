#include "core/engine.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace muster {
namespace {

constexpr const char* kSuite = "verify";

Record verify_record(std::string status, std::string_view tag, std::string message) {
  Record record;
  record.status = std::move(status);
  record.operation = "verify." + std::string(tag);
  record.message = std::move(message);
  return record;
}

}  // namespace

VerifyRun::VerifyRun(const Strategy& strategy, uint32_t parallel_max)
    : strategy_(strategy),
      parallel_max_(std::max(parallel_max, 1u)),
      graph_(make_verify_graph(strategy)),
      nodes_(strategy.verifiers.size()),
      blocker_(strategy.verifiers.size()) {
  for (size_t position = 0; position < graph_.order.size(); ++position) {
    const size_t verifier = graph_.order[position];
    nodes_[verifier].position = position;
    nodes_[verifier].deps_open = graph_.deps[verifier].size();
    for (size_t dep : graph_.deps[verifier]) nodes_[dep].dependants.push_back(verifier);
    if (graph_.deps[verifier].empty()) ready_.push(position);
  }
  release();
}

std::vector<size_t> VerifyRun::next() {
  std::vector<size_t> started;
  while (running_ < parallel_max_ && !ready_.empty()) {
    const size_t verifier = graph_.order[ready_.top()];
    ready_.pop();
    nodes_[verifier].state = State::running;
    ++running_;
    started.push_back(verifier);
  }
  return started;
}

void VerifyRun::finish(size_t verifier, CheckOutcome outcome) {
  assert(verifier < nodes_.size() && nodes_[verifier].state == State::running);
  --running_;
  nodes_[verifier].state = outcome.passed ? State::passed : State::failed;
  nodes_[verifier].outcome = std::move(outcome);
  settle(verifier);
  release();
}

void VerifyRun::settle(size_t verifier) {
  std::vector<size_t> ended{verifier};
  while (!ended.empty()) {
    const size_t dep = ended.back();
    ended.pop_back();
    for (size_t dependant : nodes_[dep].dependants) {
      Node& node = nodes_[dependant];
      if (--node.deps_open > 0) continue;
      if (has_failed_dep(dependant)) {
        node.state = State::blocked;
        ended.push_back(dependant);
      } else {
        ready_.push(node.position);
      }
    }
  }
}

bool VerifyRun::has_failed_dep(size_t verifier) const {
  return std::any_of(graph_.deps[verifier].begin(), graph_.deps[verifier].end(),
                     [&](size_t dep) { return nodes_[dep].state != State::passed; });
}

void VerifyRun::release() {
  while (released_ < graph_.order.size()) {
    const size_t verifier = graph_.order[released_];
    const State state = nodes_[verifier].state;
    if (state == State::waiting || state == State::running) return;
    release_one(verifier);
    ++released_;
  }
  if (failures_.empty()) records_.push_back(verify_record("GOOD", kRootTag, ""));
}

void VerifyRun::release_one(size_t verifier) {
  const std::string& tag = strategy_.verifiers[verifier].tag;
  const CheckOutcome& outcome = nodes_[verifier].outcome;
  CaseResult result{kSuite, tag, Outcome::pass, outcome.duration, outcome.message};
  switch (nodes_[verifier].state) {
    case State::passed:
      records_.push_back(verify_record("GOOD", tag, ""));
      break;
    case State::failed:
      result.outcome = Outcome::fail;
      records_.push_back(verify_record("FAIL", tag, outcome.message));
      failures_.push_back({tag, strategy_.verifiers[verifier].description, outcome.message, ""});
      break;
    case State::blocked:
      blocker_[verifier] = first_blocker(verifier);
      result.outcome = Outcome::skip;
      result.message = "not run: " + strategy_.verifiers[blocker_[verifier]].tag + " failed";
      break;
    case State::waiting:
    case State::running:
      assert(!"only what has ended is released");
  }
  results_.push_back(std::move(result));
}

size_t VerifyRun::first_blocker(size_t verifier) const {
  for (size_t dep : graph_.deps[verifier]) {
    if (nodes_[dep].state == State::failed) return dep;
    if (nodes_[dep].state == State::blocked) return blocker_[dep];
  }
  assert(!"a blocked verifier has a dependency that did not pass");
  return verifier;
}

std::vector<Record> VerifyRun::take_records() { return std::exchange(records_, {}); }

std::vector<CaseResult> VerifyRun::take_results() { return std::exchange(results_, {}); }

bool VerifyRun::done() const { return released_ == graph_.order.size(); }

bool VerifyRun::passed() const {
  assert(done());
  return failures_.empty();
}

const std::vector<StrategyFailure>& VerifyRun::failures() const { return failures_; }

}  // namespace muster
