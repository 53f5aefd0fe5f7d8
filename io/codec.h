// All of Cap'n Proto: the only file pair that knows generated types. Encodes and decodes the wire
// messages (core/messages.h), the blocks of the event log (core/event.h), and the parts that are
// carried opaquely (Work, Strategy).
//
// Form: one flat, unpacked Cap'n Proto message (framing of schemas/*.capnp), little-endian,
// 8-byte words. Decoding never throws and never trusts: size, traversal and nesting are limited
// (core/limits.h), enums out of range, text that is not UTF-8 and lists past their limit are
// refused with a reason. What decodes re-encodes to an equal value.
//
// Encoding checks nothing: its caller keeps the limits and makes text from outside UTF-8
// (sanitize_utf8), or the peer will refuse the frame. Pointers in the value must not be null. Equal
// values encode to equal bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/event.h"
#include "core/messages.h"
#include "core/result.h"
#include "core/strategy.h"
#include "core/work.h"

namespace muster {

using Bytes = std::string;

Bytes encode_message(const Envelope& envelope);

// Why a frame is not a message. `request` is the sender's number if the frame got that far, so that
// the refusal can be matched; `unimplemented_tag` is set when all that is wrong is a message kind
// that this build does not know.
struct DecodeFailure {
  std::string reason;
  uint64_t request = 0;
  std::optional<uint16_t> unimplemented_tag;
};
std::variant<Envelope, DecodeFailure> decode_message(std::string_view frame);

// A block of the event log: consecutive events, the first of which has sequence number `first`.
Bytes encode_block(uint64_t first, std::span<const Event> events);

struct Block {
  uint64_t first = 0;
  std::vector<Event> events;  // event i has sequence number first + i
  // Positions in `events` whose type this build does not know: skip them, they keep their number.
  std::vector<uint32_t> unknown;
};
Result<Block> decode_block(std::string_view bytes);

Bytes encode_work(const Work& work);
Result<Work> decode_work(std::string_view bytes);

Bytes encode_strategy(const Strategy& strategy);
Result<Strategy> decode_strategy(std::string_view bytes);  // also runs check_strategy

// One report, as the worker's spool stores it.
Bytes encode_report(const Report& report);
Result<Report> decode_report(std::string_view bytes);

// Encoded forms as text with the names of the schemas, for people. What does not decode gives the
// reason in parentheses.
std::string dump_message(std::string_view frame);
std::string dump_block(std::string_view bytes);
std::string dump_work(std::string_view bytes);
std::string dump_strategy(std::string_view bytes);
std::string dump_report(std::string_view bytes);

}  // namespace muster
