#include "tests/sim/log_model.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/limits.h"
#include "tests/sim/sim_lab.h"

namespace muster::sim {
namespace {

// The number after kSaidPrefix at the end of `message`, or nothing.
std::optional<uint64_t> said_in(std::string_view message) {
  const size_t at = message.rfind(kSaidPrefix);
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t said = 0;
  const char* end = message.data() + message.size();
  const auto parsed = std::from_chars(message.data() + at + kSaidPrefix.size(), end, said);
  return parsed.ptr == end ? std::optional(said) : std::nullopt;
}

bool charges_test(const Ending& ending) {
  return ending.outcome == Outcome::fail ||
         (ending.outcome == Outcome::error &&
          (ending.cause == Cause::test || ending.cause == Cause::timeout));
}

bool charges_infra(const Ending& ending) {
  return ending.outcome == Outcome::error && is_infrastructure(ending.cause);
}

}  // namespace

const LogModel::Task* LogModel::find_task(const std::string& guid) const {
  const auto found = tasks_.find(guid);
  return found == tasks_.end() ? nullptr : &found->second;
}

LogModel::Task* LogModel::task_of(const std::string& guid) {
  return const_cast<Task*>(std::as_const(*this).find_task(guid));
}

const LogModel::Worker* LogModel::find_worker(const std::string& name) const {
  const auto found = workers_.find(name);
  return found == workers_.end() ? nullptr : &found->second;
}

bool LogModel::leased_to(const AttemptToken& token, const std::string& worker) const {
  const Task* task = find_task(token.guid);
  return task && token.attempt >= 1 && token.attempt <= task->attempts.size() &&
         task->attempts[token.attempt - 1].worker == worker;
}

bool LogModel::has_report(const std::string& worker, uint64_t seq) const {
  const auto found = reports_.find(worker);
  return found != reports_.end() && found->second.contains(seq);
}

std::string LogModel::take(const Event& event) {
  if (event.time < last_time_) return "S5: the log's time goes back";
  if (event.time > last_time_) {
    if (std::string complaint = check_turns(); !complaint.empty()) return complaint;
  }
  last_time_ = event.time;
  ++taken_;
  return std::visit([&](const auto& body) { return take_event(body, event.time); }, event.body);
}

std::string LogModel::take_event(const BrokerStarted& event, Instant) {
  if (event.epoch <= epoch_) return "S5: the epoch does not grow";
  epoch_ = event.epoch;
  return "";
}

std::string LogModel::take_event(const InventoryApplied& event, Instant) {
  inventory_ = event.inventory;
  for (const auto& [name, token] : holders_) {
    const auto same = [&](const DeviceSpec& device) {
      const Task& task = tasks_.at(token.guid);
      return device.name == name && device.worker == task.attempts.back().worker;
    };
    if (std::none_of(inventory_->devices.begin(), inventory_->devices.end(), same)) {
      marks_.hit(Mark::device_moved_leased);
    }
  }
  return "";
}

std::string LogModel::take_event(const WorkerJoined& event, Instant) {
  Worker& worker = workers_[event.worker];
  if (event.incarnation < worker.incarnation) return "S2: a worker joined in an older incarnation";
  worker.incarnation = event.incarnation;
  worker.present = true;
  return "";
}

std::string LogModel::take_event(const WorkerLost& event, Instant) {
  Worker& worker = workers_[event.worker];
  if (!worker.present) return "S6: a worker was lost that was not there";
  if (worker.incarnation != event.incarnation) return "S6: an older incarnation was lost";
  worker.present = false;
  marks_.hit(Mark::lease_lost);
  return "";
}

std::string LogModel::take_event(const TaskSubmitted& event, Instant time) {
  Task task{event.spec, {}, false};
  task.queued_at = taken_;
  task.queued_time = time;
  const bool added = tasks_.emplace(event.spec->guid, std::move(task)).second;
  const bool child = !event.spec->parent.empty();
  if (child && event.spec->kind == TaskKind::verify) marks_.hit(Mark::child_verification);
  if (child && event.spec->kind == TaskKind::repair) marks_.hit(Mark::child_repair);
  if (event.spec->submitter == "broker") marks_.hit(Mark::reverified);
  return added ? "" : "S4: the task is in the log twice: " + event.spec->guid;
}

std::string LogModel::take_event(const AttemptLeased& event, Instant time) {
  Task* task = task_of(event.token.guid);
  if (!task) return "S2: an attempt of an unknown task was leased";
  if (task->verdict != Verdict::none) return "S2: an attempt was leased after the verdict";
  if (task->live()) return "S1: an attempt was leased while another one lives";
  if (task->cancelled) return "S2: a cancelled task was leased";
  if (time < task->not_before) return "S2: a retry came before its back-off was over";
  if (event.token.attempt != task->attempts.size() + 1) return "S2: an attempt number was left out";
  const Worker* worker = find_worker(event.worker);
  if (!worker || !worker->present || worker->incarnation != event.incarnation) {
    return "S2: leased to a worker that is not there in this incarnation";
  }
  if (const std::string complaint = check_lease_dependencies(*task); !complaint.empty()) {
    return complaint;
  }
  if (const std::string complaint = check_lease_devices(event, *task); !complaint.empty()) {
    return complaint;
  }
  if (const std::string complaint = check_lease_health(event, *task, time); !complaint.empty()) {
    return complaint;
  }
  Attempt& attempt = task->attempts.emplace_back();
  attempt.worker = event.worker;
  attempt.incarnation = event.incarnation;
  attempt.devices = event.devices;
  for (const std::string& device : event.devices) {
    holders_[device] = event.token;
    attempt.things.push_back(SimLab::thing_of(*find_device(device, event.worker)));
    held_things_.insert(attempt.things.back());
  }
  if (is_plain(*task)) leased_now_.push_back(task);
  return check_lease_rules(event, *task, time);
}

std::string LogModel::check_lease_dependencies(const Task& task) {
  for (const Dependency& dependency : task.spec->depends_on) {
    const Task* on = find_task(dependency.guid);
    // It may have been retried since it ended: that is not waited for.
    const bool over = on && (on->verdict != Verdict::none || on->retried_at > task.queued_at);
    const Verdict verdict = !over                          ? Verdict::none
                            : on->verdict == Verdict::none ? on->former
                                                           : on->verdict;
    if (verdict == Verdict::none) return "S3: a task was leased before its dependency had ended";
    const bool passed = verdict == Verdict::pass || verdict == Verdict::flaky;
    if (dependency.must_pass && !passed) return "S3: a task was leased that is blocked";
    marks_.hit(Mark::dependant_leased);
  }
  return "";
}

std::string LogModel::take_origin(const Origin& origin) {
  if (origin.worker.empty()) return "";
  Worker& worker = workers_[origin.worker];
  if (origin.seq <= worker.last_seq) return "S2: a report is in the log twice, or out of order";
  const bool gap = origin.seq != worker.last_seq + 1 && (origin.seq & 0xffffffff) != 1;
  if (gap && origin.seq >> 32 == worker.incarnation) return "S8: the log misses a report";
  if (gap) marks_.hit(Mark::report_lost_unspooled);
  worker.last_seq = origin.seq;
  reports_[origin.worker].insert(origin.seq);
  return "";
}

std::string LogModel::take_event(const AttemptReported& event, Instant) {
  if (std::string complaint = take_origin(event.origin); !complaint.empty()) return complaint;
  Task* task = task_of(event.token.guid);
  if (!task || !task->live() || task->attempts.size() != event.token.attempt) {
    return "S2: a report of an attempt that is not the live one";
  }
  Attempt& attempt = task->attempts.back();
  if (attempt.worker != event.origin.worker) return "S2: another worker's report was taken";
  const bool starts = std::holds_alternative<AttemptStarted>(event.body);
  if (starts == attempt.started) return "S8: an attempt's start is missing or doubled";
  attempt.started = true;
  ++attempt.said;
  return "";
}

std::string LogModel::check_end(const AttemptEnded& event, const Task& task) const {
  const Attempt& attempt = task.attempts.back();
  if (event.origin.worker.empty()) {
    const Worker& worker = workers_.at(attempt.worker);
    if (worker.present && worker.incarnation == attempt.incarnation) {
      return "S6: the broker ended the attempt of a worker that it neither lost nor saw restart";
    }
  } else if (event.origin.worker != attempt.worker) {
    return "S2: another worker's ending was taken";
  }
  const std::optional<uint64_t> said = said_in(event.ending.message);
  if (said && *said != attempt.said) {
    return "S8: the attempt said " + std::to_string(*said) +
           " things before its end, the log has " + std::to_string(attempt.said);
  }
  if (event.ending.message.find(kStoppedMessage) != std::string::npos &&
      event.ending.cause != Cause::user && event.ending.cause != Cause::worker &&
      !(event.ending.cause == Cause::timeout && task.cancel_cause == Cause::timeout)) {
    return "S2: an attempt that its worker stopped counts against the test";
  }
  return "";
}

std::string LogModel::take_event(const AttemptEnded& event, Instant) {
  if (std::string complaint = take_origin(event.origin); !complaint.empty()) return complaint;
  Task* task = task_of(event.token.guid);
  if (!task || !task->live() || task->attempts.size() != event.token.attempt) {
    return "S2: the end of an attempt that is not the live one";
  }
  if (std::string complaint = check_end(event, *task); !complaint.empty()) return complaint;
  Attempt& attempt = task->attempts.back();
  attempt.ending = event.ending;
  for (const std::string& device : attempt.devices) holders_.erase(device);
  for (const std::string& thing : attempt.things) held_things_.erase(thing);
  if (event.verdict == Verdict::none) {
    if (task->cancelled) return "S2: a cancelled task was queued again";
    const Duration deadline = task->spec->timeouts.deadline;
    if (deadline > Duration{0} && event.retry_at >= task->queued_time + deadline) {
      return "R: a retry would come after the deadline";
    }
    task->not_before = event.retry_at;
    if (event.ending.cause == Cause::device) marks_.hit(Mark::device_retry);
    if (charges_test(event.ending)) marks_.hit(Mark::test_retry);
    return check_budget(*task);
  }
  std::vector<const Ending*> endings;
  for (const Attempt& each : task->attempts) endings.push_back(&*each.ending);
  const uint32_t crash_limit = task->spec->retry.crash_limit;
  const bool buried = event.ending.lost && crash_limit > 0 && count_lost(*task) >= crash_limit;
  if (event.verdict != (buried ? Verdict::error : fold_verdict(endings))) {
    return "S2: the verdict does not follow";
  }
  if (buried) marks_.hit(Mark::buried);
  task->verdict = event.verdict;
  task->verdicts.insert(event.verdict);
  task->ending = event.ending;
  if (event.verdict == Verdict::flaky) marks_.hit(Mark::flaky);
  if (charges_infra(event.ending)) marks_.hit(Mark::retries_exhausted);
  return "";
}

// After an attempt that is to be followed by another one.
std::string LogModel::check_budget(const Task& task) const {
  uint32_t infra = 0;
  uint32_t test = 0;
  for (size_t i = task.attempts_before; i < task.attempts.size(); ++i) {
    const Attempt& attempt = task.attempts[i];
    const bool began = attempt.started || attempt.ending->started != kNever;
    if (charges_infra(*attempt.ending) && began) ++infra;
    if (charges_test(*attempt.ending)) ++test;
  }
  if (infra > task.spec->retry.infra) return "S2: more retries than retry.infra";
  if (test > task.spec->retry.test) return "S2: more retries than retry.test";
  if (task.attempts.size() >= kAttemptsMax) return "S2: more attempts than kAttemptsMax";
  const uint32_t crash_limit = task.spec->retry.crash_limit;
  if (task.attempts.back().ending->lost && crash_limit > 0 && count_lost(task) >= crash_limit) {
    return "R: a task goes on that has come to its crash limit";
  }
  return "";
}

std::string LogModel::take_event(const ReportRefused& event, Instant) {
  marks_.hit(Mark::report_refused);
  return take_origin(event.origin);
}

std::string LogModel::take_event(const CancelRequested& event, Instant time) {
  Task* task = task_of(event.guid);
  if (!task || task->verdict != Verdict::none) return "S2: a task was cancelled that is not open";
  task->cancelled = true;
  task->cancel_cause = event.cause;
  if (event.cause == Cause::timeout) {
    const Duration deadline = task->spec->timeouts.deadline;
    if (deadline == Duration{0} || time < task->queued_time + deadline) {
      return "R: stopped before its deadline";
    }
    marks_.hit(Mark::deadline_held);
    return "";
  }
  if (event.who == "broker") marks_.hit(Mark::orphan_stopped);
  marks_.hit(task->live() ? Mark::cancel_held : Mark::cancel_queued);
  return "";
}

std::string LogModel::take_event(const TaskEnded& event, Instant time) {
  Task* task = task_of(event.guid);
  if (!task || task->verdict != Verdict::none) return "S2: a second verdict";
  if (task->live()) return "S2: a task ended while an attempt of it lives";
  if (event.verdict == Verdict::none) return "S2: a task ended without a verdict";
  task->verdict = event.verdict;
  task->verdicts.insert(event.verdict);
  task->ending = event.ending;
  if (event.ending.message.starts_with("its deadline, ")) {
    if (time < task->queued_time + task->spec->timeouts.deadline) {
      return "R: ended before its deadline";
    }
    marks_.hit(Mark::deadline_queued);
  } else if (event.ending.cause == Cause::capacity) {
    marks_.hit(Mark::queue_timeout);
  }
  const bool blocked = event.ending.status == StatusCode::blocked;
  if (blocked && event.verdict != Verdict::skip) marks_.hit(Mark::nowhere_to_go);
  if (blocked && event.verdict == Verdict::skip) {
    if (task->spec->depends_on.empty()) return "S3: a task was blocked that depends on none";
    marks_.hit(Mark::dependant_blocked);
  }
  return "";
}

std::string LogModel::take_event(const TaskRetried& event, Instant time) {
  Task* task = task_of(event.guid);
  if (!task || task->verdict == Verdict::none) return "S2: a task was retried that has not ended";
  if (task->verdict == Verdict::pass || task->verdict == Verdict::flaky) {
    return "S2: a task was retried that passed";
  }
  if (!requests_.insert(event.guid + " " + event.id).second) {
    return "S2: one request retried a task twice";
  }
  marks_.hit(task->attempts.empty() ? Mark::retried_unleased : Mark::retried);
  task->former = task->verdict;
  task->verdict = Verdict::none;
  task->cancelled = false;
  task->cancel_cause = Cause::none;
  task->queued_time = time;
  task->not_before = kNever;
  task->queued_at = task->retried_at = taken_;
  task->attempts_before = task->attempts.size();
  return "";
}

std::string LogModel::take_event(const DaemonLogged& event, Instant) {
  const uint64_t before = std::exchange(told_[event.daemon], event.line.seq);
  return before < event.line.seq ? "" : "S2: a line of a log became an event twice";
}

}  // namespace muster::sim
