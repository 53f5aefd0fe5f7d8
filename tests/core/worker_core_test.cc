#include "core/worker_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/worker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WorkerCore, FirstSyncIsFullAndSaysWhatTheWorkerIs) {
  Worker worker(2);
  const std::optional<Sync> sync = worker.sync();
  ASSERT_TRUE(sync);
  EXPECT_TRUE(sync->full);
  EXPECT_EQ(sync->incarnation, 3u);
  EXPECT_EQ(sync->slots, 2u);
  EXPECT_EQ(sync->credit, 2u);
  EXPECT_EQ(sync->lab, "lab1");
  EXPECT_THAT(sync->pools, ElementsAre("green"));
  EXPECT_EQ(sync->unacked_first, 0u);
  EXPECT_FALSE(worker.sync()) << "nothing new to say before the next beat";
}

TEST(WorkerCore, BeatsAreFullAndOnTime) {
  Worker worker;
  worker.sync();
  worker.now += kBeat - 1us;
  EXPECT_FALSE(worker.sync());
  EXPECT_EQ(worker.core.next_deadline(), worker.now + 1us);
  worker.now += 1us;
  EXPECT_TRUE(worker.sync()->full);
  worker.core.set_beat(5s);
  worker.now += kBeat;
  EXPECT_TRUE(worker.sync()->full) << "the beat under way keeps its length";
  worker.now += 5s - 1us;
  EXPECT_FALSE(worker.sync());
}

TEST(WorkerCore, WhatIsListedGoesOverAtOnceAndWithEveryBeat) {
  Worker worker;
  EXPECT_THAT(worker.sync()->listed, IsEmpty());
  const std::vector<ListedDevice> listed = {{"usb", "a", {{"type", "handset"}}}};
  worker.core.set_listed(listed, worker.now);
  EXPECT_EQ(worker.core.next_deadline(), worker.now);
  const std::optional<Sync> sync = worker.sync();
  ASSERT_TRUE(sync && sync->full);
  EXPECT_EQ(sync->listed, listed);
  worker.core.set_listed(listed, worker.now);
  EXPECT_FALSE(worker.sync()) << "that is no news";
  worker.now += kBeat;
  EXPECT_EQ(worker.sync()->listed, listed);
  worker.core.set_listed({}, worker.now);
  EXPECT_THAT(worker.sync()->listed, IsEmpty());
}

// See Listed.ListersThatHaveOnlyJustBegunUnplugNothing.
TEST(WorkerCore, WhetherThatIsAllThatIsListedGoesOverAtOnce) {
  Worker worker;
  EXPECT_TRUE(worker.sync()->listed_all) << "a worker without listers has nothing to wait for";
  worker.core.set_listed_all(false, worker.now);
  EXPECT_FALSE(worker.sync()->listed_all);
  worker.core.set_listed_all(false, worker.now);
  EXPECT_FALSE(worker.sync()) << "that is no news";
  worker.core.set_listed_all(true, worker.now);
  EXPECT_EQ(worker.core.next_deadline(), worker.now);
  const std::optional<Sync> sync = worker.sync();
  ASSERT_TRUE(sync && sync->full);
  EXPECT_TRUE(sync->listed_all);
}

// Sizing a report that is neither text nor an ending threw.
TEST(WorkerCore, ProgressIsSentAsAnyReport) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.core.report({"job-000001", 1}, Progress{10, "repair action a (1 of 2)"}, true, worker.now);
  const std::optional<Sync> sync = worker.sync();
  ASSERT_TRUE(sync);
  ASSERT_EQ(sync->reports.size(), 1u);
  EXPECT_EQ(std::get<Progress>(sync->reports[0].body).percent, 10u);
}

// The lease counts from when the Sync was sent, whenever its answer comes.
TEST(WorkerCore, LeaseEndsAMarginBeforeTheBrokers) {
  struct Row {
    Duration answer_after;
    Duration look_after;  // counted from the Sync
    bool stopped;
  };
  const std::vector<Row> rows = {
      {0s, kWorkersPart - 1us, false},
      {0s, kWorkersPart, true},
      {0s, kLease, true},
      {10s, kWorkersPart - 1us, false},
      {10s, kWorkersPart, true},
      {kWorkersPart - 1us, kWorkersPart - 1us, false},
      {kWorkersPart - 1us, kWorkersPart, true},
  };
  for (const Row& row : rows) {
    Worker worker;
    worker.sync();
    worker.now = kStart + row.answer_after;
    worker.give({"job-000001"});
    EXPECT_THAT(worker.started(), ElementsAre("job-000001"));
    EXPECT_THAT(worker.stopped, IsEmpty());
    EXPECT_LE(worker.core.next_deadline(), kStart + kWorkersPart);
    worker.now = kStart + row.look_after;
    EXPECT_THAT(worker.started(), IsEmpty());
    EXPECT_EQ(worker.stopped.size(), row.stopped ? 1u : 0u)
        << row.answer_after.count() << " " << row.look_after.count();
    if (row.stopped) {
      EXPECT_EQ(worker.stopped[0].why, StopWhy::lease_lost);
    }
  }
}

