#include "collectors/sink_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <cstring>
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
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(sink.position, (SinkPosition{kLog, 6}));
  EXPECT_THAT(done.asked, ElementsAre(1, 6, 6, 7));
  EXPECT_THAT(done.problems, IsEmpty());
}

TEST(SinkRunner, SkipsWhatWasDelivered) {
  MemorySink sink;
  sink.position = {kLog, 3};
  const Journey done = run(sink, {blocks(5, {block(1, 2), block(3, 5)}), blocks(5, {block(1, 5)})});
  EXPECT_THAT(sink.numbers, ElementsAre(4, 5));
  EXPECT_THAT(done.asked, ElementsAre(4, 6, 6));
}

TEST(SinkRunner, CutsBatches) {
  MemorySink sink;
  sink.limits_ = {2, 1 << 20};
  run(sink, {blocks(5, {block(1, 5)})});
  EXPECT_THAT(sink.batches, ElementsAre(2, 2, 1));
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4, 5));
}

TEST(SinkRunner, NeverSkipsOverAGap) {
  MemorySink sink;
  const Journey done = run(sink, {blocks(9, {block(1, 2), block(4, 9)}), blocks(9, {block(1, 9)})});
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
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2));
  EXPECT_EQ(sink.opened, 4);
  EXPECT_THAT(done.problems, ElementsAre("memory: cannot open", "memory: disk full"));
}

// The whole lab stopped when one of its sinks was given another lab's database.
TEST(SinkRunner, AnotherHistoryIsAFailureOfThatSinkAlone) {
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
    EXPECT_EQ(done.status.failing, 1u);
    EXPECT_THAT(done.status.error, HasSubstr(row.error));
    EXPECT_THAT(done.status.error, HasSubstr("see that the endpoint is right"));
    EXPECT_EQ(sink.opened, 2) << "somebody may have put it right meanwhile";
    EXPECT_THAT(sink.numbers, IsEmpty());
    EXPECT_EQ(sink.position, row.position);
  }
}

// The same broker with another log, in the middle of a run.
TEST(SinkRunner, NoticesAnotherHistoryLater) {
  MemorySink sink;
  const Journey done =
      run(sink, {blocks(2, {block(1, 2)}), blocks(5, {block(3, 5)}, "log-b"), blocks(2, {})});
  EXPECT_THAT(done.problems, ElementsAre(HasSubstr("has another event log (log-b)")));
  EXPECT_THAT(done.news, ElementsAre("memory: works again after 1 failure"));
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2));
}

TEST(SinkRunner, WhatHasNothingOfAnotherLogTakesThisOne) {
  MemorySink sink;
  sink.position = {"log-z", 0};
  const Journey done = run(sink, {blocks(2, {block(1, 2)})});
  EXPECT_THAT(done.problems, IsEmpty());
  EXPECT_EQ(sink.position, (SinkPosition{kLog, 2}));
}

TEST(SinkRunner, StopsBeforeItBegins) {
  MemorySink sink;
  RunnerKit kit;
  kit.stop.raise();
  ScriptedSource source(kit.stop, {blocks(1, {block(1, 1)})});
  SinkRunner runner(sink, source, kit.letters, kit.desk, kit.stop, kit.clock, {});
  runner.run();
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
  EXPECT_TRUE(result.is_wrong);
  EXPECT_THAT(sink.rewound, IsEmpty());
}

TEST(SinkRunner, ALetterThatIsTakenNowIsGone) {
  MemorySink sink;
  sink.poison = {2, 4};
  Journey done;
  const SinkOrderResult result =
      ordered(sink, {SinkOrder::Kind::retry, 1, {}}, &done, /*poison_now=*/{4});
  EXPECT_EQ(result.error, "");
  EXPECT_THAT(result.done, ElementsAre(2));
  EXPECT_THAT(result.refused, ElementsAre(Refusal{4, "poison"}));
  EXPECT_THAT(sink.again, ElementsAre(2));
  EXPECT_THAT(buried(done), ElementsAre(4));
}

TEST(SinkRunner, ARetryOfWhatIsNotThereIsRefused) {
  MemorySink sink;
  const SinkOrderResult result = ordered(sink, {SinkOrder::Kind::retry, 1, {3}});
  EXPECT_THAT(result.error, HasSubstr("memory has no dead letter 3"));
}

// While a place cannot be opened nothing is known of where it is, and a replay moved it forward.
TEST(SinkRunner, AReplayNeverMovesASinkForward) {
  MemorySink sink;
  sink.position = {kLog, 3};
  sink.open_failures = INT_MAX;
  RunnerKit kit;
  SinkOrderResult result;
  std::jthread person([&] {
    result = kit.desk.ask({SinkOrder::Kind::replay, 9, {}}, 60s);
    kit.stop.raise();
  });
  run(sink, {blocks(9, {})}, kit);
  person.join();
  EXPECT_THAT(result.error, HasSubstr("has not come so far"));
  EXPECT_EQ(sink.position.cursor, 3u);
}

