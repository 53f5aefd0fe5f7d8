// Why a task is where it is, for people: what it waits for and what would have to change.
#include <algorithm>

#include "core/broker_core.h"
#include "core/duration_text.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

// How far a candidate is from being leased: the further down, the further away.
struct BrokerCore::Obstacle {
  enum class Kind : uint8_t {
    none,         // it is free
    slots,        // its worker has no slot left
    busy,         // an attempt holds it
    backing_off,  // it is bad until a verification says otherwise
    tried,        // it failed for this very job
    away,         // its worker, or the device itself, is not there
    person,       // a person must do something
    gone,         // it is not in the inventory
  };
  Kind kind = Kind::none;
  Instant until = Instant::max();  // max: nobody knows
  std::string text;                // "is busy with ..."

  bool operator<(const Obstacle& other) const {
    return std::pair(kind, until) < std::pair(other.kind, other.until);
  }
};

namespace {

std::string counted_tasks(uint32_t count) {
  return std::to_string(count) + (count == 1 ? " other task" : " other tasks");
}

std::string since(Instant then, Instant now) {
  return then == kNever ? "" : " " + format_duration(now - then) + " ago";
}

// ": REASON", or nothing.
std::string because(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

}  // namespace

// Classes whose tasks may take a device that this one waits for, itself included.
std::set<BrokerCore::ClassIx> BrokerCore::rivals_of(ClassIx ix) const {
  std::set<ClassIx> rivals = {ix};
  LookupSet<DeviceIx> seen;
  const auto add = [&](DeviceIx device) {
    if (!seen.insert(device)) return;
    rivals.insert(devices_[device].waiters.begin(), devices_[device].waiters.end());
  };
  for (const std::vector<DeviceIx>& candidates : classes_[ix].candidates) {
    for (const DeviceIx candidate : candidates) {
      add(candidate);
      for (const DeviceIx companion : devices_[candidate].companions) add(companion);
    }
  }
  return rivals;
}

// Queued tasks that would be served first, by rank, if there were room for one after the other.
uint32_t BrokerCore::count_ahead(const Task& task, uint32_t* passed) const {
  uint32_t ahead = 0;
  std::map<ShareIx, std::vector<uint64_t>> equals;  // of the same priority: their age
  for (const ClassIx ix : rivals_of(task.task_class)) {
    for (const auto& [priority, lanes] : classes_[ix].queues) {
      if (priority < task.spec->priority) break;
      for (const auto& [key, lane] : lanes) {
        for (const TaskRef& ref : lane) {
          const Task* other = live_task(ref);
          if (!other || other->state != TaskState::queued || other == &task) continue;
          if (priority > task.spec->priority) {
            ++ahead;
          } else if (key.share != task.share || ref.seq < task.seq) {
            equals[key.share].push_back(ref.seq);
          }
        }
      }
    }
  }
  const Scratch nothing_taken;
  const size_t own = equals[task.share].size();
  const Rank rank = rank_of(task, nothing_taken, own);
  for (auto& [share, ages] : equals) {
    if (share == task.share) continue;
    std::sort(ages.begin(), ages.end());
    for (size_t i = 0; i < ages.size(); ++i) {
      if (!(rank_of(task.spec->priority, share, ages[i], nothing_taken, i) < rank)) break;
      ++ahead;
      if (passed && ages[i] > task.seq) ++*passed;
    }
  }
  return ahead + static_cast<uint32_t>(own);
}

// As if the tasks ahead of it, and what runs now, took as long as those of its kind did.
Duration BrokerCore::estimate_start(const Task& task, uint32_t ahead) const {
  const TaskClass& task_class = classes_[task.task_class];
  int64_t servers = 0;
  if (!task_class.needs_devices()) {
    for (const Worker& worker : workers_) {
      const bool serves = worker.present && !worker.draining;
      if (serves && pools_of(worker).contains(task_class.pool)) servers += worker.slots;
    }
  }
  for (size_t request = 0; request < task_class.requests.size(); ++request) {
    const std::vector<DeviceIx>& candidates = task_class.candidates[request];
    const int64_t count = std::count_if(candidates.begin(), candidates.end(), [&](DeviceIx ix) {
      const Device& device = devices_[ix];
      const Worker& worker = workers_[device.worker];
      return worker.present && !worker.draining && device_present(device) &&
             fit_for(device, task_class);
    });
    servers = request == 0 ? count : std::min(servers, count);
  }
  for (const PoolLoad* pool : {&lab_, &pools_[shares_[task.share].pool]}) {
    servers = static_cast<int64_t>(std::min(static_cast<uint64_t>(servers), limit_of(*pool)));
  }
  if (task.group != kNone) servers = std::min(servers, int64_t{groups_[task.group].at_once});
  if (servers == 0) return Duration{0};
  const int64_t rounds = (int64_t{ahead} + servers) / servers;
  if (task_class.typical > kDurationTextMax / rounds) return kDurationTextMax;
  return task_class.typical * rounds;
}

std::string BrokerCore::explain_health(const Device& device, Instant now) const {
  const std::string ago = since(device.health_since, now);
  const std::string who = device.health_who.empty() ? "" : " by " + device.health_who;
  const std::string release = "; muster device release " + device.spec.name;
  const std::string again = device.until > now && device.until != kNever
                                ? "; verified again in " + format_duration(device.until - now)
                                : "";
  switch (device.health) {
    case DeviceHealth::locked:
      return "is locked" + who + ago + because(device.health_reason) + "; muster device unlock " +
             device.spec.name;
    case DeviceHealth::quarantined:
      return "is quarantined" + who + ago + because(device.health_reason) +
             (again.empty() ? release : again);
    case DeviceHealth::needs_human:
      return "needs a person" +
             (device.health_since == kNever
                  ? ""
                  : ", for " + format_duration(now - device.health_since)) +
             because(device.health_reason) + release;
    case DeviceHealth::bad:
      return "was found bad" + ago + because(device.health_reason) + again;
    case DeviceHealth::unknown:
    case DeviceHealth::good:
      break;
  }
  return "is not fit for it";
}

std::string BrokerCore::explain_holder(const Task& holder, Instant now) const {
  const Attempt& attempt = holder.attempts.back();
  const std::string_view kind = to_string(holder.spec->kind);
  std::string text = "is busy with " + std::string(kind) + " task " + holder.guid();
  if (!attempt.progress.empty() && holder.spec->kind != TaskKind::job) {
    return text + ": " + attempt.progress;
  }
  if (attempt.started == kNever) return text + " (leased, about to start)";
  text += " (running for " + format_duration(now - attempt.leased);
  const Duration limit = holder.spec->timeouts.run;
  if (limit > Duration{0} && attempt.leased + limit > now) {
    text += ", its timeout in " + format_duration(attempt.leased + limit - now);
  }
  return text + ")";
}

// Why the lister of a device that is not present does not tell of it.
std::string BrokerCore::explain_absence(const Device& device) const {
  const Worker& worker = workers_[device.worker];
  const std::string& name = device.spec.lister;
  std::string known;
  for (const ListerState& lister : worker.listers) {
    if (lister.name == name && !lister.fault.empty()) {
      return "lister " + name + " of worker " + worker.name + " fails: " + lister.fault;
    }
    if (lister.name == name) {
      return "lister " + name + " of worker " + worker.name + " does not find it";
    }
    known += (known.empty() ? "" : ", ") + lister.name;
  }
  return "worker " + worker.name + " has no lister " + name +
         (known.empty() ? " (it has none)" : " (it has: " + known + ")");
}

// Of the device by itself, its stacks and its worker's slots left aside. `fit`: its health is no
// obstacle. `must_be_there`: it must be plugged in.
BrokerCore::Obstacle BrokerCore::obstacle_alone(DeviceIx ix, bool fit, bool must_be_there,
                                                Instant now) const {
  using Kind = Obstacle::Kind;
  const Device& device = devices_[ix];
  const Worker& worker = workers_[device.worker];
  if (!device.known()) {
    return {Kind::gone, Instant::max(),
            device.undeclared ? "is not plugged in any more" : "is not in the inventory any more"};
  }
  const bool broker_judged = device.health == DeviceHealth::bad ||
                             device.health == DeviceHealth::unknown ||
                             (device.health == DeviceHealth::quarantined && device.until != kNever);
  const bool in_repair =
      device.holder != kNone && tasks_[device.holder].spec->kind != TaskKind::job;
  if (!fit && !(broker_judged && in_repair)) {
    const bool waits = broker_judged && device.until != kNever;
    return {waits ? Kind::backing_off : Kind::person, waits ? device.until : Instant::max(),
            explain_health(device, now)};
  }
  if (!reachable_worker(worker)) {
    const std::string when =
        worker.lost == kNever ? "" : " for " + format_duration(now - worker.lost);
    return {Kind::away, Instant::max(),
            "is offline" + when + ": its worker " + worker.name + " is not connected"};
  }
  if (must_be_there && !device_present(device)) {
    return {Kind::away, Instant::max(), "is not plugged in: " + explain_absence(device)};
  }
  if (worker.draining) {
    return {Kind::person, Instant::max(),
            "cannot be leased: " + explain_draining(worker.name, *worker.draining, now)};
  }
  const auto busy = [&](DeviceIx held, const std::string& as) -> Obstacle {
    const Task& holder = tasks_[devices_[held].holder];
    const Duration limit = holder.spec->timeouts.run;
    const Instant end =
        limit > Duration{0} ? holder.attempts.back().leased + limit : Instant::max();
    return {Kind::busy, end, explain_holder(holder, now) + as};
  };
  if (device.holder != kNone) return busy(ix, "");
  for (const DeviceIx same : devices_of_serial(device.spec.profile)) {
    if (same != ix && devices_[same].holder != kNone) {
      return busy(same, " under the name " + devices_[same].spec.name);
    }
  }
  return {};
}

// The first stack that both are in.
std::string BrokerCore::stack_of(const Device& one, const Device& other) const {
  const auto common = std::find_first_of(one.stacks.begin(), one.stacks.end(), other.stacks.begin(),
                                         other.stacks.end());
  return common == one.stacks.end() ? "" : inventory_->stacks[*common].name;
}

// Why nothing can be done with a device of this name, where there is none. `suggestions`: how many
// more may be made.
std::string BrokerCore::explain_no_device(const std::string& name, size_t& suggestions) const {
  for (const auto& [worker_name, ix] : worker_by_name_) {
    const auto listed = workers_[ix].listed.find(name);
    if (listed == workers_[ix].listed.end()) continue;
    if (declared_as(workers_[ix], listed->second) != kNone) continue;
    return "device " + name +
           " is plugged in but undeclared: declare it in the inventory, or add a selector to allow";
  }
  if (const auto found = device_by_name_.find(name); found != device_by_name_.end()) {
    return "device " + name +
           (devices_[found->second].undeclared ? " is not plugged in any more"
                                               : " is not in the inventory any more");
  }
  std::string guess;
  if (suggestions > 0) {
    --suggestions;
    std::vector<std::string> names;
    for (const auto& [known, ix] : device_by_name_) names.push_back(known);
    guess = suggest(name, names);
  }
  return "no device is named " + quote_text(name) + guess;
}

// Why an idle device is not for the task all the same, or empty.
std::string BrokerCore::explain_kept(DeviceIx ix, const Task& task) const {
  const Device& device = devices_[ix];
  const Task* serving = served_for(task, device.spec.name);
  const Task* owner = serving && serving->chain ? live_task(serving->chain->parent) : nullptr;
  for (const ClassIx waiter : device.waiters) {
    if (owner || device.good_for == 0) break;
    broker_state::any_queued(classes_[waiter].queues, [&](const TaskRef& ref) {
      if (ref.seq == device.good_for) owner = live_task(ref);
      return owner != nullptr;
    });
  }
  if (owner && owner != &task && owner->state == TaskState::queued && owner->chain &&
      !owner->chain->open.empty() && outranks(*owner, task)) {
    return "is kept for task " + owner->guid();
  }
  if (!serving || serving == &task || task.spec->before.verify == VerifyFirst::none) return "";
  return "waits for " + std::string(to_string(serving->spec->kind)) + " task " + serving->guid();
}

BrokerCore::Obstacle BrokerCore::obstacle_of(DeviceIx ix, const Task& task, Instant now) const {
  const Device& device = devices_[ix];
  const TaskClass& task_class = classes_[task.task_class];
  const bool job = task_class.kind == TaskKind::job;
  Obstacle worst = obstacle_alone(ix, fit_for(device, task_class), job, now);
  const Vain* vain = verified_in_vain(task, ix);
  if (vain && worst.kind < Obstacle::Kind::tried) {
    worst = {Obstacle::Kind::tried, Instant::max(), "was tried in vain (task " + vain->guid + ")"};
  }
  worst.text = "device " + device.spec.name + " " + worst.text;
  if (worst.kind == Obstacle::Kind::gone) return worst;
  for (const DeviceIx companion_ix : device.companions) {
    const Device& companion = devices_[companion_ix];
    Obstacle obstacle = obstacle_alone(companion_ix, fit_beside(companion, task_class), job, now);
    if (obstacle.kind == Obstacle::Kind::none) continue;
    const bool worse = worst.kind == Obstacle::Kind::none || worst < obstacle;
    if (!worse) continue;
    worst = std::move(obstacle);
    worst.text = "device " + device.spec.name + ", in stack " + stack_of(device, companion) +
                 ": member " + companion.spec.name + " " + worst.text;
  }
  if (worst.kind != Obstacle::Kind::none) return worst;
  if (const std::string kept = explain_kept(ix, task); !kept.empty()) {
    worst.kind = Obstacle::Kind::busy;
    worst.text += kept;
    return worst;
  }
  const Worker& worker = workers_[device.worker];
  if (worker.credit == 0) {
    worst.kind = Obstacle::Kind::slots;
    worst.text += "is idle, but its worker " + worker.name + " takes no new work now" +
                  because(worker.refusing);
    return worst;
  }
  if (worker.held_devices >= worker.slots) {
    worst.kind = Obstacle::Kind::slots;
    worst.text += "is idle, but all " + std::to_string(worker.slots) + " slots of worker " +
                  worker.name + " are taken";
    return worst;
  }
  worst.text += task_class.requests.size() > 1 ? "is idle, but not all of the devices are at once"
                                               : "is idle";
  return worst;
}

void BrokerCore::explain_devices(const Task& task, Instant now, Explanation& answer) const {
  const TaskClass& task_class = classes_[task.task_class];
  const size_t count = task_class.requests.size();
  std::vector<Obstacle> obstacles;
  std::set<DeviceIx> told;
  for (size_t i = 0; i < count; ++i) {
    const DeviceRequest& request = task_class.requests[i];
    const std::vector<DeviceIx>& candidates = task_class.candidates[i];
    if (candidates.empty()) {
      const auto named = device_by_name_.find(request.name);
      const bool known = named != device_by_name_.end() && devices_[named->second].known();
      size_t suggestions = 1;
      answer.reasons.push_back(request.name.empty() || known
                                   ? "no device in the inventory matches " +
                                         (request.name.empty() ? request.selector : request.name)
                                   : explain_no_device(request.name, suggestions));
    }
    for (const DeviceIx ix : candidates) {
      if (told.insert(ix).second) obstacles.push_back(obstacle_of(ix, task, now));
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (task_class.with[i] == kNone) continue;
    answer.reasons.push_back("the devices for " + task.spec->devices[task_class.with[i]].role +
                             " and " + task.spec->devices[i].role + " must be in one stack");
  }
  bool gave_up = false;
  const Scratch nothing_taken;
  if (!find_placement(task_class, &nothing_taken, &gave_up) && gave_up) {
    answer.reasons.push_back("the search for devices that are together was given up after " +
                             std::to_string(kPlacementStepsMax) +
                             " steps: name some of the devices");
  }
  std::stable_sort(obstacles.begin(), obstacles.end());
  for (Obstacle& obstacle : obstacles) {
    if (answer.reasons.size() == kExplainReasonsMax) break;
    answer.reasons.push_back(std::move(obstacle.text));
  }
}

void BrokerCore::explain_slots(const Task& task, Instant now, Explanation& answer) const {
  const TaskClass& task_class = classes_[task.task_class];
  const std::string pool = task_class.pool.empty() ? "" : " in pool " + task_class.pool;
  for (const auto& [name, ix] : worker_by_name_) {
    const Worker& worker = workers_[ix];
    if (!pools_of(worker).contains(task_class.pool)) continue;
    if (answer.reasons.size() == kExplainReasonsMax) break;
    const bool connected = worker.present && !worker.peer.empty();
    const size_t taken = std::min<size_t>(worker.held.size(), worker.slots);
    const std::string holds =
        " has " + std::to_string(taken) + " of " + std::to_string(worker.slots) + " slots taken";
    if (connected && worker.draining) {
      answer.reasons.push_back(explain_draining(name, *worker.draining, now));
      continue;
    }
    answer.reasons.push_back(
        "worker " + name +
        (!connected ? " is not connected"
         : worker.credit == 0
             ? " takes no new work now" +
                   (worker.refusing.empty() ? ": its log says why" : because(worker.refusing))
             : holds));
  }
  if (answer.reasons.empty()) answer.reasons.push_back("no worker" + pool + " has ever connected");
}

// What a queued task waits for.
std::string BrokerCore::make_wait_summary(const Task& task) const {
  const size_t devices = task.spec->devices.size();
  if (devices == 0) return "waits for a worker slot";
  return devices == 1 ? "waits for a device" : "waits for " + std::to_string(devices) + " devices";
}

void BrokerCore::explain_wait(const Task& task, Instant now, Explanation& answer) const {
  const Barrier barrier = barrier_of(task, Scratch());
  if (barrier != Barrier::none) {
    answer.reasons.push_back(explain_barrier(task, barrier, now));
    return;
  }
  if (classes_[task.task_class].needs_devices()) {
    explain_devices(task, now, answer);
  } else {
    explain_slots(task, now, answer);
  }
}

// What kept it in the queue, in one line: the nearest reason.
std::string BrokerCore::explain_nearest(const Task& task, Instant now) const {
  if (task.chain && !task.chain->open.empty()) return explain_chain(task, now).front();
  Explanation all;
  if (task.waits_for > 0) {
    explain_dependencies(task, all);
    return all.reasons.empty() ? all.summary : all.reasons.front();
  }
  explain_wait(task, now, all);
  return all.reasons.empty() ? make_wait_summary(task) : all.reasons.front();
}

Explanation BrokerCore::make_explanation(const Task& task, Instant now) const {
  Explanation answer;
  answer.guid = task.guid();
  answer.state = task.state;
  const auto seconds = [](Duration duration) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count()) + " s";
  };
  if (task.state == TaskState::ended) {
    const TaskInfo info = make_task_info(task, true);
    answer.summary = "ended with verdict " + std::string(to_string(task.verdict)) +
                     (info.ending->message.empty() ? "" : ": " + info.ending->message);
    return answer;
  }
  if (task.state != TaskState::queued) {
    const Attempt& attempt = task.attempts.back();
    answer.summary =
        std::string(task.state == TaskState::running ? "running" : "leased, about to start") +
        " on worker " + workers_[attempt.worker].name + " as attempt " +
        std::to_string(task.attempts.size()) + " for " + seconds(now - attempt.leased);
    if (!task.cancel) return answer;
    answer.reasons.push_back("is being cancelled: " + task.cancel->reason);
    // A step that may not be interrupted says so.
    if (!attempt.progress.empty()) answer.reasons.push_back("its worker says: " + attempt.progress);
    return answer;
  }
  if (task.not_before > now) {
    answer.summary = "waits " + seconds(task.not_before - now) + " before attempt " +
                     std::to_string(task.attempts.size() + 1) + ", because attempt " +
                     std::to_string(task.attempts.size()) +
                     " ended: " + task.attempts.back().ending->message;
    return answer;
  }
  if (task.waits_for > 0) {
    explain_dependencies(task, answer);
    return answer;
  }
  uint32_t passed = 0;
  answer.ahead = count_ahead(task, &passed);
  answer.estimate = estimate_start(task, answer.ahead);
  if (task.chain && !task.chain->open.empty()) {
    answer.reasons = explain_chain(task, now);
    answer.summary = "waits: " + answer.reasons.front();
    return answer;
  }
  answer.summary = make_wait_summary(task);
  explain_wait(task, now, answer);
  if (answer.ahead > 0) answer.summary += ", behind " + counted_tasks(answer.ahead);
  if (passed > 0) answer.reasons.push_back(explain_share(task, passed));
  return answer;
}

}  // namespace muster
