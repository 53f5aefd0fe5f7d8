#include "broker/blocks.h"

#include <utility>

#include "core/limits.h"
#include "io/codec.h"

namespace muster {

namespace {

// Halves where one would be too large.
void add_blocks(std::span<const Event> events, uint64_t first, std::vector<StoredBlock>& blocks) {
  std::string bytes;
  if (events.size() <= kBlockEventsMax) bytes = encode_block(first, events);
  if ((bytes.empty() || bytes.size() > kBlockBytesMax) && events.size() > 1) {
    const size_t middle = events.size() / 2;
    add_blocks(events.first(middle), first, blocks);
    add_blocks(events.subspan(middle), first + middle, blocks);
    return;
  }
  blocks.push_back({first, static_cast<uint32_t>(events.size()), std::move(bytes)});
}

}  // namespace

std::vector<StoredBlock> make_blocks(std::span<const Event> events, uint64_t first) {
  std::vector<StoredBlock> blocks;
  if (!events.empty()) add_blocks(events, first, blocks);
  return blocks;
}

}  // namespace muster
