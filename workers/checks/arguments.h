// What a check's child is told, written and read in one place for each kind.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace muster {

using CheckArguments = std::span<const std::string>;

// A decimal number, nothing else.
inline std::optional<uint64_t> parse_argument(const std::string& text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace muster
