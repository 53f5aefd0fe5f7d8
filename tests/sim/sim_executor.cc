#include "tests/sim/sim_executor.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "io/codec.h"

namespace muster::sim {
namespace {

constexpr Duration kQuickMax = 20ms;
constexpr Duration kLengthMin = 10ms;
constexpr Duration kLengthMax = 20s;
constexpr Duration kKillMax = 20ms;  // from KILL to the last process being gone
constexpr uint32_t kSaysMax = 6;

}  // namespace

bool SimExecutor::is_quick(const Assignment& assignment) {
  const Result<Work> work = decode_work(assignment.spec->work);
  return work.ok() && std::holds_alternative<NoopWork>(*work);
}

bool SimExecutor::is_supervised(const Assignment& assignment) {
  return assignment.spec->kind == TaskKind::job && !is_quick(assignment);
}

void SimExecutor::start(const Assignment& assignment) {
  const AttemptToken token{assignment.spec->guid, assignment.attempt};
  if (stopped_early_.erase(token) > 0) {
    say_(token, stopped_ending(), true);
    return;
  }
  checkers_.on_attempt_begins(worker_, assignment, slots_);
  if (assignment.spec->kind != TaskKind::job && assignment.strategy.empty()) {
    checkers_.fail("a verify or repair attempt came without a strategy");
  }
  Random& random = sim_.random();
  Attempt& attempt = attempts_[token];
  attempt.life = next_life_++;
  attempt.assignment = assignment;
  attempt.quick = is_quick(assignment);
  attempt.to_say = attempt.quick ? 0 : static_cast<uint32_t>(random.below(kSaysMax));
  attempt.began = sim_.now();
  const bool hangs = !attempt.quick && random.chance(faults_.hangs);
  attempt.length =
      attempt.quick ? random.heavy_tail(1us, kQuickMax) : random.heavy_tail(kLengthMin, kLengthMax);
  if (hangs) attempt.length = assignment.spec->timeouts.run;
  attempt.ending = draw_ending(assignment, hangs);
  step_later(token, attempt.life, 0us);
}

Ending SimExecutor::stopped_ending() {
  Ending ending = make_ending(Outcome::error, Cause::test, StatusCode::killed,
                              std::string(kStoppedMessage), kNever, kNever);
  ending.signal = 15;
  return ending;
}

Ending SimExecutor::draw_ending(const Assignment& assignment, bool hangs) {
  Random& random = sim_.random();
  Ending ending = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kNever, kNever);
  ending.exit_code = 0;
  if (hangs) {
    ending = make_ending(Outcome::error, Cause::timeout, StatusCode::timeout, "ran for too long ",
                         kNever, kNever);
    ending.signal = 9;
  } else if (assignment.spec->kind != TaskKind::job) {
    ending = draw_check_ending(assignment);
  } else if (!assignment.devices.empty() &&
             (devices_.broken(assignment.devices[0].name) || random.chance(faults_.device_fails))) {
    ending = make_ending(Outcome::error, Cause::device, StatusCode::error, "the device is gone ",
                         kNever, kNever);
  } else if (random.chance(faults_.test_fails)) {
    ending = make_ending(Outcome::fail, Cause::test, StatusCode::failures, "a test failed ", kNever,
                         kNever);
    ending.exit_code = 5;
  }
  return ending;
}

// Of a verification or repair: what is true of the device, but for a peripheral in between.
Ending SimExecutor::draw_check_ending(const Assignment& assignment) {
  Random& random = sim_.random();
  const std::string& device = assignment.devices.at(0).name;
  if (random.chance(faults_.peripheral_fails)) {
    Ending ending = make_ending(Outcome::error, Cause::peripheral, StatusCode::error,
                                "the relay does not answer ", kNever, kNever);
    ending.blame = random.chance(500) ? "d2" : "a hub that nobody knows";
    return ending;
  }
  const bool repaired = assignment.spec->kind == TaskKind::repair && random.chance(600);
  if (!devices_.broken(device) || repaired) {
    return make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kNever, kNever);
  }
  return make_ending(Outcome::fail, Cause::device, StatusCode::failures, "adb: no answer ", kNever,
                     kNever);
}

