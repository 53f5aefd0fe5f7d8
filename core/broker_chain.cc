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

// Completes a decision with what follows from its events.
void BrokerCore::decide_consequences(Decision& decision, Instant now) const {
  if (decision.events.empty()) return;
  if (!devices_.empty() || !serving_.empty()) decide_chain_consequences(decision, now);
  decide_dependants(decision, now);
}

// What follows for the health of devices, for jobs whose children ended, and for children whose job
// ended.
void BrokerCore::decide_chain_consequences(Decision& decision, Instant now) const {
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
  const size_t said = decision.events.size();
  follow_from(0);
  while (!all.failed.empty()) {
    const size_t begin = decision.events.size();
    const Task* job = live_task(all.failed.begin()->second.front().child->chain->parent);
    if (!all.over.contains(job->guid())) decide_after_failed(all, *job);
    all.failed.erase(all.failed.begin());
    follow_from(begin);
  }
  for (size_t i = 0; i < said; ++i) {
    const EventBody body = decision.events[i].body;
    if (const auto* ended = std::get_if<AttemptEnded>(&body)) {
      decide_repair_for_waiting(all, *ended);
    }
  }
}

// Done for others, and nothing can be leased to them any more: their device is gone.
void BrokerCore::decide_strays(Instant now, Decision& decision) const {
  for (const TaskRef& ref : strays_) {
    const Task& task = *live_task(ref);
    const std::string& guid = task.guid();
    const auto ends = [&](const Event& event) {
      const auto* over = std::get_if<TaskEnded>(&event.body);
      return over && over->guid == guid;
    };
    if (task.state != TaskState::queued ||
        std::any_of(decision.events.begin(), decision.events.end(), ends)) {
      continue;
    }
    const std::string& name = task.spec->devices[0].name;
    const auto device = device_by_name_.find(name);
    std::string text = "device " + name + " is not in the inventory any more";
    if (device != device_by_name_.end()) {
      const Device& one = devices_[device->second];
      if (one.undeclared || (one.declared && !device_present(one))) {
        text = "device " + name + " is not plugged in any more";
      } else if (one.declared) {
        text = "device " + name + " is not in pool " + task.spec->pool + " any more";
      }
    }
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
  if (!task) return;
  decide_orphans(all, *task);
  if (!task->chain) return;
  const Task* job = live_task(task->chain->parent);
  if (!job || verdict == Verdict::pass || job->state != TaskState::queued || job->cancel ||
      all.over.contains(job->guid())) {
    return;
  }
  all.failed[job->seq].push_back({task, ending});
}

// What was done for a job that ended is stopped, unless others wait for it too.
void BrokerCore::decide_orphans(Consequences& all, const Task& job) const {
  if (job.chain) {
    for (const TaskRef& ref : job.chain->open) decide_orphan(all, *live_task(ref), job);
  }
  if (job.task_class == kNone || !classes_[job.task_class].verifies_first()) return;
  // What was begun for another job that has ended, and went on because this one waited for it too.
  for (const auto& [name, refs] : serving_) {
    const auto device = device_by_name_.find(name);
    if (device == device_by_name_.end() ||
        !devices_[device->second].waiters.contains(job.task_class)) {
      continue;
    }
    for (const TaskRef& ref : refs) {
      const Task& child = *live_task(ref);
      if (!child.chain) continue;
      const Task* parent = live_task(child.chain->parent);
      if (!parent || parent->state == TaskState::ended) decide_orphan(all, child, job);
    }
  }
}

void BrokerCore::decide_orphan(Consequences& all, const Task& child, const Task& job) const {
  const std::string& guid = child.guid();
  const auto device = device_by_name_.find(child.spec->devices[0].name);
  if (child.cancel || all.over.contains(guid)) return;
  if (device != device_by_name_.end() && needed_by_others(device->second, job, all)) return;
  const std::string reason = "the job that it was for has ended: " + job.guid();
  if (all.cancelled.insert(guid)) {
    all.decision.events.push_back(
        Event{all.now, CancelRequested{guid, reason, std::string(kBroker)}});
  }
  // Its worker may have been lost in the same decision: then it is about to be queued again.
  const std::vector<Event>& events = all.decision.events;
  const bool is_requeued = std::any_of(events.begin(), events.end(), [&](const Event& event) {
    const auto* ended = std::get_if<AttemptEnded>(&event.body);
    return ended != nullptr && ended->token.guid == guid && ended->retry_at != kNever;
  });
  if (child.state != TaskState::queued && !is_requeued) return;
  all.end(guid,
          make_ending(Outcome::error, Cause::user, StatusCode::killed, reason, kNever, all.now));
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
  all.end(task.guid(), make_ending(Outcome::error, Cause::capacity, StatusCode::busy,
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
    const bool verification = each.child->spec->kind == TaskKind::verify;
    const auto device = device_by_name_.find(each.child->spec->devices[0].name);
    each.repaired = verification && device != device_by_name_.end() &&
                    can_be_repaired(job, device->second, each.ending, all.judged);
    if (!each.repaired && (is_in_vain(each.ending) || !verification)) lost = &each;
  }
  if (lost && !can_go_elsewhere(job, all)) {
    const Ending& why = lost->ending;
    const bool known = why.cause == Cause::peripheral || why.cause == Cause::config;
    const std::string text =
        "device " + lost->child->spec->devices[0].name + " did not pass " +
        (lost->child->spec->kind == TaskKind::verify ? "verification" : "repair") + " (" +
        why.message + "; task " + lost->child->guid() +
        "), and no other device is left for the job";
    all.end(job.guid(),
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

// Whether what a verification found wrong is repaired for the job: once for each device, and while
// there is time left for it.
bool BrokerCore::can_be_repaired(const Task& job, DeviceIx device, const Ending& ending,
                                 const Judged& judged) const {
  const Before& before = job.spec->before;
  const Duration spent = job.chain ? job.chain->repair_spent : Duration{0};
  if (ending.outcome != Outcome::fail || !before.repair || spent >= before.repair_budget) {
    return false;
  }
  const DeviceJudged judged_so = device_as_judged(device, judged);
  return judged_so.who == kBroker && judged_so.health != DeviceHealth::locked &&
         !(job.chain && job.chain->repaired.contains(judged_so.device));
}

// Somebody's verification failed. A job may have waited for its device, and that is as if it had
// been done for the job: the first one that wants it gets the device repaired.
void BrokerCore::decide_repair_for_waiting(Consequences& all, const AttemptEnded& ended) const {
  const Task& task = *find_task(ended.token.guid);
  if (ended.verdict == Verdict::none || ended.ending.outcome != Outcome::fail ||
      task.spec->kind != TaskKind::verify || task.attempts.back().devices.empty()) {
    return;
  }
  const DeviceIx device = task.attempts.back().devices[0];
  const std::string& name = devices_[device].spec.name;
  const auto repairs = [&](const TaskTerms& spec) {
    return spec.kind == TaskKind::repair && spec.devices.size() == 1 &&
           spec.devices[0].name == name;
  };
  if (const auto serving = serving_.find(name); serving != serving_.end()) {
    for (const TaskRef& ref : serving->second) {
      const Task& other = *live_task(ref);
      if (repairs(*other.spec) && !all.over.contains(other.guid())) return;
    }
  }
  for (const Event& event : all.decision.events) {
    const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
    if (submitted && repairs(*submitted->spec)) return;
  }
  Scratch scratch;
  scratch.now = all.now;
  scratch.judged = &all.judged;
  scratch.excluded = {device};
  for (const Task* job : waiting_for_repair(device, all)) {
    if (!can_be_repaired(*job, device, ended.ending, all.judged)) continue;
    scratch.job = job;
    if (find_placement(classes_[job->task_class], &scratch)) continue;  // it goes there
    const RepairWork work{cut_text(ended.ending.message, kMessageLengthMax)};
    const TaskSpecPtr child =
        make_child(*job, TaskKind::repair, name, work, head_ + all.decision.events.size() + 1);
    all.decision.events.push_back(Event{all.now, TaskSubmitted{child}});
    return;
  }
}

// Queued jobs that may use the device and have what fails repaired, the first of each class by
// rank. One that has children waits for these.
std::vector<const BrokerCore::Task*> BrokerCore::waiting_for_repair(DeviceIx device,
                                                                    const Consequences& all) const {
  std::vector<const Task*> jobs;
  const auto waits = [&](const TaskRef& ref) {
    const Task* job = live_task(ref);
    return job && job->state == TaskState::queued && !job->cancel &&
           !(job->chain && (!job->chain->open.empty() ||
                            job->chain->repaired.contains(devices_[device].spec.name))) &&
           !all.over.contains(job->guid());
  };
  for (const ClassIx waiter : devices_[device].waiters) {
    const TaskClass& task_class = classes_[waiter];
    if (!task_class.verifies_first() || !task_class.before.repair) continue;
    for (const auto& [priority, lanes] : task_class.queues) {
      const size_t before = jobs.size();
      for (const auto& [key, lane] : lanes) {
        const auto found = std::find_if(lane.begin(), lane.end(), waits);
        if (found != lane.end()) jobs.push_back(live_task(*found));
      }
      if (jobs.size() > before) break;
    }
  }
  std::sort(jobs.begin(), jobs.end(),
            [&](const Task* one, const Task* other) { return outranks(*one, *other); });
  return jobs;
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
    const bool repairs = child.spec->kind == TaskKind::repair && !all.over.contains(child.guid());
    if (repairs && device != device_by_name_.end()) scratch.hoped.insert(device->second);
  }
  return find_placement(classes_[job.task_class], &scratch).has_value();
}

bool BrokerCore::needed_by_others(DeviceIx ix, const Task& job, const Consequences& all) const {
  const auto waits = [&](ClassIx waiter) {
    const TaskClass& task_class = classes_[waiter];
    if (!task_class.verifies_first()) return false;
    return broker_state::any_queued(task_class.queues, [&](const TaskRef& ref) {
      const Task* other = live_task(ref);
      return other && other != &job && other->state == TaskState::queued &&
             !all.over.contains(other->guid());
    });
  };
  const std::set<ClassIx>& waiters = devices_[ix].waiters;
  return std::any_of(waiters.begin(), waiters.end(), waits);
}

// Whether the task is a verification or repair of one device by name.
bool BrokerCore::names_its_device(const Task& task) {
  const TaskTerms& spec = *task.spec;
  return spec.kind != TaskKind::job && spec.devices.size() == 1 && !spec.devices[0].name.empty();
}

// For people: what a job's children do, or wait for.
std::vector<std::string> BrokerCore::explain_chain(const Task& job, Instant now) const {
  std::vector<std::string> reasons;
  if (!job.chain) return reasons;
  for (const TaskRef& ref : job.chain->open) {
    const Task& child = *live_task(ref);
    const std::string doing = child.spec->kind == TaskKind::verify ? "verified" : "repaired";
    std::string text = "device " + child.spec->devices[0].name + " is " +
                       (child.state == TaskState::queued ? "to be " : "being ") + doing +
                       " for it: task " + child.guid();
    if (child.state == TaskState::queued) {
      Explanation waits;
      explain_wait(child, now, waits);
      if (!waits.reasons.empty()) text += ", which waits: " + waits.reasons.front();
    } else if (!child.attempts.back().progress.empty()) {
      text += ", " + child.attempts.back().progress;
    }
    reasons.push_back(std::move(text));
  }
  return reasons;
}

// Whether somebody looks at the device, or will once it is its turn.
bool BrokerCore::is_served(const std::string& device) const {
  const auto serving = serving_.find(device);
  if (serving == serving_.end()) return false;
  return std::any_of(serving->second.begin(), serving->second.end(), [&](const TaskRef& ref) {
    const Task& task = *live_task(ref);
    if (task.waits_for > 0) return false;  // it may even wait for who would wait for it
    return task.state != TaskState::queued || !classes_[task.task_class].candidates[0].empty();
  });
}

// What is done on the device, or will be before the job's turn; or nullptr.
const BrokerCore::Task* BrokerCore::served_for(const Task& job, const std::string& device) const {
  const auto serving = serving_.find(device);
  if (serving == serving_.end()) return nullptr;
  for (const TaskRef& ref : serving->second) {
    const Task& task = *live_task(ref);
    const bool in_turn = task.waits_for == 0 && !classes_[task.task_class].candidates[0].empty() &&
                         task.spec->priority >= job.spec->priority;
    if (task.state != TaskState::queued || in_turn) return &task;
  }
  return nullptr;
}

// A verification or repair was submitted: who waits for it, and that it looks at its device.
void BrokerCore::apply_chain_begun(TaskIx ix) {
  Task& task = tasks_[ix];
  const TaskTerms& spec = *task.spec;
  if (!names_its_device(task)) return;
  serving_[spec.devices[0].name].push_back(TaskRef{ix, task.seq});
  const auto device = device_by_name_.find(spec.devices[0].name);
  if (device != device_by_name_.end()) index_reverify(device->second);
  const TaskIx parent_ix = spec.parent.empty() ? kNone : task_ix(spec.parent);
  if (parent_ix == kNone) return;
  Task& parent = tasks_[parent_ix];
  if (parent.state == TaskState::ended || parent.spec->kind != TaskKind::job ||
      parent.spec->before.verify == VerifyFirst::none) {
    return;
  }
  task.chain = Box(Chain{});
  task.chain->parent = TaskRef{parent_ix, parent.seq};
  if (!parent.chain) parent.chain = Box(Chain{});
  parent.chain->open.push_back(TaskRef{ix, task.seq});
  if (spec.kind == TaskKind::repair) parent.chain->repaired.insert(spec.devices[0].name);
}

void BrokerCore::apply_chain_over(TaskIx ix) {
  const Task& task = tasks_[ix];
  const TaskTerms& spec = *task.spec;
  if (!names_its_device(task)) return;
  const auto serving = serving_.find(spec.devices[0].name);
  assert(serving != serving_.end());
  std::erase(serving->second, TaskRef{ix, task.seq});
  if (serving->second.empty()) serving_.erase(serving);
  strays_.erase(TaskRef{ix, task.seq});
  const auto device = device_by_name_.find(spec.devices[0].name);
  if (device != device_by_name_.end()) {
    index_reverify(device->second, task.ended + kReverifyPause);
    index_gone(device->second);
    mark_device(device->second);
  }
  if (task.chain) apply_child_over(task, ix);
}

void BrokerCore::apply_child_over(const Task& child, TaskIx ix) {
  if (!live_task(child.chain->parent)) return;
  Task& parent = tasks_[child.chain->parent.ix];
  std::erase(parent.chain->open, TaskRef{ix, child.seq});
  if (parent.task_class != kNone) mark_class(parent.task_class);
  const std::string& device = child.spec->devices[0].name;
  if (child.verdict == Verdict::pass) {
    parent.chain->vain.erase(device);
    return;
  }
  ++parent.chain->failed_children;
  const Ending& ending = ending_of(child);
  if (is_in_vain(ending)) parent.chain->vain[device] = {head_, ending.cause, child.guid()};
}

// After the inventory, or a worker's pools, changed.
void BrokerCore::index_strays() {
  strays_.clear();
  for (const auto& [name, refs] : serving_) index_strays_of(name);
}

// Children that nothing can be leased to now, and verifications by the broker itself of what is not
// plugged in.
void BrokerCore::index_strays_of(const std::string& name) {
  const auto serving = serving_.find(name);
  if (serving == serving_.end()) return;
  const auto device = device_by_name_.find(name);
  const bool present = device != device_by_name_.end() && device_present(devices_[device->second]);
  for (const TaskRef& ref : serving->second) {
    const Task& task = *live_task(ref);
    const bool for_others = task.chain || task.spec->submitter == kBroker;
    const bool gone = classes_[task.task_class].candidates[0].empty();
    if (for_others && (gone || (!present && is_reverify(*task.spec)))) {
      strays_.insert(ref);
    } else {
      strays_.erase(ref);
    }
  }
}

}  // namespace muster
