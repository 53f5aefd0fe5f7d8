// Chains: jobs whose devices are verified, and repaired, before they run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/guid.h"
#include "core/limits.h"
#include "tests/core/chain_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr VerifyFirst kNone = VerifyFirst::none;
constexpr VerifyFirst kFresh = VerifyFirst::fresh;
constexpr VerifyFirst kAlways = VerifyFirst::always;

Inventory one_handset() { return make_inventory({"a handset w1"}); }
Inventory two_handsets() { return make_inventory({"a handset w1", "b handset w1"}); }

// What lies before a job on device a, and whether it is verified (again) for it.
TEST(BrokerChain, WhenADeviceIsVerified) {
  struct Row {
    const char* name;
    VerifyFirst verify;
    std::function<void(ChainLab&)> before;
    bool verified;
  };
  const auto passed_for_another_job = [](ChainLab& lab) {
    lab.submit_and_dispatch(lab.job(1, "a", kFresh));
    lab.end_child(1, make_pass());
    lab.end_task(guid_of(1), make_pass());
  };
  const std::vector<Row> rows = {
      {"none, never verified", kNone, [](ChainLab&) {}, false},
      {"fresh, never verified", kFresh, [](ChainLab&) {}, true},
      {"always, never verified", kAlways, [](ChainLab&) {}, true},
      {"fresh, verified just now", kFresh, [](ChainLab& lab) { lab.verify(1, "a", make_pass()); },
       false},
      {"always, verified just now", kAlways, [](ChainLab& lab) { lab.verify(1, "a", make_pass()); },
       true},
      {"fresh, on the last moment", kFresh,
       [](ChainLab& lab) {
         lab.verify(1, "a", make_pass());
         lab.pass_alive(10min);
       },
       false},
      {"fresh, a moment later", kFresh,
       [](ChainLab& lab) {
         lab.verify(1, "a", make_pass());
         lab.pass_alive(10min + 1us);
       },
       true},
      {"fresh, after another job", kFresh, passed_for_another_job, false},
      {"always, after another job", kAlways, passed_for_another_job, true},
      {"fresh, a job blamed it since", kFresh,
       [](ChainLab& lab) {
         lab.verify(1, "a", make_pass());
         TaskSpec spec = lab.job(2, "a", kNone);
         spec.retry.infra = 0;
         lab.submit_and_dispatch(spec);
         lab.end_task(guid_of(2), make_error(Cause::device));
       },
       true},
      {"fresh, locked and unlocked since", kFresh,
       [](ChainLab& lab) {
         lab.verify(1, "a", make_pass());
         lab.changed("a", DeviceChange::lock);
         lab.changed("a", DeviceChange::unlock);
       },
       true},
  };
  for (const Row& row : rows) {
    ChainLab lab(one_handset());
    row.before(lab);
    lab.submit_and_dispatch(lab.job(10, "a", row.verify));
    EXPECT_EQ(lab.children(10).size(), row.verified ? 1u : 0u) << row.name;
    if (row.verified) lab.end_child(10, make_pass());
    EXPECT_EQ(lab.leased(10), "a") << row.name;
  }
}

