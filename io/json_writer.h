// Writes one JSON value on one line, piece by piece, without building it first: the ledger writes
// an object for every event. Reading, and writing where speed does not matter, is nlohmann's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/time.h"

namespace muster {

// How integers that a double does not hold exactly are written where a number is asked for.
enum class WideIntegers : uint8_t {
  as_numbers,  // with every digit
  as_text,     // as decimal strings: for readers that have doubles only
};

class JsonWriter {
 public:
  explicit JsonWriter(WideIntegers wide = WideIntegers::as_numbers) : wide_(wide) {}

  // Objects and arrays nest; each begin has its end. Members have a key, which may be empty; that
  // of an array's element and of the outermost value is ignored.
  void begin_object(std::string_view key = {});
  void end_object();
  void begin_array(std::string_view key = {});
  void end_array();

  // Bytes that are not UTF-8 become U+FFFD.
  void text(std::string_view key, std::string_view value);
  // Beyond 2^53, where a double is not exact any more, a decimal string.
  void number(std::string_view key, uint64_t value);
  void number(std::string_view key, int64_t value);
  // A number whatever its size, but for WideIntegers::as_text: where a reader must tell it from a
  // text.
  void integer(std::string_view key, int64_t value);
  // So that the same double is read back, with a point or an exponent; null when it is no number.
  void number(std::string_view key, double value);
  // In seconds, exactly, with at least one digit after the point.
  void seconds(std::string_view key, Duration value);
  void boolean(std::string_view key, bool value);
  // A value that is JSON already.
  void json(std::string_view key, std::string_view value);

  // What was written; the writer is empty again.
  std::string take();

 private:
  void separate(std::string_view key);
  void append_quoted(std::string_view text);

  WideIntegers wide_;
  std::string out_;
  std::string nesting_;  // '{' or '[' for each that is open
  bool first_ = true;    // in its object or array
};

}  // namespace muster
