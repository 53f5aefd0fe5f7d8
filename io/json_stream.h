// JSON piece by piece (RFC 8259), in bounded memory: a text beyond `text_bytes_max` is cut, and
// numbers are given as they are written. Where a whole value fits into memory, nlohmann's is
// easier.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster {

class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void key(std::string_view text) = 0;
  virtual void text(std::string_view text) = 0;
  virtual void number(std::string_view written) = 0;
  virtual void literal(std::string_view word) = 0;  // true, false, null
};

class JsonStream {
 public:
  JsonStream(JsonHandler& handler, size_t text_bytes_max)
      : handler_(handler), text_bytes_max_(text_bytes_max) {}

  // Errors say the line. Refused: what is not JSON (but ill-formed UTF-8 is passed on), and
  // nesting deeper than kJsonDepthMax. After an error, nothing more is to be fed.
  Result<Done> feed(std::string_view bytes);
  Result<Done> finish();

  // Bytes that were fed before the one whose event is being handled.
  uint64_t offset() const { return offset_; }

 private:
  enum class Expect : uint8_t { value, first_element, first_key, key, colon, next, end };
  enum class Token : uint8_t { none, text, escape, unicode, number, literal };

  bool take(char c);
  bool take_between(char c);
  bool take_in_text(char c);
  bool take_escape(char c);
  bool take_unicode(char c);
  bool begin_value(char c);
  bool open(char bracket);
  bool close(char bracket);
  bool end_scalar();
  void end_value();
  void end_text();
  void add_text(std::string_view bytes);
  bool fail(std::string reason);

  JsonHandler& handler_;
  const size_t text_bytes_max_;
  std::vector<char> open_;  // '{' or '['
  Expect expect_ = Expect::value;
  Token token_ = Token::none;
  bool token_is_key_ = false;
  std::string token_text_;
  uint32_t code_ = 0;  // of \uXXXX, as far as it is known
  int code_digits_ = 0;
  uint32_t high_surrogate_ = 0;  // that waits for its other half
  uint64_t offset_ = 0;
  uint64_t line_ = 1;
  std::string reason_;
};

}  // namespace muster
