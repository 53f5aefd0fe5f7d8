#include "io/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/guid.h"

namespace muster {
namespace {

constexpr uint64_t kExactMax = 1ull << 53;

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const unsigned char byte = static_cast<unsigned char>(c);
  if (byte >= 0x20) {
    out += c;
    return;
  }
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

}  // namespace

void JsonWriter::separate(std::string_view key) {
  if (!first_) out_ += ',';
  first_ = false;
  if (nesting_.empty() || nesting_.back() != '{') return;
  append_quoted(key);
  out_ += ':';
}

void JsonWriter::append_quoted(std::string_view text) {
  out_ += '"';
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out_ += text;
  } else {
    const std::string clean = sanitize_utf8(text);
    for (const char c : clean) append_escaped(out_, c);
  }
  out_ += '"';
}

void JsonWriter::begin_object(std::string_view key) {
  separate(key);
  out_ += '{';
  nesting_ += '{';
  first_ = true;
}

void JsonWriter::end_object() {
  out_ += '}';
  nesting_.pop_back();
  first_ = false;
}

void JsonWriter::begin_array(std::string_view key) {
  separate(key);
  out_ += '[';
  nesting_ += '[';
  first_ = true;
}

void JsonWriter::end_array() {
  out_ += ']';
  nesting_.pop_back();
  first_ = false;
}

void JsonWriter::text(std::string_view key, std::string_view value) {
  separate(key);
  append_quoted(value);
}

void JsonWriter::number(std::string_view key, uint64_t value) {
  separate(key);
  const std::string digits = std::to_string(value);
  out_ += value <= kExactMax ? digits : "\"" + digits + "\"";
}

void JsonWriter::number(std::string_view key, int64_t value) {
  if (value >= 0) return number(key, static_cast<uint64_t>(value));
  separate(key);
  const std::string digits = std::to_string(value);
  out_ += value >= -static_cast<int64_t>(kExactMax) ? digits : "\"" + digits + "\"";
}

void JsonWriter::integer(std::string_view key, int64_t value) {
  if (wide_ == WideIntegers::as_text) return number(key, value);
  separate(key);
  out_ += std::to_string(value);
}

void JsonWriter::number(std::string_view key, double value) {
  separate(key);
  if (!std::isfinite(value)) {
    out_ += "null";
    return;
  }
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  out_ += text;
  if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
}

void JsonWriter::seconds(std::string_view key, Duration value) {
  separate(key);
  if (value < Duration(0)) out_ += '-';
  const int64_t count = value.count();
  const uint64_t us = count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  std::string fraction = std::to_string(us % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  fraction.erase(std::max<size_t>(fraction.find_last_not_of('0') + 1, 1));
  out_ += std::to_string(us / 1'000'000) + "." + fraction;
}

void JsonWriter::boolean(std::string_view key, bool value) {
  separate(key);
  out_ += value ? "true" : "false";
}

void JsonWriter::json(std::string_view key, std::string_view value) {
  separate(key);
  out_ += value;
}

std::string JsonWriter::take() {
  first_ = true;
  nesting_.clear();
  return std::exchange(out_, {});
}

}  // namespace muster
