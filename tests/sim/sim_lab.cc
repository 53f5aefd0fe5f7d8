#include "tests/sim/sim_lab.h"

#include <algorithm>
#include <utility>

namespace muster::sim {
namespace {

std::string device_name(uint32_t number) { return "d" + std::to_string(number); }
std::string serial_of(uint32_t number) { return "serial-" + std::to_string(number); }
bool is_relay(uint32_t number) { return number % SimLab::kPerWorker == 2; }

}  // namespace

std::string SimLab::worker_of(uint32_t device) const {
  return "w" + std::to_string(1 + (device - 1) / kPerWorker);
}

std::vector<std::string> SimLab::device_names() const {
  std::vector<std::string> names;
  for (uint32_t i = 1; i <= device_count(); ++i) names.push_back(device_name(i));
  return names;
}

Inventory SimLab::inventory() const {
  Inventory inventory;
  inventory.lab = "lab1";
  inventory.strategies = {{"strategy1", "bytes"}};
  if (allows_) inventory.allow = {"type=handset"};
  for (uint32_t i = 1; i <= device_count(); ++i) {
    if (i == undeclared()) continue;
    DeviceSpec device;
    device.name = device_name(i);
    device.worker = worker_of(i);
    device.profile["type"] = is_relay(i) ? "relay" : "handset";
    device.profile["serial"] = serial_of(i);
    if (listers_ && !is_relay(i)) device.lister = "usb";
    if (i != device_count() - 1) device.strategy = "strategy1";
    inventory.devices.push_back(std::move(device));
  }
  const auto stack = [&](std::string name, std::vector<std::string> members) {
    inventory.stacks.push_back({std::move(name), std::move(members)});
  };
  for (uint32_t first = 1; first <= device_count(); first += kPerWorker) {
    const std::string one = device_name(first);
    const std::string relay = device_name(first + 1);
    const std::string other = device_name(first + 2);
    if (stacking_ == Stacking::whole) stack("of-" + one, {one, relay, other});
    if (stacking_ == Stacking::pairs || stacking_ == Stacking::shared) {
      stack("of-" + one, {one, relay});
    }
    if (stacking_ == Stacking::shared) stack("of-" + other, {other, relay});
  }
  drop_broken_stacks(inventory);
  return inventory;
}

uint32_t SimLab::undeclared() const {
  return listers_ && allows_ && workers_ > 1 ? device_count() : 0;
}

void SimLab::drop_broken_stacks(Inventory& inventory) {
  std::erase_if(inventory.stacks, [&](const StackSpec& stack) {
    std::set<std::string> workers;
    size_t found = 0;
    for (const DeviceSpec& device : inventory.devices) {
      if (std::find(stack.members.begin(), stack.members.end(), device.name) ==
          stack.members.end()) {
        continue;
      }
      ++found;
      workers.insert(device.worker);
    }
    return found != stack.members.size() || workers.size() != 1;
  });
}

std::vector<ListedDevice> SimLab::listed(const std::string& worker) const {
  std::vector<ListedDevice> listed;
  const uint32_t last = device_count();
  if (listers_ && twice_ && worker_of(last) == worker && !unplugged_.contains(device_name(last))) {
    listed.push_back({"usb", "alias", {{"serial", serial_of(last)}, {"type", "handset"}}});
  }
  for (uint32_t i = 1; listers_ && i <= device_count(); ++i) {
    if (worker_of(i) != worker || is_relay(i) || unplugged_.contains(device_name(i))) continue;
    listed.push_back(
        {"usb", "bus-" + std::to_string(i), {{"serial", serial_of(i)}, {"type", "handset"}}});
  }
  return listed;
}

std::string SimLab::thing_of(const DeviceSpec& device) {
  const auto serial = device.profile.find("serial");
  return serial == device.profile.end() ? device.name : serial->second;
}

}  // namespace muster::sim
