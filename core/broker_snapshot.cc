#include "core/broker_snapshot.h"

#include <algorithm>
#include <bit>
#include <concepts>
#include <type_traits>

#include "core/guid.h"
#include "core/lookup_map.h"
#include "core/selector.h"
#include "core/state_fields.h"

namespace muster {

namespace broker_state {
namespace {

// Mixes values into one number. Every container tells its size and every absence itself, so that
// nothing of one member passes for a part of the next.
class Digest {
 public:
  uint64_t value() const { return value_; }

  void add(const KeptSpec& spec) {
    add(static_cast<bool>(spec));
    if (!spec) return;
    add(*spec);
    add(spec.guid());
    add(spec.work());
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(std::string_view text) {
    add(uint64_t{text.size()});
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) mix(word(text, at, 8));
    if (at < text.size()) mix(word(text, at, text.size() - at));
  }
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) { mix(static_cast<uint64_t>(value)); }
  void add(Instant instant) { mix(static_cast<uint64_t>(to_us(instant))); }
  void add(Duration duration) { mix(static_cast<uint64_t>(duration.count())); }
  template <typename A, typename B>
  void add(const std::pair<A, B>& pair) {
    add(pair.first);
    add(pair.second);
  }
  // Box, optional and shared pointers.
  template <typename T>
  requires requires(const T& t) {
    *t;
    static_cast<bool>(t);
  }
  void add(const T& perhaps) {
    add(static_cast<bool>(perhaps));
    if (perhaps) add(*perhaps);
  }
  template <typename T>
  requires(!std::convertible_to<T, std::string_view>) && requires(const T& t) {
    t.begin();
    t.size();
  }
  void add(const T& container) {
    add(uint64_t{container.size()});
    for (const auto& element : container) add(element);
  }
  template <typename T>
  requires requires(const T& t) { fields(t); }
  void add(const T& structure) {
    std::apply([&](const auto&... member) { (add(member), ...); }, fields(structure));
  }

 private:
  // Little-endian, whatever the machine is.
  static uint64_t word(std::string_view text, size_t at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) {
      value |= uint64_t{static_cast<uint8_t>(text[at + i])} << (8 * i);
    }
    return value;
  }
  void mix(uint64_t value) {
    value_ = (std::rotl(value_, 29) ^ value) * 0x9e3779b97f4a7c15ull;
    value_ ^= value_ >> 32;
  }

  uint64_t value_ = 0xcbf29ce484222325ull;
};

// Looks for contradictions: what restore() and apply() take for granted.
class Judge {
 public:
  explicit Judge(const BrokerSnapshot& snapshot) : all_(snapshot) {}

  std::string say() {
    if (!all_.inventory) return "it has no inventory";
    judge_free("task", all_.free_tasks, all_.tasks,
               [](const HardTask& task) { return !task.spec; });
    judge_free("device", all_.free_devices, all_.devices,
               [](const HardDevice& device) { return device.spec.name.empty(); });
    judge_inventory();
    judge_names();
    held_.assign(all_.workers.size(), 0);
    members_.assign(all_.classes.size(), nullptr);
    for (TaskIx ix = 0; ix < all_.tasks.size() && problem_.empty(); ++ix) {
      if (all_.tasks[ix].spec) judge_task(ix);
    }
    for (const HardDevice& device : all_.devices) judge_device(device);
    for (WorkerIx ix = 0; ix < all_.workers.size(); ++ix) judge_worker(ix);
    judge_classes();
    for (const TaskRef& ref : all_.ended_tasks) {
      ask(ref.ix < all_.tasks.size(), "what has ended names no task");
    }
    return problem_;
  }

 private:
  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  void ask(bool holds, const char* problem) {
    if (!holds) fail(problem);
  }

  // The free list names each free slot once, and no other.
  template <typename Slots, typename IsFree>
  void judge_free(const std::string& noun, const std::vector<uint32_t>& free, const Slots& slots,
                  IsFree is_free) {
    std::vector<bool> named(slots.size());
    for (const uint32_t ix : free) {
      if (ix >= slots.size() || named[ix] || !is_free(slots[ix])) {
        return fail("its list of free " + noun + " slots is wrong");
      }
      named[ix] = true;
    }
    const auto count = std::count_if(slots.begin(), slots.end(), is_free);
    if (static_cast<size_t>(count) != free.size()) fail("a free " + noun + " slot is not listed");
  }

  void judge_inventory() {
    std::set<std::string_view> declared;
    for (const HardDevice& device : all_.devices) {
      if (device.declared) declared.insert(device.spec.name);
    }
    ask(declared.size() == all_.inventory->devices.size(),
        "its devices are not those of its inventory");
    for (const DeviceSpec& spec : all_.inventory->devices) {
      ask(declared.contains(spec.name), "a device of its inventory is missing");
    }
    for (const StackSpec& stack : all_.inventory->stacks) {
      for (const std::string& member : stack.members) {
        ask(declared.contains(member), "a stack has a member that is no device");
      }
    }
  }

  void judge_names() {
    LookupSet<std::string> names;
    for (const HardWorker& worker : all_.workers) {
      ask(names.insert(worker.name), "two workers have one name");
    }
    for (const WorkerSpec& spec : all_.inventory->workers) {
      ask(names.contains(spec.name), "a worker of its inventory is missing");
    }
    LookupSet<std::string> devices;
    for (const HardDevice& device : all_.devices) {
      ask(device.spec.name.empty() || devices.insert(device.spec.name),
          "two devices have one name");
    }
  }

