// Instants and durations. The core never asks for the time: every function that needs it takes an
// Instant as an argument, read once per wake-up by the shell (io/clock.h).
#pragma once

#include <chrono>
#include <cstdint>

namespace muster {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;

// A length of time in microseconds. Durations, never instants, cross the wire when two machines
// must agree on a lease, because their clocks need not agree.
using Duration = std::chrono::microseconds;

// A point in time in microseconds since the Unix epoch (UTC). Within one process it never goes
// back, even when the system clock is stepped. Instant{} means "never" or "not yet".
using Instant = std::chrono::time_point<std::chrono::system_clock, Duration>;

inline constexpr Instant kNever{};

inline int64_t to_us(Instant instant) { return instant.time_since_epoch().count(); }
inline Instant from_us(int64_t us) { return Instant{Duration{us}}; }

}  // namespace muster
