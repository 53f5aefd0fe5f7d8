#include "core/duration_text.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

struct Unit {
  std::string_view name;
  int64_t us;
};
// Largest first.
constexpr std::array<Unit, 6> kUnits = {{{"d", 86'400'000'000},
                                         {"h", 3'600'000'000},
                                         {"m", 60'000'000},
                                         {"s", 1'000'000},
                                         {"ms", 1'000},
                                         {"us", 1}}};

constexpr std::string_view kSizePrefixes = "KMGT";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits at the front of `*text`, which are taken away. Nothing when there are none or the
// number is above `most`.
std::optional<uint64_t> take_number(std::string_view* text, uint64_t most) {
  uint64_t value = 0;
  size_t length = 0;
  for (; length < text->size() && is_digit((*text)[length]); ++length) {
    const uint64_t digit = static_cast<uint64_t>((*text)[length] - '0');
    if (value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  text->remove_prefix(length);
  if (length == 0) return std::nullopt;
  return value;
}

std::string_view take_letters(std::string_view* text) {
  size_t length = 0;
  while (length < text->size() && !is_digit((*text)[length])) ++length;
  const std::string_view letters = text->substr(0, length);
  text->remove_prefix(length);
  return letters;
}

Error bad_duration(std::string_view text, std::string_view why) {
  return Error{"duration " + quote_text(text) + " " + std::string(why) +
               "; write seconds (90) or units (2h30m, 45s, 250ms)"};
}

Error long_duration(std::string_view text) {
  return Error{"duration " + quote_text(text) + " is longer than " +
               format_duration(kDurationTextMax)};
}

// The factor of a size's suffix; 0 when there is no such suffix.
uint64_t size_factor(std::string_view suffix) {
  if (suffix.empty() || suffix == "B") return 1;
  const size_t power = kSizePrefixes.find(suffix[0]);
  const std::string_view rest = suffix.substr(1);
  if (power == kSizePrefixes.npos) return 0;
  if (!rest.empty() && rest != "iB" && rest != "B") return 0;
  const uint64_t base = rest == "B" ? 1000 : 1024;
  uint64_t factor = base;
  for (size_t i = 0; i < power; ++i) factor *= base;
  return factor;
}

// "4", "4.2": `value` in units of `unit`, with one decimal when it is not zero.
std::string tenths(uint64_t value, uint64_t unit) {
  const uint64_t tenth = value % unit * 10 / unit;
  std::string out = std::to_string(value / unit);
  if (tenth != 0) out += "." + std::to_string(tenth);
  return out;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return bad_duration(text, "is empty");
  if (!is_digit(text[0])) return bad_duration(text, "does not begin with a digit");
  std::string_view rest = text;
  int64_t total_us = 0;
  size_t units_used = 0;
  while (!rest.empty()) {
    const std::optional<uint64_t> number =
        take_number(&rest, static_cast<uint64_t>(kDurationTextMax.count()));
    if (!number) return long_duration(text);
    std::string_view name = take_letters(&rest);
    if (name.empty() && units_used > 0) return bad_duration(text, "ends in a number without unit");
    if (name.empty()) name = "s";
    size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) {
      return bad_duration(text, "has the unknown unit " + quote_text(name));
    }
    if (unit < units_used) return bad_duration(text, "does not go from large units to small ones");
    units_used = unit + 1;
    const int64_t room_us = kDurationTextMax.count() - total_us;
    if (static_cast<int64_t>(*number) > room_us / kUnits[unit].us) return long_duration(text);
    total_us += static_cast<int64_t>(*number) * kUnits[unit].us;
  }
  return Duration(total_us);
}

Result<uint64_t> parse_size(std::string_view text) {
  const Error malformed{
      "size " + quote_text(text) +
      " is not a number of bytes with an optional unit; write 4096, 512MiB or 4G"};
  const Error large{"size " + quote_text(text) + " is larger than 64 bits hold"};
  if (text.empty() || !is_digit(text[0])) return malformed;
  constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
  std::string_view rest = text;
  const std::optional<uint64_t> number = take_number(&rest, most);
  if (!number) return large;
  const uint64_t factor = size_factor(rest);
  if (factor == 0) return malformed;
  if (*number > most / factor) return large;
  return *number * factor;
}

std::string format_duration(Duration duration) {
  const int64_t us = duration.count();
  if (us < 0) {
    // The most negative value has no positive counterpart.
    const int64_t negated = us == std::numeric_limits<int64_t>::min() ? -(us + 1) : -us;
    return "-" + format_duration(Duration(negated));
  }
  if (us == 0) return "0s";
  size_t unit = 0;
  while (kUnits[unit].us > us) ++unit;
  const auto count_of = [](int64_t value, const Unit& u) {
    return std::to_string(value / u.us) + std::string(u.name);
  };
  if (kUnits[unit].name == "s") {
    return tenths(static_cast<uint64_t>(us), static_cast<uint64_t>(kUnits[unit].us)) + "s";
  }
  std::string out = count_of(us, kUnits[unit]);
  const int64_t left = us % kUnits[unit].us;
  const bool has_minutes = kUnits[unit].us > 1'000'000;
  if (has_minutes && left >= kUnits[unit + 1].us) out += count_of(left, kUnits[unit + 1]);
  return out;
}

std::string format_size(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + "B";
  size_t power = 0;
  uint64_t factor = 1024;
  while (power + 1 < kSizePrefixes.size() && bytes / factor >= 1024) ++power, factor *= 1024;
  return tenths(bytes, factor) + kSizePrefixes[power] + "iB";
}

}  // namespace muster
