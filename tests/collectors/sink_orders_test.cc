// What people ask of a sink that does not go as it should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "io/clock.h"
#include "tests/collectors/runner_kit.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SinkOrdersTest : public ::testing::Test {
 protected:
  SinkOrdersTest() : source_(kit_.stop, {}) { source_.go_on_with(blocks(3, {block(1, 3)})); }

  void bury(uint64_t seq) {
    ASSERT_TRUE(kit_.letters.open().ok());
    ASSERT_TRUE(kit_.letters.bury(kLog, {seq, script_event(seq)}, "no", script_time(seq)).ok());
  }
  // False: not in a minute.
  bool comes_true(const std::function<bool(const SinkStatus&)>& condition) {
    const int64_t deadline = boot_us() + Duration(60s).count();
    while (!condition(kit_.desk.status())) {
      if (boot_us() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // Runs the sink, with an hour between two tries, beside a person who does `person`.
  void run_beside(Sink& sink, const std::function<void()>& person) {
    SinkRunnerOptions options;
    options.backoff = {1h, 1h};
    options.random = [] { return 0; };
    options.log_problem = options.log_news = [](const std::string&) {};
    SinkRunner runner(sink, source_, kit_.letters, kit_.desk, kit_.stop, kit_.clock, options);
    std::jthread thread([&] { runner.run(); });
    person();
    kit_.stop.raise();
  }
  static bool is_failing(const SinkStatus& status) { return status.failing > 0; }
  static bool has_all(const SinkStatus& status) { return status.cursor == 3; }

  RunnerKit kit_;
  ScriptedSource source_;
};

// Nothing that a person could say had it tried again before five minutes were over.
TEST_F(SinkOrdersTest, AnOrderEndsAPauseThatIsOurOwnCaution) {
  MemorySink sink;
  sink.deliver_failures = 1;
  sink.retry_after = 1h;
  sink.pause_ends_by_order = true;
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(is_failing));
    EXPECT_EQ(kit_.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s).error, "");
    EXPECT_TRUE(comes_true(has_all));
  });
  EXPECT_THAT(sink.numbers, ElementsAre(1, 2, 3));
}

class BrokenSink final : public MemorySink {
 public:
  Result<SinkPosition> open() override {
    if (is_broken) return Error{"a table is gone: muster sink replay memory"};
    return MemorySink::open();
  }
  Result<Done> rewind(const SinkPosition& to) override {
    Result<Done> done = MemorySink::rewind(to);
    is_broken = !done.ok();
    return done;
  }
  std::atomic<bool> is_broken = true;
};

// It was done, and then waited for as long as after any other failure.
TEST_F(SinkOrdersTest, AReplayThatMendsASinkTakesHoldAtOnce) {
  BrokenSink sink;
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(is_failing));
    EXPECT_EQ(kit_.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s).error, "");
    EXPECT_TRUE(comes_true(has_all));
  });
}

class MisnamingSink final : public MemorySink {
 public:
  Delivery deliver_again(std::span<const SequencedEvent>, const std::string&) override {
    return refuse_named({{999, "not that one"}});
  }
};

// It was tried again without end. It is as good as one without names: each letter stands alone.
TEST_F(SinkOrdersTest, ARefusalThatNamesNoneOfTheLettersEndsTheirRetry) {
  MisnamingSink sink;
  sink.position = {kLog, 3};
  bury(1);
  bury(2);
  run_beside(sink, [&] {
    const SinkOrderResult result = kit_.desk.ask({SinkOrder::Kind::retry, 1, {}}, 60s);
    EXPECT_EQ(result.error, "");
    EXPECT_THAT(result.done, IsEmpty());
    EXPECT_THAT(result.refused,
                ElementsAre(Refusal{1, "not that one"}, Refusal{2, "not that one"}));
  });
  EXPECT_EQ(read_letters(kit_.letters.file()).size(), 2u);
}

class WholeSink final : public MemorySink {
 public:
  bool begins_anew_only() const override { return true; }
};

TEST_F(SinkOrdersTest, AReplayFromTheMiddleOfWhatIsWrittenAsAWholeIsAWrongOrder) {
  WholeSink sink;
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(has_all));
    const SinkOrderResult result = kit_.desk.ask({SinkOrder::Kind::replay, 2, {}}, 60s);
    EXPECT_TRUE(result.is_wrong);
    EXPECT_THAT(result.error, HasSubstr("can be written anew from the beginning only"));
    EXPECT_EQ(kit_.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s).error, "");
  });
  EXPECT_THAT(sink.rewound, ElementsAre(0));
}

