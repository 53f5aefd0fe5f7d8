// How long the broker waits for workers that rest, and what it leases them then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/rest.h"
#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr Duration kPatience = rest_silence_max(kLeaseDefault);

bool is_lost(const Broker& broker) {
  return std::any_of(broker.log.begin(), broker.log.end(), [](const Event& event) {
    return std::holds_alternative<WorkerLost>(event.body);
  });
}

std::string why_lost(const Broker& broker) {
  for (const Event& event : broker.log) {
    if (const auto* lost = std::get_if<WorkerLost>(&event.body)) return lost->reason;
  }
  return "";
}

// A broker whose worker w, at peer p, has just been heard and holds nothing.
Broker with_worker() {
  Broker broker;
  broker.worker("p", "w", 1);
  return broker;
}

// It is given up when `silence` is over, and not before.
void expect_lost_after(Broker& broker, Duration silence) {
  broker.pass(silence - 1us);
  EXPECT_FALSE(is_lost(broker));
  broker.pass(1us);
  EXPECT_TRUE(is_lost(broker));
}

void lease_one(Broker& broker) {
  broker.hello("s", Role::submitter, "");
  Submit submit;
  submit.tasks.push_back(std::make_shared<const TaskSpec>(Broker::spec(guid_of(1))));
  broker.hear("s", submit);
  broker.dispatch();
}

TEST(BrokerRest, AWorkerThatHoldsNothingIsWaitedForLonger) {
  Broker broker = with_worker();
  expect_lost_after(broker, kPatience);
  EXPECT_THAT(why_lost(broker), HasSubstr("was not heard from for 30 s"));
}

TEST(BrokerRest, AWorkerThatHoldsSomethingIsWaitedForALease) {
  Broker broker = with_worker();
  lease_one(broker);
  expect_lost_after(broker, kLeaseDefault);
  EXPECT_THAT(why_lost(broker), HasSubstr("was not heard from for 20 s"));
}

TEST(BrokerRest, AfterARestartBothAreWaitedForAsLong) {
  Broker before = with_worker();
  before.pass(20s);
  Broker idle(before.log, before.now);
  expect_lost_after(idle, kPatience);

  lease_one(before);
  Broker busy(before.log, before.now);
  expect_lost_after(busy, kLeaseDefault);
}

TEST(BrokerRest, ALeaseToOneThatWasJustHeardCountsFromThen) {
  Broker broker = with_worker();
  broker.pass(kBeatDefault);
  lease_one(broker);
  EXPECT_EQ(broker.answer<Desired>().lease, kLeaseDefault);
  broker.pass(kLeaseDefault - kBeatDefault);
  EXPECT_TRUE(is_lost(broker));
}

// Whatever the silence, a lease lasts a lease from when it is given, the worker ends it an eighth
// of that before the broker does, and nobody is given up for a silence that was allowed.
TEST(BrokerRest, ALeaseToOneThatRestedCountsFromWhenItIsGiven) {
  for (Duration silence = kBeatDefault + 1us; silence < kPatience; silence += 500ms) {
    Broker broker = with_worker();
    const Instant heard = broker.now;
    broker.pass(silence);
    lease_one(broker);
    const Desired desired = broker.answer<Desired>();
    ASSERT_EQ(desired.run.size(), 1u);
    const Instant given = broker.now;
    const Instant workers_end = heard + desired.lease - desired.lease / kLeaseMarginDivisor;
    const Duration part = kLeaseDefault - kLeaseDefault / kLeaseMarginDivisor;
    EXPECT_LE(workers_end, given + part + 2us) << silence.count();
    EXPECT_GE(workers_end, given + part - 2us) << silence.count();
    broker.pass(kLeaseDefault - 1us);
    EXPECT_FALSE(is_lost(broker)) << silence.count();
    broker.pass(1us);
    EXPECT_TRUE(is_lost(broker)) << silence.count();
  }
}

TEST(BrokerRest, TheNextSyncMakesItALeaseAgain) {
  Broker broker = with_worker();
  broker.pass(13s);
  lease_one(broker);
  EXPECT_GT(broker.answer<Desired>().lease, kLeaseDefault + 13s);
  Sync sync = broker.make_sync();
  sync.held = {{{guid_of(1), 1}, true}};
  broker.hear("p", sync);
  EXPECT_EQ(broker.answer<Desired>().lease, kLeaseDefault);
  expect_lost_after(broker, kLeaseDefault);
}

// No Sync would say so before its rest is over.
TEST(BrokerRest, PoolsThatAnInventoryGrantsHoldAtOnce) {
  Broker broker = with_worker();
  broker.hello("a", Role::admin, "");
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.pool = "blue";
  broker.hello("s", Role::submitter, "");
  Submit submit;
  submit.tasks.push_back(std::make_shared<const TaskSpec>(spec));
  broker.hear("s", submit);
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 0u);
  Inventory inventory;
  inventory.workers.push_back({"w", {"blue"}});
  broker.hear("a", ApplyInventory{std::make_shared<const Inventory>(inventory), "ann"});
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 1u);
}

TEST(BrokerRest, ItRestsAgainWhenItHasReportedTheEnd) {
  Broker broker = with_worker();
  lease_one(broker);
  broker.pass(kLeaseDefault / 2);
  broker.report(
      "p", {guid_of(1), 1},
      make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", broker.now, broker.now));
  expect_lost_after(broker, kPatience);
}

}  // namespace
}  // namespace muster
