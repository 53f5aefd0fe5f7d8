// apply: the only mutators of hard state, live and in recovery. Events were decided by this code or
// by an older version of it; asserts here mean that the log and the state disagree, which is our
// bug.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

void BrokerCore::apply_event(const BrokerStarted& event, Instant time) {
  epoch_ = event.epoch;
  started_ = time;
}

void BrokerCore::apply_event(const InventoryApplied& event, Instant) {
  inventory_ = event.inventory;
  for (Device& device : devices_) device.declared = false;
  for (Worker& worker : workers_) worker.devices.clear();
  for (const WorkerSpec& spec : inventory_->workers) worker_ix(spec.name);
  for (const DeviceSpec& spec : inventory_->devices) {
    const auto [found, added] =
        device_by_name_.try_emplace(spec.name, static_cast<DeviceIx>(devices_.size()));
    if (added) devices_.emplace_back();
    Device& device = devices_[found->second];
    device.spec = spec;
    device.declared = true;
    device.worker = worker_ix(spec.worker);
    workers_[device.worker].devices.push_back(found->second);
  }
  match_classes();
  for (WorkerIx ix = 0; ix < workers_.size(); ++ix) index_worker(ix);
}

void BrokerCore::apply_event(const WorkerJoined& event, Instant) {
  const WorkerIx ix = worker_ix(event.worker);
  Worker& worker = workers_[ix];
  if (worker.incarnation != event.incarnation) worker.sync_number = 0;  // it counts anew
  worker.present = true;
  worker.incarnation = event.incarnation;
  worker.lab = event.lab;
  const bool other_pools = worker.pools != event.pools;
  worker.pools = event.pools;
  worker.slots = event.slots;
  worker.version = event.version;
  if (other_pools) match_classes();  // its devices are in them
}

void BrokerCore::apply_event(const WorkerLost& event, Instant) {
  const WorkerIx ix = worker_ix(event.worker);
  Worker& worker = workers_[ix];
  worker.present = false;
  worker.peer.clear();
  worker.credit = 0;
  note_lease(ix, kNever);
  index_worker(ix);
}

void BrokerCore::apply_event(const TaskSubmitted& event, Instant time) {
  const TaskIx ix = add_task_slot();
  Task& task = tasks_[ix];
  task.spec = event.spec;
  task.seq = head_;
  task.state = TaskState::queued;
  task.submitted = time;
  const bool added = task_by_guid_.insert(task.spec->guid, ix);
  assert(added);
  (void)added;
  task.task_class = class_of(*task.spec);
  ++queued_count_;
  enqueue(ix, false);
  if (task.spec->timeouts.queue > Duration{0}) {
    queue_deadlines_.emplace(time + task.spec->timeouts.queue, ix, task.seq);
  }
}

void BrokerCore::apply_event(const AttemptLeased& event, Instant time) {
  const TaskIx* found = task_by_guid_.find(event.token.guid);
  assert(found);
  const TaskIx ix = *found;
  Task& task = tasks_[ix];
  assert(task.state == TaskState::queued && event.token.attempt == task.attempts.size() + 1);
  task.state = TaskState::leased;
  // Live, the Tick that queued it again has done so; in recovery there are no Ticks.
  if (task.not_before != kNever) delayed_.erase({task.not_before, ix, task.seq});
  task.not_before = kNever;
  Attempt& attempt = task.attempts.emplace_back();
  attempt.worker = worker_ix(event.worker);
  attempt.incarnation = event.incarnation;
  attempt.leased = time;
  attempt.device_names = event.devices;
  for (const std::string& name : event.devices) {
    const auto device = device_by_name_.find(name);
    assert(device != device_by_name_.end() && devices_[device->second].holder == kNone);
    attempt.devices.push_back(device->second);
    devices_[device->second].holder = ix;
  }
  Worker& worker = workers_[attempt.worker];
  task.held_position = static_cast<uint32_t>(worker.held.size());
  worker.held.push_back(ix);
  if (!attempt.devices.empty()) ++worker.held_devices;
  --queued_count_;
  ++held_count_;
  prune_queue(classes_[task.task_class]);
  if (classes_[task.task_class].queues.empty()) plain_classes_.erase(task.task_class);
  worker.to_run.push_back(TaskRef{ix, task.seq});
  mark_worker(attempt.worker);
}

void BrokerCore::apply_origin(const Origin& origin) {
  if (origin.worker.empty()) return;
  Worker& worker = workers_[worker_ix(origin.worker)];
  worker.last_seq = std::max(worker.last_seq, origin.seq);
}

void BrokerCore::apply_event(const AttemptReported& event, Instant) {
  apply_origin(event.origin);
  const TaskIx* found = task_by_guid_.find(event.token.guid);
  if (!found) return;
  Task& task = tasks_[*found];
  if (event.token.attempt != task.attempts.size() || task.attempts.back().ending) return;
  if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
    task.attempts.back().started = true;
    task.attempts.back().log_url = started->log_url;
    task.state = TaskState::running;
    note_news(*found);
  }
  if (const auto* progress = std::get_if<Progress>(&event.body)) {
    task.attempts.back().progress = progress->text;
  }
}

