#include "io/clock.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

#include "io/file.h"

namespace muster {

namespace {

int64_t read_us(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
}

}  // namespace

SystemClock::SystemClock(Instant not_before)
    : anchor_(std::max(not_before, from_us(read_us(CLOCK_REALTIME)))), boot_anchor_us_(boot_us()) {}

Instant SystemClock::now() { return anchor_ + Duration(boot_us() - boot_anchor_us_); }

int64_t boot_us() { return read_us(CLOCK_BOOTTIME); }

std::string read_boot_id() {
  Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id", 64);
  return id.ok() ? id->substr(0, id->find('\n')) : "";
}

std::string format_rfc3339(Instant instant) {
  if (instant == kNever) return "";
  // Rounded down by hand: std::chrono::floor overflows near the ends of the range.
  int64_t whole = to_us(instant) / 1'000'000;
  int64_t fraction = to_us(instant) % 1'000'000;
  if (fraction < 0) {
    --whole;
    fraction += 1'000'000;
  }
  const time_t seconds = whole;
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const int size =
      std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900,
                    parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                    static_cast<int>(fraction));
  return std::string(text, static_cast<size_t>(size));
}

Instant parse_rfc3339(std::string_view text) {
  const std::string copy(text);
  tm parts{};
  int fraction = 0;
  int read = 0;
  const int fields =
      std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &fraction, &read);
  if (fields != 7 || static_cast<size_t>(read) != copy.size()) return kNever;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const Instant instant = from_us(int64_t{::timegm(&parts)} * 1'000'000 + fraction);
  // What is no time of day or no day of a month was carried over.
  return format_rfc3339(instant) == copy ? instant : kNever;
}

}  // namespace muster
