// Chains: a job whose devices are verified first, and the verifications and repairs (its children)
// that are done on its behalf. Nothing is reserved from one decision to the next: each looks at the
// job, its devices and its children as they are.
#include <algorithm>
#include <cassert>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

constexpr std::string_view kBroker = "broker";
// After somebody else's look at a failed device that came to no result.
constexpr Duration kReverifyPause = std::chrono::seconds(1);

std::string hex16(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 0xf];
  return text;
}

// An end that says something of the device, and not only of what lay between. Where a child ended
// so, the same again is not tried.
bool is_in_vain(const Ending& ending) {
  switch (ending.cause) {
    case Cause::worker:
    case Cause::broker:
    case Cause::user:
    case Cause::capacity:
      return false;
    default:
      return ending.outcome != Outcome::pass;
  }
}

}  // namespace

struct BrokerCore::Consequences {
  // A child that did not pass.
  struct Failed {
    const Task* child = nullptr;
    Ending ending;
    bool repaired = false;  // the device will be, for the job
  };

  Decision& decision;
  Instant now;
  Judged judged;
  LookupSet<std::string> over;                          // tasks that this decision ends
  LookupSet<std::string> cancelled;                     // or cancels
  std::map<uint64_t, std::vector<Failed>> failed = {};  // by the job's Task::seq

  void end(const std::string& guid, Ending ending) {
    if (!over.insert(guid)) return;
    decision.events.push_back(Event{now, TaskEnded{guid, std::move(ending), Verdict::error}});
  }
};

// Completes a decision with what follows from its events: for the health of devices, for jobs whose
// children ended, and for children whose job ended.
void BrokerCore::decide_consequences(Decision& decision, Instant now) const {
  if (decision.events.empty() || (devices_.empty() && serving_.empty())) return;
  Consequences all{decision, now, {}, {}, {}};
  decide_judgements(decision, all.judged, now);
  for (const Event& event : decision.events) {
    if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      if (ended->verdict != Verdict::none) all.over.insert(ended->token.guid);
    } else if (const auto* over = std::get_if<TaskEnded>(&event.body)) {
      all.over.insert(over->guid);
    } else if (const auto* cancel = std::get_if<CancelRequested>(&event.body)) {
      all.cancelled.insert(cancel->guid);
    }
  }
  // The list grows on the way, by ends of other tasks.
  const auto follow_from = [&](size_t begin) {
    for (size_t i = begin; i < decision.events.size(); ++i) {
      const EventBody body = decision.events[i].body;
      if (const auto* ended = std::get_if<AttemptEnded>(&body)) {
        if (ended->verdict == Verdict::none) {
          decide_needless_one(all, *find_task(ended->token.guid));
        } else {
          decide_over(all, ended->token.guid, ended->ending, ended->verdict);
        }
      } else if (const auto* over = std::get_if<TaskEnded>(&body)) {
        decide_over(all, over->guid, over->ending, over->verdict);
      } else if (const auto* judged = std::get_if<DeviceJudged>(&body)) {
        decide_needless(all, *judged);
      }
    }
  };
  follow_from(0);
  while (!all.failed.empty()) {
    const size_t begin = decision.events.size();
    const Task* job = live_task(all.failed.begin()->second.front().child->chain->parent);
    if (!all.over.contains(job->spec->guid)) decide_after_failed(all, *job);
    all.failed.erase(all.failed.begin());
    follow_from(begin);
  }
}

// Children that nothing can be leased to any more: their device is gone.
void BrokerCore::decide_strays(Instant now, Decision& decision) const {
  for (const TaskRef& ref : strays_) {
    const Task& task = *live_task(ref);
    const std::string& guid = task.spec->guid;
    const auto ends = [&](const Event& event) {
      const auto* over = std::get_if<TaskEnded>(&event.body);
      return over && over->guid == guid;
    };
    if (task.state != TaskState::queued ||
        std::any_of(decision.events.begin(), decision.events.end(), ends)) {
      continue;
    }
    const std::string text =
        "device " + task.spec->devices[0].name + " is not in the inventory any more";
    decision.events.push_back(Event{now, TaskEnded{guid,
                                                   make_ending(Outcome::error, Cause::capacity,
                                                               StatusCode::busy, text, kNever, now),
                                                   Verdict::error}});
  }
}

