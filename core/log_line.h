// Lines of the daemons' own logs that become events. HOME/logs has every line (io/logging.h); those
// at or above a chosen level are told to the broker too, and become DaemonLogged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/time.h"

namespace muster {

enum class LogLevel : uint8_t { trace, debug, info, warning, error, critical };

struct LogLine {
  // Position in what the daemon tells: (incarnation << 32) | counter, as of reports. It grows over
  // the daemon's restarts, and by it a repeat is known.
  uint64_t seq = 0;
  Instant time;  // the daemon's clock
  LogLevel level = LogLevel::info;
  std::string text;
  uint64_t left_out = 0;  // lines before it, after the one told last, that were too many to be told
  bool operator==(const LogLine&) const = default;
};

std::string_view to_string(LogLevel level);

}  // namespace muster
