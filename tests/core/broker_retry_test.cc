// Ended tasks that a person has retried, and what each event tells of its task.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/broker_in_hand.h"
#include "tests/core/chain_in_hand.h"
#include "tests/core/snapshot_laws.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BrokerRetryTest : public testing::Test {
 protected:
  BrokerRetryTest() {
    broker.hello("p", Role::submitter, "ada@lab");
    broker.worker("w", "w1", 8, 8);
  }

  void submit(size_t task, const std::vector<Dependency>& on = {}, const Retry& retry = {}) {
    TaskSpec spec = Broker::spec(guid_of(task));
    spec.depends_on = on;
    spec.retry = retry;
    broker.submit({spec});
    broker.dispatch();
  }
  void end(size_t task, Outcome outcome, Cause cause) {
    const AttemptToken token{guid_of(task), info(task).attempt_count};
    broker.report("w", token, AttemptStarted{"", {}});
    broker.report(
        "w", token,
        make_ending(outcome, cause, StatusCode::error, "no luck", broker.now, broker.now));
    broker.dispatch();
  }
  void fail(size_t task) { end(task, Outcome::fail, Cause::test); }
  void pass(size_t task) { end(task, Outcome::pass, Cause::none); }

  // Why not, for each; empty: it was retried.
  std::vector<std::string> retry(const std::vector<size_t>& tasks, const std::string& id) {
    RetryTasks request{{}, "new cable", "ada@lab", id};
    for (const size_t task : tasks) request.guids.push_back(guid_of(task));
    broker.hear("p", request);
    std::vector<std::string> refused;
    for (const RetryTasksResult& result : broker.answer<RetryTasksReply>().results) {
      refused.push_back(result.refused);
    }
    broker.dispatch();
    return refused;
  }
  std::string retry_one(size_t task, const std::string& id) { return retry({task}, id).at(0); }

  TaskInfo info(size_t task) { return broker.core.task_info(guid_of(task)).value(); }
  void expect_recovered() {
    Broker again(broker.log, broker.now);
    again.core.apply(Event{broker.now, BrokerStarted{3, ""}});
    BrokerCore live(Broker::options());
    for (const Event& event : again.log) live.apply(event);
    live.apply(Event{broker.now, BrokerStarted{3, ""}});
    EXPECT_EQ(live.hard_digest(), again.core.hard_digest());
    expect_snapshots_tell_all(broker.log);
  }

  Broker broker;
};

TEST_F(BrokerRetryTest, AnEndedTaskGetsAnotherAttemptAndKeepsItsFormerOnes) {
  submit(1);
  fail(1);
  ASSERT_EQ(info(1).verdict, Verdict::fail);
  EXPECT_EQ(broker.core.ended_count(), 1u);
  EXPECT_EQ(retry_one(1, "a"), "");
  EXPECT_EQ(info(1).state, TaskState::leased);
  EXPECT_EQ(info(1).verdict, Verdict::none);
  EXPECT_EQ(info(1).ending, std::nullopt);
  EXPECT_EQ(info(1).attempt_count, 2u);
  EXPECT_EQ(info(1).attempts[0].ending->message, "no luck");
  EXPECT_EQ(broker.core.ended_count(), 0u);
  pass(1);
  EXPECT_EQ(info(1).verdict, Verdict::flaky) << "the verdict folds all attempts";
  EXPECT_EQ(broker.core.ended_count(), 1u);
  expect_recovered();
}

TEST_F(BrokerRetryTest, ItsRetriesBeginAnew) {
  Retry one;
  one.infra = 1;
  submit(1, {}, one);
  for (int attempt = 0; attempt < 2; ++attempt) {
    end(1, Outcome::error, Cause::device);
    broker.pass(std::chrono::seconds(5));
  }
  ASSERT_EQ(info(1).verdict, Verdict::error);
  EXPECT_EQ(retry_one(1, "a"), "");
  end(1, Outcome::error, Cause::device);
  EXPECT_EQ(info(1).state, TaskState::queued) << "a retry of its own again";
  broker.pass(std::chrono::seconds(5));
  end(1, Outcome::error, Cause::device);
  EXPECT_EQ(info(1).verdict, Verdict::error);
  EXPECT_EQ(info(1).attempt_count, 4u);
  expect_recovered();
}