// A task ended: its children are not needed any more, and its parent may have waited for it.
void BrokerCore::decide_over(Consequences& all, const std::string& guid, const Ending& ending,
                             Verdict verdict) const {
  const Task* task = find_task(guid);
  if (!task || !task->chain) return;
  decide_orphans(all, *task);
  const Task* job = live_task(task->chain->parent);
  if (!job || verdict == Verdict::pass || job->state != TaskState::queued || job->cancel ||
      all.over.contains(job->spec->guid)) {
    return;
  }
  all.failed[job->seq].push_back({task, ending});
}

// What was done for a job that ended is stopped, unless others wait for it too.
void BrokerCore::decide_orphans(Consequences& all, const Task& job) const {
  for (const TaskRef& ref : job.chain->open) {
    const Task& child = *live_task(ref);
    const std::string& guid = child.spec->guid;
    const auto device = device_by_name_.find(child.spec->devices[0].name);
    if (child.cancel || all.over.contains(guid)) continue;
    if (device != device_by_name_.end() && needed_by_others(device->second, job)) continue;
    const std::string reason = "the job that it was for has ended: " + job.spec->guid;
    if (all.cancelled.insert(guid)) {
      all.decision.events.push_back(
          Event{all.now, CancelRequested{guid, reason, std::string(kBroker)}});
    }
    if (child.state != TaskState::queued) continue;
    all.end(guid,
            make_ending(Outcome::error, Cause::user, StatusCode::killed, reason, kNever, all.now));
  }
}

// A judgement takes the sense away from what waits to look at the device.
void BrokerCore::decide_needless(Consequences& all, const DeviceJudged& judged) const {
  const auto serving = serving_.find(judged.device);
  if (serving == serving_.end()) return;
  for (const TaskRef& ref : serving->second) {
    const Task& task = *live_task(ref);
    if (task.state == TaskState::queued) decide_needless_one(all, task);
  }
}

// Ends a task that is queued, or is about to be again, when it is done on somebody's behalf and its
// device is not to be looked at now: a verification for a job that could not use the device, a
// repair of one that a person has, the broker's own look at one whose back-off is not over.
void BrokerCore::decide_needless_one(Consequences& all, const Task& task) const {
  if (!names_its_device(task)) return;
  const auto device = device_by_name_.find(task.spec->devices[0].name);
  if (device == device_by_name_.end()) return;
  const DeviceJudged judged = device_as_judged(device->second, all.judged);
  const bool for_job = fit_for_job(device->second, &all.judged);
  bool needless = false;
  if (task.chain && live_task(task.chain->parent)) {
    needless = task.spec->kind == TaskKind::verify ? !for_job : !for_job && judged.who != kBroker;
  } else if (task.spec->submitter == kBroker) {
    needless = for_job || judged.who != kBroker || judged.until == kNever || judged.until > all.now;
  }
  if (!needless) return;
  all.end(task.spec->guid, make_ending(Outcome::error, Cause::capacity, StatusCode::busy,
                                       "device " + judged.device + " is " +
                                           std::string(to_string(judged.health)) + " meanwhile",
                                       kNever, all.now));
}

