// How much of the event log is kept. Blocks may go when every registered reader has them, when a
// snapshot holds what they did and another, older one could take its place, and when they are older
// or the log is larger than is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace muster {

// Registered readers: sinks of collectors. Their names have the machine and the home in them.
inline constexpr size_t kLogReadersMax = 1'000;
inline constexpr size_t kReaderNameBytesMax = 512;

// A reader of the log that comes back and goes on where it was: a sink of a collector.
struct LogReader {
  std::string name;    // "collector/ledger"
  uint64_t needs = 1;  // the oldest event that it has not done with
  Instant heard;       // when it last said so, roughly
  bool operator==(const LogReader&) const = default;
};

struct LogSize {
  uint64_t bytes = 0;  // of what is in it
  uint64_t room = 0;   // bytes that new blocks may take before the disk must give more
  bool operator==(const LogSize&) const = default;
};

// What a configuration says.
struct LogKeeping {
  Duration age{std::chrono::hours(24 * 30)};  // younger events stay, unless the log is too large
  uint64_t bytes_max = 8ull << 30;            // of all blocks; 0: any size
  bool operator==(const LogKeeping&) const = default;
};

// Up to where the log may be trimmed: the events before it. 1: nothing may go. `snapshots` are the
// newest events in each of them, newest first.
uint64_t trim_limit(const std::vector<uint64_t>& snapshots, const std::vector<LogReader>& readers);

// The reader that keeps the log longest, or nothing.
const LogReader* slowest_reader(const std::vector<LogReader>& readers);

}  // namespace muster