  void judge_task(TaskIx ix) {
    const HardTask& task = all_.tasks[ix];
    ask(guids_.insert(task.guid()), "two tasks have one GUID");
    ask(task.seq > 0 && task.seq <= all_.head, "a task is newer than the snapshot");
    ask((task.state == TaskState::ended) == (task.task_class == kNone), "a task's class is wrong");
    for (const Attempt& attempt : task.attempts) {
      ask(attempt.worker < all_.workers.size(), "an attempt is at no worker");
    }
    ask(!task.revival || task.revival->attempts <= task.attempts.size(),
        "a task was retried after attempts that it has not had");
    if (task.state == TaskState::ended) {
      ask(task.own_ending || (!task.attempts.empty() && task.attempts.back().ending),
          "a task has ended and nobody knows how");
    } else if (problem_.empty()) {
      judge_live(ix, task);
    }
    if (task.chain) {
      judge_ref(task.chain->parent);
      for (const TaskRef& ref : task.chain->open) judge_ref(ref);
    }
    if (task.dependants) {
      for (const TaskRef& ref : *task.dependants) judge_ref(ref);
    }
  }

  void judge_live(TaskIx ix, const HardTask& task) {
    if (task.task_class >= all_.classes.size()) return fail("a task is of no class");
    if (!members_[task.task_class]) members_[task.task_class] = &*task.spec;
    for (const DeviceRequest& request : task.spec->devices) {
      ask(Selector::parse(request.selector).ok(), "a selector cannot be read");
    }
    const bool held = !task.attempts.empty() && !task.attempts.back().ending;
    ask(held == (task.state != TaskState::queued), "a task is held by nobody, or by too many");
    if (!held || !problem_.empty()) return;
    const Attempt& attempt = task.attempts.back();
    ++held_[attempt.worker];
    const std::vector<TaskIx>& list = all_.workers[attempt.worker].held;
    ask(std::find(list.begin(), list.end(), ix) != list.end(),
        "a worker does not know what it holds");
    for (const DeviceIx device : attempt.devices) {
      ask(device < all_.devices.size() && all_.devices[device].holder == ix,
          "a device does not know who holds it");
    }
  }

  // A reference may be stale, but it names a slot or nothing.
  void judge_ref(const TaskRef& ref) {
    ask(ref.ix == kNone || ref.ix < all_.tasks.size(), "a reference names no task");
  }

  void judge_device(const HardDevice& device) {
    if (device.spec.name.empty()) return;
    ask(device.worker < all_.workers.size() || (device.worker == kNone && !device.known()),
        "a device is at no worker");
    if (device.holder == kNone || !problem_.empty()) return;
    if (device.holder >= all_.tasks.size() || !all_.tasks[device.holder].spec) {
      return fail("a device is held by no task");
    }
    const std::vector<Attempt>& attempts = all_.tasks[device.holder].attempts;
    ask(!attempts.empty() && !attempts.back().ending, "a device is held by a task that has ended");
  }

  void judge_worker(WorkerIx ix) {
    ask(all_.workers[ix].held.size() == held_[ix], "a worker holds what is not leased to it");
    for (const auto& [name, listed] : all_.workers[ix].listed) {
      ask(name == listed.name, "a worker lists a device by another name");
    }
  }

  void judge_classes() {
    if (!problem_.empty()) return;
    std::vector<bool> free(all_.classes.size());
    for (const ClassIx ix : all_.free_classes) {
      if (ix >= free.size() || free[ix]) return fail("its list of free classes is wrong");
      free[ix] = true;
    }
    LookupSet<TaskIx> queued;
    for (ClassIx ix = 0; ix < all_.classes.size(); ++ix) {
      ask(free[ix] == (members_[ix] == nullptr), "a class without tasks is not free");
      uint32_t priority = UINT32_MAX;
      for (const TaskIx task : all_.classes[ix].queued) {
        const bool sound = task < all_.tasks.size() && is_queued(all_.tasks[task], ix) &&
                           queued.insert(task) && all_.tasks[task].spec->priority <= priority;
        if (!sound) return fail("a queue holds what is not queued there");
        priority = all_.tasks[task].spec->priority;
      }
    }
    LookupSet<std::string> keys;
    for (const auto& [key, typical] : all_.typical_times) {
      ask(keys.insert(key), "a typical time is there twice");
    }
  }

  static bool is_queued(const HardTask& task, ClassIx ix) {
    return task.spec && task.state == TaskState::queued && task.task_class == ix &&
           task.not_before == kNever;
  }

  const BrokerSnapshot& all_;
  LookupSet<std::string> guids_;
  std::vector<size_t> held_;               // by worker, by what the tasks say
  std::vector<const TaskTerms*> members_;  // by class: one that has not ended
  std::string problem_;
};

}  // namespace
}  // namespace broker_state

uint64_t digest(const BrokerSnapshot& snapshot) {
  broker_state::Digest digest;
  digest.add(snapshot);
  return digest.value();
}

std::string unsound(const BrokerSnapshot& snapshot) { return broker_state::Judge(snapshot).say(); }

}  // namespace muster
