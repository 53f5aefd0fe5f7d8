#include "collectors/sink_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tests/collectors/runner_kit.h"
#include "tests/support/file_size_limit.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SinkRunner, DeliversInOrderAndAsksForTheRest) {
  MemorySink sink;
  const Journey done =
      run(sink, {blocks(5, {block(1, 2), block(3, 5)}), blocks(5, {}), blocks(6, {block(6, 6)})});
  ASSERT_TRUE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(sink.position, (SinkPosition{kLog, 6}));
  EXPECT_THAT(done.asked, ElementsAre(1, 6, 6, 7));
  EXPECT_THAT(done.problems, IsEmpty());
}

TEST(SinkRunner, SkipsWhatWasDelivered) {
  MemorySink sink;
  sink.position = {kLog, 3};
  const Journey done = run(sink, {blocks(5, {block(1, 2), block(3, 5)}), blocks(5, {block(1, 5)})});
  ASSERT_TRUE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(4, 5));
  EXPECT_THAT(done.asked, ElementsAre(4, 6, 6));
}

TEST(SinkRunner, CutsBatches) {
  MemorySink sink;
  sink.limits_ = {2, 1 << 20};
  ASSERT_TRUE(run(sink, {blocks(5, {block(1, 5)})}).result.ok());
  EXPECT_THAT(sink.batches, ElementsAre(2, 2, 1));
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5));
}

TEST(SinkRunner, NeverSkipsOverAGap) {
  MemorySink sink;
  const Journey done = run(sink, {blocks(9, {block(1, 2), block(4, 9)}), blocks(9, {block(1, 9)})});
  ASSERT_TRUE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  ASSERT_EQ(done.problems.size(), 1u);
  EXPECT_THAT(done.problems[0], HasSubstr("events 3 to 3 are missing"));
  EXPECT_THAT(done.asked, ElementsAre(1, 1, 10));
}

TEST(SinkRunner, NeverSkipsWhatItCannotRead) {
  const std::string good = block(1, 4);
  for (const std::string& bad :
       {std::string(), std::string("nonsense"), good.substr(0, 40), std::string(64, '\xff')}) {
    MemorySink sink;
    const Journey done = run(sink, {blocks(4, {bad}), blocks(4, {bad}), blocks(4, {good})});
    ASSERT_TRUE(done.result.ok());
    EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4));
    ASSERT_EQ(done.problems.size(), 1u);  // the same words are said once
    EXPECT_THAT(done.problems[0], HasSubstr("the script sent what cannot be used"));
    EXPECT_THAT(done.news, ElementsAre("memory: works again after 2 failures"));
  }
}

TEST(SinkRunner, AnAbsentSourceIsSaidOnce) {
  MemorySink sink;
  const SourceError away{SourceFault::away, "no broker answered"};
  const Journey done =
      run(sink, {away, away, away, blocks(1, {block(1, 1)}), away, blocks(2, {block(2, 2)})});
  ASSERT_TRUE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2));
  EXPECT_THAT(done.problems,
              ElementsAre("memory: no broker answered", "memory: no broker answered"));
  EXPECT_THAT(done.news, ElementsAre("memory: works again after 3 failures",
                                     "memory: works again after 1 failure"));
}

TEST(SinkRunner, AFailedDeliveryIsRepeatedFromTheSinksOwnWord) {
  MemorySink sink;
  sink.deliver_failures = 2;
  sink.open_failures = 1;
  const Journey done =
      run(sink, {blocks(2, {block(1, 2)}), blocks(2, {block(1, 2)}), blocks(2, {block(1, 2)})});
  ASSERT_TRUE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2));
  EXPECT_EQ(sink.opened, 4);
  EXPECT_THAT(done.problems, ElementsAre("memory: cannot open", "memory: disk full"));
}

TEST(SinkRunner, AnotherHistoryIsTheEnd) {
  struct Row {
    SinkPosition position;
    FetchedBlocks answer;
    std::string error;
  };
  const Row rows[] = {
      {{kLog, 3}, blocks(9, {block(4, 9)}, "log-b"), "has another event log (log-b)"},
      {{kLog, 3}, blocks(9, {}, ""), "has another event log ()"},
      {{kLog, 3}, blocks(2, {}), "ends at event 2, but memory has followed it up to event 3"},
      {{kLog, 3}, blocks(0, {}), "an older copy of the log was put back"},
  };
  for (const Row& row : rows) {
    MemorySink sink;
    sink.position = row.position;
    const Journey done = run(sink, {row.answer});
    ASSERT_FALSE(done.result.ok());
    EXPECT_THAT(done.result.error(), HasSubstr(row.error));
    EXPECT_THAT(done.result.error(), HasSubstr("see that the endpoint is right"));
    EXPECT_THAT(sink.numbers, IsEmpty());
    EXPECT_EQ(sink.position, row.position);
  }
}

