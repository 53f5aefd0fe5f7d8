#include "core/delivery.h"

#include <algorithm>
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

Duration backoff_delay(const BackoffPolicy& policy, uint32_t failures, uint64_t random) {
  Duration delay = policy.first;
  for (uint32_t i = 1; i < failures && delay < policy.max; ++i) delay *= 2;
  delay = std::min(delay, policy.max);
  const uint64_t half = static_cast<uint64_t>(delay.count()) / 2;
  return delay - Duration(static_cast<int64_t>(random % (half + 1)));
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
