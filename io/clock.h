// The clock: wall time that never goes back within a process, and is read once per wake-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/time.h"

namespace muster {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;
};

// Anchored to the system clock at construction, then advanced by CLOCK_BOOTTIME: stepping the
// system clock does not move it. `not_before` keeps time from going back over a restart.
class SystemClock final : public Clock {
 public:
  explicit SystemClock(Instant not_before = kNever);
  Instant now() override;

 private:
  Instant anchor_;
  int64_t boot_anchor_us_ = 0;
};

// Microseconds since this machine started, time asleep included. For waiting; never sent anywhere.
int64_t boot_us();

// Names this boot of the machine: what boot_us() and numbers of processes mean is over with it.
// Empty when the system does not tell.
std::string read_boot_id();

// "2026-11-23T08:15:30.123456Z"; "" for kNever.
std::string format_rfc3339(Instant instant);

// The inverse; kNever for anything else.
Instant parse_rfc3339(std::string_view text);

}  // namespace muster