// The same broker with another log, in the middle of a run.
TEST(SinkRunner, NoticesAnotherHistoryLater) {
  MemorySink sink;
  const Journey done =
      run(sink, {blocks(2, {block(1, 2)}), blocks(5, {block(3, 5)}, "log-b"), blocks(5, {})});
  EXPECT_FALSE(done.result.ok());
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2));
}

TEST(SinkRunner, StopsBeforeItBegins) {
  MemorySink sink;
  RunnerKit kit;
  kit.stop.raise();
  ScriptedSource source(kit.stop, {blocks(1, {block(1, 1)})});
  SinkRunner runner(sink, source, kit.letters, kit.desk, kit.stop, kit.clock, {});
  EXPECT_TRUE(runner.run().ok());
  EXPECT_THAT(sink.numbers, IsEmpty());
}

// --- poison ---------------------------------------------------------------------------------

std::vector<uint64_t> buried(const Journey& journey) {
  std::vector<uint64_t> seqs;
  for (const auto& [seq, answer] : journey.letters) seqs.push_back(seq);
  return seqs;
}

TEST(SinkRunner, WhatIsRefusedIsBuriedAlone) {
  struct Row {
    std::set<uint64_t> poison;
    std::vector<uint64_t> delivered;
  };
  const Row rows[] = {
      {{1}, {2, 3, 4, 5, 6, 7}}, {{7}, {1, 2, 3, 4, 5, 6}}, {{4}, {1, 2, 3, 5, 6, 7}},
      {{3, 4, 5}, {1, 2, 6, 7}}, {{1, 7}, {2, 3, 4, 5, 6}}, {{1, 2, 3, 4, 5, 6, 7}, {}},
      {{2, 3, 4, 5, 6, 7}, {1}}, {{2, 6}, {1, 3, 4, 5, 7}},
  };
  for (const bool named : {false, true}) {
    for (const Row& row : rows) {
      MemorySink sink;
      sink.poison = row.poison;
      sink.names_poison = named;
      const Journey done = run(sink, {blocks(7, {block(1, 7)})});
      ASSERT_TRUE(done.result.ok());
      EXPECT_EQ(sink.numbers, row.delivered);
      EXPECT_EQ(sink.position, (SinkPosition{kLog, 7}));
      EXPECT_EQ(buried(done), std::vector<uint64_t>(row.poison.begin(), row.poison.end()));
      for (const auto& [seq, answer] : done.letters) EXPECT_EQ(answer, "poison");
      EXPECT_EQ(done.news.size(), row.poison.size());
      EXPECT_THAT(done.problems, IsEmpty());
      EXPECT_EQ(done.status.buried, row.poison.size());
      EXPECT_EQ(done.status.delivered, row.delivered.size());
      EXPECT_EQ(done.status.cursor, 7u);
    }
  }
}

// The letter was written, and then the process died before the cursor moved: a place that takes the
// event by now is not given it beside its letter.
TEST(SinkRunner, WhatHasALetterIsNotDelivered) {
  MemorySink sink;
  RunnerKit kit;
  ASSERT_TRUE(kit.letters.open().ok());
  ASSERT_TRUE(kit.letters.bury(kLog, {2, script_event(2)}, "no", script_time(2)).ok());
  const Journey done = run(sink, {blocks(3, {block(1, 3)})}, kit);
  EXPECT_THAT(sink.numbers, ElementsAre(1, 3));
  EXPECT_THAT(buried(done), ElementsAre(2));
}

TEST(SinkRunner, ALetterThatCannotBeWrittenKeepsItsEventWaiting) {
  MemorySink sink;
  sink.poison = {2};
  RunnerKit kit;
  const FileSizeLimit full(10);
  const Journey done = run(sink, {blocks(3, {block(1, 3)}), blocks(3, {block(1, 3)})}, kit);
  EXPECT_THAT(sink.numbers, ElementsAre(1));
  EXPECT_EQ(sink.position.cursor, 1u);
  ASSERT_EQ(done.problems.size(), 1u);
  EXPECT_THAT(done.problems[0], HasSubstr(kit.letters.file()));
  EXPECT_THAT(done.problems[0], HasSubstr("File too large"));
}

// --- age ------------------------------------------------------------------------------------

TEST(SinkRunner, ABatchWaitsUntilItIsFullOrOld) {
  MemorySink sink;
  sink.limits_ = {3, 1 << 20, 10s};
  RunnerKit kit;
  kit.clock.step = 2s;  // at each look
  const Journey done = run(sink,
                           {blocks(1, {block(1, 1)}), blocks(5, {block(2, 5)}), blocks(5, {}),
                            blocks(5, {}), blocks(5, {}), blocks(5, {})},
                           kit);
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(sink.batches, ElementsAre(3, 2));
  EXPECT_THAT(done.asked, ElementsAre(1, 2, 6, 6, 6, 6, 6));
  // It looks again when the batch is due, not when the source has something.
  EXPECT_THAT(done.waits, ElementsAre(20s, 6s, 8s, 4s, 0s, 20s, 20s));
}