TEST(BrokerChain, AChildCarriesWhatItsJobIs) {
  ChainLab lab(two_handsets());
  TaskSpec job = lab.job(1, "a", kFresh, true);
  job.before.level = "quick";
  job.before.repair_budget = 10min;
  job.priority = 70;
  lab.submit_and_dispatch(job);
  ASSERT_EQ(lab.children(1).size(), 1u);
  const TaskSpec verification = *lab.children(1)[0];
  EXPECT_EQ(verification.guid, guid_of(1) + "/verify-6");
  EXPECT_EQ(verification.kind, TaskKind::verify);
  EXPECT_EQ(verification.name, "verify a for suite");
  EXPECT_EQ(verification.parent, guid_of(1));
  EXPECT_EQ(verification.submitter, "ann@host");
  EXPECT_EQ(verification.priority, 70u);
  EXPECT_EQ(verification.devices, (std::vector<DeviceRequest>{{"", "a", "", ""}}));
  EXPECT_EQ(verification.work, lab.make_work(VerifyWork{"quick"}));
  EXPECT_TRUE(verification.wait_for_capacity);
  EXPECT_EQ(verification.retry.infra, 0u);
  lab.pass_alive(1min);
  lab.end_child(1, make_fail());
  ASSERT_EQ(lab.children(1).size(), 2u);
  const TaskSpec repair = *lab.children(1)[1];
  EXPECT_EQ(repair.kind, TaskKind::repair);
  EXPECT_EQ(repair.name, "repair a for suite");
  EXPECT_EQ(repair.parent, guid_of(1));
  EXPECT_EQ(repair.timeouts.run, 10min);
  EXPECT_EQ(repair.work, std::to_string(Work(RepairWork{}).index()));
  EXPECT_EQ(lab.leased(1), "");
}

TEST(BrokerChain, AGuidThatIsTooLongOrTakenIsReplaced) {
  ChainLab lab(two_handsets());
  TaskSpec longest = lab.job(1, "a", kFresh);
  longest.guid = std::string(kGuidLengthMax, 'x');
  lab.submit_and_dispatch(longest);
  const auto& first = std::get<TaskSubmitted>(lab.log[lab.log.size() - 2].body).spec;
  EXPECT_EQ(first->parent, longest.guid);
  EXPECT_EQ(first->guid.substr(16), "/verify-6");
  // Somebody took the name of what comes next.
  TaskSpec job = lab.job(2, "b", kFresh);
  TaskSpec taken = lab.job(3, "b", kNone);
  taken.guid = guid_of(2) + "/verify-10";
  taken.devices.clear();
  taken.timeouts.queue = 1h;
  lab.submit({taken, job});
  while (lab.core.dispatch_due()) lab.take(Dispatch{});
  ASSERT_EQ(lab.children(2).size(), 1u);
  EXPECT_EQ(lab.children(2)[0]->guid, taken.guid + ".2");
}

// A verification fails, and what follows from it.
TEST(BrokerChain, AfterAFailedVerification) {
  struct Row {
    const char* name;
    bool repair;
    const char* devices;                // of the inventory, beside a
    std::vector<Ending> ends;           // of the children, in order
    std::vector<std::string> children;  // all that are submitted
    const char* outcome;                // "runs on DEVICE", "waits", or the cause of its end
  };
  const std::vector<Row> rows = {
      {"repaired", true, "", {make_fail(), make_pass()}, {"verify a", "repair a"}, "runs on a"},
      {"no repair wanted", false, "", {make_fail()}, {"verify a"}, "device"},
      {"not repaired", true, "", {make_fail(), make_fail()}, {"verify a", "repair a"}, "device"},
      {"repair times out",
       true,
       "",
       {make_fail(), make_error(Cause::timeout)},
       {"verify a", "repair a"},
       "device"},
      {"elsewhere", false, "b", {make_fail(), make_pass()}, {"verify a", "verify b"}, "runs on b"},
      {"not repaired, elsewhere",
       true,
       "b",
       {make_fail(), make_fail(), make_pass()},
       {"verify a", "repair a", "verify b"},
       "runs on b"},
      {"nowhere", false, "b", {make_fail(), make_fail()}, {"verify a", "verify b"}, "device"},
      {"peripheral", true, "", {make_blame("hub9")}, {"verify a"}, "peripheral"},
      {"peripheral, elsewhere",
       true,
       "b",
       {make_blame("hub9"), make_pass()},
       {"verify a", "verify b"},
       "runs on b"},
      {"config", true, "", {make_error(Cause::config)}, {"verify a"}, "config"},
      {"hangs", true, "b", {make_error(Cause::timeout)}, {"verify a", "verify b"}, "waits"},
      {"cancelled by a person",
       true,
       "",
       {make_error(Cause::user)},
       {"verify a", "verify a"},
       "waits"},
  };
  for (const Row& row : rows) {
    ChainLab lab(*row.devices ? two_handsets() : one_handset());
    lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh, row.repair));
    for (const Ending& ending : row.ends) lab.end_child(1, ending);
    EXPECT_EQ(lab.child_words(1), row.children) << row.name;
    const TaskInfo info = lab.task(1);
    std::string outcome = "waits";
    if (!lab.leased(1).empty()) outcome = "runs on " + lab.leased(1);
    if (info.ending) outcome = to_string(info.ending->cause);
    EXPECT_EQ(outcome, row.outcome) << row.name;
    if (!info.ending) continue;
    EXPECT_EQ(info.verdict, Verdict::error) << row.name;
    EXPECT_EQ(info.ending->status, StatusCode::blocked) << row.name;
    EXPECT_THAT(info.ending->message, HasSubstr(lab.children(1).back()->guid)) << row.name;
    EXPECT_THAT(info.ending->message, HasSubstr(row.ends.back().message)) << row.name;
  }
}

