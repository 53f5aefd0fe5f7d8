// Health: what verifications, repairs, failed jobs and people say of a device, and who may use it
// then. docs/devices.md has the rules as a table.
#include <algorithm>
#include <cassert>
#include <iterator>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

constexpr std::string_view kBroker = "broker";
constexpr Duration kDay = std::chrono::hours(24);
constexpr std::string_view kRepairPrefix = "repair.";

// A person's word, which only a person takes back.
bool is_persons(DeviceHealth health, std::string_view who) {
  return health == DeviceHealth::locked || (health == DeviceHealth::quarantined && who != kBroker);
}

// Failed by a check, and to be looked at again when its back-off is over.
bool is_failed(DeviceHealth health, std::string_view who) {
  return health == DeviceHealth::bad || (health == DeviceHealth::quarantined && who == kBroker);
}

bool is_fit_for_job(DeviceHealth health) {
  return health == DeviceHealth::unknown || health == DeviceHealth::good;
}

// A lock is no word about what was wrong before: that holds again, and says once by whom.
DeviceJudged make_unlocked(DeviceJudged before, const std::string& who) {
  constexpr std::string_view kUnlocked = "; unlocked by ";
  before.reason.resize(std::min(before.reason.size(), before.reason.find(kUnlocked)));
  before.reason = cut_text(before.reason + std::string(kUnlocked) + who, kMessageLengthMax);
  before.guid.clear();
  return before;
}

}  // namespace

bool BrokerCore::fit_for(const Device& device, const TaskClass& task_class) const {
  if (task_class.kind == TaskKind::job) return is_fit_for_job(device.health);
  if (device.health == DeviceHealth::locked) return false;
  const bool named = !task_class.requests.empty() && !task_class.requests[0].name.empty();
  return named || (device.health != DeviceHealth::needs_human &&
                   !is_persons(device.health, device.health_who));
}

bool BrokerCore::fit_beside(const Device& device, const TaskClass& task_class) const {
  return task_class.kind == TaskKind::job ? is_fit_for_job(device.health)
                                          : device.health != DeviceHealth::locked;
}

bool BrokerCore::fit_for_job(DeviceIx ix, const Judged* judged) const {
  if (judged) {
    const auto found = judged->find(ix);
    if (found != judged->end()) return is_fit_for_job(found->second.health);
  }
  return is_fit_for_job(devices_[ix].health);
}

// The same with what else is known in a decision, and by whom it is asked.
bool BrokerCore::fit_now(const TaskClass& task_class, DeviceIx ix, const Scratch& scratch) const {
  if (scratch.excluded.contains(ix)) return false;
  if (scratch.fit_is_enough) {
    return scratch.hoped.contains(ix) ||
           (fit_for_job(ix, scratch.judged) && !verified_in_vain(*scratch.job, ix));
  }
  if (!fit_for(devices_[ix], task_class)) return false;
  if (!scratch.job || task_class.kind != TaskKind::job) return true;
  if (verified_in_vain(*scratch.job, ix)) return false;
  return !scratch.verified_only || verified_for(*scratch.job, devices_[ix], scratch.now);
}

// Of the rest of a stack.
bool BrokerCore::fit_beside_now(const TaskClass& task_class, DeviceIx ix,
                                const Scratch& scratch) const {
  if (scratch.excluded.contains(ix)) return false;
  if (!scratch.fit_is_enough) return fit_beside(devices_[ix], task_class);
  return scratch.hoped.contains(ix) || fit_for_job(ix, scratch.judged);
}

