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
  decide_leases_plain(scratch, decision);
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
    const TaskClass& task_class = classes_[dirty];
    for (size_t request = 0; request < task_class.candidates.size(); ++request) {
      for (size_t place = 0;;) {  // of those that it could get
        const DeviceIx candidate = next_candidate(task_class, request, false, place);
        if (candidate == kNone) break;
        if (others.empty()) return all;
        each_with(candidate, [&](DeviceIx near) {
          if (seen.insert(near)) each_with(near, add_waiters);
        });
      }
    }
  }
  return all;
}

// The queued tasks of one class, the next one first. What was looked at is passed.
struct BrokerCore::LaneWalk {
  struct Next {
    const Task* task = nullptr;
    Rank rank;
    size_t* position = nullptr;  // to be moved on
  };

  // The next one that its group does not hold back; or none.
  std::optional<Next> next(const BrokerCore& core, const TaskClass& task_class,
                           const Scratch& scratch) {
    std::optional<Next> best;
    for (const auto& [priority, lanes] : task_class.queues) {
      for (const auto& [key, lane] : lanes) {
        size_t& position = passed[{priority, key}];
        while (position < lane.size() && !core.may_be_next(lane[position], scratch)) ++position;
        if (position == lane.size()) continue;
        const Task& task = core.tasks_[lane[position].ix];
        if (core.barrier_of(task, scratch) == Barrier::group_full) continue;
        const Rank rank = core.rank_of(task, scratch);
        if (!best || rank < best->rank) best = Next{&task, rank, &position};
      }
      if (best) break;
    }
    return best;
  }

  std::map<std::pair<uint32_t, LaneKey>, size_t> passed;
};

// Whether it still waits, and this decision has not ended it.
bool BrokerCore::may_be_next(const TaskRef& ref, const Scratch& scratch) const {
  const Task* task = live_task(ref);
  return task && task->state == TaskState::queued && !scratch.over.contains(ref.seq) &&
         !strays_.contains(ref);
}

// Heads of the dirty classes by rank; a class comes back after each lease. Ranks only fall behind
// while a decision goes on: one that has is put back where it belongs.
void BrokerCore::decide_leases_with_devices(Scratch& scratch, Decision& decision) const {
  std::set<std::pair<Rank, ClassIx>> heads;
  std::map<ClassIx, LaneWalk> walks;
  const auto put_back = [&](ClassIx ix) {
    if (const auto next = walks[ix].next(*this, classes_[ix], scratch))
      heads.emplace(next->rank, ix);
  };
  for (const ClassIx ix : classes_to_look_at()) put_back(ix);
  while (!heads.empty()) {
    const auto [rank, ix] = *heads.begin();
    heads.erase(heads.begin());
    const std::optional<LaneWalk::Next> next = walks[ix].next(*this, classes_[ix], scratch);
    if (!next) continue;
    if (next->rank != rank) {
      heads.emplace(next->rank, ix);
      continue;
    }
    // What holds one of a class back but for its group holds them all back.
    if (barrier_of(*next->task, scratch) != Barrier::none) continue;
    if (!decide_lease_with_devices(*next->task, scratch, decision)) continue;
    ++*next->position;
    put_back(ix);
  }
}

// Whether the task is a verification on a job's behalf that waited until its device failed: that is
// not contacted before its back-off is over.
bool BrokerCore::is_left_alone(const Task& task, Instant now) const {
  if (task.spec->kind != TaskKind::verify || task.spec->parent.empty()) return false;
  const auto found = device_by_name_.find(task.spec->devices[0].name);
  if (found == device_by_name_.end()) return false;
  const Device& device = devices_[found->second];
  return !fit_for_job(found->second, {}) && (device.until == kNever || now < device.until);
}

// False: nothing of the task's class can be placed now. True: it was leased, or what must be done
// before is on its way.
bool BrokerCore::decide_lease_with_devices(const Task& task, Scratch& scratch,
                                           Decision& decision) const {
  if (is_left_alone(task, scratch.now)) return true;
  const size_t decided = decision.events.size();
  avoid_tried(task, scratch);
  scratch.job = &task;
  scratch.verified_only = true;
  std::optional<Placement> placement = find_placement(classes_[task.task_class], &scratch);
  scratch.job = nullptr;
  scratch.verified_only = false;
  bool placed = placement.has_value();
  if (placed) {
    count_lease(task, scratch);
    decide_lease(task, std::move(*placement), scratch, decision);
  } else {
    placed = decide_verifications(task, scratch, decision);
  }
  // One that waits for somebody else's verification takes no place in its group: that may be of the
  // group as well.
  const bool begins = decision.events.size() > decided && !is_preparing(task);
  if (begins && task.group != kNone) ++scratch.groups[task.group];
  scratch.excluded.clear();
  return placed;
}

