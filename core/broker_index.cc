// Indexes over hard state: classes of interchangeable tasks, their queues, and who has capacity.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/broker_core.h"

namespace muster {

BrokerCore::TaskIx BrokerCore::add_task_slot() {
  if (free_tasks_.empty()) {
    tasks_.emplace_back();
    return static_cast<TaskIx>(tasks_.size() - 1);
  }
  const TaskIx ix = free_tasks_.back();
  free_tasks_.pop_back();
  return ix;
}

BrokerCore::WorkerIx BrokerCore::worker_ix(const std::string& name) {
  const auto [found, added] =
      worker_by_name_.try_emplace(name, static_cast<WorkerIx>(workers_.size()));
  if (added) {
    workers_.emplace_back();
    workers_.back().name = name;
  }
  return found->second;
}

BrokerCore::ClassIx BrokerCore::class_of(const TaskTerms& terms) {
  std::optional<std::string>& known_key = shared_terms_.share(terms).class_key;
  if (const ClassIx* found = known_key ? class_by_key_.find(*known_key) : nullptr) {
    ++classes_[*found].live;
    return *found;
  }
  TaskClass added;
  describe_class(added, terms);
  std::string key = class_key(added);
  known_key = key;
  if (const ClassIx* found = class_by_key_.find(key)) {
    ++classes_[*found].live;
    return *found;
  }
  ClassIx ix = static_cast<ClassIx>(classes_.size());
  if (free_classes_.empty()) {
    classes_.emplace_back();
  } else {
    ix = free_classes_.back();
    free_classes_.pop_back();
  }
  added.key = key;
  added.live = 1;
  if (const auto typical = typical_by_key_.find(key); typical != typical_by_key_.end()) {
    added.typical = typical->second;
  }
  classes_[ix] = std::move(added);
  class_by_key_.insert(std::move(key), ix);
  match_class(ix);
  return ix;
}

// Equal for tasks that are interchangeable.
std::string BrokerCore::class_key(const TaskClass& task_class) {
  std::string key = task_class.pool;
  const Before& before = task_class.before;
  if (task_class.needs_devices()) {
    key += '\n' + std::string(to_string(task_class.kind)) + '\t' +
           std::string(to_string(before.verify)) + '\t' + before.level +
           (before.repair ? "\trepair" : "");
  }
  for (size_t i = 0; i < task_class.requests.size(); ++i) {
    const DeviceRequest& request = task_class.requests[i];
    key += '\n' + request.name + '\t' + request.selector;
    if (task_class.with[i] != kNone) key += '\t' + std::to_string(task_class.with[i]);
  }
  return key;
}

// What the tasks of a class have in common, but for the devices that match.
void BrokerCore::describe_class(TaskClass& task_class, const TaskTerms& spec) const {
  task_class.kind = spec.kind;
  task_class.pool = spec.pool;
  task_class.before = spec.before;
  task_class.requests = spec.devices;
  task_class.with.assign(spec.devices.size(), kNone);
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    const Result<Selector> selector = Selector::parse(spec.devices[i].selector);
    assert(selector.ok());  // as decide_admission saw
    task_class.selectors.push_back(*selector);
    for (uint32_t other = 0; other < spec.devices.size() && !spec.devices[i].with.empty();
         ++other) {
      if (spec.devices[other].role == spec.devices[i].with) task_class.with[i] = other;
    }
  }
}

void BrokerCore::leave_class(Task& task) {
  const ClassIx ix = task.task_class;
  task.task_class = kNone;
  TaskClass& task_class = classes_[ix];
  prune_lane(task, task_class);
  if (task_class.queues.empty()) {
    plain_classes_.erase(ix);
    chain_classes_.erase(ix);
  }
  if (--task_class.live > 0) return;
  for (const std::vector<DeviceIx>& devices : task_class.candidates) {
    for (const DeviceIx device : devices) devices_[device].waiters.erase(ix);
  }
  keep_typical(task_class);
  class_by_key_.erase(task_class.key);
  dirty_classes_.erase(ix);
  plain_classes_.erase(ix);
  chain_classes_.erase(ix);
  task_class = TaskClass{};
  free_classes_.push_back(ix);
}

