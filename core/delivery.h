// The pure parts of delivery, shared by all sinks: where batches end and when they are due, what of
// a stretch of the log is new, which events of a refused batch are to blame, and how long to wait
// after a failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

// How much one delivery may hold, and how long it may wait to become full.
struct BatchLimits {
  size_t events_max = 4'096;
  size_t bytes_max = 4 << 20;
  Duration age_max{0};  // of the oldest event since it was fetched; 0: delivered as it comes
};

// Cuts a run of items, of which item i is `sizes[i]` bytes, into batches. The result holds the end
// (exclusive) of each batch, so the last one is sizes.size(). No batch is empty; one is over
// `bytes_max` only when it is a single item. No items give no batches.
std::vector<size_t> plan_batches(std::span<const size_t> sizes, const BatchLimits& limits);

// The same, without a last batch that may still become full: one below both limits, the oldest item
// of which has waited for less than `age_max`.
std::vector<size_t> plan_due_batches(std::span<const size_t> sizes, const BatchLimits& limits,
                                     Duration waited);

// A run of items.
struct ItemRange {
  size_t begin = 0;
  size_t end = 0;  // exclusive
  size_t size() const { return end - begin; }
  bool operator==(const ItemRange&) const = default;
};

// Finds the items for which a batch is refused: it is halved until those to blame stand alone. The
// ranges come in order and never overlap, so that whatever is taken is taken in order, once.
//
//   for (Bisection search(count); search.next();) {
//     if (try(*search.next())) search.settle();              // taken, or done away with
//     else if (search.next()->size() > 1) search.halve();
//     else ...                                               // this one is to blame
//   }
//
// A batch of n with k to blame takes 1 + 2 k ceil(log2 n) tries at most.
class Bisection {
 public:
  explicit Bisection(size_t count);

  // What is to be tried now; nothing: everything is settled.
  std::optional<ItemRange> next() const;
  // next() is over and done with.
  void settle();
  // next(), which has several items, was refused.
  void halve();

 private:
  std::vector<ItemRange> left_;  // the next one is last
};

// How a place that fails is tried again.
struct BackoffPolicy {
  Duration first = std::chrono::milliseconds(200);
  Duration max = std::chrono::seconds(30);
};

// How long to wait after the `failures`-th failure in a row (from 1): doubles from `first` up to
// `max`, then `random` (any 64 bits of the caller's) takes it down by up to a half, so that many
// who failed together do not come back together.
Duration backoff_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random);

// The same when the place has said how long it wants to be left alone: never sooner than that, but
// for wishes beyond kRetryAfterMax, and up to a quarter later, by `random`.
Duration retry_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random,
                     std::optional<Duration> retry_after);
inline constexpr Duration kRetryAfterMax = std::chrono::hours(1);

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
