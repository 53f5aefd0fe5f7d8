#include "collectors/sink_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "io/codec.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kLog = "log-a";

// A sink in memory, which fails when it is told to.
class MemorySink final : public Sink {
 public:
  std::string_view name() const override { return "memory"; }
  BatchLimits limits() const override { return limits_; }
  Result<SinkPosition> open() override {
    ++opened;
    if (open_failures > 0) {
      --open_failures;
      return Error{"cannot open"};
    }
    is_open = true;
    return position;
  }
  Result<Done> deliver(std::span<const SequencedEvent> events, const SinkPosition& next) override {
    EXPECT_TRUE(is_open);
    if (deliver_failures > 0) {
      --deliver_failures;
      is_open = false;
      return Error{"disk full"};
    }
    for (const SequencedEvent& at : undelivered(events, position.cursor)) {
      numbers.push_back(at.seq);
    }
    batches.push_back(events.size());
    position = next;
    return Done{};
  }

  BatchLimits limits_;
  SinkPosition position;
  std::vector<uint64_t> numbers;
  std::vector<size_t> batches;
  int opened = 0;
  int open_failures = 0;
  int deliver_failures = 0;
  bool is_open = false;
};

// Gives the scripted answers, then raises the stop flag.
class ScriptedSource final : public BlockSource {
 public:
  using Answer = std::variant<FetchedBlocks, SourceError>;
  ScriptedSource(Stop& stop, std::deque<Answer> answers)
      : stop_(stop), answers_(std::move(answers)) {}

  std::string name() const override { return "the script"; }
  Answer fetch(uint64_t from) override {
    asked.push_back(from);
    if (answers_.empty()) {
      stop_.raise();
      return SourceError{SourceFault::stopped, "stopped"};
    }
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }

  std::vector<uint64_t> asked;

 private:
  Stop& stop_;
  std::deque<Answer> answers_;
};

// Events first .. last as one block.
std::string block(uint64_t first, uint64_t last) {
  std::vector<Event> events;
  for (uint64_t seq = first; seq <= last; ++seq) {
    events.push_back({script_time(seq), CancelRequested{"0194-some-task", "", ""}});
  }
  return encode_block(first, events);
}

FetchedBlocks blocks(uint64_t head, std::vector<std::string> bytes, std::string log_id = kLog) {
  return {std::move(log_id), head, std::move(bytes)};
}

struct Journey {
  Result<Done> result = Done{};
  std::vector<std::string> problems;
  std::vector<std::string> news;
  std::vector<uint64_t> asked;
};

Journey run(MemorySink& sink, std::deque<ScriptedSource::Answer> answers) {
  Stop stop;
  ScriptedSource source(stop, std::move(answers));
  Journey journey;
  SinkRunnerOptions options;
  options.backoff = {Duration(0), Duration(0)};
  options.random = [] { return 0; };
  options.log_problem = [&](const std::string& text) { journey.problems.push_back(text); };
  options.log_news = [&](const std::string& text) { journey.news.push_back(text); };
  journey.result = SinkRunner(sink, source, stop, options).run();
  journey.asked = source.asked;
  return journey;
}

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
  Stop stop;
  stop.raise();
  ScriptedSource source(stop, {blocks(1, {block(1, 1)})});
  EXPECT_TRUE(SinkRunner(sink, source, stop, {}).run().ok());
  EXPECT_THAT(sink.numbers, IsEmpty());
}

}  // namespace
}  // namespace muster
