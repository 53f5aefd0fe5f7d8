#include "io/base64.h"

#include <cstdint>

namespace muster {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view part = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0);
    }
    for (size_t i = 0; i < 4; ++i) {
      text += i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    uint32_t bits = 0;
    size_t digits = 0;
    for (const char c : text.substr(at, 4)) {
      const size_t value = kDigits.find(c);
      if (value != kDigits.npos) ++digits;
      bits = bits << 6 | (value == kDigits.npos ? 0 : static_cast<uint32_t>(value));
    }
    for (size_t i = 1; i < digits; ++i) bytes += static_cast<char>(bits >> (24 - 8 * i) & 0xff);
  }
  // One way to write each: no padding in the midst, no bits that mean nothing.
  if (base64_encode(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace muster
