// What a WorkerCore does with attempts that an earlier incarnation started and that went on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/worker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ResumedAttempt resumed(const std::string& guid, bool device = false) {
  return {Worker::assignment(guid, device), kStart - 10s, kStart + 5s};
}

TEST(WorkerResume, WhatGoesOnIsHeldRunningAndTakesASlot) {
  Worker worker(1);
  worker.core.resume(resumed("job-000001"));
  const Sync sync = worker.full_sync();
  ASSERT_EQ(sync.held.size(), 1u);
  EXPECT_EQ(sync.held[0].token.guid, "job-000001");
  EXPECT_TRUE(sync.held[0].running);
  EXPECT_EQ(worker.core.started_at({"job-000001", 1}), kStart - 10s);
  worker.give({"job-000002"});
  EXPECT_THAT(worker.started(), IsEmpty()) << "there is one slot";
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), ElementsAre("job-000002"));
  EXPECT_EQ(ending_of(*worker.sync()).outcome, Outcome::pass);
}

TEST(WorkerResume, ItsLeaseIsTheOldOneUntilTheBrokerRenewsIt) {
  Worker lost;
  lost.core.resume(resumed("job-000001"));
  EXPECT_EQ(lost.core.lease_until({"job-000001", 1}), kStart + 5s);
  EXPECT_EQ(lost.core.next_deadline(), kStart);
  lost.started(5s);
  ASSERT_EQ(lost.stopped.size(), 1u);
  EXPECT_EQ(lost.stopped[0].why, StopWhy::lease_lost);

  Worker renewed;
  renewed.core.resume(resumed("job-000001"));
  renewed.full_sync();
  renewed.take(renewed.desired());
  EXPECT_EQ(renewed.core.lease_until({"job-000001", 1}), kStart + kWorkersPart);
  renewed.started(5s);
  EXPECT_THAT(renewed.stopped, IsEmpty());
}

TEST(WorkerResume, ItsDevicesAreBusy) {
  Worker worker(2);
  worker.core.resume(resumed("job-000001", true));
  worker.full_sync();
  worker.give({"job-000002"}, true);
  EXPECT_THAT(worker.started(), IsEmpty());
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), ElementsAre("job-000002"));
}

TEST(WorkerResume, WhoseEndIsInTheSpoolIsPassedOver) {
  const Report ended{(2ull << 32) + 1,
                     {"job-000001", 1},
                     kStart,
                     make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kStart, kStart)};
  Worker worker(1, {ended});
  worker.core.resume(resumed("job-000001"));
  EXPECT_EQ(worker.core.held_count(), 0u);
  EXPECT_EQ(worker.core.running_count(), 0u);
}

TEST(WorkerResume, TheBrokerMayHaveGivenItAway) {
  Worker worker;
  worker.core.resume(resumed("job-000001"));
  worker.full_sync();
  worker.order_stop("job-000001", StopReason::fenced);
  worker.started();
  ASSERT_EQ(worker.stopped.size(), 1u);
  EXPECT_EQ(worker.stopped[0].why, StopWhy::fenced);
  worker.end("job-000001");
  EXPECT_FALSE(worker.sync()) << "nothing is said of it";
}

// Credit was computed as slots less what runs.
TEST(WorkerResume, MoreMayRunThanThereAreSlotsNow) {
  Worker worker(1);
  for (const char* guid : {"job-000001", "job-000002", "job-000003"}) {
    worker.core.resume(resumed(guid));
  }
  worker.end("job-000001");
  worker.now += 1s;
  const Sync sync = worker.full_sync();
  EXPECT_EQ(sync.credit, 1u);
  EXPECT_EQ(sync.held.size(), 2u);
}

}  // namespace
}  // namespace muster
