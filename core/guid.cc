#include "core/guid.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/limits.h"

namespace muster {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";     // U+2026
constexpr size_t kEncodedLengthMax = 200;
constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kHexLower = "0123456789abcdef";

struct CodePoint {
  char32_t value = 0;
  size_t length = 0;  // bytes; 0: ill-formed
};

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

// A lead byte: `bits` under `mask`. A value below `least` would be an overlong form.
struct LeadByte {
  uint8_t mask;
  uint8_t bits;
  size_t length;
  char32_t least;
};
constexpr LeadByte kLeadBytes[] = {
    {0x80, 0x00, 1, 0}, {0xE0, 0xC0, 2, 0x80}, {0xF0, 0xE0, 3, 0x800}, {0xF8, 0xF0, 4, 0x10000}};

// The code point at `at`, which is inside `text`.
CodePoint code_point_at(std::string_view text, size_t at) {
  const uint8_t byte = static_cast<uint8_t>(text[at]);
  const LeadByte* lead = std::find_if(std::begin(kLeadBytes), std::end(kLeadBytes),
                                      [&](const LeadByte& l) { return (byte & l.mask) == l.bits; });
  if (lead == std::end(kLeadBytes) || lead->length > text.size() - at) return {};
  char32_t value = byte & static_cast<uint8_t>(~lead->mask);
  for (size_t i = 1; i < lead->length; ++i) {
    if (!is_continuation(text[at + i])) return {};
    value = value << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3F);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < lead->least || value > 0x10FFFF || surrogate) return {};
  return {value, lead->length};
}

// Bytes of `text` before its first ill-formed one.
size_t well_formed(std::string_view text) {
  constexpr uint64_t kNotAscii = 0x8080808080808080;
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = kNotAscii;  // most text is ASCII: eight characters at a time
    if (text.size() - at >= sizeof(eight)) std::memcpy(&eight, text.data() + at, sizeof(eight));
    if ((eight & kNotAscii) == 0) {
      at += sizeof(eight);
      continue;
    }
    const size_t length = code_point_at(text, at).length;
    if (length == 0) break;
    at += length;
  }
  return at;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

