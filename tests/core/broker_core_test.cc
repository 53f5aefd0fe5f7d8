// What transcripts (tests/transcripts) are too clumsy for: limits on both sides, and long runs.
#include "core/broker_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/guid.h"
#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

TEST(BrokerCore, TaskLimitsOnBothSides) {
  struct Row {
    const char* name;
    std::function<void(TaskSpec&, size_t)> set;
    size_t accepted;
    size_t refused;
  };
  const std::vector<Row> rows = {
      {"priority", [](TaskSpec& spec, size_t n) { spec.priority = static_cast<uint32_t>(n); },
       kPriorityMax, kPriorityMax + 1},
      {"retry.infra", [](TaskSpec& spec, size_t n) { spec.retry.infra = static_cast<uint32_t>(n); },
       kRetryMax, kRetryMax + 1},
      {"retry.test", [](TaskSpec& spec, size_t n) { spec.retry.test = static_cast<uint32_t>(n); },
       kRetryMax, kRetryMax + 1},
      {"devices",
       [](TaskSpec& spec, size_t n) {
         spec.devices.assign(n, DeviceRequest{"", "dut1", ""});
       },
       kDevicesPerTaskMax, kDevicesPerTaskMax + 1},
      {"work", [](TaskSpec& spec, size_t n) { spec.work.assign(n, 'x'); }, kWorkBytesMax,
       kWorkBytesMax + 1},
      {"name", [](TaskSpec& spec, size_t n) { spec.name.assign(n, 'x'); }, kMessageLengthMax,
       kMessageLengthMax + 1},
      {"guid", [](TaskSpec& spec, size_t n) { spec.guid.assign(n, 'x'); }, kGuidLengthMax,
       kGuidLengthMax + 1},
      {"short guid", [](TaskSpec& spec, size_t n) { spec.guid.assign(n, 'y'); }, kGuidLengthMin,
       kGuidLengthMin - 1},
      {"pool", [](TaskSpec& spec, size_t n) { spec.pool.assign(n, 'x'); }, kNameLengthMax,
       kNameLengthMax + 1},
      {"queue timeout",
       [](TaskSpec& spec, size_t n) { spec.timeouts.queue = kTimeoutMax + Duration(n); }, 0, 1},
      {"run timeout",
       [](TaskSpec& spec, size_t n) { spec.timeouts.run = kTimeoutMax + Duration(n); }, 0, 1},
      {"negative timeout", [](TaskSpec& spec, size_t n) { spec.timeouts.silence = -Duration(n); },
       0, 1},
  };
  for (const Row& row : rows) {
    Broker broker;
    broker.hello("p", Role::submitter, "ann");
    TaskSpec good = Broker::spec("good-task-1");
    row.set(good, row.accepted);
    EXPECT_EQ(broker.refusal(good), "") << row.name;
    TaskSpec bad = Broker::spec("bad-task-01");
    row.set(bad, row.refused);
    EXPECT_NE(broker.refusal(bad), "") << row.name;
  }
}

TEST(BrokerCore, OneSubmitHoldsABoundedNumberOfTasks) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  std::vector<TaskSpec> specs;
  for (size_t i = 0; i < kSubmitTasksMax; ++i) specs.push_back(Broker::spec(guid_of(i)));
  broker.submit(specs);
  EXPECT_EQ(broker.core.queued_count(), kSubmitTasksMax);
  specs.push_back(Broker::spec("one-too-many"));
  broker.submit(specs);
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
  EXPECT_EQ(broker.newest, 0u);
}

TEST(BrokerCore, OneRequestNamesABoundedNumberOfGuids) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  Cancel cancel{{}, "enough", "ann"};
  for (size_t i = 0; i < kGuidsPerRequestMax; ++i) cancel.guids.push_back(guid_of(i));
  broker.hear("p", cancel);
  EXPECT_EQ(broker.answer<CancelReply>().results.size(), kGuidsPerRequestMax);
  broker.hear("p", Watch{cancel.guids});
  EXPECT_EQ(broker.answer<TaskNews>().unknown.size(), kGuidsPerRequestMax);
  cancel.guids.push_back("one-too-many");
  broker.hear("p", cancel);
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
  broker.hear("p", Watch{cancel.guids});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
}