TEST(BrokerChain, BusyAndOfflineDevicesAreSomewhereToGo) {
  for (const bool offline : {false, true}) {
    ChainLab lab(two_handsets());
    if (offline) {
      lab.apply(make_inventory({"a handset w1", "b handset w3"}));
    } else {
      lab.submit_and_dispatch(lab.job(2, "b", kNone));
    }
    lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
    lab.end_child(1, make_fail());
    EXPECT_EQ(lab.state(1), TaskState::queued);
  }
}

TEST(BrokerChain, AJobWaitsForDevicesThatFailedBefore) {
  ChainLab lab(one_handset());
  lab.verify(1, "a", make_fail());
  lab.submit_and_dispatch(lab.job(2, "a", kFresh, true));
  EXPECT_THAT(lab.child_words(2), IsEmpty());
  EXPECT_EQ(lab.state(2), TaskState::queued);
  lab.pass_alive(15min);
  const std::string reverify = std::get<TaskSubmitted>([&] {
                                 for (const Event& event : lab.log) {
                                   const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
                                   if (submitted && submitted->spec->submitter == "broker") {
                                     return event.body;
                                   }
                                 }
                                 return EventBody(TaskSubmitted{});
                               }())
                                   .spec->guid;
  lab.end_task(reverify, make_pass());
  EXPECT_EQ(lab.leased(2), "a");
}

TEST(BrokerChain, TheRepairBudgetIsOfAllRepairsOfAJob) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1", "c handset w1"}));
  TaskSpec job = lab.job(1, "type=handset", kFresh, true);
  job.before.repair_budget = 10min;
  lab.submit_and_dispatch(job);
  lab.end_child(1, make_fail());
  lab.pass_alive(7min);
  lab.end_child(1, make_fail());
  lab.end_child(1, make_fail());  // the verification of b
  EXPECT_EQ(lab.children(1).back()->timeouts.run, 3min);
  lab.pass_alive(3min);
  lab.end_child(1, make_fail());
  lab.end_child(1, make_fail());
  EXPECT_THAT(lab.child_words(1),
              ElementsAre("verify a", "repair a", "verify b", "repair b", "verify c"));
  EXPECT_EQ(lab.state(1), TaskState::ended);
}

TEST(BrokerChain, VerifiedDevicesAreTakenFirst) {
  ChainLab lab(make_inventory(kDevices));
  lab.verify(1, "b", make_pass());
  lab.submit_and_dispatch(lab.job(2, "type=handset", kFresh));
  EXPECT_THAT(lab.child_words(2), IsEmpty());
  EXPECT_EQ(lab.leased(2), "b");
}