TEST(WorkerCore, AnswerThatComesAfterTheLeaseStartsNothing) {
  for (const Duration late : {Duration(kWorkersPart), Duration(kLease), Duration(1h)}) {
    Worker worker;
    worker.sync();
    worker.now = kStart + late;
    worker.give({"job-000001"});
    EXPECT_THAT(worker.started(), IsEmpty());
    EXPECT_EQ(worker.core.held_count(), 0u);
  }
}

TEST(WorkerCore, OnlyASyncThatListedTheAttemptRenewsIt) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.now += 4s;
  EXPECT_EQ(worker.full_sync().held.size(), 1u);
  worker.take(worker.desired());
  worker.started(kWorkersPart - 1us);
  EXPECT_THAT(worker.stopped, IsEmpty());
  worker.started(1us);
  EXPECT_EQ(worker.stopped.size(), 1u);
}

TEST(WorkerCore, ASecondAnswerToOneSyncDoesNotRenew) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.now += 10s;
  // Answers the Sync of the start, which did not list the attempt: it may be another's by now.
  worker.take(worker.desired());
  worker.now = kStart + kWorkersPart;
  worker.started();
  EXPECT_EQ(worker.stopped.size(), 1u);
}

TEST(WorkerCore, AnswersOfAnotherIncarnationStartNothing) {
  Worker worker;
  worker.sync();
  Desired foreign = worker.desired();
  foreign.sync_number = (2ull << 32) + 9;
  foreign.run.push_back(Worker::assignment("job-000001"));
  worker.take(foreign);
  EXPECT_THAT(worker.started(), IsEmpty());
}

TEST(WorkerCore, DesiredThatIsNotNewerDoesNothing) {
  struct Row {
    uint64_t epoch;
    uint64_t number;
    bool taken;
  };
  const std::vector<Row> rows = {{5, 7, false}, {5, 6, false}, {4, 99, false}, {0, 0, false},
                                 {5, 8, true},  {6, 1, true},  {6, 0, true}};
  for (const Row& row : rows) {
    Worker worker;
    worker.sync();
    Desired first = worker.desired();
    first.epoch = 5;
    first.number = 7;
    worker.take(first);
    Desired second = first;
    second.epoch = row.epoch;
    second.number = row.number;
    second.run.push_back(Worker::assignment("job-000001"));
    worker.take(second);
    EXPECT_EQ(worker.started().size(), row.taken ? 1u : 0u) << row.epoch << "," << row.number;
    EXPECT_EQ(worker.core.stale_count(), row.taken ? 0u : 1u);
  }
}

