// Answers to people's questions, from what the broker knows now.
#include <algorithm>

#include "core/broker_core.h"
#include "core/burial.h"

namespace muster {

namespace {

// How long one that no inventory names is shown as lost.
constexpr Duration kLostWorkerKept = std::chrono::hours(24);

size_t info_bytes(const TaskInfo& info) {
  const TaskSpec& spec = info.spec;
  size_t bytes = 512 + spec.guid.size() + spec.name.size() + spec.parent.size() +
                 spec.submitter.size() + spec.pool.size() + info.cancelling.size() +
                 (info.ending ? info.ending->message.size() : 0);
  for (const DeviceRequest& request : spec.devices)
    bytes += 64 + request.role.size() + request.name.size() + request.selector.size();
  return bytes;
}

size_t info_bytes(const DeviceInfo& info) {
  const DeviceSpec& spec = info.spec;
  size_t bytes = 768 + spec.name.size() + spec.worker.size() + spec.strategy.size() +
                 spec.owner.size() + spec.where.size() + spec.lister.size() +
                 spec.power.method.size() + spec.power.url.size() + info.health_reason.size() +
                 info.health_who.size() + info.held_by.guid.size() + info.progress.size() +
                 info.absent.size();
  for (const auto& [key, value] : spec.profile) bytes += 64 + key.size() + value.size();
  for (const std::string& word : spec.power.argv) bytes += 32 + word.size();
  for (const std::string& pool : spec.pools) bytes += 32 + pool.size();
  for (const std::string& stack : info.stacks) bytes += 32 + stack.size();
  return bytes;
}

}  // namespace

std::optional<Message> BrokerCore::make_answer(const Message& question, Instant now) const {
  if (std::holds_alternative<Beat>(question)) return Beat{};
  if (std::holds_alternative<AskStatus>(question)) return make_status();
  if (const auto* list = std::get_if<ListTasks>(&question)) return make_task_list(*list);
  const auto about_task = [&](const std::string& guid, auto make) -> Message {
    const Task* task = find_task(guid);
    if (!task) return Refused{RefusalCode::unknown, "the broker knows no task " + guid};
    return make(*task);
  };
  if (const auto* show = std::get_if<ShowTask>(&question)) {
    return about_task(show->guid, [&](const Task& task) { return make_task_info(task, false); });
  }
  if (const auto* explain = std::get_if<ExplainTask>(&question)) {
    return about_task(explain->guid, [&](const Task& task) { return make_explanation(task, now); });
  }
  if (const auto* watch = std::get_if<Watch>(&question)) {
    if (watch->guids.size() > kGuidsPerRequestMax) {
      return Refused{RefusalCode::limit,
                     "at most " + std::to_string(kGuidsPerRequestMax) + " GUIDs in one request"};
    }
    return make_watched(*watch);
  }
  if (const auto* list = std::get_if<ListDevices>(&question)) {
    const Result<Selector> selector = Selector::parse(list->selector);
    if (!selector.ok()) return Refused{RefusalCode::invalid, selector.error()};
    return make_device_list(*list, *selector);
  }
  if (std::holds_alternative<AskInventory>(question)) return CurrentInventory{inventory_};
  if (std::holds_alternative<ListWorkers>(question)) {
    WorkerList workers;
    for (const auto& [name, ix] : worker_by_name_) {
      if (is_forgotten(workers_[ix], now)) continue;
      workers.workers.push_back(make_worker_info(workers_[ix]));
    }
    return workers;
  }
  return std::nullopt;
}

// Those of the inventory, those that are still held though they are gone from it, and what else is
// plugged in; as many as fit, and all of a name or none.
DeviceList BrokerCore::make_device_list(const ListDevices& question,
                                        const Selector& selector) const {
  struct Shown {
    std::string_view name;
    DeviceIx device = kNone;
    const Worker* worker = nullptr;  // where it is no device: that lists it so
    const ListedDevice* listed = nullptr;
  };
  std::vector<Shown> shown;
  const auto each_asked_for = [&](const auto& by_name, const auto& take) {
    const bool all = question.name.empty();
    auto next = all ? by_name.upper_bound(question.after) : by_name.find(question.name);
    for (; next != by_name.end(); ++next) {
      if (next->first > question.after) take(next->first, next->second);
      if (!all) return;
    }
  };
  each_asked_for(device_by_name_, [&](const std::string& name, DeviceIx ix) {
    const Device& device = devices_[ix];
    if (device.known() || device.holder != kNone) shown.push_back({name, ix});
  });
  for (const auto& [worker_name, worker_ix] : worker_by_name_) {
    const Worker& worker = workers_[worker_ix];
    each_asked_for(worker.listed, [&](const std::string& name, const ListedDevice& listed) {
      const auto same = device_by_name_.find(name);
      const bool is_shown =
          same != device_by_name_.end() && devices_[same->second].undeclared &&
          devices_[same->second].worker == worker_by_name_.find(worker.name)->second &&
          (devices_[same->second].known() || devices_[same->second].holder != kNone);
      if (is_shown || declared_as(worker, listed) != kNone) return;
      shown.push_back({name, kNone, &worker, &listed});
    });
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [](const Shown& a, const Shown& b) { return a.name < b.name; });
  DeviceList list;
  size_t bytes = 0;
  for (size_t i = 0; i < shown.size(); ++i) {
    if (bytes > kListBytesMax && shown[i].name != list.devices.back().spec.name) {
      list.more = true;
      break;
    }
    DeviceInfo info;
    if (shown[i].device != kNone) {
      info = make_device_info(devices_[shown[i].device]);
    } else {
      info.spec = make_undeclared(*shown[i].worker, *shown[i].listed);
      info.undeclared = true;
      const bool reachable = reachable_worker(*shown[i].worker);
      info.state = reachable ? DeviceState::idle : DeviceState::offline;
    }
    if (!selector.matches(match_profile(info.spec))) continue;
    bytes += info_bytes(info);
    list.devices.push_back(std::move(info));
  }
  return list;
}

// What does not fit follows as pushed news (note_unanswered).
TaskNews BrokerCore::make_watched(const Watch& question) const {
  TaskNews news;
  size_t bytes = 0;
  for (const std::string& guid : question.guids) {
    const Task* task = find_task(guid);
    if (!task) {
      news.unknown.push_back(guid);
    } else if (bytes <= kListBytesMax) {
      news.changes.push_back(make_change(*task));
      bytes += change_bytes(news.changes.back());
    }
  }
  return news;
}

// Newest first. Brief: neither work nor attempts.
TaskList BrokerCore::make_task_list(const ListTasks& question) const {
  std::vector<const Task*> matching;
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec) continue;
    const bool buried =
        task.state == TaskState::ended && is_buried(*task.spec, task.verdict, ending_of(task));
    if (is_meant(question, task.spec.guid(), *task.spec, task.state, task.verdict, buried)) {
      matching.push_back(&task);
    }
  }
  TaskList list;
  list.total = matching.size();
  const size_t asked = question.max == 0 ? kListTasksMax : question.max;
  const size_t count = std::min({asked, kListTasksMax, matching.size()});
  std::partial_sort(matching.begin(), matching.begin() + static_cast<std::ptrdiff_t>(count),
                    matching.end(), [](const Task* a, const Task* b) { return a->seq > b->seq; });
  size_t bytes = 0;
  for (size_t i = 0; i < count && bytes <= kListBytesMax; ++i) {
    list.tasks.push_back(make_task_info(*matching[i], true));
    bytes += info_bytes(list.tasks.back());
  }
  return list;
}