// The database is another lab's: a replay emptied it.
TEST_F(SinkOrdersTest, AReplayTakesNothingFromAPlaceOfAnotherLog) {
  MemorySink sink;
  sink.position = {"another-labs", 2};
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(is_failing));
    const SinkOrderResult result = kit_.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s);
    EXPECT_THAT(result.error, HasSubstr("has another event log (log-a)"));
    EXPECT_THAT(result.error, HasSubstr("(another-labs, in memory)"));
  });
  EXPECT_THAT(sink.rewound, IsEmpty());
  EXPECT_THAT(sink.numbers, IsEmpty());
}

// Its place does not open, so that the sink does not know; the place does.
TEST_F(SinkOrdersTest, NorFromOneThatDoesNotOpen) {
  BrokenSink sink;
  sink.position = {"another-labs", 2};
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(is_failing));
    const SinkOrderResult result = kit_.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s);
    EXPECT_THAT(result.error, HasSubstr("has another event log (log-a)"));
  });
  EXPECT_THAT(sink.rewound, IsEmpty());
}

// It emptied the place, and then found that the log had been trimmed.
TEST_F(SinkOrdersTest, AReplayTakesNothingAwayWhileTheLogDoesNotShowWhatItHas) {
  for (const SourceFault fault : {SourceFault::away, SourceFault::refused, SourceFault::stopped}) {
    RunnerKit kit;
    ScriptedSource source(kit.stop, {});
    source.go_on_with(SourceError{fault, "the broker at tcp://x does not answer"});
    MemorySink sink;
    sink.position = {kLog, 3};
    SinkRunnerOptions options;
    options.backoff = {1h, 1h};
    options.random = [] { return 0; };
    options.log_problem = options.log_news = [](const std::string&) {};
    SinkRunner runner(sink, source, kit.letters, kit.desk, kit.stop, kit.clock, options);
    std::jthread thread([&] { runner.run(); });
    const SinkOrderResult result = kit.desk.ask({SinkOrder::Kind::replay, 1, {}}, 60s);
    EXPECT_THAT(result.error, HasSubstr("does not answer: nothing was taken away from memory"));
    kit.stop.raise();
    thread.join();
    EXPECT_THAT(sink.rewound, IsEmpty());
  }
}

// Before the first failure was logged there was nothing behind "is not open".
TEST_F(SinkOrdersTest, ARetryIsToldWhyTheSinkIsNotOpen) {
  BrokenSink sink;
  SinkOrderResult result;
  std::jthread person([&] {
    result = kit_.desk.ask({SinkOrder::Kind::retry, 1, {}}, 60s);
    kit_.stop.raise();
  });
  while (!kit_.desk.has_order()) std::this_thread::yield();
  run_beside(sink, [&] { person.join(); });
  EXPECT_EQ(result.error, "memory is not open: a table is gone: muster sink replay memory");
}

class WatchingSink final : public MemorySink {
 public:
  explicit WatchingSink(const ScriptedSource& source) : source_(source) {}
  Result<SinkPosition> open() override {
    return opens ? MemorySink::open() : Result<SinkPosition>(Error{"its place is away"});
  }
  Result<Done> rewind(const SinkPosition& to) override {
    told_before.push_back(source_.told);
    return MemorySink::rewind(to);
  }
  std::atomic<bool> opens = true;
  std::vector<uint64_t> told_before;  // each rewind

 private:
  const ScriptedSource& source_;
};

// It could be trimmed between the look and the first delivery.
TEST_F(SinkOrdersTest, FromItsLookOnTheLogKeepsWhatAReplayDeliversAgain) {
  WatchingSink sink(source_);
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(has_all));
    EXPECT_EQ(kit_.desk.ask({SinkOrder::Kind::replay, 2, {}}, 60s).error, "");
  });
  EXPECT_THAT(sink.told_before, ElementsAre(1));
}

// What a place that does not open has is not known: the log keeps all of it.
TEST_F(SinkOrdersTest, ALookSaysOfNothingThatItIsDoneThatMayNotBe) {
  WatchingSink sink(source_);
  sink.opens = false;
  sink.position = {kLog, 3};
  run_beside(sink, [&] {
    ASSERT_TRUE(comes_true(is_failing));
    EXPECT_EQ(kit_.desk.ask({SinkOrder::Kind::replay, 3, {}}, 60s).error, "");
  });
  EXPECT_THAT(sink.told_before, ElementsAre(0));
}

TEST_F(SinkOrdersTest, ASinkHearsOfEventsThatItIsNotGivenBeforeThoseAfterThem) {
  MemorySink sink;
  bury(2);
  sink.during = [&] { EXPECT_THAT(sink.passed_over, ElementsAre(2)); };
  run_beside(sink, [&] { EXPECT_TRUE(comes_true(has_all)); });
  EXPECT_THAT(sink.numbers, ElementsAre(1, 3));
}

}  // namespace
}  // namespace muster
