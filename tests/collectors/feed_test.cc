// The feed over a log that the test writes: replay, then live, without a gap.
#include "collectors/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/collectors/feed_kit.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FeedTest : public ::testing::Test {
 protected:
  // Numbers up to `last`, as the subscription gives them.
  static std::vector<uint64_t> read_to(FeedSubscription& subscription, uint64_t last) {
    std::vector<uint64_t> numbers;
    while (numbers.empty() || numbers.back() < last) {
      const FeedBatch batch = subscription.next(50ms);
      for (const FeedEventPtr& event : batch.events) numbers.push_back(event->seq);
      if (!batch.ended.empty()) ADD_FAILURE() << batch.ended;
      if (!batch.ended.empty() || (batch.events.empty() && batch.next > last)) break;
    }
    return numbers;
  }
  static std::vector<uint64_t> range(uint64_t first, uint64_t last) {
    std::vector<uint64_t> numbers;
    for (uint64_t seq = first; seq <= last; ++seq) numbers.push_back(seq);
    return numbers;
  }
  // Waits until the subscription knows where the end of the log is.
  static void reach_end(FeedSubscription& subscription) {
    while (subscription.next(Duration(1ms)).next == 0) {
    }
  }

  MemoryLog log_;
};

TEST_F(FeedTest, ReplaysAndThenGoesLive) {
  log_.append(100);
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({1}, {});
  EXPECT_EQ(read_to(*subscription, 100), range(1, 100));
  log_.append(50);
  EXPECT_EQ(read_to(*subscription, 150), range(101, 150));
}

TEST_F(FeedTest, BeginsWithTheNextThatHappens) {
  log_.append(100);
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({0}, {});
  reach_end(*subscription);
  log_.append(3);
  EXPECT_EQ(read_to(*subscription, 103), range(101, 103));
}

