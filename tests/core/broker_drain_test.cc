// Drains, deadlines, crash limits: what ends, waits or is buried by a rule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/chain_in_hand.h"
#include "tests/core/schedule_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Drain, AWorkerGetsNothingAndGoesOn) {
  Shop shop(2);
  shop.submit_and_dispatch({Shop::task(1, "ann")});
  const DrainReply::Outcome drained = shop.drain("w1");
  EXPECT_EQ(drained.refused, "");
  EXPECT_EQ(drained.already, "");
  EXPECT_EQ(drained.held, 1u);
  shop.submit_and_dispatch({Shop::task(2, "ann")});
  EXPECT_FALSE(shop.runs(2));
  EXPECT_THAT(shop.explain(2).reasons,
              ElementsAre("worker w1 takes no new work, by kim 0s ago: new disk; muster worker "
                          "resume w1",
                          HasSubstr("worker w2 takes no new work")));
  EXPECT_EQ(shop.drain("w1").already, "drains already, by kim: new disk");
  shop.sync("w1", 2);
  EXPECT_FALSE(shop.runs(2)) << "it is heard and has room";
  shop.pass_job(1);
  EXPECT_FALSE(shop.runs(2));
  shop.hear("p", ListWorkers{});
  EXPECT_EQ(shop.answer<WorkerList>().workers[0].draining, (Draining{"kim", "new disk", shop.now}));
  EXPECT_EQ(shop.drain("w1", true).held, 0u);
  EXPECT_TRUE(shop.runs(2));
  EXPECT_EQ(shop.drain("w1", true).already, "takes work already");
  shop.hear("p", ListWorkers{});
  EXPECT_EQ(shop.answer<WorkerList>().workers[0].draining, std::nullopt);
}

TEST(Drain, AnUnknownWorkerIsRefused) {
  Shop shop(1);
  EXPECT_THAT(shop.drain("w3").refused, HasSubstr("no worker is named \"w3\""));
  shop.hear("a", Drain{{"w1", "w1", ""}, false, "", "kim"});
  const DrainReply reply = shop.answer<DrainReply>();
  EXPECT_EQ(reply.results[0].refused, "");
  EXPECT_EQ(reply.results[1].refused, "is named twice");
  EXPECT_EQ(reply.results[2].refused, "a worker has a name");
  shop.hear("a", Drain{std::vector<std::string>(kPeersMax + 1, "w"), false, "", "kim"});
  EXPECT_EQ(shop.answer<Refused>().code, RefusalCode::limit);
}

TEST(Drain, ItOutlastsTheBrokerAndTheWorker) {
  Shop shop(1);
  shop.drain("w1");
  Broker again(shop.log, shop.now);
  again.worker("w1", "w1", 4);
  again.hello("p", Role::submitter, "ann");
  again.submit({Shop::task(1, "ann")});
  again.dispatch();
  EXPECT_EQ(again.core.held_count(), 0u);
}

// A job's devices are on a worker that drains: it goes elsewhere.
TEST(Drain, DevicesOfItsAreNotLeased) {
  Shop shop(4, make_inventory({"a handset w1", "d handset w1"}));
  shop.drain("w1");
  EXPECT_EQ(shop.lease(1, "type=handset"), "");
  EXPECT_THAT(shop.explain(1).reasons,
              ElementsAre(HasSubstr("device a cannot be leased: worker w1 takes no new work"),
                          HasSubstr("device d cannot be leased: worker w1")));
  shop.drain("w1", true);
  EXPECT_EQ(shop.leased(1), "a");
}

TEST(Drain, TheBrokerFinishesWhatRunsAndTakesNothing) {
  Shop shop(1);
  shop.submit_and_dispatch({Shop::task(1, "ann"), Shop::task(2, "ann")});
  EXPECT_EQ(shop.drain("").held, 1u);
  shop.submit({Shop::task(3, "ann")});
  const SubmitResult refused = shop.answer<SubmitReply>().results.at(0);
  EXPECT_THAT(refused.refused, HasSubstr("the broker takes no new work, by kim: new disk"));
  EXPECT_EQ(refused.code, RefusalCode::unavailable);
  shop.pass_job(1);
  EXPECT_EQ(shop.core.held_count(), 0u);
  EXPECT_THAT(shop.explain(2).reasons,
              ElementsAre("the broker takes no new work, by kim 0s ago: new disk; muster broker "
                          "resume"));
  shop.hear("p", AskStatus{});
  EXPECT_EQ(shop.answer<BrokerStatus>().leased, 0u);
  EXPECT_EQ(shop.answer<BrokerStatus>().draining, (Draining{"kim", "new disk", shop.now}));
  EXPECT_EQ(shop.drain("").already, "drains already, by kim: new disk");
  shop.drain("", true);
  EXPECT_TRUE(shop.runs(2));
  EXPECT_EQ(shop.refusal(Shop::task(3, "ann")), "");
}