// A queued job after children of it that did not pass: it has the device repaired, or goes
// elsewhere, or ends.
void BrokerCore::decide_after_failed(Consequences& all, const Task& job) const {
  std::vector<Consequences::Failed>& failed = all.failed.at(job.seq);
  const Consequences::Failed* lost = nullptr;
  for (Consequences::Failed& each : failed) {
    each.repaired = can_be_repaired(job, *each.child, each.ending, all.judged);
    const bool verification = each.child->spec->kind == TaskKind::verify;
    if (!each.repaired && (is_in_vain(each.ending) || !verification)) lost = &each;
  }
  if (lost && !can_go_elsewhere(job, all)) {
    const Ending& why = lost->ending;
    const bool known = why.cause == Cause::peripheral || why.cause == Cause::config;
    const std::string text =
        "device " + lost->child->spec->devices[0].name + " did not pass " +
        (lost->child->spec->kind == TaskKind::verify ? "verification" : "repair") + " (" +
        why.message + "; task " + lost->child->spec->guid +
        "), and no other device is left for the job";
    all.end(job.spec->guid,
            make_ending(Outcome::error, known ? why.cause : Cause::device, StatusCode::blocked,
                        cut_text(text, kMessageLengthMax), kNever, all.now));
    return;
  }
  for (const Consequences::Failed& each : failed) {
    if (!each.repaired) continue;
    const RepairWork work{cut_text(each.ending.message, kMessageLengthMax)};
    const TaskSpecPtr child = make_child(job, TaskKind::repair, each.child->spec->devices[0].name,
                                         work, head_ + all.decision.events.size() + 1);
    all.decision.events.push_back(Event{all.now, TaskSubmitted{child}});
  }
}

// Whether what the child found wrong is repaired for the job: once for each device, and while there
// is time left for it.
bool BrokerCore::can_be_repaired(const Task& job, const Task& child, const Ending& ending,
                                 const Judged& judged) const {
  const Before& before = job.spec->before;
  const auto device = device_by_name_.find(child.spec->devices[0].name);
  if (child.spec->kind != TaskKind::verify || ending.outcome != Outcome::fail || !before.repair ||
      device == device_by_name_.end() || job.chain->repair_spent >= before.repair_budget) {
    return false;
  }
  const DeviceJudged judged_so = device_as_judged(device->second, judged);
  const std::vector<DeviceIx>& repaired = job.chain->repaired;
  return judged_so.who == kBroker && judged_so.health != DeviceHealth::locked &&
         std::find(repaired.begin(), repaired.end(), device->second) == repaired.end();
}

// Whether the job could still be placed on devices that are fit for it, once they are free.
bool BrokerCore::can_go_elsewhere(const Task& job, const Consequences& all) const {
  Scratch scratch;
  scratch.now = all.now;
  scratch.job = &job;
  scratch.fit_is_enough = true;
  scratch.judged = &all.judged;
  for (const Consequences::Failed& each : all.failed.at(job.seq)) {
    const auto device = device_by_name_.find(each.child->spec->devices[0].name);
    if (device == device_by_name_.end()) continue;
    if (each.repaired) {
      scratch.hoped.insert(device->second);
    } else if (is_in_vain(each.ending)) {
      scratch.excluded.insert(device->second);
    }
  }
  for (const TaskRef& ref : job.chain->open) {
    const Task& child = *live_task(ref);
    const auto device = device_by_name_.find(child.spec->devices[0].name);
    const bool repairs =
        child.spec->kind == TaskKind::repair && !all.over.contains(child.spec->guid);
    if (repairs && device != device_by_name_.end()) scratch.hoped.insert(device->second);
  }
  return find_placement(classes_[job.task_class], &scratch).has_value();
}