TEST(BrokerCore, SyncLimitsOnBothSides) {
  struct Row {
    const char* name;
    std::function<void(Sync&)> set;
    bool taken;
  };
  const std::vector<Row> rows = {
      {"plain", [](Sync&) {}, true},
      {"most slots", [](Sync& sync) { sync.slots = sync.credit = kSlotsMax; }, true},
      {"too many slots", [](Sync& sync) { sync.slots = sync.credit = kSlotsMax + 1; }, false},
      {"no slots", [](Sync& sync) { sync.slots = 0; }, false},
      {"most credit", [](Sync& sync) { sync.credit = kCreditMax; }, true},
      {"too much credit", [](Sync& sync) { sync.credit = kCreditMax + 1; }, false},
      {"no credit", [](Sync& sync) { sync.credit = 0; }, true},
      {"less credit than slots", [](Sync& sync) { sync.slots = 2; }, false},
      {"last incarnation", [](Sync& sync) { sync.incarnation = (1ull << 31) - 1; }, true},
      {"incarnation too high", [](Sync& sync) { sync.incarnation = 1ull << 31; }, false},
      {"no incarnation", [](Sync& sync) { sync.incarnation = 0; }, false},
      {"a pool", [](Sync& sync) { sync.pools = {"green"}; }, true},
      {"most pools", [](Sync& sync) { sync.pools.assign(kPoolsPerWorkerMax, "green"); }, true},
      {"too many pools", [](Sync& sync) { sync.pools.assign(kPoolsPerWorkerMax + 1, "green"); },
       false},
      {"longest lab", [](Sync& sync) { sync.lab.assign(kNameLengthMax, 'x'); }, true},
      {"lab too long", [](Sync& sync) { sync.lab.assign(kNameLengthMax + 1, 'x'); }, false},
      {"longest version", [](Sync& sync) { sync.version.assign(kNameLengthMax, 'x'); }, true},
      {"version too long", [](Sync& sync) { sync.version.assign(kNameLengthMax + 1, 'x'); }, false},
      {"no pool's name",
       [](Sync& sync) {
         sync.pools = {"green", "../up"};
       },
       false},
  };
  for (const Row& row : rows) {
    Broker broker;
    broker.hello("w", Role::worker, "w1");
    Sync sync = broker.make_sync();
    row.set(sync);
    broker.hear("w", sync);
    EXPECT_EQ(broker.newest, row.taken ? 1u : 0u) << row.name;
    EXPECT_EQ(broker.answers<Refused>(), row.taken ? 0u : 1u) << row.name;
    EXPECT_EQ(broker.answers<Desired>(), row.taken ? 1u : 0u) << row.name;
  }
}

TEST(BrokerCore, PeersAreBounded) {
  Broker broker;
  for (size_t i = 0; i < kPeersMax; ++i) {
    broker.hello("peer" + std::to_string(i), Role::submitter, "ann");
  }
  EXPECT_EQ(broker.answers<Welcome>(), 1u);
  broker.hello("one too many", Role::submitter, "ann");
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
  broker.hello("peer0", Role::submitter, "ann");
  EXPECT_EQ(broker.answers<Welcome>(), 1u) << "a repeated Hello is no new peer";
  broker.core.note_peer_gone("peer0");
  broker.hello("one too many", Role::submitter, "ann");
  EXPECT_EQ(broker.answers<Welcome>(), 1u);
}

TEST(BrokerCore, AssignmentsOfOneDesiredAreBounded) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  const size_t count = kAssignmentsPerDesiredMax + 1;
  for (size_t i = 0; i < count; ++i) broker.submit({Broker::spec(guid_of(i))});
  broker.worker("w", "w1", static_cast<uint32_t>(count));
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), count);
  ASSERT_EQ(broker.answers<Desired>(), 2u);
  EXPECT_EQ(std::get<Desired>(broker.sends[0].envelope.message).run.size(),
            kAssignmentsPerDesiredMax);
  EXPECT_EQ(std::get<Desired>(broker.sends[1].envelope.message).run.size(), 1u);
}

