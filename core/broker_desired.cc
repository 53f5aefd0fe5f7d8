// Level-triggered messages: what workers should be, and what watchers should know.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"

namespace muster {

std::vector<Send> BrokerCore::drain_sends(Instant) {
  std::vector<Send> sends;
  std::vector<WorkerIx> still_owed;
  for (const WorkerIx ix : owed_) {
    Worker& worker = workers_[ix];
    worker.owed = false;
    if (!worker.present || worker.peer.empty()) continue;
    std::vector<TaskRef> rest;
    sends.push_back(Send{worker.peer, Envelope{0, make_desired(worker, rest)}});
    while (!rest.empty()) {
      worker.to_run = std::move(rest);
      rest.clear();
      sends.push_back(Send{worker.peer, Envelope{0, make_desired(worker, rest)}});
    }
  }
  owed_ = std::move(still_owed);
  for (const uint64_t id : sessions_with_news_) {
    Session& session = sessions_.at(id);
    TaskNews news;
    news.changes.reserve(session.news.size());
    for (const TaskRef& ref : session.news) {
      if (!live_task(ref)) continue;
      tasks_[ref.ix].news_pending = false;
      news.changes.push_back(make_change(tasks_[ref.ix]));
      if (news.changes.size() == kGuidsPerRequestMax) {
        sends.push_back(Send{session.peer, Envelope{0, std::move(news)}});
        news = TaskNews{};
      }
    }
    session.news.clear();
    if (!news.changes.empty()) sends.push_back(Send{session.peer, Envelope{0, std::move(news)}});
  }
  sessions_with_news_.clear();
  return sends;
}

// Takes the worker's to_run and to_stop; what does not fit into one message is left in `rest`.
Desired BrokerCore::make_desired(Worker& worker, std::vector<TaskRef>& rest) {
  Desired desired;
  desired.epoch = epoch_;
  desired.number = ++worker.desired_number;
  desired.sync_number = worker.sync_number;
  desired.lease = options_.lease;
  desired.acked = worker.last_seq;
  desired.stop = std::move(worker.to_stop);
  worker.to_stop.clear();
  size_t bytes = 0;
  for (const TaskRef& ref : worker.to_run) {
    const Task* task = live_task(ref);
    if (!task || task->attempts.empty() || task->attempts.back().ending ||
        &workers_[task->attempts.back().worker] != &worker) {
      continue;
    }
    if (desired.run.size() >= kAssignmentsPerDesiredMax || bytes > kMessageBytesMax / 4) {
      rest.push_back(ref);
      continue;
    }
    Assignment& assignment = desired.run.emplace_back(make_assignment(*task));
    bytes += task->spec->work.size() + assignment.strategy.size() + 512;
    if (task->cancel) {
      desired.stop.push_back(
          StopOrder{{task->spec->guid, assignment.attempt},
                    StopReason::cancelled,
                    "cancelled by " + task->cancel->who + ": " + task->cancel->reason});
    }
  }
  worker.to_run.clear();
  return desired;
}

Assignment BrokerCore::make_assignment(const Task& task) const {
  Assignment assignment;
  assignment.spec = task.spec;
  assignment.attempt = static_cast<uint32_t>(task.attempts.size());
  for (const DeviceIx ix : task.attempts.back().devices)
    assignment.devices.push_back(devices_[ix].spec);
  if (task.spec->kind != TaskKind::job && !assignment.devices.empty()) {
    if (const std::string* bytes = strategy_bytes(assignment.devices[0].strategy)) {
      assignment.strategy = *bytes;
    }
  }
  if (task.spec->kind == TaskKind::repair && !task.attempts.back().devices.empty()) {
    assignment.used =
        count_uses(devices_[task.attempts.back().devices[0]], task.attempts.back().leased);
  }
  return assignment;
}

TaskChange BrokerCore::make_change(const Task& task) const {
  TaskChange change;
  change.guid = task.spec->guid;
  change.state = task.state;
  change.attempt = static_cast<uint32_t>(task.attempts.size());
  change.verdict = task.verdict;
  if (!task.attempts.empty()) {
    change.worker = workers_[task.attempts.back().worker].name;
    change.log_url = task.attempts.back().log_url;
    if (task.state == TaskState::ended) change.ending = task.attempts.back().ending;
  }
  if (task.own_ending) change.ending = *task.own_ending;
  return change;
}

}  // namespace muster