// Whoever joins while the log grows, from anywhere, has every number once.
TEST_F(FeedTest, NoGapAndNoRepeatWhileTheLogGrows) {
  constexpr uint64_t kLast = 4'000;
  FeedLimits limits;
  limits.ring_events = 64;  // so that many fall out of it again and again
  limits.batch_bytes = 2'000;
  log_.append(10);
  Feed feed(log_.connect(), limits);
  std::vector<std::jthread> readers;
  std::atomic<int> wrong = 0;
  for (uint64_t from = 1; from <= 9; from += 2) {
    readers.emplace_back([&, from] {
      const auto subscription = feed.subscribe({from}, {});
      if (read_to(*subscription, kLast) != range(from, kLast)) ++wrong;
    });
  }
  for (uint64_t written = 10; written < kLast; written += 10) log_.append(10);
  readers.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(FeedTest, FiltersByTypeAndTask) {
  log_.append_event(CancelRequested{"0194-one", "", ""});
  log_.append_event(WorkerLost{"bench", 1, "gone"});
  log_.append_event(CancelRequested{"0194-two", "", ""});
  Feed feed(log_.connect());
  EXPECT_THAT(read_to(*feed.subscribe({1}, {"worker_lost", ""}), 3), ElementsAre(2));
  EXPECT_THAT(read_to(*feed.subscribe({1}, {"", "0194-two"}), 3), ElementsAre(3));
  const auto both = feed.subscribe({1}, {"worker_lost", "0194-two"});
  EXPECT_THAT(read_to(*both, 3), IsEmpty());
  log_.append_event(WorkerLost{"bench", 2, "again"});
  EXPECT_THAT(read_to(*both, 4), IsEmpty());
  EXPECT_EQ(both->next(Duration(0)).next, 5u);
}

// What was asked for up to the end was empty, and said to be all.
TEST_F(FeedTest, TheEndIsNotKnownBeforeTheBrokerHasSaidIt) {
  log_.append(2);
  log_.set_away("no broker");
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({1}, {});
  EXPECT_FALSE(subscription->next(Duration(0)).is_head_known);
  log_.set_away("");
  FeedBatch batch;
  while (batch.events.empty()) batch = subscription->next(10s);
  EXPECT_TRUE(batch.is_head_known);
  EXPECT_EQ(batch.head, 2u);
}

TEST_F(FeedTest, APositionPastTheEndIsTold) {
  log_.append(5);
  Feed feed(log_.connect());
  EXPECT_THAT(read_to(*feed.subscribe({6}, {}), 5), IsEmpty());
  const auto subscription = feed.subscribe({9}, {});
  reach_end(*feed.subscribe({0}, {}));
  FeedBatch batch = subscription->next(10s);
  EXPECT_THAT(batch.ended, HasSubstr("no event 9 to begin with: the newest is 5"));
  EXPECT_EQ(subscription->next(10s).ended, batch.ended);
}

TEST_F(FeedTest, WhoLagsTooLongIsDroppedAndTold) {
  FeedLimits limits;
  limits.ring_events = 10;
  limits.lag_max = Duration(0);
  Feed feed(log_.connect(), limits);
  log_.append(1);
  const auto slow = feed.subscribe({0}, {});
  reach_end(*slow);
  log_.append(40);
  // Until the feed has them all; whoever reads meanwhile may be too slow too.
  for (uint64_t next = 2; next <= 41;) next = feed.subscribe({next}, {})->next(10s).next;
  FeedBatch batch = slow->next(10s);
  while (batch.ended.empty()) batch = slow->next(10s);
  EXPECT_THAT(batch.ended, HasSubstr("too slow"));
  EXPECT_EQ(batch.next, 2u);
  EXPECT_GE(feed.status().dropped, 1u);
  // With the position that it was told it misses nothing.
  EXPECT_EQ(read_to(*feed.subscribe({batch.next}, {}), 41), range(2, 41));
}

TEST_F(FeedTest, SubscribersAreCounted) {
  FeedLimits limits;
  limits.subscribers = 2;
  Feed feed(log_.connect(), limits);
  auto one = feed.subscribe({0}, {});
  const auto two = feed.subscribe({0}, {});
  EXPECT_EQ(feed.subscribe({0}, {}), nullptr);
  one.reset();
  EXPECT_NE(feed.subscribe({0}, {}), nullptr);
  EXPECT_EQ(feed.status().subscribers, 1u);
}

TEST_F(FeedTest, SaysThatTheBrokerIsAwayAndGoesOn) {
  log_.append(1);
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({1}, {});
  EXPECT_EQ(read_to(*subscription, 1), range(1, 1));
  log_.set_away("nobody answers");
  while (subscription->next(Duration(1ms)).away.empty()) {
  }
  log_.set_away("");
  log_.append(1);
  EXPECT_EQ(read_to(*subscription, 2), range(2, 2));
}

// It was what the last subscriber had seen, or nothing.
TEST_F(FeedTest, TheHeadIsKnownWhileNobodySubscribes) {
  log_.append(5);
  Feed feed(log_.connect());
  EXPECT_EQ(feed.status().head, 5u);
  EXPECT_EQ(feed.status().log_id, "log-a");
  EXPECT_EQ(read_to(*feed.subscribe({1}, {}), 5), range(1, 5));
  log_.append(2);
  while (feed.status().head < 7u) std::this_thread::yield();
  log_.set_away("nobody answers");
  while (feed.status().away.empty()) std::this_thread::yield();
  EXPECT_EQ(feed.status().away, "nobody answers");
}

TEST_F(FeedTest, AnotherLogEndsEverySubscription) {
  log_.append(5);
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({1}, {});
  EXPECT_EQ(read_to(*subscription, 5), range(1, 5));
  log_.replace("log-b");
  FeedBatch batch = subscription->next(10s);
  while (batch.ended.empty()) batch = subscription->next(10s);
  EXPECT_THAT(batch.ended, HasSubstr("another log"));
  const auto again = feed.subscribe({0}, {});
  reach_end(*again);
  log_.append(2);
  EXPECT_EQ(read_to(*again, 2), range(1, 2));
}

// The first who came with a number of the new log was told that there is another now.
TEST_F(FeedTest, ALogThatWasReplacedWhileNobodySubscribedIsAnotherToNobody) {
  log_.append(5);
  Feed feed(log_.connect());
  EXPECT_EQ(read_to(*feed.subscribe({1}, {}), 5), range(1, 5));
  log_.set_away("nobody answers");
  while (feed.status().away.empty()) std::this_thread::yield();  // it has seen that nobody is left
  log_.replace("log-b");
  log_.append(3);
  log_.set_away("");
  const auto first = feed.subscribe({1, "log-b"}, {});
  EXPECT_EQ(read_to(*first, 3), range(1, 3));
  log_.append(1);
  EXPECT_EQ(read_to(*first, 4), range(4, 4));
}

TEST_F(FeedTest, TheEndOfTheCollectorEndsAWait) {
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({0}, {});
  std::jthread stopper([&] { feed.stop(); });
  FeedBatch batch;
  while (batch.ended.empty()) batch = subscription->next(60s);
  EXPECT_THAT(batch.ended, HasSubstr("stopping"));
}

TEST_F(FeedTest, AReaderIsGivenOnePieceOfTheLog) {
  log_.append(30);
  Feed feed(log_.connect());
  const FeedBatch batch = feed.read({5}, {});
  EXPECT_EQ(batch.events.front()->seq, 5u);
  EXPECT_EQ(batch.head, 30u);
  EXPECT_EQ(batch.next, batch.events.back()->seq + 1);
  EXPECT_THAT(feed.read({31}, {}).events, IsEmpty());
}

// It was told for ever that the broker is away, and asked it four times a second.
TEST_F(FeedTest, WhatWasTrimmedEndsASubscription) {
  log_.append(40);
  log_.trim(21);
  Feed feed(log_.connect());
  const auto subscription = feed.subscribe({1}, {});
  FeedBatch batch = subscription->next(10s);
  while (batch.ended.empty() && batch.away.empty()) batch = subscription->next(10s);
  EXPECT_EQ(batch.away, "");
  EXPECT_THAT(batch.ended, HasSubstr("events 1 to 20 were trimmed"));
  EXPECT_TRUE(batch.is_place_lost);
  EXPECT_EQ(batch.tail, 21u);
  EXPECT_EQ(batch.next, 21u);
  EXPECT_EQ(read_to(*feed.subscribe({batch.next}, {}), 40), range(21, 40));
  const FeedBatch page = feed.read({7}, {});
  EXPECT_THAT(page.ended, HasSubstr("events 7 to 20 were trimmed"));
  EXPECT_EQ(page.tail, 21u);
}

// The follower asked for what was gone for ever, and nobody had anything new.
TEST_F(FeedTest, AFollowerWhoseNextEventWasTrimmedGoesOnAtTheEnd) {
  log_.append(5);
  Feed feed(log_.connect());
  const auto behind = feed.subscribe({0}, {});
  reach_end(*behind);
  log_.set_away("no broker");
  while (behind->next(Duration(1ms)).away.empty()) {
  }
  log_.append(40);
  log_.trim(31);
  log_.set_away("");
  FeedBatch batch = behind->next(10s);
  while (batch.ended.empty()) batch = behind->next(10s);
  EXPECT_EQ(batch.tail, 31u);
  const auto again = feed.subscribe({0}, {});
  reach_end(*again);
  log_.append(2);
  EXPECT_EQ(read_to(*again, 47), range(46, 47));
}

// A whole block came at once: up to 8 MiB of the log, and more of JSON.
TEST_F(FeedTest, ALargeBlockIsGivenInBatches) {
  constexpr uint64_t kBlockEvents = 16'384;
  const EventBody body = CancelRequested{"0194-some-task", "", std::string(100, 'x')};
  log_.append_block(kBlockEvents, body);
  log_.append_block(kBlockEvents, body);
  FeedLimits limits;
  limits.ring_events = 1;
  Feed feed(log_.connect(), limits);
  const auto subscription = feed.subscribe({1}, {});
  uint64_t next = 1;
  const auto check = [&](const FeedBatch& batch) {
    size_t bytes = 0;
    for (const FeedEventPtr& event : batch.events) {
      ASSERT_EQ(event->seq, next++);
      bytes += event->json.size();
    }
    ASSERT_LE(bytes, limits.batch_bytes);
    ASSERT_EQ(batch.ended, "");
  };
  while (next <= 2 * kBlockEvents && !HasFailure()) {
    const FeedBatch batch = subscription->next(10s);
    check(batch);
    if (batch.next > 0) {
      ASSERT_EQ(batch.next, next);
    }
  }
  next = 100;
  const FeedBatch page = feed.read({next}, {});
  check(page);
  EXPECT_GT(page.events.size(), 100u);
  EXPECT_EQ(page.next, next);
}

}  // namespace
}  // namespace muster
