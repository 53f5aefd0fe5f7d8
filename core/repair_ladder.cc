#include "core/repair_ladder.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <map>
#include <utility>

#include "core/duration_text.h"
#include "core/selector.h"

namespace muster {
namespace {

std::vector<size_t> resolve_tags(const std::vector<std::string>& tags,
                                 const std::map<std::string_view, size_t>& index_of, size_t root) {
  std::vector<size_t> nodes;
  for (const std::string& tag : tags) {
    const auto found = index_of.find(tag);
    assert((found != index_of.end() || tag == kRootTag) && "the strategy is not checked");
    nodes.push_back(found == index_of.end() ? root : found->second);
  }
  return nodes;
}

bool acted(ActionStatus status) {
  return status == ActionStatus::repaired || status == ActionStatus::repair_failure ||
         status == ActionStatus::verify_failure;
}

}  // namespace

RepairLadder::RepairLadder(const Strategy& strategy, const LadderOptions& options)
    : strategy_(strategy),
      parallel_max_(options.parallel_max),
      sound_(options.sound),
      total_(options.total),
      cache_(strategy, options.profile, options.level),
      ends_(strategy.actions.size()) {
  if (strategy.actions.empty()) return;
  const std::map<std::string_view, size_t> index_of = index_verifiers(strategy);
  for (const RepairActionSpec& spec : strategy.actions) {
    Action action;
    action.deps = resolve_tags(spec.deps, index_of, cache_.root());
    for (size_t node : resolve_tags(spec.triggers, index_of, cache_.root())) {
      if (cache_.in_scope(node)) action.triggers.push_back(node);
    }
    action.applies =
        spec.when.empty() || Selector::parse(spec.when).value().matches(options.profile);
    if (spec.per_day > 0) action.runs_left = spec.per_day;
    for (const ActionUse& use : options.used) {
      if (use.tag != spec.tag || spec.per_day == 0) continue;
      action.runs_left -= std::min(action.runs_left, use.count);
    }
    actions_.push_back(std::move(action));
  }
}

void RepairLadder::verify(Instant now) {
  cache_.clear({cache_.root()});
  verify_node(cache_.root(), now);
}

void RepairLadder::repair(Instant now) {
  assert(idle());
  started_ = now;
  whole_ = true;
  cache_.clear({cache_.root()});
  std::fill(ends_.begin(), ends_.end(), ActionEnd{});
  turn_ = 0;
  begin_turn(now);
  advance(now);
}

void RepairLadder::verify_node(size_t node, Instant now) {
  assert(idle());
  begin_check(Stage::node, {node});
  advance(now);
}

void RepairLadder::run_action(size_t action, Instant now) {
  assert(idle());
  started_ = now;
  whole_ = false;
  ends_[action] = {};
  turn_ = action;
  begin_turn(now);
  advance(now);
}

std::vector<EngineStep> RepairLadder::next(Instant) {
  std::vector<EngineStep> steps;
  if (stopping_ || idle()) return steps;
  if (stage_ == Stage::acting || stage_ == Stage::waiting) {
    if (std::exchange(handed_out_, true)) return steps;
    const RepairActionSpec& spec = strategy_.actions[turn_];
    if (stage_ == Stage::acting) return {{StepKind::action, turn_, spec.timeout}};
    return {{StepKind::wait, turn_, spec.then_wait}};
  }
  for (size_t verifier : cache_.next(parallel_max_)) {
    ++checks_running_;
    steps.push_back({StepKind::check, verifier, strategy_.verifiers[verifier].timeout});
  }
  return steps;
}

void RepairLadder::finish(const EngineStep& step, StepOutcome outcome, Instant now) {
  if (step.kind == StepKind::check) {
    assert(checks_running_ > 0);
    --checks_running_;
    cache_.finish(step.index, std::move(outcome));
  } else {
    assert(handed_out_ && step.index == turn_ &&
           step.kind == (stage_ == Stage::acting ? StepKind::action : StepKind::wait));
    handed_out_ = false;
    if (stopping_) {
      ends_[turn_].duration += outcome.duration;
    } else if (stage_ == Stage::acting) {
      finish_action(std::move(outcome), now);
    } else {
      begin_recheck();
    }
  }
  if (stopping_) return conclude_stop();
  advance(now);
}

void RepairLadder::stop() {
  if (std::exchange(stopping_, true) || idle()) return;
  cache_.abandon();
  conclude_stop();
}

void RepairLadder::conclude_stop() {
  if (checks_running_ > 0 || handed_out_ || idle()) return;
  drain_cache();
  if (std::exchange(bracket_open_, false)) {
    add_record("END ABORT", "stopped");
    ends_[turn_].status = ActionStatus::unknown;
    ends_[turn_].message = "stopped";
    ended_actions_.push_back(turn_);
  } else if (turn_ < actions_.size() && ends_[turn_].runs > 0) {
    ended_actions_.push_back(turn_);  // between two attempts; what the last one came to stands
  }
  stage_ = Stage::idle;
}

void RepairLadder::begin_check(Stage stage, const std::vector<size_t>& targets) {
  stage_ = stage;
  cache_.check(targets);
  drain_cache();
}

void RepairLadder::advance(Instant now) {
  drain_cache();
  while (!idle() && !acting() && !cache_.walking()) leave_stage(now);
}

void RepairLadder::leave_stage(Instant now) {
  switch (stage_) {
    case Stage::deps:
      if (cache_.all_good(deps(turn_))) return consider(now);
      return end_turn(ActionStatus::blocked, "not tried: " + blocked_by(deps(turn_)) + " failed",
                      now);
    case Stage::triggers:
      if (!cache_.all_good(triggers(turn_))) return act(now);
      return end_turn(ActionStatus::skipped,
                      std::string(kNotNeeded) + "none of its triggers failed", now);
    case Stage::recheck:
      if (cache_.all_good(triggers(turn_))) {
        return close_bracket("END GOOD", ActionStatus::repaired, "", now);
      }
      return close_bracket("END FAIL", ActionStatus::verify_failure,
                           "it ran; still failing: " + tags_of_failures(triggers(turn_)), now);
    case Stage::last:
      if (sound_ && cache_.clear_stale()) return begin_check(Stage::anew, {cache_.root()});
      break;
    case Stage::node:
    case Stage::anew:
      break;
    case Stage::idle:
    case Stage::acting:
    case Stage::waiting:
      assert(!"not a stage that checks end");
  }
  stage_ = Stage::idle;
}

void RepairLadder::begin_turn(Instant now) {
  if (whole_ && is_spent(now)) {
    for (; turn_ < actions_.size(); ++turn_) {
      ends_[turn_].message = spent_text();
      ended_actions_.push_back(turn_);
    }
  }
  if (turn_ == actions_.size()) return begin_check(Stage::last, {cache_.root()});
  begin_check(Stage::deps, deps(turn_));
}

void RepairLadder::consider(Instant now) {
  if (actions_[turn_].applies) return begin_check(Stage::triggers, triggers(turn_));
  end_turn(ActionStatus::skipped,
           std::string(kDoesNotApply) + "when " + strategy_.actions[turn_].when, now);
}

void RepairLadder::act(Instant now) {
  if (is_spent(now)) return end_turn(ActionStatus::unknown, spent_text(), now);
  if (actions_[turn_].runs_left == 0) {
    return end_turn(ActionStatus::skipped,
                    "not tried: it may run " + std::to_string(strategy_.actions[turn_].per_day) +
                        " times in 24 hours, and has",
                    now);
  }
  --actions_[turn_].runs_left;
  ++ends_[turn_].runs;
  cache_.touch(triggers(turn_));
  add_record("START");
  bracket_open_ = true;
  stage_ = Stage::acting;
}

void RepairLadder::finish_action(StepOutcome outcome, Instant now) {
  ends_[turn_].duration += outcome.duration;
  if (!outcome.passed) {
    add_record("FAIL", outcome.message);
    return close_bracket("END FAIL", ActionStatus::repair_failure, std::move(outcome.message), now);
  }
  if (strategy_.actions[turn_].then_wait == Duration{0}) return begin_recheck();
  stage_ = Stage::waiting;
}

void RepairLadder::begin_recheck() {
  cache_.clear(triggers(turn_));
  begin_check(Stage::recheck, triggers(turn_));
}

void RepairLadder::close_bracket(std::string_view status, ActionStatus result, std::string message,
                                 Instant now) {
  add_record(status);
  bracket_open_ = false;
  ends_[turn_].status = result;
  ends_[turn_].message = std::move(message);
  const bool again =
      result != ActionStatus::repaired && ends_[turn_].runs < strategy_.actions[turn_].attempts;
  if (again) return begin_check(Stage::deps, deps(turn_));
  next_turn(now);
}

void RepairLadder::end_turn(ActionStatus status, std::string message, Instant now) {
  // What ends a further attempt does not undo what the one before it came to.
  if (ends_[turn_].runs == 0) {
    ends_[turn_].status = status;
    ends_[turn_].message = std::move(message);
  }
  next_turn(now);
}

void RepairLadder::next_turn(Instant now) {
  ended_actions_.push_back(turn_);
  if (!whole_) {
    stage_ = Stage::idle;
    return;
  }
  ++turn_;
  begin_turn(now);
}

std::string RepairLadder::spent_text() const {
  return "not tried: the time for the repair (" + format_duration(total_) + ") is spent";
}

bool RepairLadder::is_spent(Instant now) const {
  return total_ > Duration{0} && now - started_ >= total_;
}

std::string RepairLadder::blocked_by(const std::vector<size_t>& targets) const {
  for (size_t node : targets) {
    if (cache_.standing(node) == Standing::failed) return strategy_.verifiers[node].tag;
    if (cache_.standing(node) == Standing::blocked) {
      return strategy_.verifiers[cache_.blocker(node)].tag;
    }
  }
  assert(!"one of them is not good");
  return "";
}

std::string RepairLadder::tags_of_failures(const std::vector<size_t>& targets) const {
  std::string tags;
  for (size_t verifier : cache_.original_failures(targets)) {
    tags += (tags.empty() ? "" : ", ") + strategy_.verifiers[verifier].tag;
  }
  return tags;
}

std::vector<StrategyFailure> RepairLadder::failures(const std::vector<size_t>& targets) const {
  std::vector<StrategyFailure> failures;
  for (size_t index : cache_.original_failures(targets)) {
    const Verifier& verifier = strategy_.verifiers[index];
    failures.push_back(
        {verifier.tag, verifier.description, cache_.outcome(index).message, verifier.blame});
  }
  return failures;
}

StrategyResult RepairLadder::result() const {
  const bool any = std::any_of(ends_.begin(), ends_.end(),
                               [](const ActionEnd& end) { return acted(end.status); });
  if (passed()) return any ? StrategyResult::success : StrategyResult::not_attempted;
  return any ? StrategyResult::failure : StrategyResult::attempt_blocked;
}

void RepairLadder::drain_cache() {
  std::vector<Record> fresh = cache_.take_records();
  records_.insert(records_.end(), std::make_move_iterator(fresh.begin()),
                  std::make_move_iterator(fresh.end()));
}

void RepairLadder::add_record(std::string_view status, std::string message) {
  drain_cache();
  Record record;
  record.status = status;
  record.operation = "repair." + strategy_.actions[turn_].tag;
  record.message = std::move(message);
  records_.push_back(std::move(record));
}

std::vector<Record> RepairLadder::take_records() { return std::exchange(records_, {}); }

std::vector<size_t> RepairLadder::take_ended_actions() { return std::exchange(ended_actions_, {}); }

std::string_view to_string(ActionStatus status) {
  switch (status) {
    case ActionStatus::unknown:
      return "unknown";
    case ActionStatus::blocked:
      return "blocked";
    case ActionStatus::skipped:
      return "skipped";
    case ActionStatus::repaired:
      return "repaired";
    case ActionStatus::repair_failure:
      return "repair_failure";
    case ActionStatus::verify_failure:
      return "verify_failure";
  }
  return "unknown";
}

std::string_view to_string(StrategyResult result) {
  switch (result) {
    case StrategyResult::success:
      return "success";
    case StrategyResult::not_attempted:
      return "not_attempted";
    case StrategyResult::failure:
      return "failure";
    case StrategyResult::attempt_blocked:
      return "attempt_blocked";
  }
  return "failure";
}

}  // namespace muster
