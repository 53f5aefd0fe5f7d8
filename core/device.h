// Devices, workers and the inventory that declares them. The inventory is desired state (a file);
// what the broker observes (leases, presence) is in its log. Neither is written into the other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace muster {

// `type: handset, pretty: yuga, ...`: free keys and values, ordered by key.
using Profile = std::map<std::string, std::string>;

struct DeviceSpec {
  std::string name;
  Profile profile;
  std::string worker;              // the worker that reaches it
  std::vector<std::string> pools;  // empty: the worker's
  std::string strategy;            // name of a strategy; empty: cannot be verified
  std::string owner;
  std::string where;

  bool operator==(const DeviceSpec&) const = default;
};

struct WorkerSpec {
  std::string name;
  std::vector<std::string> pools;
  bool operator==(const WorkerSpec&) const = default;
};

// A checked strategy, ready to be carried: `bytes` is an encoded Strategy (core/strategy.h;
// encode_strategy / decode_strategy in io/codec.h). The broker matches and carries it.
struct StrategyBlob {
  std::string name;
  std::string bytes;
  bool operator==(const StrategyBlob&) const = default;
};

struct Inventory {
  std::string lab;
  std::vector<WorkerSpec> workers;
  std::vector<DeviceSpec> devices;  // sorted by name, names unique
  std::vector<StrategyBlob> strategies;

  bool operator==(const Inventory&) const = default;
};
using InventoryPtr = std::shared_ptr<const Inventory>;

// Machine-owned axis of a device (DESIGN section 5).
enum class DeviceState : uint8_t {
  offline,    // its worker is not connected
  idle,       // may be leased
  leased,     // promised to an attempt that has not started
  verifying,  // a verify attempt runs on it
  repairing,  // a repair attempt runs on it
  running,    // a job attempt runs on it
};

// What the last verification said.
enum class DeviceHealth : uint8_t {
  unknown,  // never verified
  good,     // passed
  bad,      // failed
};

std::string_view to_string(DeviceState state);
std::string_view to_string(DeviceHealth health);

}  // namespace muster