TEST_F(BrokerRetryTest, ARepeatOfARequestIsHarmless) {
  submit(1);
  fail(1);
  EXPECT_EQ(retry_one(1, "a"), "");
  EXPECT_EQ(retry_one(1, "a"), "") << "while it runs";
  fail(1);
  EXPECT_EQ(retry_one(1, "b"), "");
  fail(1);
  EXPECT_EQ(retry_one(1, "a"), "") << "late mail after another one";
  EXPECT_EQ(info(1).state, TaskState::ended);
  EXPECT_EQ(info(1).attempt_count, 3u);
  EXPECT_EQ(retry({1, 1}, "c"), (std::vector<std::string>{"", ""})) << "named twice";
  EXPECT_EQ(info(1).attempt_count, 4u);
  expect_recovered();
}

TEST_F(BrokerRetryTest, SaysWhyNot) {
  submit(1);
  EXPECT_EQ(retry_one(1, "a"), "is leased: it has not ended");
  pass(1);
  EXPECT_EQ(retry_one(1, "b"), "passed: there is nothing to retry");
  EXPECT_EQ(retry_one(2, "c"), "no such task");
  submit(3);
  for (uint32_t attempt = 0; attempt < kAttemptsMax; ++attempt) {
    fail(3);
    const std::string refused = retry_one(3, std::to_string(attempt));
    if (attempt + 1 < kAttemptsMax) {
      EXPECT_EQ(refused, "");
    } else {
      EXPECT_THAT(refused, HasSubstr("no task has more"));
    }
  }
  submit(4);
  fail(4);
  broker.core.note_disk_low(true);
  EXPECT_THAT(retry_one(4, "d"), HasSubstr("almost full"));
  broker.core.note_disk_low(false);
  EXPECT_EQ(retry_one(4, "e"), "");
}

TEST_F(BrokerRetryTest, WhatNothingCouldServeAnyMoreIsRefused) {
  Sync sync = broker.make_sync();
  sync.slots = sync.credit = 8;
  sync.pools = {"green"};
  broker.hear("w", sync);
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.pool = "green";
  spec.wait_for_capacity = false;
  broker.submit({spec});
  broker.dispatch();
  fail(1);
  sync.pools = {};
  sync.number = ++broker.sync_number;
  broker.hear("w", sync);
  EXPECT_EQ(retry_one(1, "a"), "no worker serves pool green");
}

TEST_F(BrokerRetryTest, ACancelledTaskIsNotCancelledAgain) {
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.pool = "later";
  broker.submit({spec});
  broker.hear("p", Cancel{{guid_of(1)}, "no need", "ada"});
  ASSERT_EQ(info(1).ending->cause, Cause::user);
  EXPECT_EQ(retry_one(1, "a"), "");
  EXPECT_EQ(info(1).state, TaskState::queued);
  EXPECT_EQ(info(1).cancelling, "");
  broker.take(Start{2});
  EXPECT_EQ(info(1).state, TaskState::queued) << "nor by a restart";
  broker.hear("p", Cancel{{guid_of(1)}, "no need", "ada"});
  EXPECT_EQ(info(1).verdict, Verdict::error);
}

TEST_F(BrokerRetryTest, TheQueueTimeoutCountsFromTheRetry) {
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.pool = "later";
  spec.timeouts.queue = std::chrono::seconds(5);
  broker.submit({spec});
  broker.pass(std::chrono::seconds(6));
  ASSERT_EQ(info(1).ending->status, StatusCode::busy);
  EXPECT_EQ(retry_one(1, "a"), "");
  broker.pass(std::chrono::seconds(4));
  EXPECT_EQ(info(1).state, TaskState::queued);
  broker.pass(std::chrono::seconds(2));
  EXPECT_EQ(info(1).ending->status, StatusCode::busy);
  expect_recovered();
}

