// When a worker may be silent, for how long, and what ends that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/rest.h"
#include "tests/core/worker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;

// A worker whose first rest is over: its Sync of now is answered.
Worker rested() {
  Worker worker;
  worker.full_sync();
  worker.take(worker.desired());
  worker.now = worker.core.next_deadline();
  worker.sync().value();
  worker.take(worker.desired());
  return worker;
}

TEST(Rest, TwoOfThemAreWithinTheBrokersPatienceAndOneIsWithinALease) {
  for (const Duration lease : {Duration(200ms), Duration(1s), Duration(20s), Duration(29s)}) {
    const Duration most = rest_max(lease);
    EXPECT_LE(2 * most + lease / 8, rest_silence_max(lease)) << lease.count();
    EXPECT_LE(most + lease / 4, lease) << lease.count();
    EXPECT_GT(most, lease / 2) << lease.count();
  }
  EXPECT_EQ(rest_max(20s), 13'750ms);
}

TEST(Rest, IsSoShortThatNoSessionIsForgottenMeanwhile) {
  EXPECT_LE(2 * rest_max(24h), kPeerSilenceMax);
  EXPECT_LE(rest_after(24h, 2s, false, 1), rest_max(24h));
}

TEST(Rest, IsAlmostTheLongestButForTheFirst) {
  std::set<Duration> late;
  std::set<Duration> first;
  for (uint64_t draw = 0; draw < 1'000; ++draw) {
    late.insert(rest_after(20s, 2s, false, draw));
    first.insert(rest_after(20s, 2s, true, draw));
  }
  EXPECT_GE(*late.begin(), 12'500ms);
  EXPECT_LE(*late.rbegin(), 13'750ms);
  EXPECT_EQ(*first.begin(), 2s);
  EXPECT_GE(*first.rbegin(), 13s);
  EXPECT_LE(*first.rbegin(), 13'750ms);
  EXPECT_GT(late.size(), 950u);
  EXPECT_GT(first.size(), 750u);
}

TEST(Rest, IsNeverShorterThanABeat) {
  EXPECT_EQ(rest_after(0s, 2s, false, 1), 2s);
  EXPECT_EQ(rest_after(1s, 900ms, false, 1), 900ms);
}

TEST(WorkerRest, BeginsWithTheAnswerToTheNewestSync) {
  Worker worker;
  worker.sync().value();
  EXPECT_FALSE(worker.core.rests()) << "nobody has answered";
  EXPECT_EQ(worker.core.next_deadline(), kStart + kBeat);
  worker.take(worker.desired());
  EXPECT_TRUE(worker.core.rests());
  EXPECT_GE(worker.core.next_deadline(), kStart + kBeat);
  EXPECT_LE(worker.core.next_deadline(), kStart + rest_max(kLease));
}

TEST(WorkerRest, GoesOnFromSyncToSync) {
  Worker worker = rested();
  for (int i = 0; i < 100; ++i) {
    const Instant before = worker.now;
    worker.now = worker.core.next_deadline() - 1us;
    EXPECT_FALSE(worker.sync());
    worker.now += 1us;
    EXPECT_GE(worker.now - before, rest_max(kLease) / 11 * 10);
    EXPECT_LE(worker.now - before, rest_max(kLease));
    EXPECT_TRUE(worker.sync()->full);
    worker.take(worker.desired());
  }
}

TEST(WorkerRest, WhatWasNotAnsweredIsSaidAgainAfterABeat) {
  Worker worker = rested();
  worker.now = worker.core.next_deadline();
  const uint64_t lost = worker.sync()->number;
  EXPECT_FALSE(worker.core.rests());
  EXPECT_EQ(worker.core.next_deadline(), worker.now + kBeat);
  worker.now += kBeat;
  worker.sync().value();
  Desired late = worker.desired();
  late.sync_number = lost;
  worker.take(late);
  EXPECT_FALSE(worker.core.rests()) << "the newest has no answer yet";
  worker.take(worker.desired());
  EXPECT_TRUE(worker.core.rests());
}

TEST(WorkerRest, AnotherConnectionEndsIt) {
  Worker worker = rested();
  worker.core.connected(worker.now);
  EXPECT_FALSE(worker.core.rests());
  EXPECT_TRUE(worker.sync()->full);
}

TEST(WorkerRest, NewsEndsItAtOnce) {
  const std::vector<std::function<void(Worker&)>> news = {
      [](Worker& worker) {
        worker.core.set_listed({{"usb", "a", {}}}, worker.now);
      },
      [](Worker& worker) { worker.core.set_listed_all(false, worker.now); },
      [](Worker& worker) { worker.core.set_refusing("no room", worker.now); },
  };
  for (size_t i = 0; i < news.size(); ++i) {
    Worker worker = rested();
    news[i](worker);
    EXPECT_FALSE(worker.core.rests()) << i;
    EXPECT_EQ(worker.core.next_deadline(), worker.now) << i;
    EXPECT_TRUE(worker.sync()->full) << i;
    worker.take(worker.desired());
    EXPECT_TRUE(worker.core.rests()) << i;
  }
}

TEST(WorkerRest, LesserNewsGoOverWithinABeat) {
  const std::vector<std::function<void(Worker&)>> news = {
      [](Worker& worker) {
        worker.core.set_listers({{"usb", "it hangs"}});
      },
      [](Worker& worker) { worker.core.set_refusing("less room", worker.now); },
  };
  for (size_t i = 0; i < news.size(); ++i) {
    Worker worker = rested();
    worker.core.set_refusing("no room", worker.now);
    worker.sync().value();
    worker.take(worker.desired());
    ASSERT_TRUE(worker.core.rests());
    news[i](worker);
    EXPECT_EQ(worker.core.next_deadline(), worker.now + kBeat) << i;
    worker.now += 2 * kBeat;
    worker.sync().value();
    worker.take(worker.desired());
    EXPECT_TRUE(worker.core.rests()) << i;
    news[i](worker);
    EXPECT_TRUE(worker.core.rests()) << "it is the same as before: " << i;
  }
}

TEST(WorkerRest, NewsThatCrossTheAnswerAreNotHeldBack) {
  Worker worker = rested();
  worker.now = worker.core.next_deadline();
  worker.sync().value();
  worker.core.set_listed({{"usb", "a", {}}}, worker.now);
  worker.take(worker.desired());
  EXPECT_FALSE(worker.core.rests());
  EXPECT_EQ(worker.core.next_deadline(), worker.now);
}

TEST(WorkerRest, WorkEndsItAtOnce) {
  Worker worker = rested();
  worker.now += kBeat + 1s;
  ASSERT_FALSE(worker.sync());
  worker.give({"guid-00001"});
  EXPECT_FALSE(worker.core.rests());
  EXPECT_LE(worker.core.next_deadline(), worker.now);
  const Sync sync = worker.sync().value();
  EXPECT_TRUE(sync.full);
  EXPECT_EQ(sync.held.size(), 1u);
  worker.take(worker.desired());
  EXPECT_FALSE(worker.core.rests()) << "it holds something";
  EXPECT_EQ(worker.core.next_deadline(), worker.now + kBeat);
}

TEST(WorkerRest, WorkSoonAfterASyncWaitsForTheBeatAsEver) {
  Worker worker = rested();
  const Instant asked = worker.now;
  worker.now += 1ms;
  worker.give({"guid-00001"});
  EXPECT_EQ(worker.core.next_deadline(), asked + kBeat);
}

TEST(WorkerRest, ReportsThatNobodyHasAcknowledgedPutItOff) {
  Worker worker = rested();
  worker.give({"guid-00001"});
  EXPECT_THAT(worker.started(), ElementsAre("guid-00001"));
  worker.end("guid-00001");
  EXPECT_EQ(worker.core.held_count(), 0u);
  EXPECT_FALSE(worker.core.rests());
  worker.sync().value();
  EXPECT_FALSE(worker.core.rests());
  worker.acknowledge(1);
  EXPECT_TRUE(worker.core.rests());
}

TEST(WorkerRest, SpooledReportsPutItOff) {
  Worker worker(2, {{(2ull << 32) + 1, {"guid-00001", 1}, kStart, Record{"INFO", "", "", {}, ""}}});
  worker.sync().value();
  worker.take(worker.desired());
  EXPECT_FALSE(worker.core.rests());
  EXPECT_EQ(worker.core.next_deadline(), kStart + kBeat);
}

// The broker counts the lease of a worker that rested from when it gave it, and says so.
TEST(WorkerRest, ALeaseAfterItIsAsLongAsTheBrokerSays) {
  Worker worker = rested();
  const Duration silence = 10s;
  worker.now += silence;
  ASSERT_FALSE(worker.sync());
  Desired given = worker.desired();
  given.lease = kLease + silence + silence / (kLeaseMarginDivisor - 1);
  given.run.push_back(Worker::assignment("guid-00001"));
  worker.take(given);
  const Duration left = worker.core.lease_until({"guid-00001", 1}) - worker.now;
  EXPECT_LE(left, kWorkersPart + 2us);
  EXPECT_GE(left, kWorkersPart - 2us);
}

// Brokers of earlier builds count from the Sync: little is left, and it is renewed at once.
TEST(WorkerRest, AShortLeaseAfterItIsRenewedAtOnce) {
  Worker worker = rested();
  worker.now += 10s;
  worker.give({"guid-00001"});
  EXPECT_EQ(worker.core.lease_until({"guid-00001", 1}), worker.now - 10s + kWorkersPart);
  worker.sync().value();
  worker.take(worker.desired());
  EXPECT_EQ(worker.core.lease_until({"guid-00001", 1}), worker.now + kWorkersPart);
}

}  // namespace
}  // namespace muster
