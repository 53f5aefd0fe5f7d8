// The rules of scheduling (docs/scheduling.md): who goes before whom, and what nobody may exceed.
// Dispatch and its explanations ask the same functions.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"
#include "core/duration_text.h"

namespace muster {

namespace {

// What a lease costs a submitter of weight 1.
constexpr uint64_t kTurn = 1'000'000;

uint64_t cost_of(const broker_state::ShareLoad& share) { return kTurn / share.weight; }

std::string counted(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

// By priority; then by what the submitter has running in the pool, by his weight; then by whose
// turn it is; then by age. Each lease moves a submitter's turn on, the less the greater his weight
// is, from where it was or from the turn that was served last, whichever is later: nobody saves up.
// `after`: when so many more of the submitter's tasks have been leased.
BrokerCore::Rank BrokerCore::rank_of(uint32_t priority, ShareIx ix, uint64_t seq,
                                     const Scratch& scratch, uint64_t after) const {
  const ShareLoad& share = shares_[ix];
  const Scratch::Taken* taken = scratch.shares.find(ix);
  const uint64_t running = share.running + (taken ? taken->leases : 0) + after;
  const uint64_t turn = std::max({taken ? taken->turn : share.turn, turn_now_, scratch.turn_now});
  return Rank{-static_cast<int64_t>(priority), running * cost_of(share),
              turn + after * cost_of(share), seq};
}

// A job for which devices are, or have been, verified goes before its equals, by age: otherwise
// each of two could take what was verified for the other, for ever.
BrokerCore::Rank BrokerCore::rank_of(const Task& task, const Scratch& scratch,
                                     uint64_t after) const {
  const auto is_ready = [&](const std::string& name) {
    const auto device = device_by_name_.find(name);
    return device != device_by_name_.end() && devices_[device->second].good_for == task.seq;
  };
  const bool has_children = task.chain && !task.chain->open.empty();
  if (has_children || (task.chain && std::any_of(task.chain->verified.begin(),
                                                 task.chain->verified.end(), is_ready))) {
    return Rank{-static_cast<int64_t>(task.spec->priority), 0, 0, task.seq};
  }
  return rank_of(task.spec->priority, task.share, task.seq, scratch, after);
}

// Whether it is served first.
bool BrokerCore::outranks(const Task& one, const Task& other) const {
  const Scratch nothing_taken;
  return rank_of(one, nothing_taken) < rank_of(other, nothing_taken);
}

// How many attempts its tasks may have at once.
uint64_t BrokerCore::limit_of(const PoolLoad& pool) {
  uint64_t limit = UINT64_MAX;
  if (pool.cap.max_running > 0) limit = pool.cap.max_running;
  if (pool.cap.max_running_per_device > 0) {
    limit = std::min(limit, uint64_t{pool.cap.max_running_per_device} * pool.devices.size());
  }
  return limit;
}

// How many more of the pool's tasks may be leased.
uint64_t BrokerCore::room_of(PoolIx ix, const Scratch& scratch) const {
  const auto left = [](uint64_t limit, uint64_t taken) { return limit - std::min(limit, taken); };
  const uint64_t* taken = scratch.pools.find(ix);
  return std::min(left(limit_of(lab_), lab_.running + scratch.lab),
                  left(limit_of(pools_[ix]), pools_[ix].running + (taken ? *taken : 0)));
}

BrokerCore::Barrier BrokerCore::barrier_of(PoolIx pool, const Scratch& scratch) const {
  if (draining_) return Barrier::draining;
  if (room_of(pool, scratch) == 0) {
    return lab_.running + scratch.lab >= limit_of(lab_) ? Barrier::lab_full : Barrier::pool_full;
  }
  return Barrier::none;
}

BrokerCore::Barrier BrokerCore::barrier_of(const Task& task, const Scratch& scratch) const {
  const Barrier barrier = barrier_of(shares_[task.share].pool, scratch);
  if (barrier != Barrier::none || task.group == kNone) return barrier;
  const GroupLoad& group = groups_[task.group];
  const uint64_t* taken = scratch.groups.find(task.group);
  const uint64_t others =
      group.running + group.preparing + (taken ? *taken : 0) - (is_preparing(task) ? 1 : 0);
  return others >= group.at_once ? Barrier::group_full : Barrier::none;
}

// Whether something is being done for the task before it runs. What only waits to be done, for a
// worker that is gone perhaps, holds up nobody.
bool BrokerCore::is_preparing(const Task& task) { return task.children_held > 0; }

// A child has begun to count as running, or has ceased to.
void BrokerCore::apply_child_held(const Task& child, bool held) {
  if (!child.chain || !live_task(child.chain->parent)) return;
  Task& parent = tasks_[child.chain->parent.ix];
  if (parent.state == TaskState::ended) return;
  if (held) {
    if (++parent.children_held == 1) apply_preparing(parent, true);
  } else if (--parent.children_held == 0) {
    apply_preparing(parent, false);
  }
}

// What is done for the task has begun, or is over.
void BrokerCore::apply_preparing(const Task& task, bool begun) {
  if (task.group == kNone) return;
  if (begun) {
    ++groups_[task.group].preparing;
  } else {
    leave_group_place(task.group, &GroupLoad::preparing);
  }
}

// One less of the group runs, or is prepared. Whoever its bound held back has a look.
void BrokerCore::leave_group_place(GroupIx ix, uint64_t GroupLoad::*place) {
  GroupLoad& group = groups_[ix];
  const bool was_full = group.running + group.preparing >= group.at_once;
  --(group.*place);
  if (!was_full) return;
  for (const ClassIx waiting : group.classes) mark_class(waiting);
}

// The decision leases the task, or something that is done for it.
BrokerCore::Scratch::Taken& BrokerCore::count_taken(const Task& task, Scratch& scratch) const {
  const ShareLoad& share = shares_[task.share];
  Scratch::Taken& taken = scratch.shares[task.share];
  if (taken.leases == 0) taken.turn = share.turn;
  ++taken.leases;
  ++scratch.pools[share.pool];
  ++scratch.lab;
  return taken;
}

// The decision leases the task.
void BrokerCore::count_lease(const Task& task, Scratch& scratch) const {
  Scratch::Taken& taken = count_taken(task, scratch);
  scratch.turn_now = std::max({taken.turn, turn_now_, scratch.turn_now});
  taken.turn = scratch.turn_now + cost_of(shares_[task.share]);
}

// A task that begins to count among its submitter's, its pool's and its group's.
void BrokerCore::index_load(TaskIx ix) {
  Task& task = tasks_[ix];
  const TaskTerms& spec = *task.spec;
  const auto [share_ix, is_new] = shares_.acquire(spec.pool + '\n' + spec.submitter);
  task.share = share_ix;
  ShareLoad& share = shares_[share_ix];
  if (is_new) {
    share.pool = pools_.acquire(spec.pool).first;
    share.submitter = spec.submitter;
    const auto weight = weights_.find(spec.submitter);
    if (weight != weights_.end()) share.weight = weight->second;
    pools_[share.pool].name = spec.pool;
  }
  pools_[share.pool].classes.insert(task.task_class);
  if (spec.at_once == 0) return;
  const auto [group_ix, is_new_group] = groups_.acquire(spec.group);
  task.group = group_ix;
  GroupLoad& group = groups_[group_ix];
  if (is_new_group) group.at_once = spec.at_once;
  group.name = spec.group;
  group.classes.insert(task.task_class);
}

void BrokerCore::leave_load(Task& task) {
  if (is_preparing(task)) apply_preparing(task, false);
  task.children_held = 0;
  const PoolIx pool = shares_[task.share].pool;
  if (shares_.release(task.share)) pools_.release(pool);
  if (task.group != kNone) groups_.release(task.group);
  task.share = task.group = kNone;
}

void BrokerCore::count_running(const Task& task) {
  ShareLoad& share = shares_[task.share];
  ++share.running;
  ++pools_[share.pool].running;
  ++lab_.running;
  if (task.group != kNone) ++groups_[task.group].running;
  apply_child_held(task, true);
}

// An attempt of the task has begun to count as running, or has ceased to. Where that makes room
// below a cap, whoever it held back has a look.
void BrokerCore::apply_load(const Task& task, bool leased) {
  ShareLoad& share = shares_[task.share];
  PoolLoad& pool = pools_[share.pool];
  if (leased) {
    if (task.spec->parent.empty()) {  // what is done for a job is no turn of its own
      turn_now_ = std::max(share.turn, turn_now_);
      share.turn = turn_now_ + cost_of(share);
    }
    count_running(task);
    return;
  }
  assert(share.running > 0 && pool.running > 0 && lab_.running > 0);
  apply_child_held(task, false);
  const bool lab_was_full = lab_.running >= limit_of(lab_);
  const bool pool_was_full = pool.running >= limit_of(pool);
  --share.running;
  --pool.running;
  --lab_.running;
  if (lab_was_full) {
    mark_classes();
  } else if (pool_was_full) {
    for (const ClassIx ix : pool.classes) mark_class(ix);
  }
  if (task.group != kNone) leave_group_place(task.group, &GroupLoad::running);
}

// Caps and weights of the inventory that is in force.
void BrokerCore::index_caps() {
  for (const PoolIx ix : capped_pools_) {
    pools_[ix].cap = Cap{};
    pools_.release(ix);
  }
  capped_pools_.clear();
  lab_.cap = Cap{};
  for (const Cap& cap : inventory_->caps) {
    if (cap.pool.empty()) {
      lab_.cap = cap;
      continue;
    }
    const PoolIx ix = pools_.acquire(cap.pool).first;
    capped_pools_.push_back(ix);
    pools_[ix].name = cap.pool;
    pools_[ix].cap = cap;
  }
  index_cap_devices();
  weights_.clear();
  for (const Share& share : inventory_->shares) weights_[share.submitter] = share.weight;
  shares_.each([&](ShareLoad& share) {
    const auto weight = weights_.find(share.submitter);
    share.weight = weight == weights_.end() ? 1 : weight->second;
  });
  mark_classes();
}

// After the pools of devices, or which there are, changed.
void BrokerCore::index_cap_devices() {
  lab_.devices.clear();
  for (const PoolIx pool : capped_pools_) pools_[pool].devices.clear();
  for (DeviceIx ix = 0; ix < devices_.size(); ++ix) index_cap_device(ix);
}

// True where that raises a cap.
bool BrokerCore::index_cap_device(DeviceIx ix) {
  const Device& device = devices_[ix];
  bool raises = false;
  const auto count = [&](PoolLoad& pool, bool in) {
    if (pool.cap.max_running_per_device == 0) return;
    if (in) {
      raises = pool.devices.insert(ix).second || raises;
    } else {
      pool.devices.erase(ix);
    }
  };
  count(lab_, device.known());
  for (const PoolIx pool : capped_pools_) {
    count(pools_[pool], device.known() && device_in_pool(device.spec, pools_[pool].name));
  }
  return raises;
}

void BrokerCore::mark_classes() {
  for (ClassIx ix = 0; ix < classes_.size(); ++ix) mark_class(ix);
}

std::string BrokerCore::explain_pool_full(const PoolLoad& pool) const {
  const std::string whose = pool.name.empty() ? "the lab" : "pool " + pool.name;
  const Cap& cap = pool.cap;
  const uint64_t by_device = uint64_t{cap.max_running_per_device} * pool.devices.size();
  const bool is_by_device = cap.max_running_per_device > 0 &&
                            (cap.max_running == 0 || by_device < uint64_t{cap.max_running});
  const std::string rule =
      is_by_device ? "max_running_per_device: " + std::to_string(cap.max_running_per_device) +
                         ", and it has " + counted(pool.devices.size(), "device")
                   : "max_running: " + std::to_string(cap.max_running);
  return whose + " has " + counted(pool.running, "attempt") + " running and may have " +
         std::to_string(limit_of(pool)) + " (" + rule + " in the inventory)";
}

std::string BrokerCore::explain_draining(const std::string& whose, const Draining& draining,
                                         Instant now) const {
  const std::string resume =
      whose.empty() ? "muster broker resume" : "muster worker resume " + whose;
  return (whose.empty() ? "the broker" : "worker " + whose) + " takes no new work, by " +
         draining.who + " " + format_duration(now - draining.since) + " ago" +
         (draining.reason.empty() ? "" : ": " + draining.reason) + "; " + resume;
}

// Why later tasks of others are served before it.
std::string BrokerCore::explain_share(const Task& task, uint32_t passed) const {
  const ShareLoad& share = shares_[task.share];
  const std::string who = share.submitter.empty() ? "its submitter" : share.submitter;
  const std::string where = task.spec->pool.empty() ? "" : " in pool " + task.spec->pool;
  return counted(passed, "later task") + " of others " + (passed == 1 ? "goes" : "go") +
         " first by fair share: " + who + " has " + counted(share.running, "attempt") + " running" +
         where + (share.weight > 1 ? ", at weight " + std::to_string(share.weight) : "");
}

std::string BrokerCore::explain_barrier(const Task& task, Barrier barrier, Instant now) const {
  switch (barrier) {
    case Barrier::none:
      return "";
    case Barrier::draining:
      return explain_draining("", *draining_, now);
    case Barrier::lab_full:
      return explain_pool_full(lab_);
    case Barrier::pool_full:
      return explain_pool_full(pools_[shares_[task.share].pool]);
    case Barrier::group_full: {
      const GroupLoad& group = groups_[task.group];
      const std::string before =
          group.preparing == 0
              ? ""
              : " and the devices of " + std::to_string(group.preparing) + " verified";
      return "group " + group.name + " has " + counted(group.running, "task") + " running" +
             before + ", and may have " + std::to_string(group.at_once) + " at once";
    }
  }
  return "";
}

}  // namespace muster