TEST(BrokerChain, AJobHasOnePlacementVerifiedAtATime) {
  ChainLab lab(make_inventory(kDevices));
  lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
  lab.submit_and_dispatch(lab.job(2, "r", kNone));
  EXPECT_THAT(lab.child_words(1), ElementsAre("verify a"));
  // The next of its class has another one verified meanwhile.
  lab.submit_and_dispatch(lab.job(3, "type=handset", kFresh));
  EXPECT_THAT(lab.child_words(3), ElementsAre("verify b"));
  // Something became free elsewhere: the job takes it, and is not bound to what it asked for.
  lab.verify(4, "d", make_pass());
  EXPECT_EQ(lab.leased(1), "d");
}

TEST(BrokerChain, SeveralDevicesAreVerifiedAtTheSameTime) {
  ChainLab lab(make_inventory(kDevices));
  lab.submit_and_dispatch(lab.job(1, "dut:a relay:r", kAlways));
  EXPECT_THAT(lab.child_words(1), ElementsAre("verify a", "verify r"));
  const std::vector<TaskSpecPtr> children = lab.children(1);
  lab.end_task(children[1]->guid, make_pass());
  EXPECT_EQ(lab.leased(1), "");
  // What has passed already is not given to a job of lower rank meanwhile.
  TaskSpec other = lab.job(2, "r", kNone);
  lab.submit_and_dispatch(other);
  EXPECT_EQ(lab.leased(2), "");
  lab.end_task(children[0]->guid, make_pass());
  EXPECT_EQ(lab.leased(1), "a r");
}

TEST(BrokerChain, OneSlotVerifiesOneDeviceAfterTheOther) {
  ChainLab lab(make_inventory(kDevices), 1);
  lab.submit_and_dispatch(lab.job(1, "dut:a relay:r", kAlways));
  const std::vector<TaskSpecPtr> children = lab.children(1);
  ASSERT_EQ(children.size(), 2u);
  lab.end_task(children[0]->guid, make_pass());
  lab.end_task(children[1]->guid, make_pass());
  EXPECT_EQ(lab.leased(1), "a r");
}

TEST(BrokerChain, AStackIsVerifiedAsAWhole) {
  ChainLab lab(make_inventory({"a handset w1", "r relay w1"}, {"s1 a r"}));
  lab.submit_and_dispatch(lab.job(1, "dut:a relay:r", kAlways));
  const std::vector<TaskSpecPtr> children = lab.children(1);
  ASSERT_EQ(children.size(), 2u);
  lab.end_task(children[0]->guid, make_pass());
  lab.end_task(children[1]->guid, make_pass());
  EXPECT_EQ(children.size(), lab.children(1).size()) << "one does not undo the other";
  EXPECT_EQ(lab.leased(1), "a r");
}

TEST(BrokerChain, SomebodyElsesVerificationIsWaitedFor) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.check(1, "a"));
  lab.submit_and_dispatch(lab.job(2, "a", kFresh));
  EXPECT_THAT(lab.child_words(2), IsEmpty());
  lab.end_task(guid_of(1), make_pass());
  EXPECT_EQ(lab.leased(2), "a");
}

TEST(BrokerChain, AHigherRankComesBetween) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kAlways));
  TaskSpec urgent = lab.job(2, "a", kNone);
  urgent.priority = 90;
  lab.submit_and_dispatch(urgent);
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(2), "a");
  lab.end_task(guid_of(2), make_pass());
  EXPECT_EQ(lab.children(1).size(), 2u) << "the verification was before the other job";
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(1), "a");
}

TEST(BrokerChain, ARetryOfTheSameJobKeepsItsVerification) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kAlways));
  lab.end_child(1, make_pass());
  lab.end_task(guid_of(1), make_error(Cause::worker));
  lab.pass_alive(2s);
  EXPECT_EQ(lab.task(1).attempt_count, 2u);
  EXPECT_EQ(lab.children(1).size(), 1u);
  lab.end_task(guid_of(1), make_error(Cause::device));
  lab.pass_alive(5s);
  EXPECT_EQ(lab.children(1).size(), 2u) << "it blames its device: verified before the next attempt";
}

