// What a sink has to do when no event comes: the runner sees to it, a second after the last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectors/runner_kit.h"

namespace muster {
namespace {

using ::testing::ElementsAre;

constexpr Duration kLong = std::chrono::seconds(20);
constexpr Duration kShort = std::chrono::seconds(1);

class RestingSink final : public MemorySink {
 public:
  bool wants_rest() const override { return rested_at < position.cursor; }
  Delivery rest() override {
    EXPECT_TRUE(is_open);
    if (rest_failures > 0) {
      --rest_failures;
      is_open = false;
      return Delivery::away("nobody there");
    }
    rests.push_back(position.cursor);
    rested_at = position.cursor;
    return {};
  }

  uint64_t rested_at = 0;
  int rest_failures = 0;
  std::vector<uint64_t> rests;
};

TEST(SinkRest, IsOnceAfterTheLastEvents) {
  RestingSink sink;
  sink.limits_.age_max = Duration(0);
  const FetchedBlocks nothing = blocks(4, {});
  const Journey done =
      run(sink, {blocks(4, {block(1, 2)}), blocks(4, {block(3, 4)}), nothing, nothing});
  EXPECT_THAT(sink.rests, ElementsAre(4));
  EXPECT_THAT(done.waits, ElementsAre(kLong, kShort, kShort, kLong, kLong));
  EXPECT_THAT(done.problems, ElementsAre());
}

// It does not say that it works again until it does.
TEST(SinkRest, ThatFailsIsAFailureOfTheSink) {
  RestingSink sink;
  sink.limits_.age_max = Duration(0);
  sink.rest_failures = 2;
  const FetchedBlocks nothing = blocks(2, {});
  const Journey done = run(sink, {blocks(2, {block(1, 2)}), nothing, nothing, nothing, nothing});
  EXPECT_THAT(done.problems, ElementsAre("memory: nobody there"));
  EXPECT_THAT(done.news, ElementsAre("memory: works again after 2 failures"));
  EXPECT_EQ(sink.opened, 3);
  EXPECT_THAT(sink.rests, ElementsAre(2));
}

}  // namespace
}  // namespace muster
