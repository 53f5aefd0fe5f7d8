// decide_dispatch: free capacity meets queued tasks. Tasks with devices first: their devices are
// what is scarce.
#include <algorithm>

#include "core/broker_core.h"

namespace muster {

struct BrokerCore::Scratch {
  LookupSet<DeviceIx> taken_devices;
  LookupMap<WorkerIx, uint32_t> device_leases;  // made by this decision, with devices
  LookupMap<WorkerIx, uint32_t> leases;         // all of them
};

Decision BrokerCore::decide_dispatch(Instant now) const {
  Decision decision;
  Scratch scratch;
  decide_leases_with_devices(now, scratch, decision);
  decide_leases_plain(now, scratch, decision);
  return decision;
}

void BrokerCore::decide_leases_with_devices(Instant now, Scratch& scratch,
                                            Decision& decision) const {
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
  for (const ClassIx ix : dirty_classes_) {
    cursors.insert(ix, Cursor{classes_[ix].queues.begin(), 0});
    advance(ix);
  }
  while (!heads.empty()) {
    const ClassIx ix = std::get<2>(*heads.begin());
    heads.erase(heads.begin());
    const std::optional<Placement> placement = find_placement(classes_[ix], &scratch);
    if (!placement) continue;  // nothing of this class can be placed now
    Cursor& cursor = *cursors.find(ix);
    const Task& task = tasks_[cursor.queue->second[cursor.position].ix];
    AttemptLeased leased;
    leased.token = {task.spec->guid, static_cast<uint32_t>(task.attempts.size() + 1)};
    leased.worker = workers_[placement->worker].name;
    leased.incarnation = workers_[placement->worker].incarnation;
    for (const DeviceIx device : placement->devices) {
      leased.devices.push_back(devices_[device].spec.name);
      scratch.taken_devices.insert(device);
    }
    ++scratch.device_leases[placement->worker];
    ++scratch.leases[placement->worker];
    decision.events.push_back(Event{now, std::move(leased)});
    ++cursor.position;
    advance(ix);
  }
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
      decision.events.push_back(Event{
          now, AttemptLeased{{task->spec->guid, static_cast<uint32_t>(task->attempts.size() + 1)},
                             worker.name,
                             worker.incarnation,
                             {}}});
    }
    if (left == 0) break;
  }
  return wanted - left;
}

bool BrokerCore::device_usable(DeviceIx ix, const Scratch* scratch) const {
  const Device& device = devices_[ix];
  if (!device.declared) return false;
  if (!scratch) return true;
  return device.holder == kNone && !scratch->taken_devices.contains(ix);
}

bool BrokerCore::worker_takes_device(WorkerIx ix, const Scratch* scratch) const {
  if (!scratch) return true;
  const Worker& worker = workers_[ix];
  const uint32_t* taken = scratch->device_leases.find(ix);
  return worker.present && !worker.peer.empty() &&
         worker.held_devices + (taken ? *taken : 0) < worker.slots;
}

// Without `scratch` the question is whether the requests could ever be placed.
std::optional<BrokerCore::Placement> BrokerCore::find_placement(const TaskClass& task_class,
                                                                const Scratch* scratch) const {
  if (task_class.candidates.empty()) return std::nullopt;
  WorkerIx tried = kNone;
  for (const DeviceIx candidate : task_class.candidates[0]) {
    const WorkerIx worker = devices_[candidate].worker;
    if (worker == kNone || worker == tried || !device_usable(candidate, scratch) ||
        !worker_takes_device(worker, scratch)) {
      continue;
    }
    Placement placement{worker, {}};
    if (place_requests(task_class, worker, scratch, placement.devices)) return placement;
    tried = worker;
  }
  return std::nullopt;
}

// Distinct devices of one worker for all requests: a bipartite matching by augmenting paths, in
// candidate order, so that the answer is found whenever there is one and the cost stays polynomial.
bool BrokerCore::place_requests(const TaskClass& task_class, WorkerIx worker,
                                const Scratch* scratch, std::vector<DeviceIx>& chosen) const {
  std::map<DeviceIx, size_t> owner;  // device -> request
  std::set<DeviceIx> visited;
  const std::function<bool(size_t)> augment = [&](size_t request) {
    for (const DeviceIx candidate : task_class.candidates[request]) {
      if (devices_[candidate].worker != worker || !device_usable(candidate, scratch) ||
          !visited.insert(candidate).second) {
        continue;
      }
      const auto held = owner.find(candidate);
      if (held == owner.end() || augment(held->second)) {
        owner[candidate] = request;
        return true;
      }
    }
    return false;
  };
  for (size_t request = 0; request < task_class.requests.size(); ++request) {
    visited.clear();
    if (!augment(request)) return false;
  }
  chosen.assign(task_class.requests.size(), kNone);
  for (const auto& [device, request] : owner) chosen[request] = device;
  return true;
}

}  // namespace muster