// A task that is tried again goes to devices that its failed attempts did not have, and of another
// worker than one whose fault it was, when it could have such now.
void BrokerCore::avoid_tried(const Task& task, Scratch& scratch) const {
  if (task.attempts.size() == task.attempts_before()) return;
  const TaskClass& task_class = classes_[task.task_class];
  std::set<DeviceIx> tried;
  for (size_t i = task.attempts_before(); i < task.attempts.size(); ++i) {
    for (const std::string& name : task.attempts[i].device_names) {
      const auto device = device_by_name_.find(name);
      if (device != device_by_name_.end()) tried.insert(device->second);
    }
  }
  const auto could = [&] {
    scratch.job = &task;
    const bool placed = find_placement(task_class, &scratch).has_value();
    scratch.job = nullptr;
    return placed;
  };
  scratch.excluded = tried;
  for (const DeviceIx candidate : task_class.candidates[0]) {
    if (was_tried(task, devices_[candidate].worker)) scratch.excluded.insert(candidate);
  }
  if (scratch.excluded.empty() || could()) return;
  const bool by_worker = scratch.excluded.size() > tried.size();
  scratch.excluded = std::move(tried);
  if (by_worker && !scratch.excluded.empty() && could()) return;
  scratch.excluded.clear();
}

// Whether an attempt of the task failed by the fault of this worker.
bool BrokerCore::was_tried(const Task& task, WorkerIx worker) const {
  for (size_t i = task.attempts_before(); i < task.attempts.size(); ++i) {
    const Attempt& attempt = task.attempts[i];
    if (attempt.worker == worker && attempt.ending && attempt.ending->cause == Cause::worker) {
      return true;
    }
  }
  return false;
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

// The queued tasks of a class without devices, in order. Its pool is that of no other such class.
struct BrokerCore::PlainQueue {
  // A lane and how far it was taken.
  struct Place {
    const Lane* lane = nullptr;
    size_t position = 0;
  };

  PlainQueue(const BrokerCore& broker, ClassIx class_ix, const Scratch& scratch)
      : core(broker),
        ix(class_ix),
        level(core.classes_[ix].queues.begin()),
        end(core.classes_[ix].queues.end()) {
    find_next(scratch);
  }

  // The next one that its group does not hold back, or nullptr.
  const Task* task() const { return heads.empty() ? nullptr : &task_of(heads.begin()->second); }
  std::pair<Rank, ClassIx> rank() const { return {heads.begin()->first, ix}; }
  // After task() was leased, as `scratch` says.
  void pop(const Scratch& scratch) {
    auto first = heads.extract(heads.begin());
    ++first.mapped().position;
    if (find_queued(first.mapped())) {
      first.key() = core.rank_of(task_of(first.mapped()), scratch);
      heads.insert(std::move(first));
    }
    find_next(scratch);
  }
  // Sees to it that the first of the heads is where it belongs: ranks only fall behind, by leases
  // of this decision, and groups only fill up. Enters the next priority where this one is done.
  void find_next(const Scratch& scratch) {
    while (true) {
      for (; heads.empty() && level != end; ++level) {
        for (const auto& [key, lane] : level->second) {
          Place place{&lane, 0};
          if (find_queued(place)) heads.emplace(core.rank_of(task_of(place), scratch), place);
        }
      }
      if (heads.empty()) return;
      const Task& task = task_of(heads.begin()->second);
      auto first = heads.extract(heads.begin());
      if (core.barrier_of(task, scratch) == Barrier::group_full) continue;
      const Rank rank = core.rank_of(task, scratch);
      const bool stays = rank == first.key();
      first.key() = rank;
      heads.insert(std::move(first));
      if (stays) return;
    }
  }

 private:
  const Task& task_of(const Place& place) const {
    return core.tasks_[(*place.lane)[place.position].ix];
  }
  bool find_queued(Place& place) const {
    for (; place.position < place.lane->size(); ++place.position) {
      const Task* found = core.live_task((*place.lane)[place.position]);
      if (found && found->state == TaskState::queued) return true;
    }
    return false;
  }

  const BrokerCore& core;
  ClassIx ix;
  broker_state::LanesByPriority::const_iterator level;
  broker_state::LanesByPriority::const_iterator end;
  std::map<Rank, Place> heads;  // each by its first task
};

// Pools take turns: each for as many tasks as go before the next one's, and as it has room for.
void BrokerCore::decide_leases_plain(Scratch& scratch, Decision& decision) const {
  std::map<std::pair<Rank, ClassIx>, PlainQueue> heads;
  for (const ClassIx ix : plain_classes_) {
    PlainQueue queue(*this, ix, scratch);
    if (!queue.task()) continue;
    const std::pair<Rank, ClassIx> rank = queue.rank();
    heads.emplace(rank, std::move(queue));
  }
  while (!heads.empty()) {
    auto first = heads.extract(heads.begin());
    PlainQueue& queue = first.mapped();
    queue.find_next(scratch);
    if (!queue.task()) continue;
    if (queue.rank() == first.key()) {
      const std::string& pool = queue.task()->spec->pool;
      std::deque<const Task*> run;
      for (size_t room = room_for_plain(pool, scratch); room > run.size();) {
        if (barrier_of(*queue.task(), scratch) != Barrier::none) break;
        const Task& task = *queue.task();
        run.push_back(&task);
        count_lease(task, scratch);
        if (task.group != kNone) ++scratch.groups[task.group];
        queue.pop(scratch);
        if (!queue.task() || (!heads.empty() && heads.begin()->first < queue.rank())) break;
      }
      if (run.empty()) continue;  // nothing more of this pool can be placed now
      decide_leases_of(run, pool, idle_workers_, true, scratch, decision);
      decide_leases_of(run, pool, free_workers_, false, scratch, decision);
      if (!queue.task()) continue;
    }
    first.key() = queue.rank();
    heads.insert(std::move(first));
  }
}

// How many more attempts the pool's workers would hold, as far as it matters.
size_t BrokerCore::room_for_plain(const std::string& pool, const Scratch& scratch) const {
  constexpr size_t kEnough = 1'024;  // for one run
  const auto found = free_workers_.find(pool);
  if (found == free_workers_.end()) return 0;
  size_t room = 0;
  for (const WorkerIx ix : found->second) {
    room += room_at(ix, false, scratch);
    if (room >= kEnough) break;
  }
  return room;
}

// How many more attempts the worker may have: as many as it has slots for, or as it would hold.
size_t BrokerCore::room_at(WorkerIx ix, bool slots_only, const Scratch& scratch) const {
  const Worker& worker = workers_[ix];
  const uint32_t* taken = scratch.leases.find(ix);
  const size_t used = worker.held.size() + (taken ? *taken : 0);
  const size_t bound = slots_only ? worker.slots : worker.credit;
  return bound - std::min(bound, used);
}

// Leases tasks of the run to workers with a free slot, or to whoever has credit left for quick
// work; those that failed on a worker to another one, where there is one.
void BrokerCore::decide_leases_of(std::deque<const Task*>& run, const std::string& pool,
                                  const WorkersByPool& by_pool, bool slots_only, Scratch& scratch,
                                  Decision& decision) const {
  const auto found = by_pool.find(pool);
  if (found == by_pool.end()) return;
  for (const bool choosy : {true, false}) {
    decide_shares(run, found->second, {slots_only, choosy}, scratch, decision);
    if (run.empty()) return;
    // What one has no room for is shared anew by those that have.
    std::vector<WorkerIx> roomy(found->second.begin(), found->second.end());
    for (size_t before = 0; !run.empty() && run.size() != before;) {
      before = run.size();
      std::erase_if(roomy, [&](WorkerIx ix) { return room_at(ix, slots_only, scratch) == 0; });
      decide_shares(run, roomy, {slots_only, choosy}, scratch, decision);
    }
  }
}

// To each worker one share of the run, as far as it has room.
template <typename Workers>
void BrokerCore::decide_shares(std::deque<const Task*>& run, const Workers& workers, ShareRule rule,
                               Scratch& scratch, Decision& decision) const {
  size_t workers_left = workers.size();
  for (const WorkerIx ix : workers) {
    if (run.empty()) break;
    const Worker& worker = workers_[ix];
    const size_t share = (run.size() + workers_left - 1) / workers_left;
    --workers_left;
    size_t room = std::min(room_at(ix, rule.slots_only, scratch), share);
    uint32_t& taken = scratch.leases[ix];
    for (size_t looked_at = run.size(); room > 0 && looked_at > 0; --looked_at) {
      const Task& task = *run.front();
      run.pop_front();
      if (rule.choosy && !task.attempts.empty() && was_tried(task, ix)) {
        run.push_back(&task);
        continue;
      }
      --room;
      ++taken;
      const auto attempt = static_cast<uint32_t>(task.attempts.size() + 1);
      decision.events.push_back(Event{
          scratch.now, AttemptLeased{{task.guid(), attempt}, worker.name, worker.incarnation, {}}});
    }
  }
}

}  // namespace muster