TEST_F(BrokerRetryTest, DependantsAreRetriedWithWhatTheyDependOn) {
  submit(1);
  submit(2, {{guid_of(1), true}});
  fail(1);
  ASSERT_EQ(info(2).ending->status, StatusCode::blocked);
  EXPECT_EQ(retry_one(2, "a"),
            "depends on " + guid_of(1) + ", which ended as fail: retry that too");
  EXPECT_EQ(retry({2, 1}, "b"), (std::vector<std::string>{"", ""})) << "in whatever order";
  EXPECT_EQ(info(1).state, TaskState::leased);
  EXPECT_EQ(info(2).state, TaskState::queued);
  fail(1);
  EXPECT_EQ(info(2).ending->status, StatusCode::blocked);
  EXPECT_EQ(retry_one(1, "c"), "");
  EXPECT_EQ(retry_one(2, "d"), "") << "what it depends on runs again";
  pass(1);
  EXPECT_EQ(info(2).state, TaskState::leased);
  expect_recovered();
}

// The end of a task counts once for those that wait for several.
TEST_F(BrokerRetryTest, ARetriedDependencyCountsOnce) {
  submit(1);
  submit(2);
  submit(3, {{guid_of(1), false}, {guid_of(2), true}});
  fail(1);
  EXPECT_EQ(retry_one(1, "a"), "");
  fail(1);
  EXPECT_EQ(info(3).state, TaskState::queued) << "it waits for the other one";
  pass(2);
  EXPECT_EQ(info(3).state, TaskState::leased);
  expect_recovered();
}