// Seed 1173 of the simulation: a job that was leased past another one of its class, which waited
// for a verification, stayed in the queue as well and was retried before its back-off.
TEST(BrokerChain, AJobThatPassedAnotherOneBacksOff) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1"}));
  lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
  lab.submit_and_dispatch(lab.job(2, "type=handset", kFresh));
  lab.submit_and_dispatch(lab.job(3, "type=handset", kFresh));
  lab.end_child(2, make_pass());
  EXPECT_EQ(lab.leased(1), "b") << "the first in the queue takes what is verified";
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(2), "a");
  lab.end_task(guid_of(2), make_error(Cause::worker));
  EXPECT_EQ(lab.leased(2), "");
  EXPECT_GT(lab.task(2).not_before, lab.now);
  EXPECT_EQ(lab.leased(3), "a");
  lab.end_task(guid_of(3), make_pass());
  EXPECT_EQ(lab.leased(2), "") << "its back-off is not over";
}

TEST(BrokerChain, ACancelledJobTakesItsChildrenWithIt) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  const std::string child = lab.children(1)[0]->guid;
  lab.cancel(guid_of(1));
  EXPECT_EQ(lab.state(1), TaskState::ended);
  EXPECT_THAT(lab.core.task_info(child)->cancelling, HasSubstr("has ended: " + guid_of(1)));
  lab.end_task(child, make_error(Cause::user));
  EXPECT_EQ(lab.device("a").health, DeviceHealth::unknown);
}

TEST(BrokerChain, AChildThatOthersWaitForIsNotCancelled) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  lab.submit_and_dispatch(lab.job(2, "a", kFresh));
  const std::string child = lab.children(1)[0]->guid;
  lab.cancel(guid_of(1));
  EXPECT_EQ(lab.core.task_info(child)->cancelling, "");
  lab.end_task(child, make_pass());
  EXPECT_EQ(lab.leased(2), "a");
}

TEST(BrokerChain, AQueuedChildEndsWithItsJob) {
  ChainLab lab(make_inventory(kDevices), 1);
  TaskSpec job = lab.job(1, "dut:a relay:r", kAlways);
  job.timeouts.queue = 1min;
  lab.submit_and_dispatch(job);
  const std::vector<TaskSpecPtr> children = lab.children(1);
  ASSERT_EQ(children.size(), 2u);
  ASSERT_EQ(lab.core.task_info(children[1]->guid)->state, TaskState::queued);
  lab.pass_alive(1min);
  EXPECT_EQ(lab.task(1).ending->cause, Cause::capacity);
  EXPECT_EQ(lab.core.task_info(children[1]->guid)->state, TaskState::ended);
  EXPECT_NE(lab.core.task_info(children[0]->guid)->cancelling, "");
}

// Seed 855 of the simulation: a verification whose worker was lost began again on a device that a
// person had quarantined meanwhile.
// Simulation, seed 41007471: its worker was lost at the moment at which the job ended, and the
// child was queued again, cancelled, and leased all the same.
TEST(BrokerChain, AChildThatIsLostAsItsJobEndsEndsWithIt) {
  ChainLab lab(make_inventory({"a handset w1"}));
  TaskSpec job = lab.job(1, "a", VerifyFirst::always);
  job.timeouts.queue = ChainLab::options().lease;
  lab.submit_and_dispatch(job);
  ASSERT_EQ(lab.children(1).size(), 1u);
  const std::string child = lab.children(1)[0]->guid;
  ASSERT_EQ(lab.core.task_info(child)->state, TaskState::leased);
  lab.pass(ChainLab::options().lease);
  lab.check_fold();
  EXPECT_EQ(lab.state(1), TaskState::ended);
  EXPECT_EQ(lab.core.task_info(child)->state, TaskState::ended);
}

