#include "core/strategy_run.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <optional>
#include <utility>

#include "core/repair_ladder.h"

namespace muster {
namespace {

constexpr const char* kVerifySuite = "verify";
constexpr const char* kRepairSuite = "repair";

LadderOptions ladder_options(const Strategy& strategy, StrategyRunOptions options) {
  LadderOptions ladder;
  ladder.level = std::move(options.level);
  ladder.profile = std::move(options.profile);
  ladder.parallel_max = options.parallel_max;
  ladder.used = std::move(options.used);
  ladder.total = strategy.total;
  return ladder;
}

bool is_wanted(FinallyWhen when, bool passed) {
  return when == FinallyWhen::always || (when == FinallyWhen::passed) == passed;
}

// Below 100, which is for when everything is over.
uint32_t percent_of(size_t part, size_t whole) {
  return whole == 0 ? 99 : static_cast<uint32_t>(99 * part / whole);
}

std::string of(size_t part, size_t whole) {
  return "(" + std::to_string(part) + " of " + std::to_string(whole) + ")";
}

}  // namespace

class StrategyRun::Impl {
 public:
  Impl(const Strategy& strategy, StrategyRunOptions options, Instant now)
      : strategy_(strategy),
        kind_(options.kind),
        ladder_(strategy, ladder_options(strategy, std::move(options))) {
    if (kind_ == RunKind::verify) {
      ladder_.verify(now);
    } else {
      ladder_.repair(now);
    }
    collect();
  }

  std::vector<EngineStep> next(Instant now) {
    if (!ladder_.idle()) {
      std::vector<EngineStep> steps = ladder_.next(now);
      // It shows from when it is handed out.
      if (!steps.empty() && steps[0].kind == StepKind::action) progress_due_ = true;
      return steps;
    }
    if (closing_.empty() || std::exchange(closing_handed_out_, true)) return {};
    return {{StepKind::closing, closing_[0], strategy_.closing[closing_[0]].timeout}};
  }

  void finish(const EngineStep& step, StepOutcome outcome, Instant now) {
    if (step.kind == StepKind::closing) return finish_closing(step.index, std::move(outcome));
    ladder_.finish(step, std::move(outcome), now);
    collect();
  }

  void stop() {
    stopped_ = true;
    ladder_.stop();
    collect();
  }

  std::vector<Record> take_records() { return std::exchange(records_, {}); }
  std::vector<CaseResult> take_results() { return std::exchange(results_, {}); }

  std::vector<Progress> take_progress() {
    if (!std::exchange(progress_due_, false)) return {};
    Progress now = progress();
    if (now == shown_) return {};
    shown_ = now;
    return {std::move(now)};
  }

  bool done() const { return verdict_.has_value() && closing_.empty(); }

  bool passed() const {
    assert(done());
    return *verdict_;
  }

  std::vector<StrategyFailure> failures() const {
    return ladder_.failures({ladder_.cache().root()});
  }

  StrategyResult result() const {
    assert(done() && kind_ == RunKind::repair);
    return ladder_.result();
  }

  ActionStatus action_status(size_t action) const { return ladder_.action_end(action).status; }

 private:
  // Takes what became final in the ladder, and goes on to the closing actions when it is done.
  void collect() {
    std::vector<Record> fresh = ladder_.take_records();
    records_.insert(records_.end(), std::make_move_iterator(fresh.begin()),
                    std::make_move_iterator(fresh.end()));
    const std::vector<size_t> released = ladder_.take_released();
    released_count_ += released.size();
    if (!released.empty() || ladder_.turn() != turn_shown_) progress_due_ = true;
    turn_shown_ = ladder_.turn();
    if (kind_ == RunKind::verify) {
      for (size_t verifier : released) results_.push_back(verifier_result(verifier));
    }
    for (size_t action : ladder_.take_ended_actions()) results_.push_back(action_result(action));
    if (ladder_.idle() && !verdict_) conclude();
  }

  void conclude() {
    verdict_ = !stopped_ && ladder_.passed();
    // In a repair a verifier is final only now: it may be checked many times.
    if (kind_ == RunKind::repair) {
      for (size_t verifier : ladder_.cache().scope()) {
        if (ladder_.cache().standing(verifier) == Standing::open) continue;
        results_.push_back(verifier_result(verifier));
      }
    }
    for (size_t i = 0; i < strategy_.closing.size(); ++i) {
      if (is_wanted(strategy_.closing[i].when, *verdict_)) closing_.push_back(i);
    }
    closing_total_ = closing_.size();
    progress_due_ = true;
  }