void BrokerCore::apply_event(const AttemptEnded& event, Instant time) {
  apply_origin(event.origin);
  const TaskIx* found = task_by_guid_.find(event.token.guid);
  assert(found);
  const TaskIx ix = *found;
  Task& task = tasks_[ix];
  assert(event.token.attempt == task.attempts.size() && !task.attempts.back().ending);
  task.attempts.back().ending = event.ending;
  apply_release(task, ix);
  apply_device_health(task, event.ending, time);
  if (event.verdict != Verdict::none) {
    apply_task_over(task, ix, event.verdict, time);
    return;
  }
  task.state = TaskState::queued;
  task.not_before = event.retry_at;
  ++queued_count_;
  if (event.retry_at <= time) {
    task.not_before = kNever;
    enqueue(ix, true);
  } else {
    delayed_.emplace(event.retry_at, ix, task.seq);
  }
  note_news(ix);
}

// Gives back the slot and the devices of the attempt that just ended.
void BrokerCore::apply_release(Task& task, TaskIx ix) {
  const Attempt& attempt = task.attempts.back();
  Worker& worker = workers_[attempt.worker];
  assert(worker.held[task.held_position] == ix);
  const TaskIx moved = worker.held.back();
  worker.held[task.held_position] = moved;
  tasks_[moved].held_position = task.held_position;
  worker.held.pop_back();
  --held_count_;
  const bool was_full = worker.held_devices >= worker.slots;
  if (!attempt.devices.empty()) --worker.held_devices;
  for (const DeviceIx device : attempt.devices) {
    assert(devices_[device].holder == ix);
    devices_[device].holder = kNone;
  }
  for (const DeviceIx device : attempt.devices) mark_device(device);
  if (was_full && worker.held_devices < worker.slots) mark_devices_of(attempt.worker);
  mark_worker(attempt.worker);
}

void BrokerCore::apply_device_health(const Task& task, const Ending& ending, Instant time) {
  if (task.spec->kind != TaskKind::verify) return;
  if (ending.outcome != Outcome::pass && ending.outcome != Outcome::fail) return;
  for (const DeviceIx ix : task.attempts.back().devices) {
    Device& device = devices_[ix];
    device.health = ending.outcome == Outcome::pass ? DeviceHealth::good : DeviceHealth::bad;
    device.health_reason = ending.message;
    device.health_since = time;
  }
}

void BrokerCore::apply_event(const ReportRefused& event, Instant) { apply_origin(event.origin); }

void BrokerCore::apply_event(const CancelRequested& event, Instant) {
  const TaskIx* found = task_by_guid_.find(event.guid);
  assert(found);
  Task& task = tasks_[*found];
  task.cancel = std::make_unique<CancelRequested>(event);
  if (task.state == TaskState::queued) return;  // TaskEnded follows
  Worker& worker = workers_[task.attempts.back().worker];
  worker.to_stop.push_back(StopOrder{{event.guid, static_cast<uint32_t>(task.attempts.size())},
                                     StopReason::cancelled,
                                     "cancelled by " + event.who + ": " + event.reason});
  mark_worker(task.attempts.back().worker);
}

void BrokerCore::apply_event(const TaskEnded& event, Instant time) {
  const TaskIx* found = task_by_guid_.find(event.guid);
  assert(found);
  const TaskIx ix = *found;
  Task& task = tasks_[ix];
  assert(task.state == TaskState::queued);
  task.own_ending = std::make_unique<Ending>(event.ending);
  --queued_count_;
  apply_task_over(task, ix, event.verdict, time);
}

void BrokerCore::apply_event(const DeviceJudged& event, Instant time) {
  const auto found = device_by_name_.find(event.device);
  assert(found != device_by_name_.end());
  Device& device = devices_[found->second];
  device.health = event.health;
  device.health_reason = event.reason;
  device.health_who = event.who;
  device.health_since = time;
  device.until = event.until;
  device.failures = event.failures;
  mark_device(found->second);
}

void BrokerCore::apply_event(const DeviceListed& event, Instant) {
  workers_[worker_ix(event.worker)].listed[event.device.name] = event.device;
}

void BrokerCore::apply_event(const DeviceUnlisted& event, Instant) {
  workers_[worker_ix(event.worker)].listed.erase(event.name);
}

void BrokerCore::apply_task_over(Task& task, TaskIx ix, Verdict verdict, Instant time) {
  task.state = TaskState::ended;
  task.verdict = verdict;
  task.ended = time;
  if (task.not_before != kNever) delayed_.erase({task.not_before, ix, task.seq});
  task.not_before = kNever;
  if (task.spec->timeouts.queue > Duration{0}) {
    queue_deadlines_.erase({task.submitted + task.spec->timeouts.queue, ix, task.seq});
  }
  leave_class(task);
  ++ended_count_;
  note_news(ix);
  ended_tasks_.push_back(TaskRef{ix, task.seq});
  if (ended_tasks_.size() > kEndedTasksKept) apply_forget_oldest();
}

// Frees the oldest ended task and keeps a digest of its GUID, so that a repeated submit of it stays
// harmless.
void BrokerCore::apply_forget_oldest() {
  const TaskIx ix = ended_tasks_.front().ix;
  ended_tasks_.pop_front();
  Task& task = tasks_[ix];
  const uint64_t digest = hash64(task.spec->guid);
  if (ended_digests_.insert(digest)) ended_digest_order_.push_back(digest);
  if (ended_digest_order_.size() > kEndedGuidsKept) {
    ended_digests_.erase(ended_digest_order_.front());
    ended_digest_order_.pop_front();
  }
  task_by_guid_.erase(task.spec->guid);
  extra_watchers_.erase(ix);
  task = Task{};
  free_tasks_.push_back(ix);
}

}  // namespace muster
