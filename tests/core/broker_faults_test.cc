// Bugs that BrokerCore once had, each with the course of events that showed it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> leased_in(const Broker& broker, size_t from = 0) {
  std::vector<std::string> guids;
  for (size_t i = from; i < broker.log.size(); ++i) {
    const auto* leased = std::get_if<AttemptLeased>(&broker.log[i].body);
    if (leased) guids.push_back(leased->token.guid);
  }
  return guids;
}

Ending passed(Instant now) {
  return make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now, now);
}

InventoryPtr devices_of(const std::string& worker, size_t count) {
  Inventory inventory;
  for (size_t i = 1; i <= count; ++i) {
    DeviceSpec device;
    device.name = "dut" + std::to_string(i);
    device.worker = worker;
    inventory.devices.push_back(std::move(device));
  }
  return std::make_shared<const Inventory>(std::move(inventory));
}

TaskSpec on_device(const std::string& guid, const std::string& device) {
  TaskSpec spec = Broker::spec(guid);
  spec.devices = {{"dut", device, ""}};
  return spec;
}

// A restarted worker sends its spool in parts. When one part was lost, a later one made the broker
// believe that all was told, and it ended attempts whose results were in the lost part.
TEST(BrokerFaults, ALostPartOfASpoolIsNotTakenForTold) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.worker("w", "w1", 1);
  broker.submit({Broker::spec("task-000001")});
  broker.dispatch();
  const AttemptToken token{"task-000001", 1};
  const auto report = [&](uint64_t counter, ReportBody body) {
    return Report{(1ull << 32) + counter, token, broker.now, std::move(body)};
  };

  broker.hello("again", Role::worker, "w1");
  Sync sync = broker.make_sync();
  sync.incarnation = 2;
  sync.unacked_first = (1ull << 32) + 1;
  sync.unacked_last = (1ull << 32) + 3;
  sync.reports = {report(1, AttemptStarted{})};
  broker.hear("again", sync);
  // The part with report 2, which is the attempt's Ending, is lost.
  sync.number = ++broker.sync_number;
  sync.reports = {report(3, CaseResult{})};
  broker.hear("again", sync);
  EXPECT_EQ(broker.newest, 0u);
  EXPECT_EQ(broker.core.task_info(token.guid)->state, TaskState::running);

  sync.number = ++broker.sync_number;
  sync.reports = {report(2, passed(broker.now)), report(3, CaseResult{})};
  sync.unacked_first = sync.reports[0].seq;
  broker.hear("again", sync);
  EXPECT_EQ(broker.core.task_info(token.guid)->verdict, Verdict::pass);
}

// Pools shared workers in the order in which they were first asked for: a long queue for one
// starved the others, whatever their priority.
TEST(BrokerFaults, PriorityAndAgeHoldBetweenPools) {
  struct Row {
    const char* guid;
    const char* pool;
    uint32_t priority;
  };
  const std::vector<Row> rows = {{"any-000001", "", 50},      {"any-000002", "", 50},
                                 {"green-0001", "green", 50}, {"any-000003", "", 50},
                                 {"green-0002", "green", 90}, {"blue-00001", "blue", 10}};
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  for (const Row& row : rows) {
    TaskSpec spec = Broker::spec(row.guid);
    spec.pool = row.pool;
    spec.priority = row.priority;
    broker.submit({spec});
  }
  broker.hello("w", Role::worker, "w1");
  Sync sync = broker.make_sync();
  sync.pools = {"green", "blue"};
  broker.hear("w", sync);
  for (size_t i = 0; i < rows.size(); ++i) {
    broker.dispatch();
    const std::vector<std::string> leased = leased_in(broker);
    ASSERT_EQ(leased.size(), i + 1);
    broker.report("w", {leased.back(), 1}, passed(broker.now));
  }
  EXPECT_THAT(leased_in(broker), ElementsAre("green-0002", "any-000001", "any-000002", "green-0001",
                                             "any-000003", "blue-00001"));
}

