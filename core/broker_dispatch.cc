// decide_dispatch: free capacity meets queued tasks. Tasks with devices first: their devices are
// what is scarce.
#include <algorithm>
#include <iterator>

#include "core/broker_core.h"

namespace muster {

Decision BrokerCore::decide_dispatch(Instant now) const {
  Decision decision;
  Scratch scratch;
  scratch.now = now;
  decide_leases_with_devices(scratch, decision);
  decide_leases_plain(now, scratch, decision);
  decide_dependants(decision, now);  // of jobs that it found nowhere to go for
  return decision;
}

// Something has changed for the dirty classes. What they get could be what a job, whose class has
// not changed, has verified; so they are looked at together. That goes by stacks, and by things
// with several names: whoever takes a device takes what is with it.
std::set<BrokerCore::ClassIx> BrokerCore::classes_to_look_at() const {
  std::set<ClassIx> all = dirty_classes_;
  std::set<ClassIx> others;
  std::set_difference(chain_classes_.begin(), chain_classes_.end(), all.begin(), all.end(),
                      std::inserter(others, others.end()));
  LookupSet<DeviceIx> seen;
  LookupSet<DeviceIx> seen_beside;
  const auto add_waiters = [&](DeviceIx ix) {
    if (!seen_beside.insert(ix)) return;
    for (const ClassIx waiter : devices_[ix].waiters) {
      if (others.erase(waiter) > 0) all.insert(waiter);
    }
  };
  const auto each_with = [&](DeviceIx ix, const auto& take) {
    take(ix);
    for (const DeviceIx companion : devices_[ix].companions) take(companion);
    for (const DeviceIx same : devices_of_serial(devices_[ix].spec.profile)) take(same);
  };
  for (const ClassIx dirty : dirty_classes_) {
    if (classes_[dirty].queues.empty()) continue;
    for (const std::vector<DeviceIx>& candidates : classes_[dirty].candidates) {
      for (const DeviceIx candidate : candidates) {
        if (others.empty()) return all;
        each_with(candidate, [&](DeviceIx near) {
          if (seen.insert(near)) each_with(near, add_waiters);
        });
      }
    }
  }
  return all;
}

void BrokerCore::decide_leases_with_devices(Scratch& scratch, Decision& decision) const {
  // Heads of the dirty classes by priority, then age; a class comes back after each lease.
  using Head = std::tuple<int64_t, uint64_t, ClassIx>;
  std::set<Head> heads;
  struct Cursor {
    std::map<uint32_t, std::deque<TaskRef>, std::greater<>>::const_iterator queue;
    size_t position = 0;
  };
  LookupMap<ClassIx, Cursor> cursors;
  const auto advance = [&](ClassIx ix) {  // puts the class's next queued task into `heads`
    const TaskClass& task_class = classes_[ix];
    Cursor& cursor = *cursors.find(ix);
    for (; cursor.queue != task_class.queues.end(); ++cursor.queue, cursor.position = 0) {
      for (; cursor.position < cursor.queue->second.size(); ++cursor.position) {
        const TaskRef& ref = cursor.queue->second[cursor.position];
        const Task* task = live_task(ref);
        if (!task || task->state != TaskState::queued) continue;
        heads.emplace(-static_cast<int64_t>(cursor.queue->first), ref.seq, ix);
        return;
      }
    }
  };
  for (const ClassIx ix : classes_to_look_at()) {
    cursors.insert(ix, Cursor{classes_[ix].queues.begin(), 0});
    advance(ix);
  }
  while (!heads.empty()) {
    const ClassIx ix = std::get<2>(*heads.begin());
    heads.erase(heads.begin());
    Cursor& cursor = *cursors.find(ix);
    const Task& task = tasks_[cursor.queue->second[cursor.position].ix];
    const TaskRef& ref = cursor.queue->second[cursor.position];
    if (scratch.over.contains(task.seq) || strays_.contains(ref)) {
      ++cursor.position;
      advance(ix);
      continue;
    }
    avoid_tried(task, scratch);
    scratch.job = &task;
    scratch.verified_only = true;
    std::optional<Placement> placement = find_placement(classes_[ix], &scratch);
    scratch.job = nullptr;
    scratch.verified_only = false;
    bool placed = placement.has_value();
    if (placed) {
      decide_lease(task, std::move(*placement), scratch, decision);
    } else {
      placed = decide_verifications(task, scratch, decision);
    }
    scratch.excluded.clear();
    if (!placed) continue;  // nothing of this class can be placed now
    ++cursor.position;
    advance(ix);
  }
}

// A task that is tried again goes to devices that its failed attempts did not have, when it could
// have such now.
void BrokerCore::avoid_tried(const Task& task, Scratch& scratch) const {
  for (size_t i = task.attempts_before(); i < task.attempts.size(); ++i) {
    for (const std::string& name : task.attempts[i].device_names) {
      const auto device = device_by_name_.find(name);
      if (device != device_by_name_.end()) scratch.excluded.insert(device->second);
    }
  }
  if (scratch.excluded.empty()) return;
  scratch.job = &task;
  if (!find_placement(classes_[task.task_class], &scratch)) scratch.excluded.clear();
  scratch.job = nullptr;
}

void BrokerCore::decide_lease(const Task& task, Placement placement, Scratch& scratch,
                              Decision& decision) const {
  keep_roles(task, placement);
  const auto attempt = static_cast<uint32_t>(task.attempts.size() + 1);
  decide_lease({task.guid(), attempt}, placement, scratch, decision);
}

void BrokerCore::decide_lease(const AttemptToken& token, const Placement& placement,
                              Scratch& scratch, Decision& decision) const {
  AttemptLeased leased;
  leased.token = token;
  leased.worker = workers_[placement.worker].name;
  leased.incarnation = workers_[placement.worker].incarnation;
  for (const std::vector<DeviceIx>* devices : {&placement.devices, &placement.collateral}) {
    for (const DeviceIx device : *devices) {
      leased.devices.push_back(devices_[device].spec.name);
      scratch.taken_devices.insert(device);
    }
  }
  ++scratch.device_leases[placement.worker];
  ++scratch.leases[placement.worker];
  decision.events.push_back(Event{scratch.now, std::move(leased)});
}

// The queued tasks of a class without devices, in order.
struct BrokerCore::PlainQueue {
  using Head = std::tuple<int64_t, uint64_t, ClassIx>;  // priority (highest first), age, class
  static constexpr size_t kRunMax = 1'024;