TEST(BrokerChain, AChildIsNotRetriedOnADeviceThatWasTakenAway) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  lab.changed("a", DeviceChange::quarantine);
  lab.report("w1", {lab.children(1)[0]->guid, 1}, make_not_begun());
  lab.dispatch();
  lab.pass_alive(10s);
  EXPECT_EQ(lab.core.task_info(lab.children(1)[0]->guid)->state, TaskState::ended);
  EXPECT_EQ(lab.state(1), TaskState::queued) << "it waits for the device";
  lab.changed("a", DeviceChange::release);
  EXPECT_EQ(lab.children(1).size(), 2u);
}

TEST(BrokerChain, AChildEndsWhenItsDeviceLeavesTheInventory) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1"}));
  lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
  ASSERT_THAT(lab.child_words(1), ElementsAre("verify a"));
  // It has not begun, and is queued now for another attempt.
  lab.report("w1", {lab.children(1)[0]->guid, 1}, make_not_begun());
  lab.apply(make_inventory({"b handset w1"}));
  lab.take(Tick{});
  lab.dispatch();
  EXPECT_EQ(lab.core.task_info(lab.children(1)[0]->guid)->state, TaskState::ended);
  EXPECT_THAT(lab.child_words(1), ElementsAre("verify a", "verify b"));
}

// Seed 3005 of the simulation: a person took the device while it was repaired for the job and gave
// it back later, and the job waited for ever.
TEST(BrokerChain, ADeviceThatAPersonGivesBackIsTriedAgain) {
  for (const bool repaired : {true, false}) {
    ChainLab lab(two_handsets());
    lab.submit_and_dispatch(lab.job(2, "b", kNone));
    lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh, true));
    lab.end_child(1, make_fail());
    lab.changed("a", DeviceChange::quarantine);
    lab.end_child(1, repaired ? make_pass() : make_fail());
    EXPECT_EQ(lab.state(1), TaskState::queued);
    EXPECT_EQ(lab.children(1).size(), 2u);
    lab.changed("a", DeviceChange::release);
    ASSERT_EQ(lab.children(1).size(), 3u);
    lab.end_child(1, make_pass());
    EXPECT_EQ(lab.leased(1), "a");
  }
}

// A job tried one device in vain and waits for another, which is taken away as well.
TEST(BrokerChain, TheLastDeviceThatIsLeftIsTakenAway) {
  ChainLab lab(two_handsets());
  lab.submit_and_dispatch(lab.job(2, "b", kNone));
  lab.submit_and_dispatch(lab.job(1, "type=handset", kFresh));
  lab.end_child(1, make_error(Cause::timeout));
  EXPECT_EQ(lab.state(1), TaskState::queued);
  lab.changed("b", DeviceChange::lock);
  ASSERT_EQ(lab.state(1), TaskState::ended);
  EXPECT_EQ(lab.task(1).ending->cause, Cause::device);
  EXPECT_THAT(lab.task(1).ending->message, HasSubstr("did not pass"));
}

TEST(BrokerChain, ChildrenThatComeToNothingAreBounded) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  for (uint32_t i = 1; i <= kChildrenPerTaskMax; ++i) {
    ASSERT_EQ(lab.children(1).size(), i);
    ASSERT_EQ(lab.state(1), TaskState::queued);
    lab.end_child(1, make_error(Cause::user));
  }
  EXPECT_EQ(lab.children(1).size(), kChildrenPerTaskMax);
  ASSERT_EQ(lab.state(1), TaskState::ended);
  EXPECT_EQ(lab.task(1).ending->cause, Cause::broker);
  EXPECT_THAT(lab.task(1).ending->message, HasSubstr("muster task trace " + guid_of(1)));
}