// How long its tasks take is an estimate for the next ones like them.
void BrokerCore::keep_typical(const TaskClass& task_class) {
  if (task_class.typical == Duration{0}) return;
  const auto [kept, added] = typical_by_key_.insert_or_assign(task_class.key, task_class.typical);
  if (!added) return;
  typical_order_.push_back(kept->first);
  if (typical_order_.size() <= kTypicalTimesKept) return;
  typical_by_key_.erase(typical_order_.front());
  typical_order_.pop_front();
}

// Which devices each request of the class matches, in the inventory of now.
void BrokerCore::match_class(ClassIx ix) {
  TaskClass& task_class = classes_[ix];
  task_class.candidates.clear();
  task_class.unheld.assign(task_class.requests.size(), PlaceSet());
  for (size_t request = 0; request < task_class.requests.size(); ++request) {
    task_class.candidates.push_back(matching_devices(task_class, request));
    for (const DeviceIx device : task_class.candidates.back()) {
      devices_[device].waiters.insert(ix);
      task_class.unheld[request].push_back(devices_[device].holder == kNone);
    }
  }
  mark_class(ix);
}

// All of them: the devices, or the pools that devices are in, are others than before.
void BrokerCore::match_classes() {
  for (Device& device : devices_) device.waiters.clear();
  for (ClassIx ix = 0; ix < classes_.size(); ++ix) {
    if (classes_[ix].live > 0) match_class(ix);
  }
}

// One device is another than before: it takes or loses its place among the candidates.
void BrokerCore::match_device(DeviceIx ix) {
  Device& device = devices_[ix];
  device.waiters.clear();
  for (ClassIx class_ix = 0; class_ix < classes_.size(); ++class_ix) {
    TaskClass& task_class = classes_[class_ix];
    for (size_t request = 0; request < task_class.candidates.size(); ++request) {
      std::vector<DeviceIx>& candidates = task_class.candidates[request];
      const size_t place = place_among(candidates, ix);
      const auto at = candidates.begin() + static_cast<std::ptrdiff_t>(place);
      const bool listed = at != candidates.end() && *at == ix;
      const bool matches = request_matches(task_class, request, device);
      if (listed && !matches) {
        candidates.erase(at);
        task_class.unheld[request].erase(place);
      }
      if (!listed && matches) {
        candidates.insert(at, ix);
        task_class.unheld[request].insert(place, device.holder == kNone);
      }
      if (matches) device.waiters.insert(class_ix);
    }
  }
  if (index_cap_device(ix)) mark_classes();
  mark_device(ix);
}

// Where the device stands among these, which are sorted by name, or would stand.
size_t BrokerCore::place_among(const std::vector<DeviceIx>& candidates, DeviceIx ix) const {
  const auto place = std::lower_bound(
      candidates.begin(), candidates.end(), ix, [&](DeviceIx candidate, DeviceIx wanted) {
        return devices_[candidate].spec.name < devices_[wanted].spec.name;
      });
  return static_cast<size_t>(place - candidates.begin());
}

// Somebody holds the device now, or nobody does any more.
void BrokerCore::index_holder(DeviceIx ix) {
  for (const ClassIx waiter : devices_[ix].waiters) {
    TaskClass& task_class = classes_[waiter];
    for (size_t request = 0; request < task_class.candidates.size(); ++request) {
      const std::vector<DeviceIx>& candidates = task_class.candidates[request];
      const size_t place = place_among(candidates, ix);
      if (place == candidates.size() || candidates[place] != ix) continue;
      task_class.unheld[request].set(place, devices_[ix].holder == kNone);
    }
  }
}

