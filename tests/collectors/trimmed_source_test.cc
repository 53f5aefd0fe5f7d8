// What a sink asks for was trimmed from the log: it says so, skips nothing by itself, and goes on
// behind the gap when somebody says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/collectors/runner_kit.h"

namespace muster {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Has the events from `tail` on, and remembers what it was told.
class TrimmedSource final : public BlockSource {
 public:
  TrimmedSource(uint64_t tail, uint64_t head, Stop& stop) : tail_(tail), head_(head), stop_(stop) {}

  std::string name() const override { return "the log"; }
  std::optional<SourceError> hold() override {
    if (++asked_to_hold > deaf_for) return std::nullopt;
    return SourceError{SourceFault::refused, "no reader by that name can be registered"};
  }
  void note_done(uint64_t cursor) override { done.push_back(cursor); }
  std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration) override {
    if (from < tail_) {
      ++refused;
      return SourceError{SourceFault::trimmed, "events 1 to 500 were trimmed", tail_, kLog};
    }
    if (from <= head_) return blocks(head_, {block(tail_, head_)});
    stop_.raise();
    return SourceError{SourceFault::stopped, ""};
  }

  std::vector<uint64_t> done;
  int refused = 0;
  int deaf_for = 0;
  int asked_to_hold = 0;

 private:
  uint64_t tail_;
  uint64_t head_;
  Stop& stop_;
};

class TrimmedSourceTest : public ::testing::Test {
 protected:
  SinkRunnerOptions options() {
    SinkRunnerOptions options;
    options.backoff = {Duration(1'000), Duration(2'000)};
    options.random = [] { return uint64_t{0}; };
    options.log_problem = [this](const std::string& text) { problems_.push_back(text); };
    options.log_news = [this](const std::string& text) { news_.push_back(text); };
    return options;
  }
  // Runs the sink on a log from 501 to 510; `order` is given once it has failed. Its answer.
  SinkOrderResult run(uint64_t replay_from) {
    TrimmedSource source(501, 510, kit_.stop);
    SinkRunner runner(sink_, source, kit_.letters, kit_.desk, kit_.stop, kit_.clock, options());
    std::thread thread([&] { runner.run(); });
    while (kit_.desk.status().failing == 0) std::this_thread::yield();
    status_ = kit_.desk.status();
    const SinkOrderResult result = kit_.desk.ask({SinkOrder::Kind::replay, replay_from, {}}, 60s);
    if (!result.error.empty()) kit_.stop.raise();
    thread.join();
    done_ = source.done;
    return result;
  }

  RunnerKit kit_;
  MemorySink sink_;
  SinkStatus status_;
  std::vector<std::string> problems_;
  std::vector<std::string> news_;
  std::vector<uint64_t> done_;
};

TEST_F(TrimmedSourceTest, ItIsSaidWithWhatToDoAndNothingIsSkipped) {
  sink_.position = {kLog, 17};
  EXPECT_NE(run(400).error, "") << "that is in the gap";
  EXPECT_THAT(status_.error, HasSubstr("events 1 to 500 were trimmed"));
  EXPECT_THAT(status_.error, HasSubstr("muster sink replay memory --from 501"));
  EXPECT_EQ(sink_.position.cursor, 17u);
  EXPECT_THAT(sink_.numbers, IsEmpty());
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("were trimmed")));
}

TEST_F(TrimmedSourceTest, SomebodySaysThatItGoesOnBehindTheGap) {
  sink_.position = {kLog, 17};
  EXPECT_EQ(run(501).error, "");
  EXPECT_THAT(sink_.numbers, ElementsAre(501, 502, 503, 504, 505, 506, 507, 508, 509, 510));
  EXPECT_EQ(sink_.position, (SinkPosition{kLog, 510}));
  EXPECT_THAT(news_, ::testing::Contains(HasSubstr("goes on with event 501")));
}

// It would have gone on with the history of the one behind that of the other.
TEST_F(TrimmedSourceTest, ThatAnotherLogWasTrimmedIsNoGap) {
  sink_.position = {"another-log", 17};
  EXPECT_THAT(run(501).error, HasSubstr("has another event log"));
  EXPECT_THAT(status_.error, HasSubstr("has another event log"));
  EXPECT_EQ(sink_.position, (SinkPosition{"another-log", 17}));
}

// It would have emptied the place first, and then found nothing to fill it with.
TEST_F(TrimmedSourceTest, AReplayOfWhatWasTrimmedIsRefusedBeforeAnythingIsTakenAway) {
  sink_.position = {kLog, 17};
  EXPECT_THAT(run(0).error, HasSubstr("the log begins with event 501"));
  EXPECT_EQ(sink_.position.cursor, 17u);
}

TEST_F(TrimmedSourceTest, SoDoesASinkThatHasHadNothingYet) {
  EXPECT_EQ(run(501).error, "");
  EXPECT_EQ(sink_.position, (SinkPosition{kLog, 510}));
}

// A broker that was away kept sinks that were well from being open.
TEST_F(TrimmedSourceTest, ASinkThatOpensIsHeldByItsFirstFetchAlone) {
  TrimmedSource source(1, 10, kit_.stop);
  SinkRunner(sink_, source, kit_.letters, kit_.desk, kit_.stop, kit_.clock, options()).run();
  EXPECT_EQ(source.asked_to_hold, 0);
  EXPECT_EQ(sink_.position.cursor, 10u);
}

// Also by a source that has not heard it at first.
TEST_F(TrimmedSourceTest, TheSourceHoldsWhatComesBeforeTheSinkHasOpened) {
  TrimmedSource source(1, 10, kit_.stop);
  source.deaf_for = 2;
  sink_.open_failures = 4;
  SinkRunnerOptions quick = options();
  quick.backoff = {Duration(0), Duration(0)};
  SinkRunner(sink_, source, kit_.letters, kit_.desk, kit_.stop, kit_.clock, quick).run();
  EXPECT_EQ(source.asked_to_hold, 4) << "another may have taken its place";
  EXPECT_EQ(sink_.position.cursor, 10u);
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("cannot open"),
                                     HasSubstr("the log does not keep yet what comes for it: no "
                                               "reader by that name can be registered")))
      << "once";
}

TEST_F(TrimmedSourceTest, TheSourceIsToldWhatIsDurable) {
  sink_.position = {kLog, 17};
  EXPECT_EQ(run(501).error, "");
  EXPECT_EQ(done_.back(), 510u);
  // Nothing, until it has said which log it is.
  EXPECT_EQ(done_.front(), 0u);
  EXPECT_THAT(done_, Each(AnyOf(0u, 17u, 500u, 510u)));
}

}  // namespace
}  // namespace muster
