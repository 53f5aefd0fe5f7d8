// Level-triggered messages: what workers should be, and what watchers should know.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/broker_core.h"

namespace muster {

size_t change_bytes(const TaskChange& change) {
  return 256 + change.guid.size() + change.worker.size() + change.log_url.size() +
         (change.ending ? change.ending->message.size() : 0);
}

std::vector<Send> BrokerCore::drain_sends(Instant) {
  std::vector<Send> sends;
  for (const WorkerIx ix : std::exchange(owed_, {})) {
    Worker& worker = workers_[ix];
    worker.owed = false;
    if (!worker.present || worker.peer.empty()) continue;
    do {
      sends.push_back(Send{worker.peer, Envelope{0, make_desired(worker)}});
    } while (!worker.to_run.empty() || !worker.to_stop.empty());
  }
  for (const uint64_t id : sessions_with_news_) drain_news(sessions_.at(id), sends);
  sessions_with_news_.clear();
  return sends;
}

// As many messages as it takes.
void BrokerCore::drain_news(Session& session, std::vector<Send>& sends) {
  TaskNews news;
  size_t bytes = 0;
  const auto flush = [&] {
    if (!news.changes.empty()) sends.push_back(Send{session.peer, Envelope{0, std::move(news)}});
    news = TaskNews{};
    bytes = 0;
  };
  news.changes.reserve(session.news.size());
  for (const TaskRef& ref : session.news) {
    if (!live_task(ref)) continue;
    tasks_[ref.ix].news_pending = false;
    news.changes.push_back(make_change(tasks_[ref.ix]));
    bytes += change_bytes(news.changes.back());
    if (news.changes.size() == kGuidsPerRequestMax || bytes > kListBytesMax) flush();
  }
  flush();
  session.news.clear();
}

// Takes the worker's to_run and to_stop; what does not fit into one message is left in them.
Desired BrokerCore::make_desired(Worker& worker) {
  Desired desired;
  desired.epoch = epoch_;
  desired.number = ++worker.desired_number;
  desired.sync_number = worker.sync_number;
  // The worker takes an eighth off all of it: of the time that it rested, that much is added
  // before.
  desired.lease = options_.lease;
  if (worker.sync_number != 0) {
    desired.lease += worker.rested + worker.rested / (kLeaseMarginDivisor - 1);
  }
  desired.acked = worker.last_seq;
  size_t bytes = 0;
  const auto full = [&] { return bytes > kMessageBytesMax / 4; };
  const auto stop = [&](StopOrder order) {
    bytes += order.token.guid.size() + order.text.size() + 64;
    desired.stop.push_back(std::move(order));
  };
  size_t stops = 0;
  for (; stops < worker.to_stop.size() && !full(); ++stops) stop(std::move(worker.to_stop[stops]));
  worker.to_stop.erase(worker.to_stop.begin(),
                       worker.to_stop.begin() + static_cast<std::ptrdiff_t>(stops));
  size_t runs = 0;
  for (; runs < worker.to_run.size(); ++runs) {
    if (full() || desired.run.size() >= kAssignmentsPerDesiredMax) break;
    const Task* task = live_task(worker.to_run[runs]);
    if (!task || task->attempts.empty() || task->attempts.back().ending ||
        &workers_[task->attempts.back().worker] != &worker) {
      continue;
    }
    Assignment& assignment = desired.run.emplace_back(make_assignment(*task));
    bytes += task->spec.work().size() + assignment.strategy.size() + 512;
    if (task->cancel) {
      stop({{task->guid(), assignment.attempt},
            StopReason::cancelled,
            broker_state::stop_text(*task->cancel)});
    }
  }
  worker.to_run.erase(worker.to_run.begin(),
                      worker.to_run.begin() + static_cast<std::ptrdiff_t>(runs));
  return desired;
}

Assignment BrokerCore::make_assignment(const Task& task) const {
  Assignment assignment;
  assignment.spec = std::make_shared<const TaskSpec>(task.spec.whole());
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
  change.guid = task.guid();
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