const Ending& BrokerCore::ending_of(const Task& ended) {
  return ended.own_ending ? *ended.own_ending : *ended.attempts.back().ending;
}

TaskInfo BrokerCore::make_task_info(const Task& task, bool brief) const {
  TaskInfo info;
  info.spec = task.spec.whole();
  if (brief) info.spec.work.clear();
  info.state = task.state;
  info.verdict = task.verdict;
  info.submitted = task.submitted;
  info.ended = task.ended;
  info.not_before = task.not_before;
  info.attempt_count = static_cast<uint32_t>(task.attempts.size());
  if (task.cancel && task.state != TaskState::ended) info.cancelling = task.cancel->reason;
  if (task.state == TaskState::ended) {
    info.ending = ending_of(task);
    info.buried = is_buried(*task.spec, task.verdict, *info.ending);
  }
  if (brief) return info;
  for (size_t i = 0; i < task.attempts.size(); ++i) {
    const Attempt& attempt = task.attempts[i];
    info.attempts.push_back(AttemptInfo{static_cast<uint32_t>(i + 1), workers_[attempt.worker].name,
                                        attempt.device_names, attempt.leased, attempt.log_url,
                                        attempt.ending, attempt.progress});
  }
  return info;
}

DeviceInfo BrokerCore::make_device_info(const Device& device) const {
  DeviceInfo info;
  info.spec = device.spec;
  info.health = device.health;
  info.health_reason = device.health_reason;
  info.health_since = device.health_since;
  info.health_who = device.health_who;
  info.until = device.until;
  info.failures = std::max(device.failures, device.job_failures);
  info.undeclared = device.undeclared;
  info.allowed = device.undeclared && device.allowed;
  for (const uint32_t stack : device.stacks) {
    info.stacks.push_back(inventory_->stacks[stack].name);
  }
  const bool at_worker = device.worker != kNone && reachable_worker(workers_[device.worker]);
  const bool reachable = at_worker && device_present(device);
  info.state = reachable ? DeviceState::idle : DeviceState::offline;
  if (at_worker && !reachable) info.absent = explain_absence(device);
  if (device.holder == kNone) return info;
  info.draining = !device.known();
  const Task& task = tasks_[device.holder];
  info.held_by = AttemptToken{task.guid(), static_cast<uint32_t>(task.attempts.size())};
  info.progress = task.attempts.back().progress;
  if (!reachable) return info;
  if (task.state == TaskState::leased) {
    info.state = DeviceState::leased;
  } else if (task.spec->kind == TaskKind::verify) {
    info.state = DeviceState::verifying;
  } else {
    info.state =
        task.spec->kind == TaskKind::repair ? DeviceState::repairing : DeviceState::running;
  }
  return info;
}

