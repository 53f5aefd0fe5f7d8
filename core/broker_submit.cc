// decide_submit: which tasks are accepted, and why the others are not.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

namespace {

constexpr Duration kZero{0};

std::string invalid_timeouts(const Timeouts& timeouts) {
  for (const Duration value : {timeouts.queue, timeouts.run, timeouts.silence, timeouts.grace,
                               timeouts.finally, timeouts.deadline}) {
    if (value < kZero || value > kTimeoutMax) return "a timeout is negative or longer than 30 days";
  }
  return "";
}

// `with` must say which one: one other request has that role.
std::string invalid_with(const TaskTerms& spec, size_t index) {
  const std::string& with = spec.devices[index].with;
  size_t named = 0;
  for (size_t other = 0; other < spec.devices.size(); ++other) {
    if (other != index && spec.devices[other].role == with) ++named;
  }
  if (named == 1) return "";
  std::vector<std::string> roles;
  for (const DeviceRequest& request : spec.devices) roles.push_back(request.role);
  const std::string subject = "with " + quote_text(with) + ": ";
  if (named > 1) return subject + "several devices of the task have this role";
  if (spec.devices[index].role == with) return subject + "a device cannot be with itself";
  return subject + "no other device of the task has this role" + suggest(with, roles);
}

// What a person calls it.
std::string describe_request(const DeviceRequest& request) {
  if (!request.role.empty()) return "role " + request.role;
  return request.name.empty() ? request.selector : request.name;
}

std::string invalid_before(const TaskTerms& spec) {
  const Before& before = spec.before;
  if (spec.kind != TaskKind::job) {
    if (spec.submitter == "broker") return "the submitter is not the broker itself";
    if (!(before == Before{})) return "only a job has its devices verified before";
    return "";
  }
  if (before.repair && before.verify == VerifyFirst::none) {
    return "what is never verified cannot be repaired: before.repair needs before.verify";
  }
  if (!before.level.empty()) {
    if (const auto problem = invalid_name(before.level, "verification level")) return *problem;
  }
  if (before.repair_budget < kZero || before.repair_budget > kTimeoutMax) {
    return "before.repair_budget is negative or longer than 30 days";
  }
  return "";
}

std::string invalid_requests(const TaskTerms& spec) {
  if (spec.devices.size() > kDevicesPerTaskMax) {
    return "a task may ask for at most " + std::to_string(kDevicesPerTaskMax) + " devices";
  }
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    const DeviceRequest& request = spec.devices[i];
    if (!request.role.empty()) {
      if (const auto problem = invalid_name(request.role, "role")) return *problem;
    }
    if (!request.with.empty()) {
      if (std::string problem = invalid_with(spec, i); !problem.empty()) return problem;
    }
    if (request.name.empty() && request.selector.empty()) {
      return "a device request needs a name or a selector";
    }
    if (!request.name.empty()) {
      if (const auto problem = invalid_name(request.name, "device")) return *problem;
    }
    const Result<Selector> selector = Selector::parse(request.selector);
    if (!selector.ok()) return selector.error();
    if (selector->canonical() != request.selector) {
      return "the selector \"" + request.selector + "\" is not in canonical form (\"" +
             selector->canonical() + "\")";
    }
  }
  return "";
}

std::string invalid_bounds(const TaskTerms& spec) {
  if (spec.priority > kPriorityMax) return "priority must be 0 to 100";
  if (spec.retry.infra > kRetryMax || spec.retry.test > kRetryMax) {
    return "at most " + std::to_string(kRetryMax) + " retries";
  }
  if (spec.retry.crash_limit > kCrashLimitMax) {
    return "retry.crash_limit is at most " + std::to_string(kCrashLimitMax);
  }
  if (spec.submitter.size() > kSubmitterBytesMax || !is_utf8(spec.submitter)) {
    return "the submitter's name is too long or not UTF-8";
  }
  if (spec.at_once == 0) return "";
  if (spec.group.empty()) return "at_once is for the tasks of a group, and the task is in none";
  return spec.at_once <= kArrayTasksMax
             ? ""
             : "at_once is at most " + std::to_string(kArrayTasksMax) + ", or 0 for no such bound";
}

