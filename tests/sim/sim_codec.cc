#include "tests/sim/sim_codec.h"

#include <utility>
#include <variant>

#include "io/codec.h"
#include "io/codec_snapshot.h"

namespace muster::sim {

Result<Carried> carry(const Envelope& envelope) {
  Carried carried;
  carried.frame = encode_message(envelope);
  std::variant<Envelope, DecodeFailure> decoded = decode_message(carried.frame);
  if (const auto* failure = std::get_if<DecodeFailure>(&decoded)) return Error{failure->reason};
  carried.envelope = std::move(std::get<Envelope>(decoded));
  return carried;
}

Result<Stored> store(uint64_t first, std::span<const Event> events) {
  Stored stored;
  stored.bytes = encode_block(first, events);
  Result<Block> block = decode_block(stored.bytes);
  if (!block.ok()) return Error{block.error()};
  if (block->first != first || !block->unknown.empty()) return Error{"the block came back changed"};
  stored.events = std::move(block->events);
  return stored;
}

Result<BrokerSnapshot> store(const BrokerSnapshot& snapshot) {
  SnapshotEncoder encoder(snapshot, {});
  SnapshotDecoder decoder;
  while (const std::optional<Bytes> record = encoder.next()) {
    if (const Result<Done> taken = decoder.take(*record); !taken.ok()) return Error{taken.error()};
  }
  return decoder.finish();
}

Result<std::vector<Event>> read_stored(std::string_view bytes, uint64_t from) {
  Result<Block> block = decode_block(bytes);
  if (!block.ok()) return Error{block.error()};
  if (block->first > from || from >= block->first + block->events.size()) {
    return Error{"the block does not hold event " + std::to_string(from)};
  }
  const auto skipped = static_cast<std::ptrdiff_t>(from - block->first);
  return std::vector<Event>(block->events.begin() + skipped, block->events.end());
}

}  // namespace muster::sim