// The job is the next of its class, and has no placement in which every device is verified for it.
// Has the devices of a placement verified, and keeps what is already verified from lower ranks.
// False when the jobs behind it in its class cannot be placed either.
bool BrokerCore::decide_verifications(const Task& job, Scratch& scratch, Decision& decision) const {
  if (job.spec->before.verify == VerifyFirst::none) return false;
  if (job.chain && !job.chain->open.empty()) {
    reserve_for(job, scratch);
    return true;
  }
  scratch.job = &job;
  const std::optional<Placement> placement = find_placement(classes_[job.task_class], &scratch);
  scratch.job = nullptr;
  if (!placement) return decide_without_placement(job, scratch.now, decision);
  if (job.chain && job.chain->failed_children >= kChildrenPerTaskMax) {
    const std::string text = std::to_string(job.chain->failed_children) +
                             " verifications and repairs on its behalf came to nothing: muster "
                             "task trace " +
                             job.spec->guid;
    decision.events.push_back(
        Event{scratch.now, TaskEnded{job.spec->guid,
                                     make_ending(Outcome::error, Cause::broker, StatusCode::blocked,
                                                 text, kNever, scratch.now),
                                     Verdict::error}});
    return true;
  }
  for (const DeviceIx device : placement->devices) reserve(job, device, scratch);
  for (size_t i = 0; i < job.spec->devices.size(); ++i) {
    const DeviceIx device = placement->devices[i];
    if (verified_for(job, devices_[device], scratch.now)) continue;
    if (!is_served(devices_[device].spec.name)) {
      decide_verification(job, device, scratch, decision);
    }
  }
  return true;
}

// Nothing can be placed now. Where the job has tried devices in vain that may still do for others
// of its class (then true), and it ends when no device is left that it could wait for.
bool BrokerCore::decide_without_placement(const Task& job, Instant now, Decision& decision) const {
  if (!job.chain || job.chain->vain.empty()) return false;
  Scratch scratch;
  scratch.now = now;
  scratch.job = &job;
  scratch.fit_is_enough = true;
  if (find_placement(classes_[job.task_class], &scratch)) return true;
  std::string names;
  for (const auto& [device, seq] : job.chain->vain) {
    names += (names.empty() ? "" : ", ") + devices_[device].spec.name;
  }
  const std::string text = names +
                           " did not pass verification or repair for the job, and no other " +
                           "device is left for it: muster task trace " + job.spec->guid;
  decision.events.push_back(
      Event{now, TaskEnded{job.spec->guid,
                           make_ending(Outcome::error, Cause::device, StatusCode::blocked,
                                       cut_text(text, kMessageLengthMax), kNever, now),
                           Verdict::error}});
  return true;
}

// Submits a verification of the device for the job and, where there is room, leases it at once: it
// stands in for the job, whose turn it is.
void BrokerCore::decide_verification(const Task& job, DeviceIx device, Scratch& scratch,
                                     Decision& decision) const {
  const TaskSpecPtr child =
      make_child(job, TaskKind::verify, devices_[device].spec.name,
                 VerifyWork{job.spec->before.level}, head_ + decision.events.size() + 1);
  decision.events.push_back(Event{scratch.now, TaskSubmitted{child}});
  TaskClass alone;
  describe_class(alone, *child);
  alone.candidates = {{device}};
  const std::optional<Placement> placement = find_placement(alone, &scratch);
  if (placement) decide_lease(AttemptToken{child->guid, 1}, *placement, scratch, decision);
}

// While children are on their way: what they are to look at, and what has passed already.
void BrokerCore::reserve_for(const Task& job, Scratch& scratch) const {
  for (const DeviceIx device : job.chain->verified) {
    if (devices_[device].good_for == job.seq) reserve(job, device, scratch);
  }
  for (const TaskRef& ref : job.chain->open) {
    const auto device = device_by_name_.find(live_task(ref)->spec->devices[0].name);
    if (device != device_by_name_.end()) reserve(job, device->second, scratch);
  }
}

// With the rest of its stacks, where the device is there to be leased.
void BrokerCore::reserve(const Task& job, DeviceIx device, Scratch& scratch) const {
  const auto reserve_one = [&](DeviceIx ix) {
    if (!scratch.reserved.contains(ix)) scratch.reserved[ix] = job.seq;
  };
  reserve_one(device);
  if (!device_present(devices_[device])) return;
  for (const DeviceIx companion : devices_[device].companions) reserve_one(companion);
}