  void finish_closing(size_t index, StepOutcome outcome) {
    assert(closing_handed_out_ && index == closing_[0]);
    Record record;
    record.status = outcome.passed ? "GOOD" : "WARN";
    record.operation = "finally." + strategy_.closing[index].tag;
    if (!outcome.passed) record.message = std::move(outcome.message);
    records_.push_back(std::move(record));
    closing_.erase(closing_.begin());
    closing_handed_out_ = false;
    progress_due_ = true;
  }

  CaseResult verifier_result(size_t index) const {
    const Verifier& verifier = strategy_.verifiers[index];
    const CheckCache& cache = ladder_.cache();
    CaseResult result{kVerifySuite, verifier.tag, Outcome::skip, {}, ""};
    switch (cache.standing(index)) {
      case Standing::good:
        if (!cache.applies(index)) {
          result.message = "does not apply: when " + verifier.when;
          return result;
        }
        result.outcome = Outcome::pass;
        break;
      case Standing::failed:
        result.outcome = Outcome::fail;
        break;
      case Standing::blocked:
        result.message = "not run: " + strategy_.verifiers[cache.blocker(index)].tag + " failed";
        return result;
      case Standing::open:
        assert(!"only what has ended has a result");
    }
    result.duration = cache.outcome(index).duration;
    result.message = cache.outcome(index).message;
    return result;
  }

  CaseResult action_result(size_t index) const {
    const ActionEnd& end = ladder_.action_end(index);
    // What has run and did not come to its end was tried all the same.
    Outcome outcome = end.runs > 0 ? Outcome::error : Outcome::skip;
    if (end.status == ActionStatus::repaired) outcome = Outcome::pass;
    if (end.status == ActionStatus::repair_failure || end.status == ActionStatus::verify_failure) {
      outcome = Outcome::fail;
    }
    return {kRepairSuite, strategy_.actions[index].tag, outcome, end.duration, end.message};
  }

  Progress progress() const {
    const size_t actions = strategy_.actions.size();
    if (done()) return {100, "done"};
    if (verdict_) {
      const size_t number = closing_total_ - closing_.size() + 1;
      return {99, "closing action " + strategy_.closing[closing_[0]].tag + " " +
                      of(number, closing_total_)};
    }
    if (kind_ == RunKind::verify) {
      const size_t all = ladder_.cache().scope().size();
      return {percent_of(released_count_, all),
              "checked " + std::to_string(released_count_) + " of " + std::to_string(all)};
    }
    const size_t turn = ladder_.turn();
    if (turn == actions) return {percent_of(turn, actions + 1), "verifying after the repair"};
    const std::string& tag = strategy_.actions[turn].tag;
    return {percent_of(turn, actions + 1),
            (ladder_.acting() ? "repair action " : "checking for repair action ") + tag + " " +
                of(turn + 1, actions)};
  }

  const Strategy& strategy_;
  const RunKind kind_;
  RepairLadder ladder_;
  bool stopped_ = false;
  std::optional<bool> verdict_;  // once the ladder is done
  std::vector<size_t> closing_;  // to run, the first of them now
  size_t closing_total_ = 0;
  bool closing_handed_out_ = false;
  std::vector<Record> records_;
  std::vector<CaseResult> results_;
  size_t released_count_ = 0;
  size_t turn_shown_ = 0;
  bool progress_due_ = true;
  Progress shown_;
};

StrategyRun::StrategyRun(const Strategy& strategy, StrategyRunOptions options, Instant now)
    : impl_(std::make_unique<Impl>(strategy, std::move(options), now)) {}
StrategyRun::~StrategyRun() = default;

std::vector<EngineStep> StrategyRun::next(Instant now) { return impl_->next(now); }

void StrategyRun::finish(const EngineStep& step, StepOutcome outcome, Instant now) {
  impl_->finish(step, std::move(outcome), now);
}

void StrategyRun::stop() { impl_->stop(); }

std::vector<Record> StrategyRun::take_records() { return impl_->take_records(); }
std::vector<CaseResult> StrategyRun::take_results() { return impl_->take_results(); }
std::vector<Progress> StrategyRun::take_progress() { return impl_->take_progress(); }
bool StrategyRun::done() const { return impl_->done(); }
bool StrategyRun::passed() const { return impl_->passed(); }
std::vector<StrategyFailure> StrategyRun::failures() const { return impl_->failures(); }
StrategyResult StrategyRun::result() const { return impl_->result(); }

ActionStatus StrategyRun::action_status(size_t action) const {
  return impl_->action_status(action);
}

}  // namespace muster