// Inserts what the ends of attempts say of devices, each right after the end that says it.
void BrokerCore::decide_judgements(Decision& decision, Judged& judged, Instant now) const {
  std::vector<Event> events;
  for (size_t i = 0; i < decision.events.size(); ++i) {
    if (const auto* judgement = std::get_if<DeviceJudged>(&decision.events[i].body)) {
      judged[device_by_name_.find(judgement->device)->second] = *judgement;
    }
    std::vector<Event> said;
    decide_health(decision.events[i].body, judged, now, said);
    if (said.empty() && events.empty()) continue;
    if (events.empty()) {  // the first: from here on there is a second list
      std::move(decision.events.begin(), decision.events.begin() + static_cast<std::ptrdiff_t>(i),
                std::back_inserter(events));
    }
    events.push_back(std::move(decision.events[i]));
    std::move(said.begin(), said.end(), std::back_inserter(events));
  }
  if (!events.empty()) decision.events = std::move(events);
}

void BrokerCore::decide_health(const EventBody& body, Judged& judged, Instant now,
                               std::vector<Event>& events) const {
  const auto* ended = std::get_if<AttemptEnded>(&body);
  const auto* over = std::get_if<TaskEnded>(&body);
  if (!ended && !over) return;
  const Task& task = *find_task(ended ? ended->token.guid : over->guid);
  Judged said;  // by this end, of what was judged before
  if (over) {
    if (over->ending.cause == Cause::capacity) return;  // its device is gone
    const auto subject = task.spec->devices.empty()
                             ? device_by_name_.end()
                             : device_by_name_.find(task.spec->devices[0].name);
    if (subject == device_by_name_.end()) return;
    decide_no_result(task, subject->second, judged, said, now);
  } else if (task.attempts.back().devices.empty()) {
    return;
  } else if (task.spec->kind == TaskKind::job) {
    decide_health_after_job(*ended, task, judged, said, now);
  } else {
    decide_health_after_check(*ended, task, judged, said, now);
  }
  for (auto& [ix, judgement] : said) {
    judgement.guid = task.guid();
    judgement.reason = cut_text(judgement.reason, kMessageLengthMax);
    events.push_back(Event{now, judgement});
    judged[ix] = judgement;
  }
}

// A job says little of its devices: what it blames is to be verified before the next job. That
// counts against a device where it is clear which one is meant.
void BrokerCore::decide_health_after_job(const AttemptEnded& ended, const Task& task,
                                         const Judged& judged, Judged& said, Instant now) const {
  const Ending& ending = ended.ending;
  const std::vector<DeviceIx>& devices = task.attempts.back().devices;
  const size_t asked_for = std::min(devices.size(), task.spec->devices.size());
  const auto is_meant = [&](DeviceIx ix) { return devices_[ix].spec.name == ending.blame; };
  const auto end = devices.begin() + static_cast<std::ptrdiff_t>(asked_for);
  const bool named = std::any_of(devices.begin(), end, is_meant);
  for (size_t i = 0; i < asked_for; ++i) {
    const DeviceIx ix = devices[i];
    DeviceJudged judgement = device_as_judged(ix, judged);
    if (!is_fit_for_job(judgement.health)) continue;
    if (ending.outcome == Outcome::error && ending.cause == Cause::device) {
      if (named && !is_meant(ix)) continue;
      if (named || asked_for == 1) {
        judgement = judge_failure(ix, &DeviceJudged::job_failures, judged, now);
      } else {
        judgement.health = DeviceHealth::bad;
      }
      if (judgement.health == DeviceHealth::bad) {
        judgement.health = DeviceHealth::unknown;
        judgement.until = kNever;
      }
      judgement.reason = ending.message;
    } else if (ending.outcome == Outcome::pass) {
      // Where there is no strategy nothing else will ever say that it is well again.
      const uint32_t failures = devices_[ix].spec.strategy.empty() ? 0 : judgement.failures;
      if (judgement.job_failures == 0 && judgement.failures == failures) continue;
      judgement.job_failures = 0;
      judgement.failures = failures;
      judgement.reason = "a job passed on it";
    } else {
      continue;
    }
    judgement.who = kBroker;
    said[ix] = std::move(judgement);
  }
}

