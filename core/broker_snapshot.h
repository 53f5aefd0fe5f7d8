// BrokerSnapshot: the hard state of a BrokerCore at one place of the log, as a value. From it and
// the events behind it the core is what it would be by all events (BrokerCore::restore). Slots keep
// their numbers, so that what comes later, and every decision, is the same too.
//
// schemas/snapshot.capnp is its stored form, io/codec_snapshot.h its codec.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/broker_state.h"

namespace muster {

namespace broker_state {

// What classes of tasks have that does not follow from the tasks.
struct HardClass {
  Duration typical{0};         // TaskClass::typical
  std::vector<TaskIx> queued;  // by priority, and in their order there; not who backs off
};

}  // namespace broker_state

struct BrokerSnapshot {
  uint64_t head = 0;  // the newest event that is in it
  uint64_t epoch = 0;
  Instant started;
  std::vector<broker_state::HardTask> tasks;  // by slot; a free one has no spec
  std::vector<broker_state::TaskIx> free_tasks;
  std::vector<TaskRef> ended_tasks;
  std::vector<uint64_t> ended_digests;
  std::vector<broker_state::HardWorker> workers;
  std::vector<broker_state::HardDevice> devices;  // by slot; a free one has no name
  std::vector<broker_state::DeviceIx> free_devices;
  InventoryPtr inventory;  // never null
  std::optional<Draining> draining;
  uint64_t ended_count = 0;
  std::map<std::string, uint64_t, std::less<>> logged_through;
  std::vector<broker_state::HardClass> classes;  // by slot; a free one has no tasks
  std::vector<broker_state::ClassIx> free_classes;
  std::vector<std::pair<std::string, Duration>> typical_times;  // of classes, by key; oldest first
};

// A digest of every member of it, and of theirs. Equal snapshots have equal ones.
uint64_t digest(const BrokerSnapshot& snapshot);

// Why nothing can be restored from it: it contradicts itself. Empty: it can. What BrokerCore makes
// is sound; what was read from a file need not be.
std::string unsound(const BrokerSnapshot& snapshot);

}  // namespace muster