TEST(BrokerCore, CreditIsTheMostAWorkerHolds) {
  for (const uint32_t credit : {2u, 3u, 7u}) {
    Broker broker;
    broker.hello("p", Role::submitter, "ann");
    for (size_t i = 0; i < 20; ++i) broker.submit({Broker::spec(guid_of(i))});
    broker.worker("w", "w1", 2, credit);
    broker.dispatch();
    EXPECT_EQ(broker.core.held_count(), credit);
    EXPECT_EQ(broker.core.queued_count(), 20 - credit);
  }
}

// Simulation seed 1795957086016307: a share that one worker had no room for was left out, and who
// came later went to another worker.
TEST(BrokerCore, WhoIsFirstIsLeasedHoweverTheRoomIsSpread) {
  constexpr size_t kLow = 10;
  for (uint32_t some = 1; some <= 8; ++some) {
    for (uint32_t others = 1; others <= 8; ++others) {
      for (size_t high = 1; high <= 12; ++high) {
        SCOPED_TRACE(std::to_string(some) + " and " + std::to_string(others) + " for " +
                     std::to_string(high));
        Broker broker;
        broker.hello("p", Role::submitter, "ann");
        for (size_t i = 0; i < high + kLow; ++i) {
          TaskSpec spec = Broker::spec(guid_of(i));
          spec.priority = i < kLow ? 10 : 90;
          broker.submit({spec});
        }
        broker.worker("a", "w1", 1, some);
        broker.worker("b", "w2", 1, others);
        broker.dispatch();
        const size_t room = some + others;
        EXPECT_EQ(broker.core.held_count(), std::min(room, high + kLow));
        size_t leased = 0;
        for (size_t i = kLow; i < high + kLow; ++i) {
          leased += broker.core.task_info(guid_of(i))->state == TaskState::leased;
        }
        EXPECT_EQ(leased, std::min(room, high)) << "of the high priority";
      }
    }
  }
}

TEST(BrokerCore, AWorkerWithoutCreditGetsNothingNew) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.worker("w", "w1", 2);
  Inventory inventory;
  inventory.devices = {DeviceSpec{"dut1", {}, "w1", {}, "", "", ""}};
  broker.hear("p", ApplyInventory{std::make_shared<const Inventory>(inventory), "ann"});
  TaskSpec on_device = Broker::spec(guid_of(1));
  on_device.devices = {DeviceRequest{"", "dut1", ""}};
  Sync full = broker.make_sync();
  full.credit = 0;
  broker.hear("w", full);
  broker.submit({Broker::spec(guid_of(0)), on_device});
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 0u);
  for (const size_t task : {0u, 1u}) {
    broker.hear("p", ExplainTask{guid_of(task)});
    EXPECT_THAT(broker.answer<Explanation>().reasons,
                testing::Contains(testing::HasSubstr("takes no new work now")));
  }

  full = broker.make_sync();
  full.slots = full.credit = 2;
  broker.hear("w", full);
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 2u);
}

// `task show` said that an attempt whose worker was lost ran for 0 s.
TEST(BrokerCore, AnEndingWithoutAStartGetsTheOneThatWasReported) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.worker("w", "w1", 1);
  TaskSpec spec = Broker::spec(guid_of(0));
  spec.retry.infra = 0;
  broker.submit({spec});
  broker.dispatch();
  const Instant began = broker.now;
  broker.report("w", {guid_of(0), 1}, AttemptStarted{"file:///log", {}});
  broker.pass(kLeaseDefault);
  const std::optional<TaskInfo> task = broker.core.task_info(guid_of(0));
  ASSERT_TRUE(task && task->ending);
  EXPECT_EQ(task->ending->cause, Cause::worker);
  EXPECT_EQ(task->ending->started, began);
  EXPECT_EQ(task->ending->finished, began + kLeaseDefault);
}

TEST(BrokerCore, WorkIsSharedAmongWorkers) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  for (size_t i = 0; i < 8; ++i) broker.submit({Broker::spec(guid_of(i))});
  for (const char* name : {"w1", "w2", "w3", "w4"}) broker.worker(name, name, 8);
  broker.dispatch();
  broker.hear("p", ListWorkers{});
  for (const WorkerInfo& worker : broker.answer<WorkerList>().workers) {
    EXPECT_EQ(worker.held, 2u) << worker.name;
  }
}