// How much of a device a verification looks at; a repair looks at all of it.
std::string BrokerCore::level_of(const Task& task) const {
  const bool known = task.spec->kind == TaskKind::verify && options_.verify_level;
  return known ? options_.verify_level(task.spec.work()) : "";
}

void BrokerCore::decide_health_after_check(const AttemptEnded& ended, const Task& task,
                                           const Judged& judged, Judged& said, Instant now) const {
  const Ending& ending = ended.ending;
  const std::vector<DeviceIx>& devices = task.attempts.back().devices;
  const DeviceIx subject = devices[0];
  const std::string level = level_of(task);
  const auto judge = [&](DeviceIx ix, const std::string& reason, bool passed) {
    const DeviceJudged before = device_as_judged(ix, judged);
    if (is_persons(before.health, before.who)) return;
    const bool fit = is_fit_for_job(before.health);
    const bool covers = level.empty() || level == before.level;
    if (passed && !fit && !covers) {
      said[ix] = before;  // a part of the checks does not outdo the whole of them
      return;
    }
    DeviceJudged judgement =
        passed ? before : judge_failure(ix, &DeviceJudged::failures, judged, now);
    if (passed) {
      judgement.health = DeviceHealth::good;
      if (level.empty()) judgement.failures = 0;
      judgement.until = kNever;
      judgement.who = kBroker;
    }
    judgement.level = passed || fit || covers ? level : "";
    judgement.reason = reason;
    said[ix] = std::move(judgement);
  };
  if (ending.outcome == Outcome::pass) {
    judge(subject, ending.message, true);
    for (size_t i = 1; i < devices.size(); ++i) {
      if (!devices_[devices[i]].blamed || is_fit_for_job(devices_[devices[i]].health)) continue;
      judge(devices[i], "worked while " + devices_[subject].spec.name + " was verified", true);
    }
    return;
  }
  if (ending.outcome == Outcome::fail) {
    judge(subject, ending.message, false);
    return;
  }
  if (ending.outcome == Outcome::error && ending.cause == Cause::peripheral) {
    const auto blamed = device_by_name_.find(ending.blame);
    if (blamed != device_by_name_.end()) {
      judge(blamed->second,
            "blamed when " + devices_[subject].spec.name + " was verified: " + ending.message,
            false);
      if (blamed->second == subject) return;  // which is a result
    }
  }
  if (ended.verdict != Verdict::none) decide_no_result(task, subject, judged, said, now);
}

// A verification that the broker asked for by itself came to no result. The same back-off again, or
// it would ask without a pause.
void BrokerCore::decide_no_result(const Task& task, DeviceIx subject, const Judged& judged,
                                  Judged& said, Instant now) const {
  if (!is_reverify(*task.spec)) return;
  DeviceJudged same = device_as_judged(subject, judged);
  const Duration pause = back_off(std::max(same.failures, same.job_failures));
  if (!is_failed(same.health, same.who)) return;
  same.until = pause > Duration{0} ? now + pause : kNever;
  said[subject] = std::move(same);
}

DeviceJudged BrokerCore::device_as_judged(DeviceIx ix, const Judged& judged) const {
  const auto found = judged.find(ix);
  if (found != judged.end()) return found->second;
  const Device& device = devices_[ix];
  return DeviceJudged{
      device.spec.name, device.health,   device.health_reason, device.health_who,  "",
      device.until,     device.failures, device.level,         device.job_failures};
}

// What the policy says of a device that failed once more.
DeviceJudged BrokerCore::judge_failure(DeviceIx ix, uint32_t DeviceJudged::*count,
                                       const Judged& judged, Instant now) const {
  const HealthPolicy& policy = inventory_->health;
  DeviceJudged judgement = device_as_judged(ix, judged);
  const uint32_t failures = ++(judgement.*count);
  judgement.who = kBroker;
  const Duration pause = back_off(failures);
  judgement.until = pause > Duration{0} ? now + pause : kNever;
  if (failures > std::max<size_t>(policy.quarantine_after, policy.reverify.size())) {
    judgement.health = DeviceHealth::needs_human;
    judgement.until = kNever;
  } else if (failures >= policy.quarantine_after) {
    judgement.health = DeviceHealth::quarantined;
  } else {
    judgement.health = DeviceHealth::bad;
  }
  return judgement;
}

