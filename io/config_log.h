// The part `log` of muster.yaml: how the daemons log (io/logging.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/limits.h"
#include "io/object_reader.h"

namespace muster {

struct LogConfig {
  std::string level = "info";
  bool json = false;
  uint64_t size = kLogFileBytesDefault;  // of one file, in bytes
  uint32_t files = kLogFilesDefault;     // of each daemon, the one that is written included
  std::string events = "off";            // lines from this level on become events
  bool operator==(const LogConfig&) const = default;
};

// The levels that `log: { level }` and --log-level take, and those of `log: { events }`.
const std::vector<std::string>& log_levels();
const std::vector<std::string>& log_event_levels();

void read_log(const ObjectReader& reader, LogConfig& log);

const KeyTable& log_keys();

}  // namespace muster