// One attempt after another fails for its worker; the time between them doubles, up to a limit.
TEST(BrokerCore, BackOffDoublesUpToItsLimit) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.worker("w", "w1", 1);
  TaskSpec spec = Broker::spec("task-000001");
  spec.retry.infra = kRetryMax;
  broker.submit({spec});
  Duration expected = kRetryBackoffMin;
  for (uint32_t attempt = 1; attempt <= kRetryMax; ++attempt) {
    broker.dispatch();
    broker.report("w", {spec.guid, attempt}, AttemptStarted{});
    broker.report(
        "w", {spec.guid, attempt},
        make_ending(Outcome::error, Cause::worker, StatusCode::error, "", broker.now, broker.now));
    const TaskInfo info = broker.core.task_info(spec.guid).value();
    ASSERT_EQ(info.state, TaskState::queued) << attempt;
    EXPECT_EQ(info.not_before - broker.now, expected) << attempt;
    expected = std::min(2 * expected, kRetryBackoffMax);
    const Instant due = info.not_before;
    while (broker.now < due) {
      broker.pass(std::min<Duration>(due - broker.now, 10s));
      broker.hear("w", broker.make_sync());
    }
  }
  broker.dispatch();
  broker.report("w", {spec.guid, kRetryMax + 1}, AttemptStarted{});
  broker.report(
      "w", {spec.guid, kRetryMax + 1},
      make_ending(Outcome::error, Cause::worker, StatusCode::error, "", broker.now, broker.now));
  EXPECT_EQ(broker.core.task_info(spec.guid)->verdict, Verdict::error);
}

// Attempts that never began cost no retry, but their number is bounded all the same.
TEST(BrokerCore, AttemptsAreBoundedWhateverTheBudget) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.worker("w", "w1", 1);
  TaskSpec spec = Broker::spec("task-000001");
  spec.retry.infra = 0;
  broker.submit({spec});
  uint32_t attempts = 0;
  while (broker.core.task_info(spec.guid)->state != TaskState::ended) {
    ASSERT_LT(attempts, kAttemptsMax);
    broker.dispatch();
    broker.report("w", {spec.guid, ++attempts},
                  make_ending(Outcome::error, Cause::capacity, StatusCode::busy, "handed back",
                              kNever, broker.now));
  }
  EXPECT_EQ(attempts, kAttemptsMax);
  EXPECT_EQ(broker.core.task_info(spec.guid)->verdict, Verdict::error);
}

// The digest of the hard state moves with every event, and only with events.
TEST(BrokerCore, DigestMovesWithEventsOnly) {
  Broker broker;
  std::vector<uint64_t> digests = {broker.core.hard_digest()};
  const auto check = [&](bool moves) {
    const bool moved = digests.back() != broker.core.hard_digest();
    EXPECT_EQ(moved, moves) << "event " << broker.log.size();
    digests.push_back(broker.core.hard_digest());
  };
  broker.hello("p", Role::submitter, "ann");
  check(false);
  broker.submit({Broker::spec("task-000001")});
  check(true);
  broker.submit({Broker::spec("task-000001")});
  check(false);
  broker.worker("w", "w1", 1);
  check(true);
  broker.hear("w", broker.make_sync());
  check(false);
  broker.dispatch();
  check(true);
  broker.report("w", {"task-000001", 1}, AttemptStarted{});
  check(true);
  broker.hear("p", Cancel{{"task-000001"}, "enough", "ann"});
  check(true);
  broker.report("w", {"task-000009", 1}, AttemptStarted{});
  check(true);
  broker.pass(1h);
  check(true);

  BrokerCore folded(Broker::options());
  for (const Event& event : broker.log) folded.apply(event);
  EXPECT_EQ(folded.hard_digest(), broker.core.hard_digest());
  EXPECT_EQ(folded.head(), broker.log.size());
}

// A full disk ended `muster run` with the status of a wrong command line.
TEST(BrokerCore, ARefusalForWantOfRoomIsUnavailableAndNotInvalid) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.core.note_disk_low(true);
  TaskSpec wrong = Broker::spec(guid_of(1));
  wrong.priority = kPriorityMax + 1;
  broker.submit({Broker::spec(guid_of(0)), wrong});
  const SubmitReply& reply = broker.answer<SubmitReply>();
  EXPECT_THAT(reply.results[0].refused, testing::HasSubstr("disk is almost full"));
  EXPECT_EQ(reply.results[0].code, RefusalCode::unavailable);
  EXPECT_THAT(reply.results[1].refused, testing::HasSubstr("priority"));
  EXPECT_EQ(reply.results[1].code, RefusalCode::invalid);
}