  PlainQueue(const BrokerCore& broker, ClassIx class_ix)
      : core(broker),
        ix(class_ix),
        queue(core.classes_[ix].queues.begin()),
        end(core.classes_[ix].queues.end()) {}

  // The next one, or nullptr.
  const Task* task() {
    for (; queue != end; ++queue, position = 0) {
      for (; position < queue->second.size(); ++position) {
        const Task* found = core.live_task(queue->second[position]);
        if (found && found->state == TaskState::queued) return found;
      }
    }
    return nullptr;
  }
  void pop() { ++position; }
  Head head() const {
    return {-static_cast<int64_t>(queue->first), queue->second[position].seq, ix};
  }
  // How many go before `bound`, counted up to kRunMax. Does not move.
  size_t count_before(const Head& bound) const {
    PlainQueue ahead = *this;
    size_t count = 0;
    for (; count < kRunMax && ahead.task() && ahead.head() < bound; ahead.pop()) ++count;
    return count;
  }
  // At most so many are left.
  size_t count_all() const {
    size_t count = 0;
    for (auto each = queue; each != end; ++each) count += each->second.size();
    return count - position;
  }

  const BrokerCore& core;
  ClassIx ix;
  std::map<uint32_t, std::deque<TaskRef>, std::greater<>>::const_iterator queue;
  std::map<uint32_t, std::deque<TaskRef>, std::greater<>>::const_iterator end;
  size_t position = 0;
};

// Classes take turns by priority, then age: each for as many tasks as go before the next class's.
void BrokerCore::decide_leases_plain(Instant now, Scratch& scratch, Decision& decision) const {
  std::vector<PlainQueue> queues;
  queues.reserve(plain_classes_.size());
  for (const ClassIx ix : plain_classes_) queues.emplace_back(*this, ix);
  std::map<PlainQueue::Head, PlainQueue*> heads;
  const auto put_back = [&](PlainQueue& queue) {
    if (queue.task()) heads.emplace(queue.head(), &queue);
  };
  for (PlainQueue& queue : queues) put_back(queue);
  while (!heads.empty()) {
    PlainQueue& queue = *heads.begin()->second;
    heads.erase(heads.begin());
    size_t left = heads.empty() ? queue.count_all() : queue.count_before(heads.begin()->first);
    left -= decide_leases_of(queue, left, idle_workers_, true, now, scratch, decision);
    if (left > 0)
      left -= decide_leases_of(queue, left, free_workers_, false, now, scratch, decision);
    if (left == 0) put_back(queue);  // else nothing more of this class can be placed now
  }
}

// Leases up to `left` tasks to workers with a free slot, one share each, or to whoever has credit
// left for quick work. Returns how many.
size_t BrokerCore::decide_leases_of(PlainQueue& queue, size_t left, const WorkersByPool& by_pool,
                                    bool slots_only, Instant now, Scratch& scratch,
                                    Decision& decision) const {
  const auto found = by_pool.find(classes_[queue.ix].pool);
  if (found == by_pool.end()) return 0;
  const size_t wanted = left;
  size_t workers_left = found->second.size();
  for (const WorkerIx worker_ix : found->second) {
    const Worker& worker = workers_[worker_ix];
    const size_t share = (left + workers_left - 1) / workers_left;
    --workers_left;
    uint32_t& taken = scratch.leases[worker_ix];
    const size_t used = worker.held.size() + taken;
    const size_t bound = slots_only ? worker.slots : worker.credit;
    const size_t room = std::min(bound > used ? bound - used : 0, share);
    for (size_t i = 0; i < room; ++i) {
      const Task* task = queue.task();
      if (!task) return wanted - left;
      queue.pop();
      ++taken;
      --left;
      decision.events.push_back(
          Event{now, AttemptLeased{{task->guid(), static_cast<uint32_t>(task->attempts.size() + 1)},
                                   worker.name,
                                   worker.incarnation,
                                   {}}});
    }
    if (left == 0) break;
  }
  return wanted - left;
}

}  // namespace muster