// What it depended on is forgotten first, for it ended first.
TEST_F(BrokerRetryTest, ABlockedTaskIsNotRetriedWithoutWhatIsForgotten) {
  submit(0);
  submit(1, {{guid_of(0), true}});
  submit(2, {{guid_of(0), false}});
  fail(0);
  fail(2);
  ASSERT_EQ(info(1).ending->status, StatusCode::blocked);
  for (size_t task = 3; broker.core.task_info(guid_of(0)); ++task) {
    submit(task);
    broker.report(
        "w", {guid_of(task), 1},
        make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", broker.now, broker.now));
  }
  EXPECT_THAT(retry_one(1, "a"), HasSubstr("ended too long ago to tell how"));
  EXPECT_EQ(retry_one(2, "b"), "") << "it ran: nothing of that is in its way";
}

// The list of ended tasks, which is forgotten from its front, may name it in its former life.
TEST_F(BrokerRetryTest, ATaskThatRunsAgainIsNotForgotten) {
  submit(0);
  fail(0);
  EXPECT_EQ(retry_one(0, "a"), "");
  for (size_t task = 1; task <= kEndedTasksKept; ++task) {
    submit(task);
    broker.report(
        "w", {guid_of(task), 1},
        make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", broker.now, broker.now));
  }
  ASSERT_TRUE(broker.core.task_info(guid_of(0)).has_value());
  EXPECT_EQ(info(0).state, TaskState::leased);
  pass(0);
  EXPECT_EQ(info(0).verdict, Verdict::flaky);
}

TEST_F(BrokerRetryTest, WatchersAreToldOfTheRetry) {
  submit(1);
  broker.hear("p", Watch{{guid_of(1)}});
  fail(1);
  EXPECT_EQ(broker.core.drain_sends(broker.now).size(), 0u);
  RetryTasks request{{guid_of(1)}, "", "ada@lab", "a"};
  broker.hear("p", request);
  const auto news = broker.answer<TaskNews>();
  ASSERT_EQ(news.changes.size(), 1u);
  EXPECT_EQ(news.changes[0].state, TaskState::queued);
  EXPECT_EQ(news.changes[0].verdict, Verdict::none);
}

TEST_F(BrokerRetryTest, AKeyOfMetadataIsNotEmpty) {
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.metadata = {{"", "x"}};
  EXPECT_EQ(broker.refusal(spec), "a key of its metadata is empty");
}

TEST_F(BrokerRetryTest, LimitsOnBothSides) {
  RetryTasks request{{}, "", "ada@lab", "a"};
  request.guids.assign(kGuidsPerRequestMax, guid_of(1));
  broker.hear("p", request);
  EXPECT_EQ(broker.answer<RetryTasksReply>().results.size(), kGuidsPerRequestMax);
  request.guids.push_back(guid_of(1));
  broker.hear("p", request);
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
}

// The device that was just blamed used to be the first to be had again.
TEST(BrokerElsewhereTest, ARetryGoesToADeviceThatTheFailedAttemptsDidNotHave) {
  Lab lab(make_inventory({"d1 phone w1", "d2 phone w1", "d3 phone w1"}));
  TaskSpec spec = make_task(1, "type=phone");
  spec.retry.test = 4;
  lab.submit({spec});
  lab.dispatch();
  const auto fail = [&] {
    lab.end(1, make_ending(Outcome::fail, Cause::test, StatusCode::failures, "", lab.now, lab.now));
  };
  EXPECT_EQ(lab.leased(1), "d1");
  EXPECT_EQ(lab.lease(2, "d2"), "d2");
  fail();
  EXPECT_EQ(lab.leased(1), "d3") << "d2 is held by another task";
  lab.pass_job(2);
  fail();
  EXPECT_EQ(lab.leased(1), "d2");
  fail();
  EXPECT_EQ(lab.leased(1), "d1") << "it has had them all";
  EXPECT_EQ(lab.lease(3, "d2"), "d2");
  EXPECT_EQ(lab.lease(4, "d3"), "d3");
  fail();
  EXPECT_EQ(lab.leased(1), "d1") << "no other is free";
}

TEST_F(BrokerRetryTest, EachEventOfATaskTellsItsMetadata) {
  TaskSpec spec = Broker::spec(guid_of(1));
  spec.metadata = {{"build", "42"}};
  TaskSpec blocked = Broker::spec(guid_of(2));
  blocked.metadata = {{"build", "43"}};
  blocked.depends_on = {{guid_of(1), true}};
  broker.submit({spec, blocked, Broker::spec(guid_of(3))});
  broker.dispatch();
  fail(1);
  EXPECT_EQ(retry_one(1, "a"), "");
  size_t told = 0;
  for (const Event& event : broker.log) {
    const std::string_view guid = event_guid(event);
    const Metadata* metadata = event_metadata(event);
    if (guid == guid_of(1)) {
      ASSERT_NE(metadata, nullptr) << event_type(event);
      EXPECT_EQ(metadata->at("build"), "42");
      ++told;
    } else if (guid == guid_of(2)) {
      ASSERT_NE(metadata, nullptr) << event_type(event);
      EXPECT_EQ(metadata->at("build"), "43");
    } else {
      EXPECT_EQ(metadata, nullptr) << event_type(event);
    }
  }
  EXPECT_EQ(told, 6u) << "submitted, leased, started, ended, retried, leased";
}

// Also of one that the same decision submits and ends.
TEST_F(BrokerRetryTest, AnEventOfATaskSubmittedWithItTellsItsMetadata) {
  submit(1);
  fail(1);
  TaskSpec blocked = Broker::spec(guid_of(2));
  blocked.metadata = {{"build", "43"}};
  blocked.depends_on = {{guid_of(1), true}};
  broker.submit({blocked});
  ASSERT_TRUE(std::holds_alternative<TaskEnded>(broker.log.back().body));
  ASSERT_NE(broker.log.back().metadata, nullptr);
  EXPECT_EQ(broker.log.back().metadata->at("build"), "43");
}

}  // namespace
}  // namespace muster
