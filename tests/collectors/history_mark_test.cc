// A log that was put back from an older copy, and has gone on with other events under the same
// numbers.
#include "collectors/history_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/collectors/runner_kit.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(HistoryMark, IsReadAgainUntilItIsForgotten) {
  const Scratch scratch;
  const std::string file = scratch / "memory.history";
  const HistoryMark::Followed last{kLog, 7, script_time(7)};
  {
    HistoryMark mark(file);
    EXPECT_FALSE(mark.newest());
    mark.note({kLog, 5, script_time(5)}, script_time(100));
    mark.note(last, script_time(100));  // within a second: not written yet
    EXPECT_EQ(HistoryMark(file).newest()->seq, 5u);
    mark.keep();
  }
  HistoryMark mark(file);
  EXPECT_EQ(mark.newest(), last);
  mark.forget();
  EXPECT_FALSE(HistoryMark(file).newest());
}

TEST(HistoryMark, WhatCannotBeReadSaysNothing) {
  const Scratch scratch;
  for (const char* text : {"", "{", "[]", R"({"log":1,"seq":1,"time_us":1})",
                           R"({"log":"a","seq":-1,"time_us":1})", R"({"log":"a","seq":1})"}) {
    std::ofstream(scratch / "memory.history") << text;
    EXPECT_FALSE(HistoryMark(scratch / "memory.history").newest()) << text;
  }
}

// An older copy was put back, and had outgrown what the sink had followed before the collector
// came: what the copy's broker did was never delivered, and all seemed well.
TEST(SinkRunner, ALogThatWasPutBackAndWentOnIsNoticed) {
  MemorySink sink;
  const Scratch scratch;
  const std::string file = scratch / "memory.history";
  const auto go_on = [&](std::deque<ScriptedSource::Answer> answers) {
    RunnerKit kit;
    kit.history_file = file;
    return run(sink, std::move(answers), kit);
  };
  go_on({blocks(5, {block(1, 5)})});
  ASSERT_EQ(sink.position, (SinkPosition{kLog, 5}));
  std::vector<Event> others;
  for (uint64_t seq = 3; seq <= 9; ++seq) others.push_back(script_event(100 + seq));
  const std::string put_back = encode_block(3, others);
  const Journey shorter = go_on({blocks(4, {}), blocks(9, {put_back})});
  EXPECT_THAT(shorter.problems,
              ElementsAre(HasSubstr("ends at event 4"), HasSubstr("has gone on since")));
  for (int again = 0; again < 2; ++again) {
    const Journey noticed = go_on({blocks(9, {put_back}), blocks(9, {put_back})});
    EXPECT_THAT(noticed.asked, ElementsAre(5, 5, 5, 6));
    EXPECT_THAT(noticed.status.error, HasSubstr("an older copy of the log was put back"));
    EXPECT_THAT(noticed.status.error, HasSubstr("muster sink replay memory"));
    EXPECT_EQ(sink.position, (SinkPosition{kLog, 5}));
  }
  const Journey same = go_on({blocks(9, {block(3, 9)}), blocks(9, {block(6, 9)})});
  EXPECT_THAT(same.asked, ElementsAre(5, 6, 10));
  EXPECT_EQ(sink.position, (SinkPosition{kLog, 9}));
}

TEST(SinkRunner, WhoIsConnectedAnewIsAskedWhetherItIsTheSameLog) {
  MemorySink sink;
  FetchedBlocks anew = blocks(7, {block(6, 7)});
  anew.reconnected = true;
  const Journey done = run(
      sink, {blocks(5, {block(1, 5)}), anew, blocks(7, {block(5, 5)}), blocks(7, {block(6, 7)})});
  EXPECT_THAT(done.asked, ElementsAre(1, 6, 5, 6, 8));
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(done.problems, IsEmpty());
}

}  // namespace
}  // namespace muster