// The same, all in one decision.
TEST(BrokerFaults, PoolsTakeTurnsInOneDispatch) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  for (size_t i = 0; i < 6; ++i) {
    TaskSpec spec = Broker::spec(guid_of(i));
    if (i % 2 == 1) spec.pool = "green";
    broker.submit({spec});
  }
  broker.hello("w", Role::worker, "w1");
  Sync sync = broker.make_sync();
  sync.pools = {"green"};
  sync.slots = sync.credit = 4;
  broker.hear("w", sync);
  broker.dispatch();
  EXPECT_THAT(leased_in(broker), ElementsAre(guid_of(0), guid_of(1), guid_of(2), guid_of(3)));
}

// A worker with fewer slots than devices: when an attempt ended, only its own device was looked at,
// and the others waited for the next beat.
TEST(BrokerFaults, AFreedSlotServesTheWorkersOtherDevicesAtOnce) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.hear("p", ApplyInventory{devices_of("w1", 3), "ann"});
  broker.worker("w", "w1", 1);
  for (size_t i = 1; i <= 3; ++i) {
    broker.submit({on_device(guid_of(i), "dut" + std::to_string(i))});
  }
  for (size_t i = 1; i <= 3; ++i) {
    broker.dispatch();
    ASSERT_EQ(leased_in(broker).size(), i);
    broker.report("w", {guid_of(i), 1}, passed(broker.now));
  }
}

// A decision of many events is stored as several blocks. When the broker died between them, the
// attempts of a lost worker were held for ever, and so were their devices.
TEST(BrokerFaults, AWorkersLossCutByACrashIsFinishedAtTheStart) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.hear("p", ApplyInventory{devices_of("w1", 1), "ann"});
  broker.worker("w", "w1", 2);
  broker.submit({Broker::spec("task-000001"), on_device("task-000002", "dut1")});
  broker.dispatch();
  broker.now += kLeaseDefault;
  broker.take(Tick{});
  ASSERT_EQ(broker.newest, 3u) << "the loss, and two endings";

  Broker restarted(std::vector<Event>(broker.log.begin(), broker.log.end() - 2), broker.now);
  EXPECT_EQ(restarted.core.held_count(), 0u);
  EXPECT_EQ(restarted.core.queued_count(), 2u) << "they never began, so they are tried again";
}

TEST(BrokerFaults, ACancelCutByACrashIsFinishedAtTheStart) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.submit({Broker::spec("task-000001"), Broker::spec("task-000002")});
  broker.hear("p", Cancel{{"task-000001", "task-000002"}, "enough", "ann"});
  ASSERT_EQ(broker.newest, 4u);
  const std::string message = broker.core.task_info("task-000002")->ending->message;

  Broker restarted(std::vector<Event>(broker.log.begin(), broker.log.end() - 1), broker.now);
  const TaskInfo info = restarted.core.task_info("task-000002").value();
  EXPECT_EQ(info.verdict, Verdict::error);
  EXPECT_EQ(info.ending->message, message);
}

// Each task of many that ran out of time in the queue counted all that were ahead of it: a broker
// that came back to 100,000 of them was busy for minutes.
TEST(BrokerFaults, ManyQueueTimeoutsAtOnceAreQuick) {
  constexpr size_t kTasks = 50'000;
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  for (size_t i = 0; i < kTasks; i += 1'000) {
    std::vector<TaskSpec> specs;
    for (size_t j = i; j < i + 1'000; ++j) {
      specs.push_back(Broker::spec(guid_of(j)));
      specs.back().timeouts.queue = 1h;
    }
    broker.submit(specs);
  }
  broker.now += 1h;
  broker.take(Tick{});
  EXPECT_EQ(broker.core.queued_count(), 0u);
  EXPECT_EQ(broker.core.task_info(guid_of(kTasks - 1))->ending->message,
            "waited 1h in the queue: no worker has ever connected");
}

// A message past kMessageBytesMax breaks the connection of whoever receives it, again and again.
// Lists of long things made such messages.
class LongMessages : public ::testing::Test {
 protected:
  static constexpr size_t kTasks = 5'000;

