// GUIDs: the names of tasks (DESIGN section 1). A caller's own string of 10 to 256 printable UTF-8
// characters, or a UUIDv7.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace muster {

// Why `guid` may not be used, as a sentence, or nothing. Refused: fewer than 10 or more than 256
// characters, invalid UTF-8 (overlong forms and surrogates too), control characters, U+2028/9, bidi
// controls, and blanks at either end.
std::optional<std::string> invalid_guid(std::string_view guid);

// RFC 9562 UUIDv7 text form from a time and 10 random bytes (the caller's: core draws none).
std::string make_uuid_v7(Instant now, const std::array<uint8_t, 10>& random);

// One path segment for any string that is not empty: everything but ASCII letters, digits and -_.
// becomes %XX; "." and ".." have their dots encoded. A result longer than 200 bytes is cut and ends
// in "~" and 16 hex digits of a hash, so that it fits NAME_MAX and stays unique.
std::string percent_encode(std::string_view text);

// The inverse for what was not cut. Nothing for what percent_encode does not write (%2f, %41, ~).
std::optional<std::string> percent_decode(std::string_view text);

// Why `name` may not name a device, worker, pool or strategy (`noun` says which), as a sentence, or
// nothing. Allowed: 1 to 128 of letters, digits and . _ - of which . and - may not come first.
std::optional<std::string> invalid_name(std::string_view name, std::string_view noun);

// True when `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);
// `text` with every ill-formed byte replaced by U+FFFD.
std::string sanitize_utf8(std::string_view text);
// At most `bytes_max` bytes of `text`, cut at a character with an ellipsis.
std::string cut_text(std::string_view text, size_t bytes_max);

// `text` for a message to people: in double quotes, at most `bytes_max` bytes of it, ill-formed
// UTF-8 replaced, and what would disturb a line or a terminal as \u{NN}.
std::string quote_text(std::string_view text, size_t bytes_max = 80);

// FNV-1a, 64 bit: for names of files and digests of state, never for security.
uint64_t hash64(std::string_view bytes, uint64_t seed = 0xcbf29ce484222325ull);
// 16 hex digits, in lower case.
std::string hex16(uint64_t value);

}  // namespace muster