bool BrokerCore::request_matches(const TaskClass& task_class, size_t request,
                                 const Device& device) const {
  ++matches_asked_;
  const std::string& name = task_class.requests[request].name;
  const Selector& selector = task_class.selectors[request];
  return device.known() && (name.empty() || name == device.spec.name) &&
         device_in_pool(device.spec, task_class.pool) &&
         (selector.empty() || selector.matches(match_profile(device.spec)));
}

std::vector<BrokerCore::DeviceIx> BrokerCore::matching_devices(const TaskClass& task_class,
                                                               size_t request) const {
  std::vector<DeviceIx> matching;
  const auto consider = [&](DeviceIx ix) {
    if (request_matches(task_class, request, devices_[ix])) matching.push_back(ix);
  };
  if (const std::string& named = task_class.requests[request].name; !named.empty()) {
    const auto found = device_by_name_.find(named);
    if (found != device_by_name_.end()) consider(found->second);
    return matching;
  }
  for (const auto& [name, ix] : device_by_name_) consider(ix);
  return matching;
}

void BrokerCore::enqueue(TaskIx ix, bool first) {
  Task& task = tasks_[ix];
  Lane& lane =
      classes_[task.task_class].queues[task.spec->priority][LaneKey{task.share, task.group}];
  const TaskRef ref{ix, task.seq};
  task.enqueued = true;
  if (first) {
    lane.push_front(ref);
  } else {
    lane.push_back(ref);
  }
  if (classes_[task.task_class].verifies_first()) chain_classes_.insert(task.task_class);
  mark_class(task.task_class);
}

// Of a task that has not ended.
void BrokerCore::index_deadlines(TaskIx ix) {
  const Task& task = tasks_[ix];
  const Timeouts& timeouts = task.spec->timeouts;
  if (timeouts.queue > Duration{0}) {
    queue_deadlines_.emplace(task.submitted + timeouts.queue, ix, task.seq);
  }
  if (timeouts.deadline > Duration{0} && !task.cancel) {
    deadlines_.emplace(task.submitted + timeouts.deadline, ix, task.seq);
  }
}

// Takes a task that is leased out of its queue. It is not always the first: a job whose devices are
// being verified is passed by. What stayed behind would be leased before a retry's back-off.
void BrokerCore::dequeue(TaskIx ix) {
  Task& task = tasks_[ix];
  TaskClass& task_class = classes_[task.task_class];
  if (std::exchange(task.enqueued, false)) {
    Lane& lane = task_class.queues.at(task.spec->priority).at(LaneKey{task.share, task.group});
    lane.erase(std::find(lane.begin(), lane.end(), TaskRef{ix, task.seq}));
  }
  prune_lane(task, task_class);
  if (!task_class.queues.empty()) return;
  plain_classes_.erase(task.task_class);
  chain_classes_.erase(task.task_class);
}

// Drops stale references from the head of the task's lane, and the lane when it is empty.
void BrokerCore::prune_lane(const Task& task, TaskClass& task_class) {
  const auto lanes = task_class.queues.find(task.spec->priority);
  if (lanes == task_class.queues.end()) return;
  const auto found = lanes->second.find(LaneKey{task.share, task.group});
  if (found == lanes->second.end()) return;
  Lane& lane = found->second;
  while (!lane.empty()) {
    const Task* first = live_task(lane.front());
    if (first && first->state == TaskState::queued) return;
    lane.pop_front();
  }
  lanes->second.erase(found);
  if (lanes->second.empty()) task_class.queues.erase(lanes);
}

void BrokerCore::mark_class(ClassIx ix) {
  const TaskClass& task_class = classes_[ix];
  if (task_class.needs_devices()) {
    dirty_classes_.insert(ix);
  } else if (!task_class.queues.empty()) {
    plain_classes_.insert(ix);
    plain_dispatch_due_ = true;
  }
}