  LongMessages() {
    broker.hello("p", Role::submitter, "ann");
    for (size_t i = 0; i < kTasks; ++i) guids.push_back(guid_of(i));
    for (size_t i = 0; i < kTasks; i += 1'000) {
      std::vector<TaskSpec> specs;
      for (size_t j = i; j < i + 1'000; ++j) specs.push_back(Broker::spec(guids[j]));
      broker.submit(specs);
    }
  }
  // Every message of the newest wake-up that is news of tasks: how many changes in all.
  size_t count_changes() const {
    size_t count = 0;
    for (const Send& send : broker.sends) {
      const auto* news = std::get_if<TaskNews>(&send.envelope.message);
      if (!news) continue;
      size_t bytes = 0;
      for (const TaskChange& change : news->changes) bytes += change.ending->message.size();
      EXPECT_LE(bytes, kMessageBytesMax - (1 << 20));
      count += news->changes.size();
    }
    return count;
  }
  Cancel cancel() const { return Cancel{guids, std::string(kMessageLengthMax, 'x'), "ann"}; }

  Broker broker;
  std::vector<std::string> guids;
};

TEST_F(LongMessages, NewsOfManyTasksTakesSeveralMessages) {
  broker.hear("p", Watch{guids});
  broker.hear("p", cancel());
  EXPECT_EQ(count_changes(), kTasks);
}

TEST_F(LongMessages, AWatchIsAnsweredInPartsOfWhichNoneIsMissing) {
  broker.hear("p", cancel());
  broker.hear("p", Watch{guids});
  EXPECT_EQ(broker.answers<TaskNews>(), 3u);
  EXPECT_EQ(count_changes(), kTasks);
}

TEST_F(LongMessages, AListOfTasksEndsWhereTheMessageDoes) {
  broker.hear("p", cancel());
  broker.hear("p", ListTasks{});
  const TaskList list = broker.answer<TaskList>();
  EXPECT_EQ(list.total, kTasks);
  EXPECT_GT(list.tasks.size(), 1'000u);
  EXPECT_LT(list.tasks.size() * kMessageLengthMax, kMessageBytesMax - (1 << 20));
}

TEST_F(LongMessages, AListHasAllThatIsMeantAndCountsNothingElse) {
  ListTasks question;
  question.guid_prefix = guids.back();
  question.states = {TaskState::queued};
  broker.hear("p", question);
  EXPECT_EQ(broker.answer<TaskList>().total, 1u);
  question.verdicts = {Verdict::error};
  broker.hear("p", question);
  EXPECT_EQ(broker.answer<TaskList>().total, 0u);
}

TEST_F(LongMessages, OrdersToStopTakeSeveralMessages) {
  broker.worker("w", "w1", static_cast<uint32_t>(kTasks));
  broker.dispatch();
  broker.hear("p", cancel());
  size_t orders = 0;
  for (const Send& send : broker.sends) {
    const auto* desired = std::get_if<Desired>(&send.envelope.message);
    if (!desired) continue;
    EXPECT_LT(desired->stop.size() * kMessageLengthMax, kMessageBytesMax / 2);
    orders += desired->stop.size();
  }
  EXPECT_EQ(orders, kTasks);
}

// Watches of peers that are gone stayed with a task as long as its first watcher did.
TEST(BrokerFaults, WatchersThatAreGoneGetNoNews) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  broker.submit({Broker::spec("task-000001")});
  broker.hear("p", Watch{{"task-000001"}});
  for (int i = 0; i < 3; ++i) {
    const std::string peer = "guest" + std::to_string(i);
    broker.hello(peer, Role::submitter, "bob");
    broker.hear(peer, Watch{{"task-000001"}});
    if (i < 2) broker.core.note_peer_gone(peer);
  }
  broker.hear("p", Cancel{{"task-000001"}, "enough", "ann"});
  std::vector<std::string> told;
  for (const Send& send : broker.sends) {
    if (std::holds_alternative<TaskNews>(send.envelope.message)) told.push_back(send.peer);
  }
  EXPECT_THAT(told, ElementsAre("p", "guest2"));
}

}  // namespace
}  // namespace muster
