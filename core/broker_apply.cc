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

void BrokerCore::apply_event(const WorkerJoined& event, Instant) {
  const WorkerIx ix = worker_ix(event.worker);
  Worker& worker = workers_[ix];
  if (worker.incarnation != event.incarnation) worker.sync_number = 0;  // it counts anew
  worker.present = true;
  worker.lost = kNever;
  worker.incarnation = event.incarnation;
  worker.lab = event.lab;
  const bool other_pools = worker.pools != event.pools;
  worker.pools = event.pools;
  worker.slots = event.slots;
  worker.version = event.version;
  if (!other_pools) return;
  unindex_worker(ix);  // the Sync that says so lists it anew
  index_cap_devices();
  match_classes();  // its devices are in them
  index_strays();
  for (DeviceIx device = 0; device < devices_.size(); ++device) index_reverify(device);
}

void BrokerCore::apply_event(const WorkerLost& event, Instant time) {
  const WorkerIx ix = worker_ix(event.worker);
  Worker& worker = workers_[ix];
  worker.present = false;
  worker.lost = time;
  worker.peer.clear();
  worker.credit = 0;
  note_lease(ix, kNever);
  index_worker(ix);
  mark_devices_of(ix);  // who waits for them may go elsewhere
}

void BrokerCore::apply_event(const TaskSubmitted& event, Instant time) {
  const TaskIx ix = add_task_slot();
  Task& task = tasks_[ix];
  assert(task_ix(event.spec->guid) == kNone);
  const SharedTerms::Known& known = shared_terms_.share(*event.spec);
  task.spec = KeptSpec(known.terms, event.spec->guid, event.spec->work);
  task_by_guid_.insert(task.spec.guid(), ix);
  if (!task.spec->metadata.empty()) ++tasks_with_metadata_;
  apply_queued(ix, time);
}

// Puts the task into the queue, as of now, or lets it wait for those that it depends on.
void BrokerCore::apply_queued(TaskIx ix, Instant time) {
  Task& task = tasks_[ix];
  task.seq = head_;
  task.state = TaskState::queued;
  task.submitted = time;
  task.task_class = class_of(*task.spec);
  index_load(ix);
  ++queued_count_;
  apply_dependencies(ix);
  if (task.waits_for == 0) enqueue(ix, false);
  apply_chain_begun(ix);
  index_deadlines(ix);
}

void BrokerCore::apply_event(const AttemptLeased& event, Instant time) {
  const TaskIx ix = task_ix(event.token.guid);
  assert(ix != kNone);
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
    apply_taken(device->second, ix);
  }
  Worker& worker = workers_[attempt.worker];
  if (worker.held.empty()) note_woken(attempt.worker, time);
  task.held_position = static_cast<uint32_t>(worker.held.size());
  worker.held.push_back(ix);
  if (!attempt.devices.empty()) ++worker.held_devices;
  --queued_count_;
  ++held_count_;
  apply_load(task, true);
  dequeue(ix);
  worker.to_run.push_back(TaskRef{ix, task.seq});
  mark_worker(attempt.worker);
}

// Holds a device for a task. What it was verified for is void when that is somebody else.
void BrokerCore::apply_taken(DeviceIx device_ix, TaskIx ix) {
  Device& device = devices_[device_ix];
  const Task& task = tasks_[ix];
  device.holder = ix;
  index_holder(device_ix);
  const bool same_chain =
      task.seq == device.good_for || (task.chain && task.chain->parent.seq == device.good_for);
  if (!same_chain) device.good_for = 0;
}

void BrokerCore::apply_origin(const Origin& origin) {
  if (origin.worker.empty()) return;
  Worker& worker = workers_[worker_ix(origin.worker)];
  worker.last_seq = std::max(worker.last_seq, origin.seq);
}

void BrokerCore::apply_event(const AttemptReported& event, Instant time) {
  apply_origin(event.origin);
  const TaskIx ix = task_ix(event.token.guid);
  if (ix == kNone) return;
  Task& task = tasks_[ix];
  if (event.token.attempt != task.attempts.size() || task.attempts.back().ending) return;
  if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
    task.attempts.back().started = event.time;
    task.attempts.back().log_url = started->log_url;
    task.state = TaskState::running;
    note_news(ix);
  }
  if (const auto* progress = std::get_if<Progress>(&event.body)) {
    task.attempts.back().progress = progress->text;
  }
  if (const auto* record = std::get_if<Record>(&event.body)) apply_use(task, *record, time);
}

