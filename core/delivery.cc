#include "core/delivery.h"

#include <algorithm>
#include <cassert>
#include <string>

namespace muster {

std::vector<size_t> plan_batches(std::span<const size_t> sizes, const BatchLimits& limits) {
  std::vector<size_t> ends;
  size_t begin = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const bool fits = i - begin < limits.events_max && bytes <= limits.bytes_max &&
                      sizes[i] <= limits.bytes_max - bytes;
    if (i > begin && !fits) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
    bytes += sizes[i];
  }
  if (!sizes.empty()) ends.push_back(sizes.size());
  return ends;
}

std::vector<size_t> plan_due_batches(std::span<const size_t> sizes, const BatchLimits& limits,
                                     Duration waited) {
  std::vector<size_t> ends = plan_batches(sizes, limits);
  if (ends.empty() || waited >= limits.age_max) return ends;
  const size_t begin = ends.size() < 2 ? 0 : ends[ends.size() - 2];
  size_t bytes = 0;
  for (const size_t size : sizes.subspan(begin)) bytes += size;
  const bool is_full = sizes.size() - begin >= limits.events_max || bytes >= limits.bytes_max;
  if (!is_full) ends.pop_back();
  return ends;
}

Bisection::Bisection(size_t count) {
  if (count > 0) left_.push_back({0, count});
}

std::optional<ItemRange> Bisection::next() const {
  if (left_.empty()) return std::nullopt;
  return left_.back();
}

void Bisection::settle() {
  assert(!left_.empty());
  left_.pop_back();
}

void Bisection::halve() {
  assert(!left_.empty() && left_.back().size() > 1);
  const ItemRange whole = left_.back();
  const size_t middle = whole.begin + whole.size() / 2;
  left_.back() = {middle, whole.end};
  left_.push_back({whole.begin, middle});
}

Duration backoff_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random) {
  Duration delay = policy.first;
  for (uint32_t i = 1; i < failures && delay < policy.max; ++i) delay *= 2;
  delay = std::min(delay, policy.max);
  const uint64_t half = static_cast<uint64_t>(delay.count()) / 2;
  return delay - Duration(static_cast<int64_t>(random % (half + 1)));
}

Duration retry_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random,
                     std::optional<Duration> retry_after) {
  const Duration delay = backoff_delay(policy, failures, random);
  if (!retry_after) return delay;
  const Duration wish = std::clamp(*retry_after, Duration(0), kRetryAfterMax);
  const uint64_t quarter = static_cast<uint64_t>(wish.count()) / 4;
  return std::max(delay, wish + Duration(static_cast<int64_t>(random % (quarter + 1))));
}

Result<uint64_t> DeliveryCursor::count_delivered(uint64_t first, uint64_t count) const {
  if (first == 0 || count > UINT64_MAX - first) {
    return Error{"a block of " + std::to_string(count) + " events that begins at " +
                 std::to_string(first) + " makes no sense"};
  }
  if (first > next()) {
    return Error{"events " + std::to_string(next()) + " to " + std::to_string(first - 1) +
                 " are missing before a block"};
  }
  return std::min(count, next() - first);
}

void DeliveryCursor::advance(uint64_t delivered) { delivered_ = std::max(delivered_, delivered); }

}  // namespace muster