std::string invalid_metadata(const TaskTerms& spec) {
  if (!spec.group.empty()) {
    if (const auto problem = invalid_guid(spec.group)) return "the group: " + *problem;
  }
  size_t bytes = 0;
  for (const auto& [key, value] : spec.metadata) {
    if (key.empty()) return "a key of its metadata is empty";
    bytes += key.size() + value.size();
  }
  if (spec.metadata.size() <= kMetadataMax && bytes <= kMetadataBytesMax) return "";
  return "a task has at most " + std::to_string(kMetadataMax) + " pairs of metadata, of " +
         std::to_string(kMetadataBytesMax >> 10) + " KiB in all";
}

// Why nobody may ask for a task on such terms, or empty.
std::string invalid_terms(const TaskTerms& spec) {
  if (spec.name.size() > kMessageLengthMax || !is_utf8(spec.name)) {
    return "the task's name is too long or not UTF-8";
  }
  if (!spec.pool.empty()) {
    if (const auto problem = invalid_name(spec.pool, "pool")) return *problem;
  }
  if (const std::string problem = invalid_bounds(spec); !problem.empty()) return problem;
  if (const std::string problem = invalid_timeouts(spec.timeouts); !problem.empty()) return problem;
  if (const std::string problem = invalid_requests(spec); !problem.empty()) return problem;
  if (const std::string problem = invalid_before(spec); !problem.empty()) return problem;
  return invalid_metadata(spec);
}

}  // namespace

Decision BrokerCore::decide_submit(const FromPeer& input, const Submit& submit, Instant now) const {
  Decision decision;
  if (submit.tasks.size() > kSubmitTasksMax) {
    return refuse(input, RefusalCode::limit,
                  "at most " + std::to_string(kSubmitTasksMax) + " tasks in one Submit");
  }
  SubmitReply answer;
  answer.results.reserve(submit.tasks.size());
  decision.events.reserve(submit.tasks.size());
  SpecsByGuid in_this_message;
  Admission admission;
  admission.otherwise = " (--wait-for-capacity accepts it anyway)";
  for (const TaskSpecPtr& spec : submit.tasks) {
    SubmitResult& result = answer.results.emplace_back(SubmitResult{spec->guid, false, ""});
    const Task* present = find_task(spec->guid);
    const TaskSpecPtr* twin = in_this_message.find(std::string_view(spec->guid));
    if (present || twin) {
      result.known = present ? present->spec == *spec : **twin == *spec;
      if (!result.known) result.refused = "the GUID already names another task";
      continue;
    }
    if (forgotten_.contains(spec->guid)) {
      result.known = true;
      continue;
    }
    result.refused = decide_admission(*spec, admission);
    if (result.refused.empty()) result.refused = decide_dependencies(*spec, in_this_message);
    if (result.refused.empty()) {
      result.refused = decide_room(decision.events.size());
      if (!result.refused.empty()) result.code = RefusalCode::unavailable;
    }
    if (!result.refused.empty()) continue;
    in_this_message.insert(spec->guid, spec);
    decision.events.push_back(Event{now, TaskSubmitted{spec}});
  }
  decide_dependants(decision, now);
  decision.sends.push_back(answer_to(input, std::move(answer)));
  return decision;
}

// Why there is no room for another task now, `accepted` of this message counted, or empty.
std::string BrokerCore::decide_room(size_t accepted) const {
  if (draining_) {
    return "the broker takes no new work, " + by_whom(*draining_) +
           "; try again when it does, or: muster broker resume";
  }
  if (disk_low_) {
    return "the broker's disk is almost full: it takes no new work until there is room; free some "
           "space and try again";
  }
  if (queued_count_ + accepted >= kQueuedTasksMax) {
    return "the queue is full (" + std::to_string(kQueuedTasksMax) +
           " tasks): try again when some have run";
  }
  return "";
}

