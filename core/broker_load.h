// Who has how much running, and what waits in which order: the state that the rules of scheduling
// (docs/scheduling.md) look at. All of it is derived from hard state, but for the turns, which are
// soft.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "core/device.h"
#include "core/task_ref.h"

namespace muster::broker_state {

using DeviceIx = uint32_t;
using ClassIx = uint32_t;
using PoolIx = uint32_t;
using ShareIx = uint32_t;
using GroupIx = uint32_t;

// A pool that tasks ask for; or the lab, of which every task is.
struct PoolLoad {
  std::string name;  // empty: tasks that ask for none, or the lab
  uint64_t running = 0;
  Cap cap;
  std::set<DeviceIx> devices;  // that it has, where its cap counts them
  std::set<ClassIx> classes;   // that its tasks are in; some may be other tasks' by now
};

// One submitter's tasks of one pool.
struct ShareLoad {
  std::string submitter;
  PoolIx pool = 0;
  uint32_t weight = 1;
  uint64_t running = 0;
  uint64_t turn = 0;  // soft; see BrokerCore::rank_of
};

// The tasks of a group that say how many of them may hold a slot at once.
struct GroupLoad {
  std::string name;
  uint32_t at_once = 0;
  uint64_t running = 0;
  uint64_t preparing = 0;  // whose devices are being verified or repaired just now: they are next
  std::set<ClassIx> classes;
};

// Tasks of one class and priority are served in order within a lane; lanes compete.
struct LaneKey {
  ShareIx share = UINT32_MAX;
  GroupIx group = UINT32_MAX;  // none
  auto operator<=>(const LaneKey&) const = default;
};
using Lane = std::deque<TaskRef>;  // may hold stale refs, but for its first one
using Lanes = std::map<LaneKey, Lane>;
using LanesByPriority = std::map<uint32_t, Lanes, std::greater<>>;

// Whether any queued task is so. Its arguments are the reference's.
template <typename Is>
bool any_queued(const LanesByPriority& queues, const Is& is) {
  for (const auto& [priority, lanes] : queues) {
    for (const auto& [key, lane] : lanes) {
      for (const TaskRef& ref : lane) {
        if (is(ref)) return true;
      }
    }
  }
  return false;
}

// A task's place among all that wait: the lowest is served first.
struct Rank {
  int64_t priority = 0;  // negative: the highest is the lowest
  uint64_t load = 0;     // of its share: what runs, by weight
  uint64_t turn = 0;     // of its share
  uint64_t seq = 0;      // its age
  auto operator<=>(const Rank&) const = default;
};

// What keeps a queued task from being leased, whatever is free.
enum class Barrier : uint8_t {
  none,
  draining,    // the broker takes no new work
  lab_full,    // the lab has as much running as its cap allows
  pool_full,   // the task's pool has
  group_full,  // the task's group has
};

}  // namespace muster::broker_state