// How long a device is left alone after so many failures in a row; 0: until somebody says so.
Duration BrokerCore::back_off(uint32_t failures) const {
  const std::vector<Duration>& steps = inventory_->health.reverify;
  if (steps.empty()) return Duration{0};
  const size_t step = failures == 0 ? 0 : failures - 1;
  return steps[std::min(step, steps.size() - 1)];
}

// Asked for by the broker itself, because a back-off is over.
bool BrokerCore::is_reverify(const TaskTerms& spec) {
  return spec.kind == TaskKind::verify && spec.submitter == kBroker && spec.parent.empty();
}

// Failed devices whose back-off is over are verified again, by a task of the broker's own. What is
// not plugged in waits until it is: not to find it would be one failure more.
void BrokerCore::decide_reverify(Instant now, Decision& decision) const {
  for (const auto& [due, ix] : reverify_) {
    if (due > now) break;
    const Device& device = devices_[ix];
    if (device.spec.strategy.empty()) {
      DeviceJudged judgement = device_as_judged(ix, {});
      judgement.health = DeviceHealth::unknown;
      judgement.until = kNever;
      judgement.reason = "its back-off is over, and it has no strategy to be verified with";
      judgement.who = kBroker;
      decision.events.push_back(Event{now, std::move(judgement)});
      continue;
    }
    TaskSpec spec;
    const std::string number = std::to_string(head_ + decision.events.size() + 1);
    const std::string guid = "reverify-" + device.spec.name + "-" + number;
    spec.guid = make_own_guid(guid, guid);
    spec.kind = TaskKind::verify;
    spec.name = "reverify " + device.spec.name;
    spec.submitter = kBroker;
    spec.devices = {DeviceRequest{"", device.spec.name, "", ""}};
    spec.wait_for_capacity = true;
    spec.work = options_.make_work(VerifyWork{});
    decision.events.push_back(
        Event{now, TaskSubmitted{std::make_shared<const TaskSpec>(std::move(spec))}});
  }
}

Decision BrokerCore::decide_change(const FromPeer& input, const ChangeDevices& change,
                                   Instant now) const {
  Decision decision;
  if (change.names.size() > kGuidsPerRequestMax) {
    return refuse(input, RefusalCode::limit,
                  "at most " + std::to_string(kGuidsPerRequestMax) + " devices in one request");
  }
  const bool takes_away =
      change.change == DeviceChange::lock || change.change == DeviceChange::quarantine;
  if (takes_away && change.reason.empty()) {
    return refuse(input, RefusalCode::invalid,
                  "say why with --reason: whoever finds the device so "
                  "will want to know");
  }
  if (change.who.empty() || change.who == kBroker) {
    return refuse(input, RefusalCode::invalid, "say who asks for it");
  }
  ChangeDevicesReply answer;
  LookupSet<std::string> seen;
  size_t suggestions = kSuggestionsPerRequestMax;
  for (const std::string& name : change.names) {
    ChangeDevicesReply::Outcome& result = answer.results.emplace_back();
    result.name = name;
    if (!seen.insert(name)) continue;
    result.already = was_already(name, change.change);
    if (!result.already.empty()) continue;
    result.refused = decide_changed(name, change, suggestions, now, decision);
  }
  decide_consequences(decision, now);
  decision.sends.push_back(answer_to(input, std::move(answer)));
  return decision;
}