TaskSpec with_deadline(size_t number, Duration deadline) {
  TaskSpec spec = Shop::task(number, "ann");
  spec.timeouts.deadline = deadline;
  spec.retry.test = 5;
  return spec;
}

TEST(Deadline, WhatWaitsEndsForLackOfCapacity) {
  Shop shop(1);
  shop.submit_and_dispatch({Shop::task(1, "bob"), with_deadline(2, 10s)});
  shop.pass(Duration(9s));
  EXPECT_EQ(shop.info(2).state, TaskState::queued);
  shop.pass(Duration(1s));
  const TaskInfo info = shop.info(2);
  EXPECT_EQ(info.verdict, Verdict::error);
  EXPECT_EQ(info.ending->cause, Cause::capacity);
  EXPECT_EQ(info.ending->status, StatusCode::busy);
  EXPECT_THAT(info.ending->message, HasSubstr("its deadline, 10s after it was submitted, has "
                                              "passed: worker w1 has 1 of 1 slots taken"));
}

TEST(Deadline, WhatRunsIsStoppedAndDidNotFail) {
  Shop shop(1);
  shop.submit_and_dispatch({with_deadline(1, 10s)});
  shop.report("w1", {guid_of(1), 1}, AttemptStarted{});
  shop.pass(Duration(10s));
  EXPECT_EQ(shop.info(1).cancelling, "its deadline, 10s after it was submitted, has passed");
  EXPECT_EQ(shop.answer<Desired>().stop.at(0).reason, StopReason::cancelled);
  EXPECT_EQ(shop.answer<Desired>().stop.at(0).text, shop.info(1).cancelling);
  EXPECT_THAT(shop.explain(1).reasons, ElementsAre(HasSubstr("is being cancelled: its deadline")));
  // A step that may not be interrupted defers it, and says so.
  shop.report("w1", {guid_of(1), 1}, Progress{0, "stopping waits for the end of step flash"});
  EXPECT_THAT(shop.explain(1).reasons,
              ElementsAre(HasSubstr("is being cancelled: its deadline"),
                          "its worker says: stopping waits for the end of step flash"));
  EXPECT_NE(shop.core.next_deadline(), shop.now) << "it has been said";
  shop.report(
      "w1", {guid_of(1), 1},
      make_ending(Outcome::error, Cause::user, StatusCode::killed, "stopped", shop.now, shop.now));
  const TaskInfo info = shop.info(1);
  EXPECT_EQ(info.state, TaskState::ended) << "no retry is of use";
  EXPECT_EQ(info.verdict, Verdict::error);
  EXPECT_EQ(info.ending->cause, Cause::timeout);
  EXPECT_EQ(info.ending->status, StatusCode::timeout);
  EXPECT_EQ(info.ending->message, "its deadline, 10s after it was submitted, has passed: stopped");
}

TEST(Deadline, WhatEndsByItselfKeepsItsWord) {
  Shop shop(1);
  shop.submit_and_dispatch({with_deadline(1, 10s)});
  shop.pass(Duration(10s));
  shop.pass_job(1);
  EXPECT_EQ(shop.info(1).verdict, Verdict::pass);
}

TEST(Deadline, APersonsCancelIsAPersons) {
  Shop shop(1);
  shop.submit_and_dispatch({with_deadline(1, 10s)});
  shop.hear("p", Cancel{{guid_of(1)}, "wrong branch", "ann"});
  shop.pass(Duration(10s));
  shop.end(1, make_ending(Outcome::error, Cause::user, StatusCode::killed, "", shop.now, shop.now));
  EXPECT_EQ(shop.info(1).ending->cause, Cause::user);
}

TEST(Deadline, ARetryThatWouldComeTooLateIsNotMade) {
  Shop shop(1);
  shop.submit_and_dispatch({with_deadline(1, 10s), with_deadline(2, 60s)});
  shop.now += 10s;  // before the broker's next wake-up
  shop.end(1,
           make_ending(Outcome::fail, Cause::test, StatusCode::failures, "no", shop.now, shop.now));
  EXPECT_EQ(shop.info(1).verdict, Verdict::fail);
  shop.end(2,
           make_ending(Outcome::fail, Cause::test, StatusCode::failures, "no", shop.now, shop.now));
  EXPECT_EQ(shop.info(2).attempt_count, 2u);
}

TEST(Deadline, IsBounded) {
  Shop shop(1);
  EXPECT_EQ(shop.refusal(with_deadline(1, kTimeoutMax)), "");
  EXPECT_THAT(shop.refusal(with_deadline(2, kTimeoutMax + Duration(1us))), HasSubstr("timeout"));
  EXPECT_THAT(shop.refusal(with_deadline(3, -Duration(1us))), HasSubstr("timeout"));
}