TEST(BrokerChain, WhatDependsOnAJobThatADispatchEndsIsEndedWithIt) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh));
  TaskSpec dependant = lab.job(2, "a", VerifyFirst::none);
  dependant.depends_on = {{guid_of(1), true}};
  lab.submit_and_dispatch(dependant);
  for (uint32_t i = 1; i <= kChildrenPerTaskMax; ++i) lab.end_child(1, make_error(Cause::user));
  ASSERT_EQ(lab.state(1), TaskState::ended);
  ASSERT_EQ(lab.state(2), TaskState::ended);
  EXPECT_EQ(lab.task(2).verdict, Verdict::skip);
}

TEST(BrokerChain, OneMessageMayEndSeveralChildrenOfAJob) {
  ChainLab lab(make_inventory({"a handset w1", "r relay w1"}));
  lab.submit_and_dispatch(lab.job(1, "dut:a relay:r", kAlways));
  const std::vector<TaskSpecPtr> children = lab.children(1);
  Sync sync = lab.make_sync();
  sync.full = false;
  for (const TaskSpecPtr& child : children) {
    const uint64_t seq = (1ull << 32) + ++lab.report_counter;
    sync.reports.push_back({seq, {child->guid, 1}, lab.now, make_fail()});
  }
  sync.unacked_first = sync.reports.front().seq;
  sync.unacked_last = sync.reports.back().seq;
  lab.hear("w1", sync);
  lab.check_fold();
  EXPECT_EQ(lab.state(1), TaskState::ended);
  EXPECT_EQ(lab.device("a").health, DeviceHealth::bad);
  EXPECT_EQ(lab.device("r").health, DeviceHealth::bad);
}

TEST(BrokerChain, TheExplanationNamesTheChild) {
  ChainLab lab(one_handset());
  lab.submit_and_dispatch(lab.job(1, "a", kFresh, true));
  lab.end_child(1, make_fail());
  const std::string repair = lab.children(1).back()->guid;
  lab.report("w1", {repair, 1}, Progress{40, "repair action power_cycle (4 of 9)"});
  EXPECT_THAT(lab.explain(1).reasons,
              ::testing::Contains("device a is being repaired for it: task " + repair +
                                  ", repair action power_cycle (4 of 9)"));
}

TEST(BrokerChain, AdmissionOfWhatIsDoneBefore) {
  struct Row {
    const char* name;
    std::function<void(TaskSpec&)> change;
    const char* refused;
  };
  const std::vector<Row> rows = {
      {"fresh", [](TaskSpec&) {}, ""},
      {"repair without verify",
       [](TaskSpec& spec) {
         spec.before = {kNone, "", true, 30min};
       },
       "before.repair needs before.verify"},
      {"a bad level", [](TaskSpec& spec) { spec.before.level = "a b"; }, "level"},
      {"the longest budget", [](TaskSpec& spec) { spec.before.repair_budget = kTimeoutMax; }, ""},
      {"too long a budget", [](TaskSpec& spec) { spec.before.repair_budget = kTimeoutMax + 1us; },
       "repair_budget"},
      {"a negative budget", [](TaskSpec& spec) { spec.before.repair_budget = -1us; },
       "repair_budget"},
      {"of a verification", [](TaskSpec& spec) { spec.kind = TaskKind::verify; }, "only a job"},
      {"by the broker",
       [](TaskSpec& spec) {
         spec.kind = TaskKind::verify;
         spec.before = {};
         spec.submitter = "broker";
       },
       "not the broker"},
  };
  for (const Row& row : rows) {
    ChainLab lab(one_handset());
    TaskSpec spec = lab.job(1, "a", kFresh);
    row.change(spec);
    const std::string refused = lab.refusal(spec);
    EXPECT_EQ(refused.empty(), *row.refused == '\0') << row.name << ": " << refused;
    EXPECT_THAT(refused, HasSubstr(row.refused)) << row.name;
  }
}

}  // namespace
}  // namespace muster
