// Why a task waits, and for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/lab_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Explain, ReasonsSayWhatWouldHaveToChangeTheNearestFirst) {
  Lab lab(make_inventory({"a handset w1", "b handset w1", "c handset w1", "d handset w1",
                          "e handset w2", "f camera w1", "r relay w1"},
                         {"x b r", "y f r"}));
  TaskSpec busy = make_task(1, "a");
  busy.timeouts.run = 40min;
  lab.submit({busy});
  lab.lease(2, "f");
  lab.change("c", DeviceChange::quarantine);
  lab.change("d", DeviceChange::lock);
  for (int i = 0; i < 16; ++i) {  // w1 is heard all the time, w2 is lost
    lab.pass(15s);
    lab.list({});
    lab.hear("p", Beat{});
  }
  lab.report("w1", {guid_of(1), 1}, AttemptStarted{});
  EXPECT_EQ(lab.lease(3, "type=handset"), "");
  EXPECT_THAT(
      lab.explain(3).reasons,
      ElementsAre(
          HasSubstr("device a is busy with job task task-100001"),
          HasSubstr("device b, in stack x: member r is busy with job task task-100002"),
          HasSubstr("device e is offline for 3m30s: its worker w2 is not connected"),
          HasSubstr("device c is quarantined by kim 4m ago: no charge; muster device release c"),
          HasSubstr("device d is locked by kim 4m ago: no charge; muster device unlock d")));
}

TEST(Explain, ARepairTellsItsProgress) {
  Lab lab(make_inventory({"a handset w1"}));
  TaskSpec repair = make_task(1, "a");
  repair.kind = TaskKind::repair;
  lab.submit({repair});
  lab.dispatch();
  lab.report("w1", {guid_of(1), 1}, AttemptStarted{});
  lab.report("w1", {guid_of(1), 1}, Progress{40, "repair action power_cycle (4 of 9)"});
  EXPECT_EQ(lab.lease(2, "a"), "");
  EXPECT_THAT(lab.explain(2).reasons,
              ElementsAre("device a is busy with repair task task-100001: repair action "
                          "power_cycle (4 of 9)"));
}

TEST(Explain, ReasonsAreBounded) {
  for (const size_t count : {kExplainReasonsMax, kExplainReasonsMax + 1}) {
    std::vector<std::string> devices;
    for (size_t i = 0; i < count; ++i) {
      devices.push_back("d" + std::to_string(100 + i) + " handset w9");
    }
    Lab lab(make_inventory(devices));
    lab.lease(1, "type=handset");
    EXPECT_THAT(lab.explain(1).reasons, SizeIs(kExplainReasonsMax));
  }
}

TEST(Explain, PositionCountsWhoeverWantsTheSameDevices) {
  Lab lab(make_inventory(kDevices, {"x a r"}));
  lab.lease(1, "a");
  lab.lease(2, "a");  // the same
  lab.lease(3, "r");  // in a stack with it
  lab.lease(4, "b");  // nothing to do with it: leased
  TaskSpec urgent = make_task(5, "r");
  urgent.priority = 90;
  TaskSpec later = make_task(7, "a");
  lab.submit({urgent, make_task(6, "a"), later});
  lab.dispatch();
  const Explanation explanation = lab.explain(6);
  EXPECT_EQ(explanation.ahead, 3u);
  EXPECT_THAT(explanation.summary, HasSubstr("behind 3 other tasks"));
  EXPECT_EQ(lab.explain(5).ahead, 0u);
  EXPECT_EQ(lab.explain(7).ahead, 4u);
}

TEST(Explain, TheEstimateIsWhatRanBefore) {
  Lab lab(make_inventory({"a handset w1", "b handset w1", "r relay w1"}));
  for (size_t number = 1; number <= 5; ++number) {
    lab.submit({make_task(number, "type=handset")});
  }
  lab.dispatch();
  EXPECT_EQ(lab.explain(5).estimate, Duration{0}) << "nothing of its kind has run";
  lab.now += 6min;
  lab.list({});
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(3), "a");
  EXPECT_EQ(lab.explain(4).estimate, 6min);
  EXPECT_EQ(lab.explain(5).estimate, 6min) << "two devices serve two tasks at a time";
  lab.change("b", DeviceChange::quarantine);
  EXPECT_EQ(lab.explain(5).estimate, 12min);
}

// The last task of its kind has ended when the next one is submitted.
TEST(Explain, TheEstimateOutlivesTheTasksThatItComesFrom) {
  Lab lab(make_inventory({"a handset w1"}));
  EXPECT_EQ(lab.lease(1, "a"), "a");
  lab.report("w1", {guid_of(1), 1}, AttemptStarted{});
  lab.now += 10s;
  lab.pass_job(1);
  TaskSpec other = make_task(2, "a");
  other.kind = TaskKind::verify;  // of another kind
  lab.submit({other});
  lab.dispatch();
  lab.submit({make_task(3, "a")});
  lab.dispatch();
  EXPECT_EQ(lab.explain(3).estimate, Duration(10s));
}

// After the broker came back, and before the worker has spoken.
TEST(Explain, ADeviceIsOfflineInTheListWhereTheExplanationSaysSo) {
  Lab lab(make_inventory({"a handset w1"}));
  Broker broker(lab.log, lab.now);
  broker.hello("p", Role::submitter, "ann");
  broker.submit({make_task(1, "a")});
  broker.dispatch();
  broker.hear("p", ExplainTask{guid_of(1)});
  EXPECT_THAT(broker.answer<Explanation>().reasons.at(0), ::testing::HasSubstr("is offline"));
  broker.hear("p", ListDevices{});
  EXPECT_EQ(broker.answer<DeviceList>().devices.at(0).state, DeviceState::offline);
}

}  // namespace
}  // namespace muster