bool is_bidi_control(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

// White space and what looks like nothing at all.
bool is_blank(char32_t c) {
  return c == ' ' || c == 0x00A0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200B) || c == 0x202F ||
         c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

// What people must not see as it is: it would change the line, the order or the terminal.
const char* unprintable_kind(char32_t c) {
  if (is_control(c)) return "a control character";
  if (c == 0x2028 || c == 0x2029) return "a line separator";
  if (is_bidi_control(c)) return "a control character for text direction";
  return nullptr;
}

bool is_ascii_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_character(char c) { return is_ascii_alnum(c) || c == '.' || c == '_' || c == '-'; }

std::string hex(uint64_t value, size_t digits) {
  std::string out(digits, '0');
  for (size_t i = digits; i-- > 0; value >>= 4) out[i] = kHexLower[value & 0xF];
  return out;
}

void append_percent(std::string* out, char byte) {
  const uint8_t value = static_cast<uint8_t>(byte);
  *out += '%';
  *out += kHexUpper[value >> 4];
  *out += kHexUpper[value & 0xF];
}

std::string percent_encode_whole(std::string_view text) {
  const bool dots = text == "." || text == "..";
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (char c : text) {
    if (is_name_character(c) && !dots) {
      out += c;
    } else {
      append_percent(&out, c);
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> invalid_guid(std::string_view guid) {
  // A character has at most four bytes, so the walk is bounded whatever a peer sends.
  if (guid.size() > 4 * kGuidLengthMax) {
    return "GUID " + quote_text(guid) + " is longer than " + std::to_string(kGuidLengthMax) +
           " characters";
  }
  size_t characters = 0;
  CodePoint last;
  for (size_t at = 0; at < guid.size(); at += last.length, ++characters) {
    last = code_point_at(guid, at);
    if (last.length == 0) {
      return "GUID " + quote_text(guid) + " is not valid UTF-8 at byte " + std::to_string(at + 1);
    }
    if (const char* kind = unprintable_kind(last.value)) {
      return "GUID " + quote_text(guid) + " has " + kind + " at byte " + std::to_string(at + 1);
    }
    if (at == 0 && is_blank(last.value)) return "GUID " + quote_text(guid) + " begins with a blank";
  }
  if (characters > 0 && is_blank(last.value)) {
    return "GUID " + quote_text(guid) + " ends with a blank";
  }
  if (characters < kGuidLengthMin || characters > kGuidLengthMax) {
    return "GUID " + quote_text(guid) + " has " + std::to_string(characters) +
           " characters; it must have " + std::to_string(kGuidLengthMin) + " to " +
           std::to_string(kGuidLengthMax);
  }
  return std::nullopt;
}

std::string make_uuid_v7(Instant now, const std::array<uint8_t, 10>& random) {
  const uint64_t ms = static_cast<uint64_t>(to_us(now) / 1000) & 0xFFFF'FFFF'FFFFull;
  const uint64_t random_a = (random[0] << 8 | random[1]) & 0x0FFFu;
  uint64_t random_b = 0;
  for (size_t i = 2; i < random.size(); ++i) random_b = random_b << 8 | random[i];
  const uint64_t high = ms << 16 | 0x7000u | random_a;
  const uint64_t low = (random_b & 0x3FFF'FFFF'FFFF'FFFFull) | 0x8000'0000'0000'0000ull;
  const std::string digits = hex16(high) + hex16(low);
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" +
         digits.substr(16, 4) + "-" + digits.substr(20);
}

std::string percent_encode(std::string_view text) {
  std::string out = percent_encode_whole(text);
  if (out.size() <= kEncodedLengthMax) return out;
  const std::string tail = "~" + hex16(hash64(text));
  size_t end = kEncodedLengthMax - tail.size();
  // Never cut inside a %XX.
  if (out[end - 1] == '%') end -= 1;
  if (out[end - 2] == '%') end -= 2;
  return out.substr(0, end) + tail;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const size_t high = kHexUpper.find(text[at + 1]);
    const size_t low = kHexUpper.find(text[at + 2]);
    if (high == kHexUpper.npos || low == kHexUpper.npos) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    at += 2;
  }
  // Only what percent_encode itself writes, so that no two segments name the same text.
  if (percent_encode(out) != text) return std::nullopt;
  return out;
}

std::optional<std::string> invalid_name(std::string_view name, std::string_view noun) {
  const std::string what = std::string(noun) + " name";
  if (name.empty()) return what + " is empty";
  if (name.size() > kNameLengthMax) {
    return what + " " + quote_text(name) + " has " + std::to_string(name.size()) +
           " bytes; at most " + std::to_string(kNameLengthMax) + " are allowed";
  }
  for (size_t at = 0; at < name.size(); ++at) {
    if (is_name_character(name[at])) continue;
    return what + " " + quote_text(name) + " has a character that is not allowed at position " +
           std::to_string(at + 1) + "; use letters, digits and . _ -";
  }
  if (name[0] == '.' || name[0] == '-') {
    return what + " " + quote_text(name) + " begins with \"" + name[0] +
           "\"; begin with a letter, a digit or _";
  }
  return std::nullopt;
}

bool is_utf8(std::string_view text) { return well_formed(text) == text.size(); }

std::string sanitize_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const size_t sound = well_formed(text);
    out += text.substr(0, sound);
    if (sound == text.size()) return out;
    out += kReplacement;
    text.remove_prefix(sound + 1);
  }
}

std::string cut_text(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  const std::string_view ellipsis = bytes_max < kEllipsis.size() ? std::string_view() : kEllipsis;
  size_t end = bytes_max - ellipsis.size();
  while (end > 0 && is_continuation(text[end])) --end;
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

std::string quote_text(std::string_view text, size_t bytes_max) {
  std::string out = "\"";
  const std::string shown = sanitize_utf8(cut_text(text, bytes_max));
  for (size_t at = 0; at < shown.size();) {
    const CodePoint c = code_point_at(shown, at);
    if (unprintable_kind(c.value)) {
      out += "\\u{" + hex(c.value, c.value > 0xFF ? 4 : 2) + "}";
    } else {
      out += std::string_view(shown).substr(at, c.length);
    }
    at += c.length;
  }
  return out + "\"";
}

uint64_t hash64(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed;
  for (char byte : bytes) {
    hash ^= static_cast<uint8_t>(byte);
    hash *= 0x100000001b3ull;
  }
  return hash;
}

std::string hex16(uint64_t value) { return hex(value, 16); }

}  // namespace muster
