// The verifications and repairs that a queued job gets (its children), and what is kept for it
// until it runs.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

// The job is the next of its class, and has no placement in which every device is verified for it.
// Has the devices of a placement verified, and keeps what is already verified from lower ranks.
// False when the jobs behind it in its class cannot be placed either.
bool BrokerCore::decide_verifications(const Task& job, Scratch& scratch, Decision& decision) const {
  if (job.spec->before.verify == VerifyFirst::none) return false;
  if (job.chain && !job.chain->open.empty()) {
    const size_t over = decide_elsewhere(job, scratch, decision);
    if (over < job.chain->open.size()) {
      reserve_for(job, scratch);
      return true;
    }
  }
  scratch.job = &job;
  const std::optional<Placement> placement = find_placement(classes_[job.task_class], &scratch);
  scratch.job = nullptr;
  if (!placement) return decide_without_placement(job, scratch.now, decision);
  if (job.chain && job.chain->failed_children >= kChildrenPerTaskMax) {
    const std::string text = std::to_string(job.chain->failed_children) +
                             " verifications and repairs on its behalf came to nothing: muster "
                             "task trace " +
                             job.guid();
    decision.events.push_back(
        Event{scratch.now, TaskEnded{job.guid(),
                                     make_ending(Outcome::error, Cause::broker, StatusCode::blocked,
                                                 text, kNever, scratch.now),
                                     Verdict::error}});
    return true;
  }
  for (const DeviceIx device : placement->devices) reserve(job, device, scratch);
  for (size_t i = 0; i < job.spec->devices.size(); ++i) {
    const DeviceIx device = placement->devices[i];
    if (verified_for(job, devices_[device], scratch.now)) continue;
    if (!served_for(job, devices_[device].spec.name)) {
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
  const Vain* last = nullptr;
  for (const auto& [device, vain] : job.chain->vain) {
    names += (names.empty() ? "" : ", ") + device + " (task " + vain.guid + ")";
    if (!last || vain.seq > last->seq) last = &vain;
  }
  const bool known = last->cause == Cause::peripheral || last->cause == Cause::config;
  const std::string text = names +
                           " did not pass verification or repair for the job, and no other " +
                           "device is left for it: muster task trace " + job.guid();
  decision.events.push_back(Event{
      now,
      TaskEnded{job.guid(),
                make_ending(Outcome::error, known ? last->cause : Cause::device,
                            StatusCode::blocked, cut_text(text, kMessageLengthMax), kNever, now),
                Verdict::error}});
  return true;
}

// What keeps everybody from a device that is not held, and is nobody's doing: "worker w1 is not
// connected"; or empty. A broker that has just started gives workers a lease to come back.
std::string BrokerCore::absence_of(DeviceIx ix) const {
  const Device& device = devices_[ix];
  const Worker& worker = workers_[device.worker];
  if (!worker.present) return "worker " + worker.name + " is not connected";
  if (worker.draining) return "worker " + worker.name + " drains";
  if (!worker.peer.empty() && worker.credit == 0) {
    return "worker " + worker.name + " takes no new work";
  }
  return device_present(device) ? "" : "it is not plugged in";
}

// A child that waits for a device or worker that is away holds the job up only while there is
// nowhere else to go; otherwise it ends. Returns how many did.
size_t BrokerCore::decide_elsewhere(const Task& job, Scratch& scratch, Decision& decision) const {
  std::vector<std::pair<const Task*, std::string>> stuck;
  for (const TaskRef& ref : job.chain->open) {
    const Task& child = *live_task(ref);
    const auto device = device_by_name_.find(child.spec->devices[0].name);
    if (child.state != TaskState::queued || child.cancel || device == device_by_name_.end()) {
      continue;
    }
    std::string absence = absence_of(device->second);
    if (!absence.empty()) stuck.emplace_back(&child, std::move(absence));
  }
  if (stuck.empty()) return 0;
  scratch.job = &job;
  const bool elsewhere = find_placement(classes_[job.task_class], &scratch).has_value();
  scratch.job = nullptr;
  if (!elsewhere) return 0;
  for (const auto& [child, absence] : stuck) {
    const std::string text = "the job goes elsewhere: " + child->spec->devices[0].name +
                             " cannot be reached, " + absence;
    scratch.over.insert(child->seq);
    decision.events.push_back(
        Event{scratch.now, TaskEnded{child->guid(),
                                     make_ending(Outcome::error, Cause::capacity, StatusCode::busy,
                                                 text, kNever, scratch.now),
                                     Verdict::error}});
  }
  return stuck.size();
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
  if (barrier_of(shares_[job.share].pool, scratch) != Barrier::none) return;
  const std::optional<Placement> placement = find_placement(alone, &scratch);
  if (!placement) return;
  count_taken(job, scratch);  // it is no turn of its submitter's
  decide_lease(AttemptToken{child->guid, 1}, *placement, scratch, decision);
}

// While children are on their way: what they are to look at, and what has passed already.
void BrokerCore::reserve_for(const Task& job, Scratch& scratch) const {
  for (const std::string& name : job.chain->verified) {
    const auto device = device_by_name_.find(name);
    const bool still =
        device != device_by_name_.end() && devices_[device->second].good_for == job.seq;
    if (still) reserve(job, device->second, scratch);
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
  if (wanted != VerifyFirst::fresh) return false;
  const std::string& level = job.spec->before.level;
  return std::any_of(device.good_at.begin(), device.good_at.end(), [&](const auto& good) {
    const bool covers = good.first.empty() || good.first == level;
    return covers && now - good.second <= inventory_->health.fresh;
  });
}

// The child that failed there, when nobody found the device good or gave it back since; or nullptr.
const BrokerCore::Vain* BrokerCore::verified_in_vain(const Task& job, DeviceIx ix) const {
  if (!job.chain) return nullptr;
  const auto found = job.chain->vain.find(devices_[ix].spec.name);
  const bool in_vain = found != job.chain->vain.end() && devices_[ix].fit_seq < found->second.seq;
  return in_vain ? &found->second : nullptr;
}

// `seq`: of the event that submits it.
TaskSpecPtr BrokerCore::make_child(const Task& job, TaskKind kind, const std::string& device,
                                   const Work& work, uint64_t seq) const {
  const std::string word(to_string(kind));
  const std::string suffix = "/" + word + "-" + std::to_string(seq);
  TaskSpec spec;
  spec.guid = make_own_guid(job.guid() + suffix, hex16(hash64(job.guid())) + suffix);
  spec.kind = kind;
  spec.name = cut_text(word + " " + device + " for " + job.spec->name, kMessageLengthMax);
  spec.parent = job.guid();
  spec.submitter = job.spec->submitter;
  spec.pool = job.spec->pool;
  spec.devices = {DeviceRequest{"", device, "", ""}};
  spec.priority = job.spec->priority;
  spec.metadata = job.spec->metadata;
  spec.wait_for_capacity = true;
  spec.work = options_.make_work(work);
  spec.retry.infra = 0;  // the job has another one done where that is worth it
  if (kind == TaskKind::repair) {
    const Duration spent = job.chain ? job.chain->repair_spent : Duration{0};
    spec.timeouts.run = job.spec->before.repair_budget - spent;
  }
  return std::make_shared<const TaskSpec>(std::move(spec));
}

// `wanted`, or `otherwise` where that is too long, with a suffix where somebody else's task has it.
std::string BrokerCore::make_own_guid(const std::string& wanted,
                                      const std::string& otherwise) const {
  const std::string base = invalid_guid(wanted + ".00") ? otherwise : wanted;
  std::string guid = base;
  for (uint32_t i = 2; find_task(guid) || forgotten_.contains(guid); ++i) {
    guid = base + "." + std::to_string(i);
  }
  return guid;
}

}  // namespace muster
