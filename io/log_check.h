// Is an event log sound: every block whole, in its place and readable, and every snapshot what the
// events up to it give?
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/event_log.h"

namespace muster {

struct SnapshotCheck {
  uint64_t head = 0;
  uint64_t bytes = 0;
  bool compared = false;  // with the state that the events before it give
  std::string problem;    // empty: it is what it should be
};

struct LogCheck {
  uint64_t tail = 1;
  uint64_t head = 0;
  uint64_t blocks = 0;
  uint64_t events = 0;
  uint64_t bytes = 0;
  std::vector<SnapshotCheck> snapshots;  // oldest first
  std::string problem;                   // of the blocks; empty: there is none

  bool sound() const;
};

// Reads all of it. `progress` is told the number of the newest event that was looked at, now and
// then.
LogCheck check_log(const LogView& log, const std::function<void(uint64_t)>& progress);

}  // namespace muster