void BrokerCore::apply_event(const AttemptEnded& event, Instant time) {
  apply_origin(event.origin);
  const TaskIx ix = task_ix(event.token.guid);
  assert(ix != kNone);
  Task& task = tasks_[ix];
  assert(event.token.attempt == task.attempts.size() && !task.attempts.back().ending);
  task.attempts.back().ending = event.ending;
  apply_release(task, ix);
  if (task.attempts.back().started != kNever) {
    const Duration took = time - task.attempts.back().leased;
    Duration& typical = classes_[task.task_class].typical;
    typical = typical == Duration{0} ? took : (7 * typical + took) / 8;
  }
  apply_device_health(task, event.ending, time);
  task.attempts.back().devices.clear();
  if (task.spec->kind == TaskKind::repair && task.chain && live_task(task.chain->parent)) {
    tasks_[task.chain->parent.ix].chain->repair_spent += time - task.attempts.back().leased;
  }
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
  apply_load(task, false);
  const bool was_full = worker.held_devices >= worker.slots;
  if (!attempt.devices.empty()) --worker.held_devices;
  for (const DeviceIx device : attempt.devices) {
    assert(devices_[device].holder == ix);
    devices_[device].holder = kNone;
    index_holder(device);
  }
  for (const DeviceIx device : attempt.devices) {
    mark_device(device);
    index_gone(device);
  }
  if (was_full && worker.held_devices < worker.slots) mark_devices_of(attempt.worker);
  mark_worker(attempt.worker);
}

void BrokerCore::apply_event(const ReportRefused& event, Instant) { apply_origin(event.origin); }

void BrokerCore::apply_event(const CancelRequested& event, Instant) {
  const TaskIx ix = task_ix(event.guid);
  assert(ix != kNone);
  Task& task = tasks_[ix];
  task.cancel = Box(event);
  deadlines_.erase({task.submitted + task.spec->timeouts.deadline, ix, task.seq});
  if (task.state == TaskState::queued) return;  // TaskEnded follows
  Worker& worker = workers_[task.attempts.back().worker];
  worker.to_stop.push_back(StopOrder{{event.guid, static_cast<uint32_t>(task.attempts.size())},
                                     StopReason::cancelled,
                                     broker_state::stop_text(event)});
  mark_worker(task.attempts.back().worker);
}

void BrokerCore::apply_event(const TaskEnded& event, Instant time) {
  const TaskIx ix = task_ix(event.guid);
  assert(ix != kNone);
  Task& task = tasks_[ix];
  assert(task.state == TaskState::queued);
  task.own_ending = Box(event.ending);
  --queued_count_;
  apply_task_over(task, ix, event.verdict, time);
}

// Begins anew, under the same name: what refers to its seq means its former life.
void BrokerCore::apply_event(const TaskRetried& event, Instant time) {
  const TaskIx ix = task_ix(event.guid);
  assert(ix != kNone);
  Task& task = tasks_[ix];
  assert(task.state == TaskState::ended);
  if (!task.revival) {
    task.revival = Box(broker_state::Revival{});
    task.revival->submitted_seq = task.seq;
  }
  task.revival->attempts = static_cast<uint32_t>(task.attempts.size());
  task.revival->requests.push_back(hash64(event.id));
  if (task.revival->requests.size() > kRetryRequestsKept) task.revival->requests.pop_front();
  task.verdict = Verdict::none;
  task.ended = kNever;
  task.own_ending.reset();
  task.cancel.reset();
  task.chain.reset();
  task.waits_for = 0;
  task.news_pending = false;
  --ended_count_;
  apply_queued(ix, time);
  note_news(ix);
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
  deadlines_.erase({task.submitted + task.spec->timeouts.deadline, ix, task.seq});
  apply_chain_over(ix);
  leave_class(task);
  leave_load(task);
  apply_dependants(task);
  ++ended_count_;
  note_news(ix);
  ended_tasks_.push_back(TaskRef{ix, task.seq});
  if (ended_tasks_.size() > kEndedTasksKept) apply_forget_oldest();
}

// Nobody has touched the oldest tasks for long: what will be read of the next ones to go is on its
// way from memory meanwhile.
void BrokerCore::prefetch_oldest() const {
  constexpr size_t kAhead = 8;
  static_assert(kEndedTasksKept > 2 * kAhead);
  tasks_.prefetch(ended_tasks_[2 * kAhead].ix);
  const Task& next = tasks_[ended_tasks_[kAhead].ix];
  next.spec.prefetch();
  __builtin_prefetch(next.attempts.data());
}

// Frees the oldest ended task and keeps a digest of its GUID, so that a repeated submit of it stays
// harmless.
void BrokerCore::apply_forget_oldest() {
  prefetch_oldest();
  const TaskRef oldest = ended_tasks_.front();
  ended_tasks_.pop_front();
  if (!live_task(oldest)) return;  // was retried since
  const TaskIx ix = oldest.ix;
  Task& task = tasks_[ix];
  if (!task.spec->metadata.empty()) --tasks_with_metadata_;
  forgotten_.add(task.spec.guid());
  task_by_guid_.erase(task.spec.guid(), guid_of());
  extra_watchers_.erase(ix);
  task = Task{};
  free_tasks_.push_back(ix);
}

}  // namespace muster
