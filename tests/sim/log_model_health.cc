// LogModel: what the log may say of devices' health, and who may be leased what then.
#include <algorithm>

#include "tests/sim/log_model.h"

namespace muster::sim {
namespace {

// Asked for by the broker, for itself or for a job.
bool asked_by_broker(const TaskSpec& spec) {
  return spec.submitter == "broker" || !spec.parent.empty();
}

}  // namespace

std::string LogModel::take_event(const DeviceJudged& event, Instant time) {
  Device& device = devices_[event.device];
  const bool by_broker = event.who == "broker";
  const bool persons = device.health == DeviceHealth::locked ||
                       (device.health == DeviceHealth::quarantined && device.who != "broker");
  // A person who unlocks a device lets the broker's word of before hold again.
  const bool unlocked = device.health == DeviceHealth::locked && device.before_lock &&
                        event.health == device.before_lock->health &&
                        event.until == device.before_lock->until &&
                        event.failures == device.before_lock->failures && event.guid.empty();
  if (by_broker && persons && !unlocked) return "S3: the broker takes a person's word back";
  if (by_broker && event.failures > device.failures + 1) {
    return "S3: one failure counts more than once";
  }
  if (by_broker && event.health == DeviceHealth::locked) return "S3: the broker locks a device";
  if (by_broker && event.job_failures > device.job_failures + 1) {
    return "S3: one job counts more than once";
  }
  if (by_broker && !unlocked) {
    std::string complaint = check_until(event, device, time);
    if (!complaint.empty()) return complaint;
  }
  mark_judged(event, device);
  if (event.health == DeviceHealth::locked && device.health != DeviceHealth::locked) {
    device.before_lock = DeviceJudged{};
    device.before_lock->health = device.health;
    device.before_lock->until = device.until;
    device.before_lock->failures = device.failures;
  }
  const Task* task = find_task(event.guid);
  const bool by_job = task && task->spec->kind == TaskKind::job;
  const bool counted_only = by_job && device.health == event.health;
  device.health = event.health;
  device.who = event.who;
  device.until = event.until;
  device.failures = event.failures;
  device.job_failures = event.job_failures;
  if (event.health != DeviceHealth::good) device.good_at.clear();
  if (counted_only) return "";
  device.good_for.clear();
  if (event.health != DeviceHealth::good) return "";
  if (!task || task->attempts.empty()) return "S3: a device is good, and no task says so";
  if (by_job) return "S3: a device is good because a job says so";
  device.good_at[event.level] = time;
  if (!event.level.empty()) marks_.hit(Mark::verified_in_part);
  const Task* job = find_task(task->spec->parent);
  const bool covers = job && (event.level.empty() || event.level == job->spec->before.level);
  if (covers) device.good_for = task->spec->parent;
  return "";
}

// S3: how long a device that failed is left alone, by the inventory's policy.
std::string LogModel::check_until(const DeviceJudged& event, const Device& before,
                                  Instant time) const {
  if (event.health == DeviceHealth::good || event.health == DeviceHealth::unknown ||
      event.health == DeviceHealth::needs_human) {
    return event.until == kNever ? "" : "S3: a back-off of a device that is not waited for";
  }
  const bool same = event.health == before.health && event.failures == before.failures &&
                    event.job_failures == before.job_failures;
  if (same && event.until == before.until) return "";
  uint32_t count = std::max(event.failures, event.job_failures);
  if (event.failures > before.failures) count = event.failures;
  if (event.job_failures > before.job_failures) count = event.job_failures;
  const std::vector<Duration>& steps = inventory_->health.reverify;
  const size_t step = std::min<size_t>(count, steps.size());
  const Instant expected = step == 0 ? kNever : time + steps[step - 1];
  return event.until == expected ? "" : "S3: a back-off is not what the policy says";
}

void LogModel::mark_judged(const DeviceJudged& event, const Device& before) {
  const Task* task = find_task(event.guid);
  if (event.who != "broker") {
    marks_.hit(Mark::person_judged);
  } else if (event.health == DeviceHealth::quarantined) {
    marks_.hit(Mark::quarantined);
  } else if (event.health == DeviceHealth::needs_human) {
    marks_.hit(Mark::needs_human);
  }
  const bool good = event.health == DeviceHealth::good;
  if (good && before.health == DeviceHealth::bad) marks_.hit(Mark::recovered);
  if (!good && task && !task->attempts.empty() &&
      task->attempts.back().devices[0] != event.device) {
    marks_.hit(Mark::blamed);
  }
}

// Of the devices that the task asked for. S3: no job on a device that is not fit for it, or that it
// wants verified and is not; nobody but a person contacts a failed device before its back-off.
std::string LogModel::check_lease_health(const AttemptLeased& event, const Task& task,
                                         Instant time) {
  const TaskSpec& spec = *task.spec;
  for (size_t i = 0; i < event.devices.size(); ++i) {
    const std::string& name = event.devices[i];
    Device& device = devices_[name];
    if (device.health == DeviceHealth::locked) return "S3: device " + name + " is locked";
    const bool fit = device.health == DeviceHealth::unknown || device.health == DeviceHealth::good;
    if (spec.kind == TaskKind::job && !fit) return "S3: device " + name + " is not fit for jobs";
    const bool child_repair = spec.kind == TaskKind::repair && !spec.parent.empty();
    const bool left_alone = !fit && (device.until == kNever || time < device.until);
    if (i < spec.devices.size() && asked_by_broker(spec) && !child_repair && left_alone) {
      return "S3: device " + name + " is contacted before its back-off is over";
    }
    if (i < spec.devices.size() && spec.kind == TaskKind::job) {
      const auto& devices = inventory_->devices;
      const auto found = std::find_if(devices.begin(), devices.end(),
                                      [&](const DeviceSpec& each) { return each.name == name; });
      if (found != devices.end()) {
        const std::string complaint = check_verified(task, *found, device, time);
        if (!complaint.empty()) return complaint;
      }
    }
    if (spec.guid != device.good_for && spec.parent != device.good_for) device.good_for.clear();
  }
  return "";
}

std::string LogModel::check_verified(const Task& job, const DeviceSpec& spec, const Device& device,
                                     Instant time) const {
  const VerifyFirst wanted = job.spec->before.verify;
  if (wanted == VerifyFirst::none || spec.strategy.empty()) return "";
  const std::string subject = "S3: a job wants a verified device, and " + spec.name;
  if (device.health != DeviceHealth::good) return subject + " is not good";
  if (device.good_for == job.spec->guid) {
    marks_.hit(Mark::verified_for_job);
    return "";
  }
  if (wanted == VerifyFirst::always) return subject + " was not verified for it";
  const bool fresh =
      std::any_of(device.good_at.begin(), device.good_at.end(), [&](const auto& good) {
        const bool covers = good.first.empty() || good.first == job.spec->before.level;
        return covers && time - good.second <= inventory_->health.fresh;
      });
  if (!fresh) return subject + " was verified too long ago, or not so much of it";
  marks_.hit(Mark::fresh_enough);
  return "";
}

}  // namespace muster::sim
