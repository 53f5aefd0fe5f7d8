// What a WorkerCore does while its shell cannot write: it says nothing that the spool does not
// hold, and takes nothing new. And what it says of attempts whose end nobody saw.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/worker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A worker whose spool could not be written ended, and everything with it.
TEST(WorkerDisk, WhatCouldNotBeSpooledIsNotSaidAndComesAgain) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001", "job-000002"});
  worker.started();
  worker.record("job-000001");
  worker.sync();

  worker.record("job-000001");
  worker.core.report({"job-000002", 1}, AttemptStarted{}, false, worker.now);
  worker.core.return_unspooled(worker.core.drain_unspooled());
  EXPECT_FALSE(worker.core.make_sync(worker.now)) << "there is nothing that may be said";
  worker.now += kBeat;
  const Sync beat = worker.core.make_sync(worker.now).value();
  EXPECT_THAT(Worker::counters(beat), ElementsAre(1)) << "again, and nothing after it";
  EXPECT_EQ(beat.held.size(), 2u) << "the leases are kept";
  EXPECT_EQ(beat.unacked_last, Worker::seq(3));

  worker.record("job-000001");
  const std::vector<Report> again = worker.core.drain_unspooled();
  ASSERT_EQ(again.size(), 2u) << "in order";
  EXPECT_EQ(again[0].seq, Worker::seq(2));
  EXPECT_EQ(again[1].seq, Worker::seq(4));
  EXPECT_THAT(Worker::counters(*worker.core.make_sync(worker.now)), ElementsAre(2, 3, 4));
}

TEST(WorkerDisk, NoNewWorkIsTakenAndWhatRunsGoesOn) {
  Worker worker(1);
  worker.sync();
  worker.give({"job-000001", "job-000002"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000001"));

  worker.core.set_refusing("its disk is full", worker.now);
  EXPECT_LE(worker.core.next_deadline(), worker.now) << "it is said at once";
  EXPECT_THAT(worker.started(), IsEmpty());
  const Sync refusing = worker.sync().value();
  EXPECT_EQ(refusing.credit, 0u);
  EXPECT_EQ(refusing.refusing, "its disk is full");
  ASSERT_EQ(refusing.reports.size(), 1u);
  EXPECT_EQ(refusing.reports[0].token.guid, "job-000002");
  EXPECT_EQ(ending_of(refusing).cause, Cause::capacity);
  EXPECT_EQ(ending_of(refusing).started, kNever) << "it costs no retry";
  EXPECT_TRUE(worker.core.holds({"job-000001", 1}));

  worker.give({"job-000003"}, true);  // it crossed the word
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), IsEmpty());
  EXPECT_FALSE(worker.core.holds({"job-000003", 1}));

  worker.core.set_refusing("", worker.now);
  const Sync welcoming = worker.sync().value();
  EXPECT_GE(welcoming.credit, 1u);
  EXPECT_EQ(welcoming.refusing, "");
  worker.give({"job-000004"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000004"));
}

// `task show` said that an interrupted attempt ran for 0 s.
TEST(WorkerDisk, AnInterruptedAttemptEndsWithTheStartThatIsKnown) {
  const Instant began = kStart - 5min;
  const std::vector<Report> spooled = {
      {(2ull << 32) + 7, {"job-000001", 1}, began, AttemptStarted{"file:///log", {}}}};
  Worker worker(2, spooled, {{"job-000001", 1}, {"job-000002", 4}});
  const Sync sync = worker.sync().value();
  ASSERT_EQ(sync.reports.size(), 3u);
  EXPECT_EQ(std::get<Ending>(sync.reports[1].body).started, began);
  EXPECT_EQ(std::get<Ending>(sync.reports[1].body).finished, kStart);
  EXPECT_EQ(ending_of(sync).started, kNever) << "the broker, which has its start, fills that in";
}

TEST(WorkerDisk, WhatRunsHasAStart) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started(1s);
  EXPECT_EQ(worker.core.started_at({"job-000001", 1}), kStart + 1s);
  EXPECT_EQ(worker.core.started_at({"job-000002", 1}), kNever);
}

}  // namespace
}  // namespace muster