void BrokerCore::mark_waiters(DeviceIx ix) {
  for (const ClassIx waiter : devices_[ix].waiters) dirty_classes_.insert(waiter);
}

// Whoever waits for the device, for something in a stack with it, or for what may be the same
// thing, has a look.
void BrokerCore::mark_device(DeviceIx ix) {
  const auto mark = [&](DeviceIx device) {
    mark_waiters(device);
    for (const DeviceIx companion : devices_[device].companions) mark_waiters(companion);
  };
  mark(ix);
  for (const DeviceIx same : devices_of_serial(devices_[ix].spec.profile)) {
    if (same != ix) mark(same);
  }
}

// A slot for work with devices came free: any of the worker's may be leased now.
void BrokerCore::mark_devices_of(WorkerIx ix) {
  for (const DeviceIx device : workers_[ix].devices) {
    if (devices_[device].holder == kNone) mark_waiters(device);
  }
}

// The worker's capacity or work changed: it is owed a Desired, and its devices' classes a look.
void BrokerCore::mark_worker(WorkerIx ix) {
  Worker& worker = workers_[ix];
  if (!worker.owed) {
    worker.owed = true;
    owed_.push_back(ix);
  }
  const bool was_free = worker.in_idle || worker.in_free;
  index_worker(ix);
  if (!was_free && (worker.in_idle || worker.in_free) && !plain_classes_.empty()) {
    plain_dispatch_due_ = true;
  }
  if (!plain_classes_.empty()) plain_dispatch_due_ = true;
}

// Keeps the worker listed as idle (a slot is free) and free (credit is left) in each of its pools.
void BrokerCore::index_worker(WorkerIx ix) {
  Worker& worker = workers_[ix];
  const bool takes = takes_work(worker);
  const bool idle = takes && worker.held.size() < worker.slots && worker.credit > 0;
  const bool free = takes && worker.held.size() < worker.credit;
  if (idle == worker.in_idle && free == worker.in_free) return;
  const auto list = [&](WorkersByPool& by_pool, bool in) {
    for (const std::string& pool : worker.listed_pools) {
      if (in) {
        by_pool[pool].insert(ix);
      } else if (const auto found = by_pool.find(pool); found != by_pool.end()) {
        found->second.erase(ix);
      }
    }
  };
  if (worker.listed_pools.empty()) worker.listed_pools = pools_of(worker);
  list(idle_workers_, idle);
  list(free_workers_, free);
  worker.in_idle = idle;
  worker.in_free = free;
}

void BrokerCore::unindex_worker(WorkerIx ix) {
  Worker& worker = workers_[ix];
  for (const std::string& pool : worker.listed_pools) {
    idle_workers_[pool].erase(ix);
    free_workers_[pool].erase(ix);
  }
  worker.listed_pools.clear();
  worker.in_idle = false;
  worker.in_free = false;
}

// What it says itself, what the inventory grants, and "" for tasks that do not care.
std::set<std::string> BrokerCore::pools_of(const Worker& worker) const {
  std::set<std::string> pools(worker.pools.begin(), worker.pools.end());
  for (const WorkerSpec& spec : inventory_->workers) {
    if (spec.name == worker.name) pools.insert(spec.pools.begin(), spec.pools.end());
  }
  pools.insert("");
  return pools;
}

bool BrokerCore::pool_known(const std::string& pool) const {
  if (pool.empty()) return true;
  for (const Worker& worker : workers_) {
    if (pools_of(worker).contains(pool)) return true;
  }
  return false;
}

bool BrokerCore::device_in_pool(const DeviceSpec& device, const std::string& pool) const {
  if (pool.empty()) return true;
  if (!device.pools.empty()) {
    return std::find(device.pools.begin(), device.pools.end(), pool) != device.pools.end();
  }
  const auto worker = worker_by_name_.find(device.worker);
  return worker != worker_by_name_.end() && pools_of(workers_[worker->second]).contains(pool);
}

}  // namespace muster