TaskSpec with_limit(size_t number, uint32_t crash_limit) {
  TaskSpec spec = Shop::task(number, "ann");
  spec.retry = {kRetryMax, 0, crash_limit};
  return spec;
}

// The worker dies under the attempt, once it has begun, and comes back.
void crash(Shop& shop, size_t number) {
  const TaskInfo info = shop.info(number);
  shop.report("w1", {guid_of(number), info.attempt_count}, AttemptStarted{});
  Ending ending = make_ending(Outcome::error, Cause::worker, StatusCode::error,
                              "the worker ended while the attempt ran", shop.now, shop.now);
  ending.lost = true;
  shop.report("w1", {guid_of(number), info.attempt_count}, ending);
  shop.sync("w1", shop.slots());
  shop.hear("p", Beat{});
  shop.pass(Duration(17s));  // the fifth back-off is 16 s, and a lease 20 s
  shop.sync("w1", shop.slots());
}

TEST(CrashLimit, BuriesWhatKillsWorkers) {
  for (const uint32_t limit : {1u, 2u, 3u}) {
    Shop shop(1);
    shop.submit_and_dispatch({with_limit(1, limit)});
    for (uint32_t i = 1; i <= limit; ++i) {
      ASSERT_EQ(shop.info(1).attempt_count, i) << limit;
      EXPECT_FALSE(shop.info(1).buried);
      crash(shop, 1);
    }
    const TaskInfo info = shop.info(1);
    EXPECT_EQ(info.verdict, Verdict::error);
    EXPECT_TRUE(info.buried);
    EXPECT_THAT(info.ending->message, HasSubstr("buried: " + std::to_string(limit) +
                                                " attempts were lost with their "
                                                "workers (retry.crash_limit)"));
    ListTasks question;
    question.buried = true;
    shop.submit_and_dispatch({Shop::task(2, "ann")});
    shop.hear("p", question);
    ASSERT_EQ(shop.answer<TaskList>().tasks.size(), 1u);
    EXPECT_EQ(shop.answer<TaskList>().tasks[0].spec.guid, guid_of(1));
    shop.hear("p", RetryTasks{{guid_of(1)}, "fixed", "ann", "1"});
    EXPECT_EQ(shop.answer<RetryTasksReply>().results.at(0).refused, "");
    EXPECT_FALSE(shop.info(1).buried) << "a person digs it up";
  }
}

TEST(CrashLimit, ZeroIsNone) {
  Shop shop(1);
  shop.submit_and_dispatch({with_limit(1, 0)});
  for (int i = 0; i < 5; ++i) crash(shop, 1);
  EXPECT_EQ(shop.info(1).attempt_count, 6u);
}

TEST(CrashLimit, WhatNeverBeganIsNotToBlame) {
  Shop shop(1);
  shop.submit_and_dispatch({with_limit(1, 1)});
  Ending ending =
      make_ending(Outcome::error, Cause::worker, StatusCode::error, "gone", kNever, shop.now);
  ending.lost = true;
  shop.report("w1", {guid_of(1), 1}, ending);
  EXPECT_EQ(shop.info(1).state, TaskState::queued);
}

TEST(CrashLimit, AFaultOfTheDeviceIsNone) {
  Shop shop(1);
  shop.submit_and_dispatch({with_limit(1, 1)});
  shop.end(1, make_ending(Outcome::error, Cause::device, StatusCode::error, "no adb", shop.now,
                          shop.now));
  EXPECT_EQ(shop.info(1).state, TaskState::queued);
  EXPECT_FALSE(shop.info(1).buried);
}

TEST(CrashLimit, IsBounded) {
  Shop shop(1);
  EXPECT_EQ(shop.refusal(with_limit(1, kCrashLimitMax)), "");
  EXPECT_THAT(shop.refusal(with_limit(2, kCrashLimitMax + 1)), HasSubstr("crash_limit"));
}

TEST(Elsewhere, ATaskThatFailedByItsWorkerGoesToAnotherOne) {
  Shop shop(1);
  shop.submit_and_dispatch({with_limit(1, 0)});
  shop.drain("w2", true);
  shop.sync("w2", 1);
  crash(shop, 1);
  EXPECT_EQ(shop.info(1).attempts.back().worker, "w2");
}

TEST(Elsewhere, SoDoesOneWithDevices) {
  Lab lab(make_inventory({"a handset w1", "b handset w1", "d handset w2"}));
  EXPECT_EQ(lab.lease(1, "type=handset"), "a");
  lab.report("w1", {guid_of(1), 1}, AttemptStarted{});
  lab.report(
      "w1", {guid_of(1), 1},
      make_ending(Outcome::error, Cause::worker, StatusCode::error, "no room", lab.now, lab.now));
  lab.pass(Duration(2s));
  EXPECT_EQ(lab.leased(1), "d") << "b is of the worker that failed";
}

}  // namespace
}  // namespace muster