// A broker whose log was made anew counts its epochs from 1. Until it had started as often as the
// old one, its workers took nothing from it.
TEST(WorkerCore, ANewLogsFirstEpochIsNotOld) {
  Worker worker;
  worker.sync();
  Desired of_old = worker.desired();
  of_old.epoch = 7;
  worker.take(of_old);
  worker.core.forget_broker();
  worker.full_sync();
  worker.give({"job-000001"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000001"));
}

TEST(WorkerCore, AnAttemptStartsOnceAndOnlyInAFreeSlot) {
  Worker worker(2);
  worker.sync();
  worker.give({"job-000001", "job-000002", "job-000003"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000001", "job-000002"));
  worker.full_sync();
  worker.give({"job-000001", "job-000003"});
  EXPECT_THAT(worker.started(), IsEmpty());
  EXPECT_EQ(worker.core.held_count(), 3u);
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), ElementsAre("job-000003"));
  // It ended here, which the broker does not know yet.
  worker.full_sync();
  worker.give({"job-000001"});
  EXPECT_THAT(worker.started(), IsEmpty());
}

TEST(WorkerCore, AttemptsWithDevicesGoFirst) {
  Worker worker(1);
  worker.sync();
  worker.give({"job-000001"});
  worker.give({"job-000002"}, true);
  EXPECT_THAT(worker.started(), ElementsAre("job-000002"));
}

TEST(WorkerCore, WhatWaitsTooLongIsHandedBack) {
  Worker worker(1);
  worker.sync();
  worker.give({"job-000001"}, true);
  worker.give({"job-000002"});
  worker.give({"job-000003"}, true);
  worker.started(2s - 1us);
  EXPECT_EQ(worker.core.held_count(), 3u);
  worker.started(1us);
  EXPECT_EQ(worker.core.held_count(), 2u) << "what has a device waits for its slot";
  const Sync sync = worker.full_sync();
  ASSERT_EQ(sync.reports.size(), 1u);
  EXPECT_EQ(sync.reports[0].token.guid, "job-000002");
  EXPECT_EQ(ending_of(sync).cause, Cause::capacity);
  EXPECT_EQ(ending_of(sync).started, kNever);
}

// What was stopped while it waited made the worker want to be woken at the beginning of time.
TEST(WorkerCore, WhatWasStoppedWhileItWaitedIsNotWaitedFor) {
  Worker worker(1);
  worker.sync();
  worker.give({"job-000001", "job-000002"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000001"));
  worker.full_sync();
  worker.give({"job-000003", "job-000004"});
  worker.order_stop("job-000003", StopReason::fenced);
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), ElementsAre("job-000002"));
  EXPECT_EQ(worker.core.next_deadline(), kStart + kBeat);
}

TEST(WorkerCore, CreditGrowsWithQuickWorkOnly) {
  struct Row {
    Duration took;
    uint32_t credit_min;
    uint32_t credit_max;
  };
  const std::vector<Row> rows = {
      {1us, 2 + kAssignmentsPerDesiredMax, kCreditMax},
      {1ms, 102, 102},
      {25ms, 6, 6},
      {50ms, 4, 4},
      {51ms, 2, 2},
      {10s, 2, 2},
  };
  for (const Row& row : rows) {
    Worker worker(2);
    worker.sync();
    worker.give({"job-000001"});
    worker.started();
    worker.now += row.took;
    worker.end("job-000001");
    const uint32_t credit = worker.full_sync().credit;
    EXPECT_GE(credit, row.credit_min) << row.took.count();
    EXPECT_LE(credit, row.credit_max) << row.took.count();
  }
}

// Once every slot was busy with long work that followed quick work, the credit of the quick work
// stayed: what the broker leased on it was handed back and leased again until its attempts were
// used up.
TEST(WorkerCore, LongWorkAfterQuickWorkTakesTheCreditBack) {
  Worker worker(2);
  worker.sync();
  worker.give({"quick-0001"});
  worker.started();
  worker.now += 1ms;
  worker.end("quick-0001");
  EXPECT_EQ(worker.full_sync().credit, 102u);
  worker.give({"long-00001", "long-00002", "long-00003"});
  EXPECT_THAT(worker.started(), ElementsAre("long-00001", "long-00002"));
  EXPECT_EQ(worker.full_sync().credit, 102u) << "they may still be quick";
  worker.now += 51ms;
  EXPECT_EQ(worker.full_sync().credit, 2u);
  worker.end("long-00001");
  worker.now += 1ms;
  EXPECT_LE(worker.full_sync().credit, 52u) << "one slot moves";
}

TEST(WorkerCore, WhatIsHandedBackGoesWithTheCreditOfNow) {
  Worker worker(1);
  worker.core.set_beat(60s);
  worker.sync();
  worker.give({"quick-0001"});
  worker.started();
  worker.now += 1ms;
  worker.end("quick-0001");
  EXPECT_EQ(worker.full_sync().credit, 51u);
  worker.give({"long-00001", "long-00002"});
  worker.started();
  worker.started(2s);
  const Sync sync = worker.sync().value();
  ASSERT_EQ(sync.reports.size(), 2u) << "the quick one's ending, and what is handed back";
  EXPECT_EQ(ending_of(sync).cause, Cause::capacity);
  EXPECT_TRUE(sync.full) << "the broker must not lease it here again on the credit of before";
  EXPECT_EQ(sync.credit, 1u);
}

TEST(WorkerCore, WorkOnDevicesDoesNotChangeCredit) {
  Worker worker(2);
  worker.sync();
  worker.give({"job-000001"}, true);
  worker.started();
  worker.now += 1us;
  worker.end("job-000001");
  EXPECT_EQ(worker.full_sync().credit, 2u);
}

TEST(WorkerCore, ReportsGoOnceUntilABeatPassesWithoutAnAcknowledgement) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.record("job-000001");
  worker.record("job-000001");
  const Sync first = worker.sync().value();
  EXPECT_FALSE(first.full);
  EXPECT_THAT(Worker::counters(first), ElementsAre(1, 2));
  worker.record("job-000001");
  EXPECT_THAT(Worker::counters(*worker.sync()), ElementsAre(3));
  EXPECT_FALSE(worker.sync());

  worker.acknowledge(1);
  worker.now += kBeat;
  const Sync beat = worker.sync().value();
  EXPECT_THAT(beat.reports, IsEmpty()) << "something was acknowledged since the last beat";
  EXPECT_EQ(beat.unacked_first, Worker::seq(2));
  EXPECT_EQ(beat.unacked_last, Worker::seq(3));
  worker.now += kBeat;
  EXPECT_THAT(Worker::counters(*worker.sync()), ElementsAre(2, 3));
  worker.acknowledge(3);
  worker.now += kBeat;
  EXPECT_EQ(worker.sync()->unacked_first, 0u);
  EXPECT_EQ(worker.core.unacked_count(), 0u);
}

TEST(WorkerCore, AcknowledgementsNeverGoBack) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  for (int i = 0; i < 3; ++i) worker.record("job-000001");
  worker.sync();
  worker.acknowledge(2);
  worker.acknowledge(1);
  EXPECT_EQ(worker.core.acked(), Worker::seq(2));
  EXPECT_EQ(worker.core.unacked_count(), 1u);
}

