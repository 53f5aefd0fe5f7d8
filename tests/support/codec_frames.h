// Short forms for the tests of the codec.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "io/codec.h"

namespace muster {

inline Bytes frame(Message message) { return encode_message({4242, std::move(message)}); }

// Why a frame is refused, or "" when it is not.
inline std::string refusal(std::string_view bytes) {
  const auto decoded = decode_message(bytes);
  const auto* failure = std::get_if<DecodeFailure>(&decoded);
  return failure ? failure->reason : "";
}

inline bool message_decodes(std::string_view bytes) { return refusal(bytes).empty(); }
inline bool block_decodes(std::string_view bytes) { return decode_block(bytes).ok(); }
inline bool work_decodes(std::string_view bytes) { return decode_work(bytes).ok(); }
inline bool report_decodes(std::string_view bytes) { return decode_report(bytes).ok(); }

}  // namespace muster