std::string BrokerCore::decide_admission(const TaskSpec& spec, Admission& admission) const {
  if (const auto problem = invalid_guid(spec.guid)) return *problem;
  const bool known = admission.admitted && *admission.admitted == spec;
  if (!known) {
    if (const std::string problem = invalid_terms(spec); !problem.empty()) return problem;
  }
  if (spec.work.size() > kWorkBytesMax) {
    return "the work description is larger than " + std::to_string(kWorkBytesMax >> 10) + " KiB";
  }
  if (options_.invalid_work) {
    if (const auto problem = options_.invalid_work(spec)) return *problem;
  }
  if (std::string problem = decide_group(spec, admission); !problem.empty()) return problem;
  if (known) return "";
  std::string problem = decide_capacity(spec, admission);
  if (problem.empty()) admission.admitted = &spec;
  return problem;
}

// The tasks of a group that live must agree about how many of them may run at once.
std::string BrokerCore::decide_group(const TaskSpec& spec, Admission& admission) const {
  if (spec.at_once == 0) return "";
  const GroupLoad* group = groups_.find(spec.group);
  const uint32_t agreed =
      group ? group->at_once
            : admission.at_once.try_emplace(spec.group, spec.at_once).first->second;
  if (spec.at_once == agreed) return "";
  return "group " + spec.group + " has tasks of which " + std::to_string(agreed) +
         " may run at once, not " + std::to_string(spec.at_once) +
         ": give all of its tasks the same at_once";
}

// Submitting what no known device or worker could ever serve is refused at once. What holds for one
// task holds for all that are like it.
std::string BrokerCore::decide_capacity(const TaskTerms& spec, Admission& admission) const {
  if (spec.wait_for_capacity) return "";
  TaskClass wanted;
  describe_class(wanted, spec);
  const std::string class_name = class_key(wanted);
  std::string key = class_name;
  for (const DeviceRequest& request : spec.devices) key += '\n' + request.role;
  const auto [answer, added] = admission.capacity.try_emplace(std::move(key));
  if (!added) return answer->second;
  if (const ClassIx* queued = class_by_key_.find(class_name)) {
    answer->second = decide_capacity_of(spec, classes_[*queued], admission);
    return answer->second;
  }
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    wanted.candidates.push_back(matching_devices(wanted, i));
  }
  answer->second = decide_capacity_of(spec, wanted, admission);
  return answer->second;
}

std::string BrokerCore::decide_capacity_of(const TaskTerms& spec, const TaskClass& wanted,
                                           Admission& admission) const {
  const std::string& otherwise = admission.otherwise;
  if (spec.devices.empty()) {
    return pool_known(spec.pool) ? "" : "no worker serves pool " + spec.pool + otherwise;
  }
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    const DeviceRequest& request = spec.devices[i];
    const auto named = device_by_name_.find(request.name);
    const bool known = named != device_by_name_.end() && devices_[named->second].known();
    if (!request.name.empty() && !known) {
      return explain_no_device(request.name, admission.suggestions) + otherwise;
    }
    if (wanted.candidates[i].empty()) {
      const std::string in_pool = spec.pool.empty() ? "" : " in pool " + spec.pool;
      return (request.name.empty()
                  ? "no known device matches " + request.selector
                  : "device " + request.name + " does not match, or is not there") +
             in_pool + otherwise;
    }
  }
  if (spec.kind != TaskKind::job && spec.devices.size() == 1) {
    for (const DeviceIx ix : wanted.candidates[0]) {
      if (devices_[ix].spec.strategy.empty()) {
        return "device " + devices_[ix].spec.name + " has no strategy to be " +
               (spec.kind == TaskKind::verify ? "verified" : "repaired") +
               " with: give it one in the inventory";
      }
    }
  }
  bool gave_up = false;
  if (find_placement(wanted, nullptr, &gave_up) || gave_up) return "";
  for (size_t i = 0; i < spec.devices.size(); ++i) {
    if (wanted.with[i] == kNone) continue;
    const auto shares = [&](DeviceIx one) {
      const std::vector<DeviceIx>& others = wanted.candidates[wanted.with[i]];
      return std::any_of(others.begin(), others.end(),
                         [&](DeviceIx other) { return share_stack(one, other); });
    };
    if (std::none_of(wanted.candidates[i].begin(), wanted.candidates[i].end(), shares)) {
      return "no stack has a device for role " + spec.devices[wanted.with[i]].role +
             " and another for " + describe_request(spec.devices[i]) + otherwise;
    }
  }
  return "no worker has all of the devices at once" + otherwise;
}

}  // namespace muster