// What `seqs` were buried for, as if in an earlier run.
void bury(RunnerKit& kit, const std::vector<uint64_t>& seqs) {
  ASSERT_TRUE(kit.letters.open().ok());
  for (const uint64_t seq : seqs) {
    ASSERT_TRUE(kit.letters.bury(kLog, {seq, script_event(seq)}, "no", script_time(seq)).ok());
  }
}

// Each letter was a request of its own: ten thousand of them took as many round trips.
TEST(SinkRunner, LettersAreTriedAgainInBatches) {
  for (const bool named : {false, true}) {
    SCOPED_TRACE(named ? "the place names those to blame" : "it does not");
    MemorySink sink;
    sink.position = {kLog, 5};
    sink.names_poison = named;
    sink.limits_ = {64, 1 << 20};
    RunnerKit kit;
    std::vector<uint64_t> all(200);
    for (size_t i = 0; i < all.size(); ++i) all[i] = i + 1;
    bury(kit, all);
    sink.poison = {7, 8, 150};
    SinkOrderResult result;
    std::jthread person([&] {
      result = kit.desk.ask({SinkOrder::Kind::retry, 1, {}}, 60s);
      kit.stop.raise();
    });
    ScriptedSource source(kit.stop, {});
    source.go_on_with(blocks(5, {}));
    const Journey done = run(sink, source, kit);
    person.join();
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.done.size(), 197u);
    EXPECT_TRUE(std::is_sorted(result.done.begin(), result.done.end()));
    EXPECT_THAT(result.refused,
                ElementsAre(Refusal{7, "poison"}, Refusal{8, "poison"}, Refusal{150, "poison"}));
    EXPECT_EQ(std::set<uint64_t>(sink.again.begin(), sink.again.end()).size(), 197u);
    EXPECT_EQ(sink.again.size(), 197u);
    EXPECT_LE(sink.again_batches.size(), named ? 6u : 40u);
    EXPECT_THAT(buried(done), ElementsAre(7, 8, 150));
  }
}

// --- letters that are dropped ---------------------------------------------------------------

// The sink kept for ever what it had for them.
TEST(SinkRunner, ALetterThatIsDroppedIsGoneWhenTheSinkHasHeardOfIt) {
  for (const bool is_open : {true, false}) {
    SCOPED_TRACE(is_open ? "an open sink" : "a closed one");
    MemorySink sink;
    sink.position = {kLog, 5};
    sink.open_failures = is_open ? 0 : INT_MAX;
    RunnerKit kit;
    bury(kit, {2, 3, 4});
    SinkOrderResult failed, result;
    std::jthread person([&] {
      sink.drop_fails = true;
      failed = kit.desk.ask({SinkOrder::Kind::drop, 1, {2, 4}}, 60s);
      sink.drop_fails = false;
      result = kit.desk.ask({SinkOrder::Kind::drop, 1, {2, 4}}, 60s);
      kit.stop.raise();
    });
    ScriptedSource source(kit.stop, {});
    source.go_on_with(blocks(5, {}));
    const Journey done = run(sink, source, kit);
    person.join();
    EXPECT_EQ(failed.error, "cannot forget");
    EXPECT_THAT(failed.done, IsEmpty());
    EXPECT_EQ(result.error, "");
    EXPECT_THAT(result.done, ElementsAre(2, 4));
    EXPECT_THAT(sink.dropped, ElementsAre(std::pair(std::string(kLog), uint64_t{2}),
                                          std::pair(std::string(kLog), uint64_t{4})));
    EXPECT_THAT(buried(done), ElementsAre(3));
  }
}

TEST(SinkRunner, ALongRetryIsDoneInPartsAndTheLogHasItsTurn) {
  MemorySink sink;
  sink.limits_ = {1, 1 << 20};
  RunnerKit kit;
  bury(kit, {1, 2, 3});
  kit.clock.step = 1s;  // at each look, so that each letter takes its share
  std::vector<SinkOrderResult> parts;
  std::jthread person;
  ScriptedSource source(kit.stop, {blocks(5, {block(1, 5)})});
  source.at_end = [&] {
    if (!person.joinable()) {
      person = std::jthread([&] {
        std::vector<uint64_t> seqs;
        do {
          parts.push_back(kit.desk.ask({SinkOrder::Kind::retry, 1, seqs}, 60s));
          seqs = parts.back().left;
        } while (!seqs.empty());
        kit.stop.raise();
      });
    }
    return !kit.stop.raised();
  };
  source.repeat = blocks(5, {});
  const Journey done = run(sink, source, kit);
  person.join();
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(parts[0].done, ElementsAre(1));
  EXPECT_THAT(parts[0].left, ElementsAre(2, 3));
  EXPECT_THAT(parts[1].done, ElementsAre(2));
  EXPECT_THAT(parts[2].done, ElementsAre(3));
  EXPECT_THAT(done.letters, IsEmpty());
  // A fetch that does not wait follows each part but the last.
  EXPECT_EQ(std::count(done.waits.begin(), done.waits.end(), Duration(0)), 2);
}

