#include "broker/blocks.h"

#include <gtest/gtest.h>

#include "core/limits.h"
#include "io/codec.h"

namespace muster {
namespace {

// What a decision says may be more than a block holds.
TEST(Blocks, EachIsTakenByAReaderAndNothingIsLost) {
  struct Row {
    const char* name;
    size_t events;
    size_t bytes;  // of each, about
    size_t blocks;
  };
  const std::vector<Row> rows = {
      {"nothing", 0, 0, 0},
      {"one", 1, 0, 1},
      {"as many as fit", kBlockEventsMax, 0, 1},
      {"one more", kBlockEventsMax + 1, 0, 2},
      {"twice as many and one more", 2 * kBlockEventsMax + 1, 0, 3},
      {"the largest reasons", 1'000, kMessageLengthMax, 1},
      {"more bytes than fit", 3'000, kMessageLengthMax, 2},
  };
  for (const Row& row : rows) {
    std::vector<Event> events;
    for (size_t i = 0; i < row.events; ++i) {
      const WorkerLost lost{"w" + std::to_string(i), 1, std::string(row.bytes, 'r')};
      events.push_back(Event{Instant(std::chrono::hours(500'000)), lost});
    }
    const std::vector<StoredBlock> blocks = make_blocks(events, 8);
    EXPECT_EQ(blocks.size(), row.blocks) << row.name;
    std::vector<Event> read;
    for (const StoredBlock& block : blocks) {
      EXPECT_EQ(block.first, 8 + read.size()) << row.name;
      const Result<Block> decoded = decode_block(block.bytes);
      ASSERT_TRUE(decoded.ok()) << row.name << ": " << decoded.error();
      EXPECT_EQ(decoded->events.size(), block.count) << row.name;
      read.insert(read.end(), decoded->events.begin(), decoded->events.end());
    }
    EXPECT_EQ(read, events) << row.name;
  }
}

}  // namespace
}  // namespace muster
