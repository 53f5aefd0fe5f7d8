// LogModel: which devices a lease may name, by the inventory and what listers found.
#include <algorithm>

#include "core/selector.h"
#include "tests/sim/log_model.h"
#include "tests/sim/sim_lab.h"

namespace muster::sim {

std::string LogModel::take_event(const DeviceListed& event, Instant) {
  std::map<std::string, ListedDevice>& listed = listed_[event.worker];
  const auto [found, added] = listed.try_emplace(event.device.name, event.device);
  if (!added && found->second == event.device) return "S8: a device was listed twice";
  found->second = event.device;
  const bool twice = std::any_of(listed.begin(), listed.end(), [&](const auto& other) {
    return other.first != event.device.name && other.second.profile == event.device.profile;
  });
  if (twice) marks_.hit(Mark::listed_twice);
  return "";
}

std::string LogModel::take_event(const DeviceUnlisted& event, Instant) {
  const auto found = listed_[event.worker].find(event.name);
  if (found == listed_[event.worker].end()) return "S8: a device was unlisted that was not listed";
  DeviceSpec spec;
  spec.profile = found->second.profile;
  if (held_things_.contains(SimLab::thing_of(spec))) marks_.hit(Mark::unplugged_leased);
  listed_[event.worker].erase(found);
  return "";
}

std::optional<DeviceSpec> LogModel::find_device(const std::string& name,
                                                const std::string& worker) const {
  for (const DeviceSpec& device : inventory_->devices) {
    if (device.name == name) return device;
  }
  const auto lists = listed_.find(worker);
  if (lists == listed_.end() || !lists->second.contains(name)) return std::nullopt;
  const ListedDevice& listed = lists->second.at(name);
  DeviceSpec spec;
  spec.name = name;
  spec.worker = worker;
  spec.lister = listed.lister;
  spec.profile = listed.profile;
  for (const DeviceSpec& device : inventory_->devices) {
    const bool same = device.worker == worker && SimLab::thing_of(device) == SimLab::thing_of(spec);
    if (same) return std::nullopt;  // it has a name of its own
  }
  for (const std::string& text : inventory_->allow) {
    if (Selector::parse(text)->matches(match_profile(spec))) return spec;
  }
  return std::nullopt;
}

bool LogModel::is_there(const DeviceSpec& device) const {
  if (device.lister.empty()) return true;
  const auto lists = listed_.find(device.worker);
  if (lists == listed_.end()) return false;
  return std::any_of(lists->second.begin(), lists->second.end(), [&](const auto& entry) {
    DeviceSpec listed;
    listed.profile = entry.second.profile;
    return SimLab::thing_of(listed) == SimLab::thing_of(device);
  });
}

bool LogModel::share_stack(const std::string& one, const std::string& other) const {
  return std::any_of(
      inventory_->stacks.begin(), inventory_->stacks.end(), [&](const StackSpec& stack) {
        const auto has = [&](const std::string& name) {
          return std::find(stack.members.begin(), stack.members.end(), name) != stack.members.end();
        };
        return has(one) && has(other);
      });
}

std::string LogModel::check_lease_devices(const AttemptLeased& event, const Task& task) const {
  if (event.devices.size() < task.spec->devices.size()) return "S2: too few devices were leased";
  if (!inventory_)
    return event.devices.empty() ? "" : "S2: devices were leased before there were any";
  std::set<std::string> things;
  for (const std::string& name : event.devices) {
    if (holders_.contains(name)) return "S1: device " + name + " was leased twice";
    const std::optional<DeviceSpec> device = find_device(name, event.worker);
    if (!device) return "S2: device " + name + " may not be used";
    if (device->worker != event.worker) return "S2: device " + name + " is another worker's";
    const bool job = task.spec->kind == TaskKind::job;
    const bool own = task.spec->submitter == "broker" && name == event.devices[0];
    if ((job || own) && !is_there(*device)) return "S2: device " + name + " is not plugged in";
    const std::string thing = SimLab::thing_of(*device);
    if (held_things_.contains(thing) || !things.insert(thing).second) {
      return "S1: " + thing + " was leased under two names";
    }
    const auto& declared = inventory_->devices;
    const bool is_declared = std::any_of(declared.begin(), declared.end(),
                                         [&](const DeviceSpec& each) { return each.name == name; });
    if (!is_declared) marks_.hit(Mark::undeclared_leased);
  }
  for (size_t i = 0; i < task.spec->devices.size(); ++i) {
    const DeviceRequest& request = task.spec->devices[i];
    const std::string& name = event.devices[i];
    const std::optional<DeviceSpec> device = find_device(name, event.worker);
    const bool wanted = (request.name.empty() || request.name == name) &&
                        Selector::parse(request.selector)->matches(match_profile(*device));
    if (!wanted) return "S2: device " + name + " is not what was asked for";
  }
  return check_lease_stacks(event, task);
}

// S1: all of every stack that something of is leased, and nothing else; in order.
std::string LogModel::check_lease_stacks(const AttemptLeased& event, const Task& task) const {
  const auto& requests = task.spec->devices;
  const auto begin = event.devices.begin();
  const std::vector<std::string> asked(begin, begin + static_cast<std::ptrdiff_t>(requests.size()));
  std::set<std::string> rest;
  for (const StackSpec& stack : inventory_->stacks) {
    const bool is_leased =
        std::any_of(stack.members.begin(), stack.members.end(), [&](const std::string& member) {
          return std::find(asked.begin(), asked.end(), member) != asked.end();
        });
    if (is_leased) rest.insert(stack.members.begin(), stack.members.end());
  }
  for (const std::string& name : asked) rest.erase(name);
  const std::vector<std::string> expected(rest.begin(), rest.end());
  const std::vector<std::string> leased(begin + static_cast<std::ptrdiff_t>(requests.size()),
                                        event.devices.end());
  if (leased != expected) return "S1: a lease is not of whole stacks";
  if (!leased.empty()) marks_.hit(Mark::collateral);
  for (size_t i = 0; i < requests.size(); ++i) {
    for (size_t j = 0; j < requests.size(); ++j) {
      if (i == j || requests[i].with.empty() || requests[i].with != requests[j].role) continue;
      if (!share_stack(asked[i], asked[j])) return "S2: devices are not in one stack";
      marks_.hit(Mark::together);
    }
  }
  return "";
}

}  // namespace muster::sim