TEST(WorkerCore, OneSyncHoldsABoundedNumberOfReports) {
  for (const size_t count : {kReportsPerSyncMax, kReportsPerSyncMax + 1}) {
    Worker worker;
    worker.sync();
    worker.give({"job-000001"});
    worker.started();
    for (size_t i = 0; i < count; ++i) worker.record("job-000001");
    EXPECT_EQ(worker.sync()->reports.size(), kReportsPerSyncMax);
    const std::optional<Sync> more = worker.sync();
    EXPECT_EQ(more ? more->reports.size() : 0, count - kReportsPerSyncMax);
  }
}

TEST(WorkerCore, TheWindowOfReportsInFlightIsBounded) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  for (size_t i = 0; i < kReportsInFlightMax + 1; ++i) worker.record("job-000001");
  size_t sent = 0;
  while (const std::optional<Sync> sync = worker.sync()) sent += sync->reports.size();
  EXPECT_EQ(sent, kReportsInFlightMax);
  worker.acknowledge(1);
  EXPECT_THAT(Worker::counters(*worker.sync()), ElementsAre(kReportsInFlightMax + 1));
}

TEST(WorkerCore, OneSyncHoldsABoundedNumberOfBytes) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  const std::string line(kReportBytesMax / 2, 'x');
  for (int i = 0; i < 100; ++i) {
    worker.core.report({"job-000001", 1}, Record{"INFO", "", "", {}, line}, true, worker.now);
  }
  const Sync sync = worker.sync().value();
  EXPECT_LT(sync.reports.size(), 40u);
  EXPECT_GT(sync.reports.size(), 25u);
}

TEST(WorkerCore, LongMessagesAreCut) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.core.report({"job-000001", 1}, Record{"INFO", "", "", {}, std::string(1 << 20, 'x')}, true,
                     worker.now);
  worker.core.report({"job-000001", 1},
                     make_ending(Outcome::pass, Cause::none, StatusCode::ok,
                                 std::string(1 << 20, 'x'), worker.now, worker.now),
                     true, worker.now);
  const Sync sync = worker.sync().value();
  EXPECT_LE(std::get<Record>(sync.reports[0].body).message.size(), kReportBytesMax);
  EXPECT_LE(ending_of(sync).message.size(), kMessageLengthMax);
}

// What the shell is told, and what a stop makes of an attempt's own last word.
TEST(WorkerCore, ReportsOfWhatIsNotHeldAreDropped) {
  Worker worker;
  worker.sync();
  worker.record("job-000009");
  worker.end("job-000009");
  EXPECT_EQ(worker.core.unacked_count(), 0u);
}

