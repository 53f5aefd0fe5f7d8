// Snapshots of hard state, and a core from one: what is derived follows from what the snapshot
// holds, and must be what apply() would have made it.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"

namespace muster {

using broker_state::HardClass;
using broker_state::HardDevice;
using broker_state::HardState;
using broker_state::HardTask;
using broker_state::HardWorker;

BrokerSnapshot BrokerCore::snapshot() const {
  // All of it, by name: what has become more does not compile until it is in snapshots too.
  const auto& [head, epoch, started, tasks, free_tasks, ended_tasks, forgotten, workers, devices,
               free_devices, inventory, draining, ended_count, logged_through, classes,
               free_classes, typical_by_key, typical_order] = static_cast<const HardState&>(*this);
  BrokerSnapshot to;
  to.head = head;
  to.epoch = epoch;
  to.started = started;
  to.tasks.reserve(tasks.size());
  for (TaskIx ix = 0; ix < tasks.size(); ++ix) {
    to.tasks.push_back(static_cast<const HardTask&>(tasks[ix]));
  }
  to.free_tasks = free_tasks;
  to.ended_tasks.assign(ended_tasks.begin(), ended_tasks.end());
  to.ended_digests.assign(forgotten.digests().begin(), forgotten.digests().end());
  for (const Worker& worker : workers) to.workers.push_back(worker);
  for (const Device& device : devices) to.devices.push_back(device);
  to.free_devices = free_devices;
  to.inventory = inventory;
  to.draining = draining;
  to.ended_count = ended_count;
  to.logged_through = logged_through;
  to.classes.resize(classes.size());
  for (size_t ix = 0; ix < classes.size(); ++ix) to.classes[ix] = hard_class(classes[ix]);
  to.free_classes = free_classes;
  for (const std::string& key : typical_order) {
    to.typical_times.emplace_back(key, typical_by_key.at(key));
  }
  return to;
}

// Tasks that wait for their time stand in the queue only since a Tick, which is no event.
HardClass BrokerCore::hard_class(const TaskClass& task_class) const {
  HardClass hard;
  hard.typical = task_class.typical;
  for (const auto& [priority, lanes] : task_class.queues) {
    // By the age of its first task, for lanes have other numbers in a core that was restored.
    std::map<uint64_t, std::vector<TaskIx>> queued;
    for (const auto& [key, lane] : lanes) {
      std::vector<TaskIx> of_lane = queued_of(lane);
      if (!of_lane.empty()) queued.emplace(tasks_[of_lane[0]].seq, std::move(of_lane));
    }
    for (const auto& [seq, of_lane] : queued) {
      hard.queued.insert(hard.queued.end(), of_lane.begin(), of_lane.end());
    }
  }
  return hard;
}

std::vector<BrokerCore::TaskIx> BrokerCore::queued_of(const Lane& lane) const {
  std::vector<TaskIx> queued;
  for (const TaskRef& ref : lane) {
    const Task* task = live_task(ref);
    if (task && task->state == TaskState::queued && task->not_before == kNever) {
      queued.push_back(ref.ix);
    }
  }
  return queued;
}

uint64_t BrokerCore::hard_digest() const { return digest(snapshot()); }

void BrokerCore::restore(BrokerSnapshot from) {
  assert(head_ == 0 && unsound(from).empty());
  head_ = from.head;
  epoch_ = from.epoch;
  started_ = from.started;
  ended_count_ = from.ended_count;
  inventory_ = std::move(from.inventory);
  draining_ = std::move(from.draining);
  logged_through_ = std::move(from.logged_through);
  for (size_t ix = 0; ix < from.tasks.size(); ++ix) {
    tasks_.emplace_back();
    static_cast<HardTask&>(tasks_[ix]) = std::move(from.tasks[ix]);
  }
  workers_.resize(from.workers.size());
  for (size_t ix = 0; ix < from.workers.size(); ++ix) {
    static_cast<HardWorker&>(workers_[ix]) = std::move(from.workers[ix]);
  }
  devices_.resize(from.devices.size());
  for (size_t ix = 0; ix < from.devices.size(); ++ix) {
    static_cast<HardDevice&>(devices_[ix]) = std::move(from.devices[ix]);
  }
  free_tasks_ = std::move(from.free_tasks);
  free_devices_ = std::move(from.free_devices);
  free_classes_ = std::move(from.free_classes);
  ended_tasks_.assign(from.ended_tasks.begin(), from.ended_tasks.end());
  forgotten_ = ForgottenGuids(kEndedGuidsKept, from.ended_digests);
  for (auto& [key, typical] : from.typical_times) {
    typical_by_key_.insert_or_assign(key, typical);
    typical_order_.push_back(std::move(key));
  }
  index_names();
  index_classes(from.classes);
  index_tasks();
  index_held();
}

void BrokerCore::index_names() {
  for (WorkerIx ix = 0; ix < workers_.size(); ++ix) {
    Worker& worker = workers_[ix];
    worker_by_name_.emplace(worker.name, ix);
    for (const auto& [name, listed] : worker.listed) count_listed(worker, listed);
  }
  for (DeviceIx ix = 0; ix < devices_.size(); ++ix) {
    const Device& device = devices_[ix];
    if (device.spec.name.empty()) continue;
    device_by_name_.emplace(device.spec.name, ix);
    if (device.reverify_at != kNever) reverify_.emplace(device.reverify_at, ix);
    if (device.gone_at != 0) gone_.emplace(!is_blank(device), device.gone_at, ix);
  }
}

// The classes with their numbers of before, and which devices match them.
void BrokerCore::index_classes(const std::vector<HardClass>& classes) {
  classes_.resize(classes.size());
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec || task.task_class == kNone) continue;
    TaskClass& task_class = classes_[task.task_class];
    if (++task_class.live > 1) continue;
    describe_class(task_class, *task.spec);
    task_class.key = class_key(task_class);
    task_class.typical = classes[task.task_class].typical;
    class_by_key_.insert(task_class.key, task.task_class);
  }
  index_inventory();
  match_classes();
  index_caps();
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    if (tasks_[ix].spec && tasks_[ix].task_class != kNone) index_load(ix);
  }
  for (const HardClass& hard : classes) {
    for (const TaskIx ix : hard.queued) enqueue(ix, false);
  }
}

void BrokerCore::index_tasks() {
  std::vector<std::pair<uint64_t, TaskIx>> serving;  // by Task::seq: in the order of the log
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec) continue;
    task_by_guid_.insert(task.spec.guid(), ix);
    if (!task.spec->metadata.empty()) ++tasks_with_metadata_;
    if (task.state == TaskState::ended) continue;
    if (task.state == TaskState::queued) ++queued_count_;
    if (task.waits_for > 0) ++dependants_waiting_;
    if (names_its_device(task)) serving.emplace_back(task.seq, ix);
    if (task.not_before != kNever) delayed_.emplace(task.not_before, ix, task.seq);
    index_deadlines(ix);
  }
  std::sort(serving.begin(), serving.end());
  for (const auto& [seq, ix] : serving) {
    serving_[tasks_[ix].spec->devices[0].name].push_back(TaskRef{ix, seq});
  }
  index_strays();
}

void BrokerCore::index_held() {
  for (Worker& worker : workers_) {
    held_count_ += worker.held.size();
    for (uint32_t position = 0; position < worker.held.size(); ++position) {
      Task& task = tasks_[worker.held[position]];
      task.held_position = position;
      count_running(task);
      if (!task.attempts.back().devices.empty()) ++worker.held_devices;
    }
  }
}

}  // namespace muster