// Whose word made the device so before, and why; empty: it is not so yet.
std::string BrokerCore::was_already(const std::string& name, DeviceChange change) const {
  const auto found = device_by_name_.find(name);
  if (found == device_by_name_.end()) return "";
  const Device& device = devices_[found->second];
  const bool same = change == DeviceChange::lock ? device.health == DeviceHealth::locked
                                                 : change == DeviceChange::quarantine &&
                                                       device.health == DeviceHealth::quarantined &&
                                                       is_persons(device.health, device.health_who);
  if (!same) return "";
  return "was " + std::string(to_string(device.health)) + " already by " + device.health_who +
         ": " + device.health_reason;
}

// Why one device is not changed so, or empty: then an event says it.
std::string BrokerCore::decide_changed(const std::string& name, const ChangeDevices& change,
                                       size_t& suggestions, Instant now, Decision& decision) const {
  const auto found = device_by_name_.find(name);
  if (found == device_by_name_.end()) return explain_no_device(name, suggestions);
  const Device& device = devices_[found->second];
  const bool locked = device.health == DeviceHealth::locked;
  const std::string locked_by =
      "device " + name + " is locked by " + device.health_who + ": " + device.health_reason;
  DeviceJudged judgement = device_as_judged(found->second, {});
  judgement.reason = cut_text(change.reason, kMessageLengthMax);
  judgement.who = cut_text(change.who, kNameLengthMax);
  judgement.until = kNever;
  switch (change.change) {
    case DeviceChange::lock:
      judgement.health = DeviceHealth::locked;
      break;
    case DeviceChange::quarantine:
      if (locked) return locked_by + "; unlock it first";
      judgement.health = DeviceHealth::quarantined;
      break;
    case DeviceChange::unlock:
      if (!locked) return "device " + name + " is not locked";
      if (device.before_lock && !is_fit_for_job(device.before_lock->health)) {
        decision.events.push_back(Event{now, make_unlocked(*device.before_lock, judgement.who)});
        return "";
      }
      break;
    case DeviceChange::release:
      if (locked) return locked_by + "; muster device unlock " + name;
      if (is_fit_for_job(device.health)) {
        return "device " + name + " is neither quarantined nor bad: it is " +
               std::string(to_string(device.health));
      }
      break;
  }
  if (change.change == DeviceChange::unlock || change.change == DeviceChange::release) {
    judgement.health = DeviceHealth::unknown;
    judgement.failures = judgement.job_failures = 0;
    judgement.level.clear();
  }
  decision.events.push_back(Event{now, std::move(judgement)});
  return "";
}

void BrokerCore::apply_event(const DeviceJudged& event, Instant time) {
  const auto found = device_by_name_.find(event.device);
  if (found == device_by_name_.end()) return;  // forgotten earlier in the decision that says it
  Device& device = devices_[found->second];
  if (event.health == DeviceHealth::locked && device.health != DeviceHealth::locked) {
    device.before_lock = device_as_judged(found->second, {});
  }
  const Task* task = event.guid.empty() ? nullptr : find_task(event.guid);
  const bool by_job = task && task->spec->kind == TaskKind::job;
  const bool by_check =
      task && !by_job && !task->attempts.empty() && !task->attempts.back().device_names.empty();
  const bool counted_only = by_job && device.health == event.health;
  device.health = event.health;
  device.health_reason = event.reason;
  device.health_who = event.who;
  device.health_since = time;
  device.until = event.until;
  device.failures = event.failures;
  device.job_failures = event.job_failures;
  device.level = event.level;
  device.blamed = event.health != DeviceHealth::good && by_check &&
                  task->attempts.back().device_names[0] != event.device;
  const bool given_back = event.health == DeviceHealth::unknown && event.who != kBroker;
  if (given_back) device.fit_seq = head_;
  if (event.health != DeviceHealth::good) device.good_at.clear();
  if (!counted_only) {
    device.good_for = 0;
    if (event.health == DeviceHealth::good) apply_good(found->second, task, event.level, time);
  }
  index_reverify(found->second);
  index_gone(found->second);
  mark_device(found->second);
}