TEST(BrokerCore, EndedTasksAreForgottenButTheirGuidsAreNot) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  const auto end_one = [&](size_t index) {
    broker.submit({Broker::spec(guid_of(index))});
    broker.hear("p", Cancel{{guid_of(index)}, "", "ann"});
  };
  for (size_t i = 0; i < kEndedTasksKept; ++i) end_one(i);
  EXPECT_TRUE(broker.core.task_info(guid_of(0)));
  end_one(kEndedTasksKept);
  EXPECT_FALSE(broker.core.task_info(guid_of(0)));
  EXPECT_TRUE(broker.core.task_info(guid_of(1)));
  broker.submit({Broker::spec(guid_of(0))});
  EXPECT_TRUE(broker.answer<SubmitReply>().results[0].known);
  EXPECT_EQ(broker.core.queued_count(), 0u);
  EXPECT_EQ(broker.core.ended_count(), kEndedTasksKept + 1);

  BrokerCore folded(Broker::options());
  for (const Event& event : broker.log) folded.apply(event);
  EXPECT_EQ(folded.hard_digest(), broker.core.hard_digest());
}

// A worker is heard until its lease is over and not a moment less, also after a broker's start.
TEST(BrokerCore, LeaseEndsNeitherEarlyNorLate) {
  for (const bool restarted : {false, true}) {
    Broker broker;
    broker.hello("p", Role::submitter, "ann");
    broker.worker("w", "w1", 1);
    broker.submit({Broker::spec("task-000001")});
    broker.dispatch();
    broker.now += kLeaseDefault / 2;
    if (restarted) {
      broker.take(Start{2});
    } else {
      broker.hear("w", broker.make_sync());
    }
    broker.now += kLeaseDefault - 1us;
    broker.take(Tick{});
    EXPECT_EQ(broker.newest, 0u);
    broker.now += 1us;
    EXPECT_LE(*broker.core.next_deadline(), broker.now);
    broker.take(Tick{});
    EXPECT_EQ(broker.newest, 2u) << "the worker is lost, its attempt has ended";
    broker.take(Tick{});
    EXPECT_EQ(broker.newest, 0u);
  }
}

TEST(BrokerCore, TimePassingWithNothingToWaitForIsFree) {
  Broker broker;
  EXPECT_FALSE(broker.core.next_deadline());
  broker.pass(24h);
  EXPECT_EQ(broker.log.size(), 1u);
}

TEST(BrokerCore, EachIncarnationCountsItsSyncsAnew) {
  Broker broker;
  broker.hello("old", Role::worker, "w1");
  Sync sync = broker.make_sync();
  sync.number = 1000;
  broker.hear("old", sync);
  broker.hello("new", Role::worker, "w1");
  sync.incarnation = 2;
  sync.number = 1;
  broker.hear("new", sync);
  EXPECT_EQ(broker.answer<Desired>().sync_number, 1u);
  EXPECT_EQ(broker.sends.back().peer, "new");
  sync.number = 0;
  broker.hear("old", sync);
  EXPECT_EQ(broker.answers<Desired>(), 0u) << "late mail of the same incarnation";
}

// Late mail of a worker's older incarnation must not take anything from the new one.
TEST(BrokerCore, OlderIncarnationsAreRefused) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.hello("old", Role::worker, "w1");
  broker.hello("new", Role::worker, "w1");
  Sync fresh = broker.make_sync();
  fresh.incarnation = 2;
  broker.hear("new", fresh);
  broker.submit({Broker::spec("task-000001")});
  broker.dispatch();
  Sync stale = broker.make_sync();
  stale.reports = {{(1ull << 32) + 1, {"task-000001", 1}, broker.now, AttemptStarted{}}};
  stale.unacked_first = stale.unacked_last = stale.reports[0].seq;
  broker.hear("old", stale);
  EXPECT_EQ(broker.newest, 0u);
  EXPECT_THAT(broker.answer<Refused>().reason, HasSubstr("newer incarnation"));
  EXPECT_EQ(broker.core.held_count(), 1u);
}

}  // namespace
}  // namespace muster
