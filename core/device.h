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

// How a relay or PDU switches: a command or an HTTP request. {operation} (on, off, cycle) and
// {target.KEY} of the device whose power it is are filled in. Both empty: it switches nothing.
struct PowerSpec {
  std::vector<std::string> argv;
  std::string method;  // of the request
  std::string url;
  bool empty() const { return argv.empty() && url.empty(); }
  bool operator==(const PowerSpec&) const = default;
};

struct DeviceSpec {
  std::string name;
  Profile profile;
  std::string worker;              // the worker that reaches it
  std::vector<std::string> pools;  // empty: the worker's
  std::string strategy;            // name of a strategy; empty: cannot be verified
  std::string owner;
  std::string where;
  std::string lister;  // of its worker, which must list it for it to be there; empty: always there
  PowerSpec power;

  bool operator==(const DeviceSpec&) const = default;
};

// Entangled devices, such as a handset and its relay: whoever gets one holds all of them.
struct StackSpec {
  std::string name;
  std::vector<std::string> members;  // names of devices of one worker, at least two
  bool operator==(const StackSpec&) const = default;
};

// What a lister of a worker found plugged in.
struct ListedDevice {
  std::string lister;
  std::string name;  // unique among what one worker lists
  Profile profile;
  bool operator==(const ListedDevice&) const = default;
};

// A lister of a worker, as the worker has it.
struct ListerState {
  std::string name;
  std::string fault;  // why its last run came to nothing; empty: it works, or has not said yet
  bool operator==(const ListerState&) const = default;
};

// What follows when devices fail (docs/devices.md).
struct HealthPolicy {
  uint32_t quarantine_after = 3;  // failures in a row
  // How long a failed device is left alone after its first, second, ... failure in a row. When all
  // have passed in vain it needs a person.
  std::vector<Duration> reverify = {15min, 1h, 6h};
  Duration fresh = 10min;  // how long a good verification counts for jobs that ask for a fresh one
  bool operator==(const HealthPolicy&) const = default;
};

struct WorkerSpec {
  std::string name;
  std::vector<std::string> pools;
  bool operator==(const WorkerSpec&) const = default;
};

// How many attempts of a pool's tasks, or of all tasks, may be held at once. 0: no such cap. Of two
// the lower one counts.
struct Cap {
  std::string pool;  // empty: the whole lab, whatever pool a task asks for
  uint32_t max_running = 0;
  uint32_t max_running_per_device = 0;  // for each device that the pool, or the lab, has
  bool operator==(const Cap&) const = default;
};

// A submitter's weight: with 3 he may have three attempts running for each one of somebody with 1.
struct Share {
  std::string submitter;  // as TaskSpec::submitter
  uint32_t weight = 1;
  bool operator==(const Share&) const = default;
};

// That a worker, or the broker, takes no new work until a person says otherwise.
struct Draining {
  std::string who;
  std::string reason;
  Instant since;
  bool operator==(const Draining&) const = default;
};

// Whose word it is: "by kim: new disk".
std::string by_whom(const Draining& draining);

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
  std::vector<StackSpec> stacks;  // names unique; a device may be in several
  HealthPolicy health;
  std::vector<std::string> allow;  // selectors: listed devices that match may be used undeclared
  std::vector<Cap> caps;           // pools unique
  std::vector<Share> shares;       // submitters unique; who is not named has weight 1

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

// Whether a device is fit for jobs: what verifications said of it, or a person.
enum class DeviceHealth : uint8_t {
  unknown,      // never verified, or not since somebody changed something
  good,         // its last verification passed
  bad,          // its last verification failed; left alone until its back-off has passed
  quarantined,  // failed too often in a row, or a person said so; gets no jobs
  needs_human,  // verifying it again was given up
  locked,       // a person works on it; gets nothing
};

std::string_view to_string(DeviceState state);
std::string_view to_string(DeviceHealth health);

}  // namespace muster