TEST(WorkerCore, OnlyDurableReportsGoToTheSpool) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001", "job-000002"});
  worker.started();
  worker.core.report({"job-000001", 1}, AttemptStarted{}, false, worker.now);
  worker.core.report({"job-000002", 1}, AttemptStarted{}, true, worker.now);
  const std::vector<Report> spool = worker.core.drain_unspooled();
  ASSERT_EQ(spool.size(), 1u);
  EXPECT_EQ(spool[0].token.guid, "job-000002");
  EXPECT_THAT(worker.core.drain_unspooled(), IsEmpty());
  EXPECT_THAT(Worker::counters(*worker.sync()), ElementsAre(1, 2)) << "both are sent";
}

TEST(WorkerCore, ARestartTellsTheSpoolAndWhatItInterrupted) {
  const auto old = [](uint64_t counter) { return (2ull << 32) + counter; };
  const Ending passed = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kStart, kStart);
  const std::vector<Report> spooled = {
      {old(7), {"job-000001", 1}, kStart, Record{"INFO", "", "", {}, "line"}},
      {old(9), {"job-000001", 1}, kStart, passed},
  };
  Worker worker(2, spooled, {{"job-000001", 1}, {"job-000002", 4}});
  const std::vector<Report> to_spool = worker.core.drain_unspooled();
  ASSERT_EQ(to_spool.size(), 1u) << "only the interrupted one that has no Ending";
  EXPECT_EQ(to_spool[0].token, (AttemptToken{"job-000002", 4}));
  const Sync sync = worker.sync().value();
  ASSERT_EQ(sync.reports.size(), 3u);
  EXPECT_EQ(sync.unacked_first, old(7));
  EXPECT_EQ(sync.unacked_last, Worker::seq(1));
  EXPECT_EQ(sync.reports[1].seq, old(9));
  EXPECT_EQ(ending_of(sync).cause, Cause::worker);

  // The broker may still think that it runs here.
  worker.give({"job-000001"});
  EXPECT_THAT(worker.started(), IsEmpty());
  worker.acknowledge(1);
  EXPECT_EQ(worker.core.unacked_count(), 0u);
}

TEST(WorkerCore, HeldListsWhatRunsAndWhatWaits) {
  Worker worker(1);
  worker.sync();
  worker.give({"job-000001", "job-000002"});
  worker.started();
  const Sync sync = worker.full_sync();
  ASSERT_EQ(sync.held.size(), 2u);
  EXPECT_EQ(sync.held[0], (HeldAttempt{{"job-000001", 1}, true}));
  EXPECT_EQ(sync.held[1], (HeldAttempt{{"job-000002", 1}, false}));
  EXPECT_TRUE(worker.core.holds({"job-000002", 1}));
  EXPECT_FALSE(worker.core.holds({"job-000002", 2}));
}

TEST(WorkerCore, WhatListersFindGoesWithEachFullSync) {
  Worker worker;
  worker.full_sync();
  EXPECT_FALSE(worker.sync());
  const std::vector<ListedDevice> listed = {{"usb", "bus-1", {{"type", "handset"}}}};
  worker.core.set_listed(listed, worker.now);
  const std::optional<Sync> news = worker.sync();
  ASSERT_TRUE(news) << "at once";
  EXPECT_TRUE(news->full);
  EXPECT_EQ(news->listed, listed);
  worker.core.set_listed(listed, worker.now);
  EXPECT_FALSE(worker.sync()) << "nothing new";
  EXPECT_EQ(worker.full_sync().listed, listed);
}

// What jobs said filled the memory while the broker was away.
TEST(WorkerCore, HasRoomForReportsUntilTooManyWaitForTheBroker) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  const auto say = [&](size_t bytes) {
    worker.core.report({"job-000001", 1}, Record{"INFO", "", "", {}, std::string(bytes, 'x')}, true,
                       worker.now);
  };
  for (size_t i = 1; i < kReportsHeldMax; ++i) say(1);
  EXPECT_TRUE(worker.core.has_room());
  say(1);
  EXPECT_FALSE(worker.core.has_room());
  worker.acknowledge(1);
  EXPECT_TRUE(worker.core.has_room());

  worker.acknowledge(kReportsHeldMax);
  ASSERT_EQ(worker.core.unacked_count(), 0u);
  uint64_t large = 0;
  for (; worker.core.has_room() && large < kReportsHeldMax; ++large) say(kReportBytesMax / 2);
  EXPECT_GE(large, kReportBytesHeldMax / kReportBytesMax);
  EXPECT_LT(large, kReportsHeldMax) << "their bytes count too";
  worker.acknowledge(kReportsHeldMax + large);
  EXPECT_TRUE(worker.core.has_room());
}

}  // namespace
}  // namespace muster
