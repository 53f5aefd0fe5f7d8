// decide_dispatch: free capacity meets queued tasks. Tasks with devices first: their devices are
// what is scarce.
#include <algorithm>

#include "core/broker_core.h"

namespace muster {

Decision BrokerCore::decide_dispatch(Instant now) const {
  Decision decision;
  Scratch scratch;
  scratch.now = now;
  decide_leases_with_devices(scratch, decision);
  decide_leases_plain(now, scratch, decision);
  return decision;
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
  std::set<ClassIx> looked_at = dirty_classes_;
  looked_at.insert(chain_classes_.begin(), chain_classes_.end());
  for (const ClassIx ix : looked_at) {
    cursors.insert(ix, Cursor{classes_[ix].queues.begin(), 0});
    advance(ix);
  }
  while (!heads.empty()) {
    const ClassIx ix = std::get<2>(*heads.begin());
    heads.erase(heads.begin());
    Cursor& cursor = *cursors.find(ix);
    const Task& task = tasks_[cursor.queue->second[cursor.position].ix];
    scratch.job = &task;
    scratch.verified_only = true;
    std::optional<Placement> placement = find_placement(classes_[ix], &scratch);
    scratch.job = nullptr;
    scratch.verified_only = false;
    if (placement) {
      decide_lease(task, std::move(*placement), scratch, decision);
    } else if (!decide_verifications(task, scratch, decision)) {
      continue;  // nothing of this class can be placed now
    }
    ++cursor.position;
    advance(ix);
  }
}

void BrokerCore::decide_lease(const Task& task, Placement placement, Scratch& scratch,
                              Decision& decision) const {
  keep_roles(task, placement);
  const auto attempt = static_cast<uint32_t>(task.attempts.size() + 1);
  decide_lease({task.spec->guid, attempt}, placement, scratch, decision);
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

// Workers with a free slot first, one share each; then whoever has credit left for quick work.
void BrokerCore::decide_leases_plain(Instant now, Scratch& scratch, Decision& decision) const {
  for (const ClassIx ix : plain_classes_) {
    const TaskClass& task_class = classes_[ix];
    auto queue = task_class.queues.begin();
    size_t position = 0;
    const auto next_task = [&]() -> const Task* {
      for (; queue != task_class.queues.end(); ++queue, position = 0) {
        while (position < queue->second.size()) {
          const Task* task = live_task(queue->second[position++]);
          if (task && task->state == TaskState::queued) return task;
        }
      }
      return nullptr;
    };
    size_t left = 0;
    for (const auto& [priority, refs] : task_class.queues) left += refs.size();
    const auto lease_from =
        [&](const std::map<std::string, std::set<WorkerIx>, std::less<>>& by_pool,
            bool slots_only) {
          const auto found = by_pool.find(task_class.pool);
          if (found == by_pool.end()) return;
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
              const Task* task = next_task();
              if (!task) return;
              ++taken;
              if (left > 0) --left;
              decision.events.push_back(Event{
                  now, AttemptLeased{
                           {task->spec->guid, static_cast<uint32_t>(task->attempts.size() + 1)},
                           worker.name,
                           worker.incarnation,
                           {}}});
            }
            if (left == 0) return;
          }
        };
    lease_from(idle_workers_, true);
    if (left > 0) lease_from(free_workers_, false);
  }
}

}  // namespace muster