// Whether this decision keeps the device for others. What verifies or repairs a reserved device, by
// name, may use whatever is reserved with it.
bool BrokerCore::reserved_from(const TaskClass& task_class, DeviceIx ix,
                               const Scratch& scratch) const {
  const uint64_t* job = scratch.reserved.find(ix);
  if (!job) return false;
  if (task_class.kind == TaskKind::job || task_class.requests.empty()) return true;
  const auto named = device_by_name_.find(task_class.requests[0].name);
  if (named == device_by_name_.end()) return true;
  const uint64_t* for_named = scratch.reserved.find(named->second);
  return !for_named || *for_named != *job;
}

// Whether the job may run on the device without another verification.
bool BrokerCore::verified_for(const Task& job, const Device& device, Instant now) const {
  const VerifyFirst wanted = job.spec->before.verify;
  if (wanted == VerifyFirst::none || device.spec.strategy.empty()) return true;
  if (device.health != DeviceHealth::good) return false;
  if (device.good_for == job.seq) return true;
  return wanted == VerifyFirst::fresh && now - device.good_at <= inventory_->health.fresh;
}

// Whether a child failed there, and nobody found the device good or gave it back since.
bool BrokerCore::verified_in_vain(const Task& job, DeviceIx ix) const {
  if (!job.chain) return false;
  const auto found = job.chain->vain.find(ix);
  return found != job.chain->vain.end() && devices_[ix].fit_seq < found->second;
}

bool BrokerCore::needed_by_others(DeviceIx ix, const Task& job) const {
  const auto waits = [&](ClassIx waiter) {
    const TaskClass& task_class = classes_[waiter];
    if (!task_class.verifies_first()) return false;
    for (const auto& [priority, refs] : task_class.queues) {
      for (const TaskRef& ref : refs) {
        const Task* other = live_task(ref);
        if (other && other != &job && other->state == TaskState::queued) return true;
      }
    }
    return false;
  };
  const std::set<ClassIx>& waiters = devices_[ix].waiters;
  return std::any_of(waiters.begin(), waiters.end(), waits);
}

// `seq`: of the event that submits it.
TaskSpecPtr BrokerCore::make_child(const Task& job, TaskKind kind, const std::string& device,
                                   const Work& work, uint64_t seq) const {
  const std::string word(to_string(kind));
  const std::string suffix = "/" + word + "-" + std::to_string(seq);
  TaskSpec spec;
  spec.guid = make_own_guid(job.spec->guid + suffix, hex16(hash64(job.spec->guid)) + suffix);
  spec.kind = kind;
  spec.name = cut_text(word + " " + device + " for " + job.spec->name, kMessageLengthMax);
  spec.parent = job.spec->guid;
  spec.submitter = job.spec->submitter;
  spec.pool = job.spec->pool;
  spec.devices = {DeviceRequest{"", device, "", ""}};
  spec.priority = job.spec->priority;
  spec.wait_for_capacity = true;
  spec.work = options_.make_work(work);
  if (kind == TaskKind::repair) {
    spec.timeouts.run = job.spec->before.repair_budget - job.chain->repair_spent;
  }
  return std::make_shared<const TaskSpec>(std::move(spec));
}

// `wanted`, or `otherwise` where that is too long, with a suffix where somebody else's task has it.
std::string BrokerCore::make_own_guid(const std::string& wanted,
                                      const std::string& otherwise) const {
  const std::string base = invalid_guid(wanted + ".00") ? otherwise : wanted;
  std::string guid = base;
  for (uint32_t i = 2; find_task(guid) || ended_digests_.contains(hash64(guid)); ++i) {
    guid = base + "." + std::to_string(i);
  }
  return guid;
}

// Whether the task is a verification or repair of one device by name.
bool BrokerCore::names_its_device(const Task& task) {
  const TaskSpec& spec = *task.spec;
  return spec.kind != TaskKind::job && spec.devices.size() == 1 && !spec.devices[0].name.empty();
}