// A verification or repair passed.
void BrokerCore::apply_good(DeviceIx ix, const Task* task, const std::string& level, Instant time) {
  Device& device = devices_[ix];
  device.fit_seq = head_;
  if (!device.good_at.contains(level) && device.good_at.size() == kVerifyLevelsKept) {
    const auto oldest =
        std::min_element(device.good_at.begin(), device.good_at.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    device.good_at.erase(oldest);
  }
  device.good_at[level] = time;
  const Task* job = task && task->chain ? live_task(task->chain->parent) : nullptr;
  if (!job || job->state == TaskState::ended) return;
  if (!level.empty() && level != job->spec->before.level) return;
  device.good_for = job->seq;
  std::vector<std::string>& verified = tasks_[task->chain->parent.ix].chain->verified;
  if (std::find(verified.begin(), verified.end(), device.spec.name) == verified.end()) {
    verified.push_back(device.spec.name);
  }
}

// Logs of version 0.1 have no DeviceJudged: there the end of a verification is the judgement. In
// newer ones it follows, and takes the place of this.
void BrokerCore::apply_device_health(const Task& task, const Ending& ending, Instant time) {
  if (task.spec->kind != TaskKind::verify || task.attempts.back().devices.empty()) return;
  if (ending.outcome != Outcome::pass && ending.outcome != Outcome::fail) return;
  const DeviceIx ix = task.attempts.back().devices[0];
  Device& device = devices_[ix];
  if (is_persons(device.health, device.health_who)) return;
  const bool passed = ending.outcome == Outcome::pass;
  device.health = passed ? DeviceHealth::good : DeviceHealth::bad;
  device.health_reason = ending.message;
  device.health_since = time;
  device.health_who = kBroker;
  device.until = passed ? kNever : time;  // nobody wrote a back-off down
  index_reverify(ix);
}

void BrokerCore::apply_use(const Task& task, const Record& record, Instant time) {
  if (task.spec->kind != TaskKind::repair || record.status != "START" ||
      !record.operation.starts_with(kRepairPrefix) || task.attempts.back().devices.empty()) {
    return;
  }
  const std::string tag = record.operation.substr(kRepairPrefix.size());
  if (tag.size() > kNameLengthMax) return;
  auto& uses = devices_[task.attempts.back().devices[0]].uses;
  if (!uses.contains(tag) && uses.size() == kActionTagsKept) {
    uses.erase(std::min_element(uses.begin(), uses.end(), [](const auto& a, const auto& b) {
      return a.second.back() < b.second.back();
    }));
  }
  std::deque<Instant>& times = uses[tag];
  while (!times.empty() && (times.front() <= time - kDay || times.size() >= kActionUsesKept)) {
    times.pop_front();
  }
  times.push_back(time);
}

std::vector<ActionUse> BrokerCore::count_uses(const Device& device, Instant now) const {
  std::vector<ActionUse> uses;
  for (const auto& [tag, times] : device.uses) {
    const auto count = std::count_if(
        times.begin(), times.end(), [&](Instant time) { return time > now - kDay && time <= now; });
    if (count > 0) uses.push_back(ActionUse{tag, static_cast<uint32_t>(count)});
  }
  return uses;
}

// Keeps reverify_ true for the device: failed, in the inventory, plugged in, and nobody looks at it
// yet.
void BrokerCore::index_reverify(DeviceIx ix, Instant earliest) {
  Device& device = devices_[ix];
  if (device.reverify_at != kNever) reverify_.erase({device.reverify_at, ix});
  device.reverify_at = kNever;
  if (!device.known() || !device_present(device) || device.until == kNever ||
      is_served(device.spec.name) || !is_failed(device.health, device.health_who)) {
    return;
  }
  device.reverify_at = std::max(device.until, earliest);
  reverify_.emplace(device.reverify_at, ix);
}

}  // namespace muster