// Nobody waits for it any more: no inventory names it, and it has never come, or was lost long ago.
bool BrokerCore::is_forgotten(const Worker& worker, Instant now) const {
  if (worker.present || !worker.held.empty()) return false;
  const std::vector<WorkerSpec>& named = inventory_->workers;
  const bool is_named =
      std::any_of(named.begin(), named.end(),
                  [&](const WorkerSpec& spec) { return spec.name == worker.name; }) ||
      std::any_of(worker.devices.begin(), worker.devices.end(),
                  [&](DeviceIx ix) { return devices_[ix].declared; });
  return !is_named && (worker.lost == kNever || now - worker.lost >= kLostWorkerKept);
}

WorkerInfo BrokerCore::make_worker_info(const Worker& worker) const {
  WorkerInfo info;
  info.name = worker.name;
  info.present = worker.present;
  info.incarnation = worker.incarnation;
  info.lab = worker.lab;
  for (const std::string& pool : pools_of(worker)) {
    if (!pool.empty()) info.pools.push_back(pool);
  }
  info.version = worker.version;
  info.slots = worker.slots;
  info.held = static_cast<uint32_t>(worker.held.size());
  info.last_heard = worker.last_heard;
  info.lease_until = worker.lease_until;
  if (worker.present) info.refusing = worker.refusing;
  info.listers = worker.listers;
  info.draining = worker.draining;
  return info;
}

BrokerStatus BrokerCore::make_status() const {
  BrokerStatus status;
  status.version = options_.version;
  status.log_id = options_.log_id;
  status.epoch = epoch_;
  status.head = head_;
  status.queued = queued_count_;
  status.leased = held_count_;
  status.ended = ended_count_;
  for (const Worker& worker : workers_) status.workers_present += worker.present ? 1 : 0;
  for (const Device& device : devices_) status.devices += device.declared ? 1 : 0;
  status.refused_messages = refused_messages_;
  status.disk_low = disk_low_;
  status.started = started_;
  status.draining = draining_;
  return status;
}

}  // namespace muster