void SimExecutor::step_later(const AttemptToken& token, uint64_t life, Duration delay) {
  sim_.after(delay, [this, token, life] { step(token, life); });
}

void SimExecutor::step(const AttemptToken& token, uint64_t life) {
  const auto found = attempts_.find(token);
  if (found == attempts_.end() || found->second.life != life) return;
  if (suspended_until_ > sim_.now()) {
    step_later(token, life, suspended_until_ - sim_.now() + 1us);
    return;
  }
  Attempt& attempt = found->second;
  if (attempt.stopping) {
    finish(token, stopped_ending());
    return;
  }
  if (attempt.said <= attempt.to_say) {
    say_one(token, attempt);
    step_later(token, life, attempt.length / (attempt.to_say + 1));
    return;
  }
  Ending ending = attempt.ending;
  ending.message += std::string(kSaidPrefix) + std::to_string(attempt.said);
  finish(token, std::move(ending));
}

void SimExecutor::say_one(const AttemptToken& token, Attempt& attempt) {
  ReportBody body =
      CaseResult{"suite", "case" + std::to_string(attempt.said), Outcome::pass, 1ms, ""};
  const bool repair = attempt.assignment.spec->kind == TaskKind::repair;
  if (attempt.said == 0) {
    body = AttemptStarted{"file:///log/" + token.guid, {"true"}};
  } else if (attempt.said % 2 == 0) {
    body = repair ? Record{"START", "", "repair.reboot", {}, ""}
                  : Record{"INFO", "", "", {}, "line " + std::to_string(attempt.said)};
  }
  ++attempt.said;
  say_(token, std::move(body), !attempt.quick);
}

void SimExecutor::stop(const StopAction& action, bool at_once) {
  if (action.why == StopWhy::lease_lost) checkers_.marks().hit(Mark::self_stop);
  // StopWhy::fenced has no mark: a worker that keeps time has always stopped by itself before it is
  // told to. tests/core/worker_core_test.cc has the rows for it.
  const auto found = attempts_.find(action.token);
  if (found == attempts_.end()) {
    stopped_early_.insert(action.token);
    return;
  }
  Attempt& attempt = found->second;
  attempt.stopping = true;
  attempt.life = next_life_++;  // takes the place of an earlier, gentler stop
  if (at_once) {
    finish(action.token, stopped_ending());
    return;
  }
  const bool gentle = action.why == StopWhy::cancelled;
  const Duration most = gentle ? attempt.assignment.spec->timeouts.grace : kKillMax;
  step_later(action.token, attempt.life, sim_.random().heavy_tail(1ms, most));
}

void SimExecutor::finish(const AttemptToken& token, Ending ending) {
  const Attempt attempt = std::move(attempts_.at(token));
  attempts_.erase(token);
  checkers_.on_attempt_over(worker_, token);
  const TaskSpec& spec = *attempt.assignment.spec;
  if (!attempt.assignment.devices.empty()) {
    const std::string& device = attempt.assignment.devices[0].name;
    if (spec.kind == TaskKind::repair && ending.outcome == Outcome::pass) devices_.mend(device);
    if (spec.kind == TaskKind::job && sim_.random().chance(faults_.device_breaks)) {
      devices_.break_one(device);
    }
  }
  ending.started = from_us(1) + attempt.began;
  ending.finished = from_us(1) + sim_.now();
  say_(token, std::move(ending), !attempt.quick);
}

void SimExecutor::kill_unsupervised() {
  for (auto next = attempts_.begin(); next != attempts_.end();) {
    const auto current = next++;
    if (is_supervised(current->second.assignment)) continue;
    checkers_.on_attempt_over(worker_, current->first);
    attempts_.erase(current);
  }
  stopped_early_.clear();
}

void SimExecutor::kill_all() {
  for (const auto& [token, attempt] : attempts_) checkers_.on_attempt_over(worker_, token);
  attempts_.clear();
  stopped_early_.clear();
}

}  // namespace muster::sim
