#include "io/json_stream.h"

#include <algorithm>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr size_t kNumberBytesMax = 1 << 10;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// number = [ "-" ] ( "0" | digit1-9 { digit } ) [ "." digit { digit } ] [ e [ sign ] digits ]
bool is_number(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - first;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const size_t whole_at = at;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::string utf8(uint32_t code) {
  const auto byte = [](uint32_t bits) { return static_cast<char>(bits); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F))};
  if (code < 0x10000) {
    return {byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
  }
  return {byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)),
          byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F))};
}

// Bytes at the beginning of `bytes` that stand for themselves in a text.
size_t plain_text(std::string_view bytes) {
  size_t count = 0;
  while (count < bytes.size() && bytes[count] != '"' && bytes[count] != '\\' &&
         static_cast<unsigned char>(bytes[count]) >= 0x20) {
    ++count;
  }
  return count;
}

}  // namespace

Result<Done> JsonStream::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t plain = token_ == Token::text && high_surrogate_ == 0 ? plain_text(bytes) : 0;
    if (plain > 0) {
      add_text(bytes.substr(0, plain));
      offset_ += plain;
      bytes.remove_prefix(plain);
      continue;
    }
    const char c = bytes[0];
    if (!take(c)) return Error{"line " + std::to_string(line_) + ": " + reason_};
    ++offset_;
    if (c == '\n') ++line_;
    bytes.remove_prefix(1);
  }
  return Done{};
}

Result<Done> JsonStream::finish() {
  if (token_ == Token::number || token_ == Token::literal) {
    if (!end_scalar()) return Error{"line " + std::to_string(line_) + ": " + reason_};
  }
  if (expect_ == Expect::end && token_ == Token::none) return Done{};
  return Error{"line " + std::to_string(line_) + ": ends in the middle"};
}

bool JsonStream::fail(std::string reason) {
  reason_ = std::move(reason);
  return false;
}

bool JsonStream::take(char c) {
  switch (token_) {
    case Token::text:
      return take_in_text(c);
    case Token::escape:
      return take_escape(c);
    case Token::unicode:
      return take_unicode(c);
    case Token::number:
    case Token::literal:
      if (is_digit(c) || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' || c == '.') {
        if (token_text_.size() == kNumberBytesMax) return fail("a number is too long");
        token_text_ += c;
        return true;
      }
      return end_scalar() && take_between(c);
    case Token::none:
      break;
  }
  return take_between(c);
}

bool JsonStream::take_between(char c) {
  if (is_blank(c)) return true;
  switch (expect_) {
    case Expect::first_element:
      if (c == ']') return close(c);
      return begin_value(c);
    case Expect::value:
      return begin_value(c);
    case Expect::first_key:
      if (c == '}') return close(c);
      [[fallthrough]];
    case Expect::key:
      if (c != '"') break;
      token_ = Token::text;
      token_is_key_ = true;
      return true;
    case Expect::colon:
      if (c != ':') break;
      expect_ = Expect::value;
      return true;
    case Expect::next:
      if (c == '}' || c == ']') return close(c);
      if (c != ',') break;
      expect_ = open_.back() == '{' ? Expect::key : Expect::value;
      return true;
    case Expect::end:
      break;
  }
  return fail("unexpected " + quote_text({&c, 1}));
}

bool JsonStream::begin_value(char c) {
  if (c == '{' || c == '[') return open(c);
  if (c == '"') {
    token_ = Token::text;
    token_is_key_ = false;
    return true;
  }
  token_ = c == '-' || is_digit(c) ? Token::number : Token::literal;
  if (token_ == Token::literal && (c < 'a' || c > 'z')) {
    return fail("unexpected " + quote_text({&c, 1}));
  }
  token_text_ = c;
  return true;
}

bool JsonStream::open(char bracket) {
  if (open_.size() == kJsonDepthMax) {
    return fail("is nested deeper than " + std::to_string(kJsonDepthMax));
  }
  open_.push_back(bracket);
  expect_ = bracket == '{' ? Expect::first_key : Expect::first_element;
  if (bracket == '{') {
    handler_.begin_object();
  } else {
    handler_.begin_array();
  }
  return true;
}

bool JsonStream::close(char bracket) {
  if (open_.back() != (bracket == '}' ? '{' : '[')) return fail("brackets do not match");
  open_.pop_back();
  if (bracket == '}') {
    handler_.end_object();
  } else {
    handler_.end_array();
  }
  end_value();
  return true;
}

bool JsonStream::end_scalar() {
  const bool number = token_ == Token::number;
  token_ = Token::none;
  if (number ? !is_number(token_text_)
             : token_text_ != "true" && token_text_ != "false" && token_text_ != "null") {
    return fail(quote_text(token_text_) + " is not a value");
  }
  if (number) {
    handler_.number(token_text_);
  } else {
    handler_.literal(token_text_);
  }
  token_text_.clear();
  end_value();
  return true;
}

void JsonStream::end_value() { expect_ = open_.empty() ? Expect::end : Expect::next; }

bool JsonStream::take_in_text(char c) {
  if (c == '\\') {
    token_ = Token::escape;
    return true;
  }
  if (high_surrogate_ != 0) return fail("half a surrogate pair");
  if (static_cast<unsigned char>(c) < 0x20) return fail("a control character in a text");
  if (c == '"') {
    end_text();
  } else {
    add_text({&c, 1});
  }
  return true;
}

bool JsonStream::take_escape(char c) {
  if (c == 'u') {
    token_ = Token::unicode;
    code_ = 0;
    code_digits_ = 0;
    return true;
  }
  if (high_surrogate_ != 0) return fail("half a surrogate pair");
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const size_t at = kEscapes.find(c);
  if (at == std::string_view::npos) return fail("unknown escape \\" + quote_text({&c, 1}));
  add_text(kMeanings.substr(at, 1));
  token_ = Token::text;
  return true;
}

bool JsonStream::take_unicode(char c) {
  const uint32_t digit = is_digit(c)              ? static_cast<uint32_t>(c - '0')
                         : (c >= 'a' && c <= 'f') ? static_cast<uint32_t>(c - 'a' + 10)
                         : (c >= 'A' && c <= 'F') ? static_cast<uint32_t>(c - 'A' + 10)
                                                  : 16u;
  if (digit == 16) return fail("\\u wants four hexadecimal digits");
  code_ = code_ * 16 + digit;
  if (++code_digits_ < 4) return true;
  token_ = Token::text;
  const bool low = code_ >= 0xDC00 && code_ < 0xE000;
  if (low != (high_surrogate_ != 0)) return fail("half a surrogate pair");
  if (code_ >= 0xD800 && code_ < 0xDC00) {
    high_surrogate_ = code_;
    return true;
  }
  if (low) code_ = 0x10000 + ((high_surrogate_ - 0xD800) << 10) + (code_ - 0xDC00);
  high_surrogate_ = 0;
  add_text(utf8(code_));
  return true;
}

void JsonStream::add_text(std::string_view bytes) {
  token_text_ += bytes.substr(0, text_bytes_max_ - token_text_.size());
}

void JsonStream::end_text() {
  token_ = Token::none;
  if (token_is_key_) {
    handler_.key(token_text_);
    expect_ = Expect::colon;
  } else {
    handler_.text(token_text_);
    end_value();
  }
  token_text_.clear();
}

}  // namespace muster
