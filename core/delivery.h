// The pure parts of delivery, shared by all sinks: where batches end, what of a stretch of the log
// is new, and how long to wait after a failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

// How much one delivery may hold.
struct BatchLimits {
  size_t events_max = 4'096;
  size_t bytes_max = 4 << 20;
};

// Cuts a run of items, of which item i is `sizes[i]` bytes, into batches. The result holds the end
// (exclusive) of each batch, so the last one is sizes.size(). No batch is empty; one is over
// `bytes_max` only when it is a single item. No items give no batches.
std::vector<size_t> plan_batches(std::span<const size_t> sizes, const BatchLimits& limits);

// How a place that fails is tried again.
struct BackoffPolicy {
  Duration first = std::chrono::milliseconds(200);
  Duration max = std::chrono::seconds(30);
};

// How long to wait after the `failures`-th failure in a row (from 1): doubles from `first` up to
// `max`, then `random` (any 64 bits of the caller's) takes it down by up to a half, so that many
// who failed together do not come back together.
Duration backoff_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random);

// How far a sink has come: every event up to and including `delivered` has had its effect.
class DeliveryCursor {
 public:
  explicit DeliveryCursor(uint64_t delivered) : delivered_(delivered) {}

  uint64_t delivered() const { return delivered_; }
  uint64_t next() const { return delivered_ + 1; }

  // How many events at the start of the run first .. first + count - 1 were delivered before (at
  // most `count`). An error when the run begins after next(): events in between would be lost; or
  // when its numbers make no sense.
  Result<uint64_t> count_delivered(uint64_t first, uint64_t count) const;

  // Events up to `delivered` had their effect. Going back does nothing.
  void advance(uint64_t delivered);

 private:
  uint64_t delivered_;
};

}  // namespace muster
