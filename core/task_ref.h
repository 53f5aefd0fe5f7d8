// TaskRef: names a task of the broker by its slot, in soft or lazily cleaned lists.
#pragma once

#include <compare>
#include <cstdint>

namespace muster {

struct TaskRef {
  uint32_t ix = UINT32_MAX;
  uint64_t seq = 0;  // Task::seq: stale when it is not the slot's any more
  auto operator<=>(const TaskRef&) const = default;
};

}  // namespace muster
