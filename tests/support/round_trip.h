// What the tests and the fuzzers ask of every decoder: it refuses, or what it took encodes to bytes
// that decode to an equal value.
#pragma once

#include <functional>
#include <string_view>
#include <variant>

#include "io/codec.h"
#include "io/codec_snapshot.h"

namespace muster {

enum class RoundTrip {
  refused,  // with a reason
  equal,
  broken,  // refused without a reason, or the second value differs from the first
};

inline RoundTrip round_trip_message(std::string_view bytes) {
  const auto first = decode_message(bytes);
  if (const auto* failure = std::get_if<DecodeFailure>(&first)) {
    return failure->reason.empty() ? RoundTrip::broken : RoundTrip::refused;
  }
  const auto second = decode_message(encode_message(std::get<Envelope>(first)));
  const auto* again = std::get_if<Envelope>(&second);
  return again && *again == std::get<Envelope>(first) ? RoundTrip::equal : RoundTrip::broken;
}

// For decoders whose answer is a Result.
template <typename Decode, typename Encode, typename Same>
RoundTrip round_trip(std::string_view bytes, Decode decode, Encode encode, Same same) {
  const auto first = decode(bytes);
  if (!first) return first.error().empty() ? RoundTrip::broken : RoundTrip::refused;
  const auto second = decode(encode(*first));
  return second && same(*first, *second) ? RoundTrip::equal : RoundTrip::broken;
}

// Events of unknown types do not survive encoding; their numbers do.
inline RoundTrip round_trip_block(std::string_view bytes) {
  return round_trip(
      bytes, decode_block,
      [](const Block& block) { return encode_block(block.first, block.events); },
      [](const Block& a, const Block& b) { return a.first == b.first && a.events == b.events; });
}

inline RoundTrip round_trip_work(std::string_view bytes) {
  return round_trip(bytes, decode_work, encode_work, std::equal_to<Work>());
}

inline RoundTrip round_trip_strategy(std::string_view bytes) {
  return round_trip(bytes, decode_strategy, encode_strategy, std::equal_to<Strategy>());
}

inline RoundTrip round_trip_report(std::string_view bytes) {
  return round_trip(bytes, decode_report, encode_report, std::equal_to<Report>());
}

// Equal parts have equal digests.
inline bool same_record(const SnapshotRecord& a, const SnapshotRecord& b) {
  if (const auto* part = std::get_if<BrokerSnapshot>(&a)) {
    const auto* other = std::get_if<BrokerSnapshot>(&b);
    return other && digest(*part) == digest(*other);
  }
  return encode_snapshot_record(a) == encode_snapshot_record(b);
}

inline RoundTrip round_trip_snapshot_record(std::string_view bytes) {
  return round_trip(bytes, decode_snapshot_record, encode_snapshot_record, same_record);
}

}  // namespace muster
