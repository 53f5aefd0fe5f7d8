#include "core/log_keeping.h"

#include <algorithm>

namespace muster {

const LogReader* slowest_reader(const std::vector<LogReader>& readers) {
  const auto slowest =
      std::min_element(readers.begin(), readers.end(),
                       [](const LogReader& a, const LogReader& b) { return a.needs < b.needs; });
  return slowest == readers.end() ? nullptr : &*slowest;
}

// The event before the limit stays too: by its block a snapshot is known to belong to the log.
uint64_t trim_limit(const std::vector<uint64_t>& snapshots, const std::vector<LogReader>& readers) {
  if (snapshots.size() < 2) return 1;
  uint64_t limit = std::max<uint64_t>(snapshots[1], 1);
  if (const LogReader* slowest = slowest_reader(readers)) limit = std::min(limit, slowest->needs);
  return std::max<uint64_t>(limit, 1);
}

}  // namespace muster