// For people: what a job's children do.
std::vector<std::string> BrokerCore::explain_chain(const Task& job) const {
  std::vector<std::string> reasons;
  if (!job.chain) return reasons;
  for (const TaskRef& ref : job.chain->open) {
    const Task& child = *live_task(ref);
    const std::string doing = child.spec->kind == TaskKind::verify ? "verified" : "repaired";
    std::string text = "device " + child.spec->devices[0].name + " is " +
                       (child.state == TaskState::queued ? "to be " : "being ") + doing +
                       " for it: task " + child.spec->guid;
    if (child.state != TaskState::queued && !child.attempts.back().progress.empty()) {
      text += ", " + child.attempts.back().progress;
    }
    reasons.push_back(std::move(text));
  }
  return reasons;
}

// A verification or repair was submitted: who waits for it, and that it looks at its device.
void BrokerCore::apply_chain_begun(TaskIx ix) {
  Task& task = tasks_[ix];
  const TaskSpec& spec = *task.spec;
  if (!names_its_device(task)) return;
  serving_[spec.devices[0].name].push_back(TaskRef{ix, task.seq});
  const auto device = device_by_name_.find(spec.devices[0].name);
  if (device != device_by_name_.end()) index_reverify(device->second);
  const TaskIx* parent_ix =
      spec.parent.empty() ? nullptr : task_by_guid_.find(std::string_view(spec.parent));
  if (!parent_ix) return;
  Task& parent = tasks_[*parent_ix];
  if (parent.state == TaskState::ended || parent.spec->kind != TaskKind::job ||
      parent.spec->before.verify == VerifyFirst::none) {
    return;
  }
  task.chain = std::make_unique<Chain>();
  task.chain->parent = TaskRef{*parent_ix, parent.seq};
  if (!parent.chain) parent.chain = std::make_unique<Chain>();
  parent.chain->open.push_back(TaskRef{ix, task.seq});
  if (spec.kind == TaskKind::repair && device != device_by_name_.end()) {
    parent.chain->repaired.push_back(device->second);
  }
}

void BrokerCore::apply_chain_over(TaskIx ix) {
  const Task& task = tasks_[ix];
  const TaskSpec& spec = *task.spec;
  if (!names_its_device(task)) return;
  const auto serving = serving_.find(spec.devices[0].name);
  assert(serving != serving_.end());
  std::erase(serving->second, TaskRef{ix, task.seq});
  if (serving->second.empty()) serving_.erase(serving);
  strays_.erase(TaskRef{ix, task.seq});
  const auto device = device_by_name_.find(spec.devices[0].name);
  if (device != device_by_name_.end()) {
    index_reverify(device->second, task.ended + kReverifyPause);
    mark_device(device->second);
  }
  if (task.chain) apply_child_over(task, ix);
}

void BrokerCore::apply_child_over(const Task& child, TaskIx ix) {
  if (!live_task(child.chain->parent)) return;
  Task& parent = tasks_[child.chain->parent.ix];
  std::erase(parent.chain->open, TaskRef{ix, child.seq});
  if (parent.task_class != kNone) mark_class(parent.task_class);
  const auto device = device_by_name_.find(child.spec->devices[0].name);
  if (child.verdict == Verdict::pass) {
    if (device != device_by_name_.end()) parent.chain->vain.erase(device->second);
    return;
  }
  ++parent.chain->failed_children;
  const Ending& ending = child.own_ending ? *child.own_ending : *child.attempts.back().ending;
  if (device != device_by_name_.end() && is_in_vain(ending))
    parent.chain->vain[device->second] = head_;
}

// After the inventory, or a worker's pools, changed: children that nothing can be leased to now.
void BrokerCore::index_strays() {
  strays_.clear();
  for (const auto& [name, refs] : serving_) {
    for (const TaskRef& ref : refs) {
      const Task& task = *live_task(ref);
      const bool for_others = task.chain || task.spec->submitter == kBroker;
      if (for_others && classes_[task.task_class].candidates[0].empty()) strays_.insert(ref);
    }
  }
}

}  // namespace muster