// A fetch is no delivery: it was called a success, and the back-off began anew each time.
TEST(SinkRunner, ABatchThatWaitsIsNoSuccess) {
  MemorySink sink;
  sink.limits_ = {3, 1 << 20, 3s};
  sink.deliver_failures = 2;
  RunnerKit kit;
  kit.clock.step = 1s;
  const auto answer = blocks(1, {block(1, 1)});
  const Journey done = run(sink, {answer, answer, answer, answer, answer, answer}, kit);
  EXPECT_THAT(sink.numbers, ElementsAre(1));
  EXPECT_THAT(done.problems, ElementsAre("memory: disk full"));
  EXPECT_THAT(done.news, ElementsAre("memory: works again after 2 failures"));
}

// --- orders ---------------------------------------------------------------------------------

// Gives `order` while the runner works.
SinkOrderResult ordered(MemorySink& sink, SinkOrder order, Journey* journey = nullptr,
                        std::set<uint64_t> poison_now = {}) {
  RunnerKit kit;
  SinkOrderResult result;
  std::jthread person;
  ScriptedSource source(kit.stop, {blocks(5, {block(1, 5)})});
  source.at_end = [&] {
    // Only once: then the source goes on until the order was done.
    if (!person.joinable()) {
      sink.poison = poison_now;
      person = std::jthread([&] {
        result = kit.desk.ask(order, 60s);
        kit.stop.raise();
      });
    }
    return !kit.stop.raised();
  };
  source.repeat = blocks(5, {block(1, 5)});
  Journey done = run(sink, source, kit);
  person.join();
  if (journey != nullptr) *journey = std::move(done);
  return result;
}

TEST(SinkRunner, AReplayDeliversAgain) {
  MemorySink sink;
  const SinkOrderResult result = ordered(sink, {SinkOrder::Kind::replay, 3, {}});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(sink.rewound, std::vector<uint64_t>{2});
  EXPECT_EQ(std::vector<uint64_t>(sink.numbers.begin(), sink.numbers.begin() + 5),
            (std::vector<uint64_t>{1, 2, 3, 4, 5}));
}

TEST(SinkRunner, AReplayFromWhatIsYetToComeIsRefused) {
  MemorySink sink;
  const SinkOrderResult result = ordered(sink, {SinkOrder::Kind::replay, 7, {}});
  EXPECT_THAT(result.error, HasSubstr("has not come to event 7 yet: it is at 5"));
  EXPECT_THAT(sink.rewound, IsEmpty());
}

TEST(SinkRunner, ALetterThatIsTakenNowIsGone) {
  MemorySink sink;
  sink.poison = {2, 4};
  Journey done;
  const SinkOrderResult result =
      ordered(sink, {SinkOrder::Kind::retry, 1, {}}, &done, /*poison_now=*/{4});
  EXPECT_EQ(result.error, "");
  EXPECT_THAT(result.delivered, ElementsAre(2));
  EXPECT_THAT(result.refused, ElementsAre(Refusal{4, "poison"}));
  EXPECT_THAT(sink.again, ElementsAre(2));
  EXPECT_THAT(buried(done), ElementsAre(4));
}

TEST(SinkRunner, ARetryOfWhatIsNotThereIsRefused) {
  MemorySink sink;
  const SinkOrderResult result = ordered(sink, {SinkOrder::Kind::retry, 1, {3}});
  EXPECT_THAT(result.error, HasSubstr("memory has no dead letter 3"));
}

TEST(SinkDesk, WhoAsksWhenNobodyServesIsToldSo) {
  const Stop stop;
  SinkDesk desk(stop);
  EXPECT_THAT(desk.ask({}, Duration(0)).error, HasSubstr("busy with a delivery"));
  desk.close();
  EXPECT_THAT(desk.ask({}, 60s).error, HasSubstr("is stopping"));
}

// Of a line of a log one event is made, and not another of how that fared.
TEST(SinkRunner, WhatIsLoggedOfTheDeliveryOfLinesOfLogsBecomesNoEvent) {
  const auto line = [](uint64_t seq) {
    return Event{script_time(seq), DaemonLogged{"broker", {seq, script_time(seq)}}};
  };
  const std::vector<Event> lines = {line(1), line(2)};
  const std::vector<Event> mixed = {line(3), script_event(4)};
  MemorySink sink;
  sink.names_poison = true;
  sink.poison = {2};
  sink.deliver_failures = 1;
  const Journey quiet =
      run(sink, {blocks(2, {encode_block(1, lines)}), blocks(2, {encode_block(1, lines)})});
  EXPECT_THAT(quiet.problems, ElementsAre(HasSubstr("disk full")));
  EXPECT_THAT(quiet.news, ElementsAre(HasSubstr("event 2 was refused"), HasSubstr("works again")));
  EXPECT_THAT(quiet.quiet, ElementsAre(true, true, true));

  sink.poison = {4};
  sink.deliver_failures = 1;
  const Journey aloud =
      run(sink, {blocks(4, {encode_block(3, mixed)}), blocks(4, {encode_block(3, mixed)})});
  EXPECT_THAT(aloud.quiet, ElementsAre(false, false, false));
}

}  // namespace
}  // namespace muster