// An order woke the sink, which tried the same password once more.
TEST(SinkRunner, APauseThatThePlaceAsksForIsNotCutShort) {
  for (const bool in_retry : {false, true}) {
    SCOPED_TRACE(in_retry ? "of a letter" : "of a batch");
    MemorySink sink;
    sink.retry_after = 1h;
    (in_retry ? sink.again_failures : sink.deliver_failures) = 1;
    RunnerKit kit;
    bury(kit, {2});
    SinkOrderResult first, second, third;
    std::jthread person([&] {
      if (in_retry) first = kit.desk.ask({SinkOrder::Kind::retry, 1, {}}, 60s);
      while (kit.desk.status().failing == 0) std::this_thread::yield();
      second = kit.desk.ask({SinkOrder::Kind::retry, 1, {}}, 60s);
      third = kit.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s);
      kit.stop.raise();
    });
    ScriptedSource source(kit.stop, {});
    source.go_on_with(in_retry ? blocks(0, {}) : blocks(3, {block(1, 3)}));
    run(sink, source, kit);
    person.join();
    if (in_retry) {
      EXPECT_EQ(first.error, "disk full");
    }
    EXPECT_THAT(second.error, HasSubstr("memory leaves its place alone until 2026-"));
    EXPECT_THAT(second.error, HasSubstr(": disk full"));
    EXPECT_EQ(third.error, "");  // needs no word with the place
    EXPECT_THAT(sink.batches, IsEmpty());
    EXPECT_THAT(sink.again, IsEmpty());
    EXPECT_EQ(kit.desk.status().failures, 1u);
  }
}

// --- what status says -----------------------------------------------------------------------

// It was failing, and its back-off went on, until nothing was left to be delivered.
TEST(SinkRunner, ABatchThatIsTakenEndsAFailure) {
  MemorySink sink;
  sink.limits_ = {2, 1 << 20, 10s};
  sink.deliver_failures = 1;
  const auto answer = blocks(5, {block(1, 5)});
  const Journey done = run(sink, {answer, answer});
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3, 4));  // and one more waits for its batch
  EXPECT_THAT(done.news, ElementsAre("memory: works again after 1 failure"));
  EXPECT_EQ(done.status.failing, 0u);
}

TEST(SinkRunner, WhatIsFetchedIsDeliveredWhileTheSourceSendsNonsense) {
  MemorySink sink;
  sink.limits_ = {3, 1 << 20, 4s};
  RunnerKit kit;
  kit.clock.step = 1s;
  const auto bad = blocks(1, {"nonsense"});
  const Journey done = run(sink, {blocks(1, {block(1, 1)}), bad, bad, bad, bad, bad}, kit);
  EXPECT_THAT(sink.numbers, ElementsAre(1));
  EXPECT_THAT(done.news, IsEmpty());  // the source fails still
  EXPECT_EQ(done.status.failing, 5u);
}

TEST(SinkRunner, ADeliveryUnderWayIsSeen) {
  MemorySink sink;
  RunnerKit kit;
  Instant since;
  sink.during = [&] { since = kit.desk.status().delivering_since; };
  const Journey done = run(sink, {blocks(1, {block(1, 1)})}, kit);
  EXPECT_EQ(since, kit.clock.at);
  EXPECT_EQ(done.status.delivering_since, kNever);
}

// The events `first` .. `last`, of which those at `unknown` are of a type of a later build.
std::string block_of_later(uint64_t first, uint64_t last, const std::vector<uint64_t>& unknown) {
  std::string bytes = block(first, last);
  const auto type = static_cast<uint16_t>(script_event(first).body.index());
  for (const uint64_t seq : unknown) {
    // After 40 bytes of the block's own: time, type and two pointers of each event.
    const size_t at = 40 + (seq - first) * 32 + 8;
    uint16_t found = 0;
    std::memcpy(&found, bytes.data() + at, sizeof found);
    EXPECT_EQ(found, type);
    const uint16_t later = 999;
    std::memcpy(bytes.data() + at, &later, sizeof later);
  }
  return bytes;
}

TEST(SinkRunner, EventsOfUnknownTypesAreCountedAndSaidOnce) {
  MemorySink sink;
  sink.deliver_failures = 1;  // what comes again is counted once
  const auto answer = blocks(4, {block_of_later(1, 4, {2, 4})});
  const Journey done =
      run(sink, {answer, answer, blocks(6, {block_of_later(5, 6, {6})}), blocks(6, {})});
  EXPECT_THAT(sink.numbers, ElementsAre(1, 3, 5));
  EXPECT_EQ(done.status.unknown, 3u);
  EXPECT_EQ(done.status.first_unknown, 2u);
  EXPECT_EQ(std::count_if(done.news.begin(), done.news.end(),
                          [](const std::string& news) {
                            return news.find("muster sink replay memory --from 2") != news.npos;
                          }),
            1);
  EXPECT_EQ(done.news.size(), 2u);  // and that it works again
}

TEST(SinkDesk, OrdersAreHeldUntilTheLogHadItsTurn) {
  const Stop stop;
  SinkDesk desk(stop);
  desk.hold_orders(true);
  std::jthread person([&] { desk.ask({}, 60s); });
  desk.wait_for(60s);
  EXPECT_FALSE(desk.interrupted());
  desk.hold_orders(false);
  EXPECT_TRUE(desk.interrupted());
  desk.close();
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
