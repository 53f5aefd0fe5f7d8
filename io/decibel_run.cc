#include "io/decibel_run.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "io/clock.h"

namespace muster {
namespace {

constexpr size_t kDigitsOfMicroseconds = 6;

// Takes `count` digits from the front of `text`; nothing when they are not there.
std::optional<int> take_number(std::string_view& text, size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const std::string_view digits = text.substr(0, count);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '-') {
    return std::nullopt;
  }
  text.remove_prefix(count);
  return value;
}

bool take_char(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text.front()) == choices.npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".5" as microseconds; digits beyond them are dropped.
std::optional<int64_t> take_fraction(std::string_view& text) {
  if (!take_char(text, ".,")) return 0;
  int64_t us = 0;
  size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
    if (digits < kDigitsOfMicroseconds) us = us * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < kDigitsOfMicroseconds; ++digits) us *= 10;
  return us;
}

// "Z", "+01:00", "+0100" or nothing, in seconds east.
std::optional<int64_t> take_zone(std::string_view& text) {
  if (text.empty() || take_char(text, "Zz")) return 0;
  const bool west = text.front() == '-';
  if (!take_char(text, "+-")) return std::nullopt;
  const std::optional<int> hours = take_number(text, 2);
  take_char(text, ":");
  const std::optional<int> minutes = take_number(text, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int64_t seconds = (int64_t{*hours} * 60 + *minutes) * 60;
  return west ? -seconds : seconds;
}

// "2026-11-23T08:15:30", in seconds since the epoch.
std::optional<int64_t> take_date_time(std::string_view& text) {
  constexpr std::string_view kAfter[] = {"-", "-", "Tt ", ":", ":"};
  constexpr size_t kDigits[] = {4, 2, 2, 2, 2, 2};
  int parts[6] = {};
  for (size_t i = 0; i < std::size(parts); ++i) {
    const std::optional<int> part = take_number(text, kDigits[i]);
    if (!part) return std::nullopt;
    parts[i] = *part;
    if (i < std::size(kAfter) && !take_char(text, kAfter[i])) return std::nullopt;
  }
  tm time{};
  time.tm_year = parts[0] - 1900;
  time.tm_mon = parts[1] - 1;
  time.tm_mday = parts[2];
  time.tm_hour = parts[3];
  time.tm_min = parts[4];
  time.tm_sec = parts[5];
  const tm asked = time;
  const int64_t seconds = ::timegm(&time);
  // What is no day of a month was carried over.
  const bool is_time = time.tm_mon == asked.tm_mon && time.tm_mday == asked.tm_mday &&
                       time.tm_hour == asked.tm_hour && time.tm_min == asked.tm_min &&
                       time.tm_sec == asked.tm_sec;
  return is_time ? std::optional(seconds) : std::nullopt;
}

}  // namespace

std::string_view to_string(DecibelResult result) {
  switch (result) {
    case DecibelResult::passed:
      return "passed";
    case DecibelResult::failure:
      return "failure";
    case DecibelResult::error:
      break;
  }
  return "error";
}

std::optional<DecibelResult> parse_decibel_result(std::string_view text) {
  for (const DecibelResult result :
       {DecibelResult::passed, DecibelResult::failure, DecibelResult::error}) {
    if (text == to_string(result)) return result;
  }
  return std::nullopt;
}

DecibelResult worse_of(DecibelResult a, DecibelResult b) {
  if (a == DecibelResult::failure || b == DecibelResult::failure) return DecibelResult::failure;
  return a == DecibelResult::error ? a : b;
}

DecibelResult derive_result(const DecibelTotals& totals) {
  if (totals.failure > 0) return DecibelResult::failure;
  return totals.error > 0 ? DecibelResult::error : DecibelResult::passed;
}

std::optional<Instant> parse_decibel_time(std::string_view text) {
  const std::optional<int64_t> seconds = take_date_time(text);
  if (!seconds) return std::nullopt;
  const std::optional<int64_t> fraction_us = take_fraction(text);
  if (!fraction_us) return std::nullopt;
  const std::optional<int64_t> zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  const int64_t us = (*seconds - *zone) * 1'000'000 + *fraction_us;
  if (us <= 0 || us > kTimeUsMax) return std::nullopt;  // before 1970 nothing of this was tested
  return from_us(us);
}

}  // namespace muster
