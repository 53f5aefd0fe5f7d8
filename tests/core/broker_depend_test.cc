// Tasks that depend on others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/broker_in_hand.h"
#include "tests/core/chain_in_hand.h"
#include "tests/core/snapshot_laws.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BrokerDependTest : public testing::Test {
 protected:
  BrokerDependTest() {
    broker.hello("p", Role::submitter, "ada@lab");
    broker.worker("w", "w1", 8, 8);
  }

  TaskSpec after(size_t task, const std::vector<Dependency>& on) {
    TaskSpec spec = Broker::spec(guid_of(task));
    spec.depends_on = on;
    return spec;
  }

  // Ends the running attempt of a task.
  void end(size_t task, Outcome outcome, StatusCode status = StatusCode::ok) {
    const TaskInfo info = broker.core.task_info(guid_of(task)).value();
    const Cause cause = outcome == Outcome::pass ? Cause::none : Cause::test;
    broker.report("w", {guid_of(task), info.attempt_count},
                  make_ending(outcome, cause, status, "", broker.now, broker.now));
    broker.dispatch();
  }

  TaskInfo info(size_t task) { return broker.core.task_info(guid_of(task)).value(); }
  std::vector<std::string> leased() {
    std::vector<std::string> guids;
    for (const Event& event : broker.log) {
      if (const auto* lease = std::get_if<AttemptLeased>(&event.body))
        guids.push_back(lease->token.guid);
    }
    return guids;
  }
  // A broker that starts on the log so far comes to the same state.
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

TEST_F(BrokerDependTest, ATaskWaitsForTheLastOfItsDependencies) {
  broker.submit({Broker::spec(guid_of(1)), Broker::spec(guid_of(2)),
                 after(3, {{guid_of(1), true}, {guid_of(2), true}})});
  broker.dispatch();
  EXPECT_THAT(leased(), ElementsAre(guid_of(1), guid_of(2)));
  broker.hear("p", ExplainTask{guid_of(3)});
  const auto waits = broker.answer<Explanation>();
  EXPECT_EQ(waits.summary, "waits for the end of 2 tasks that it depends on");
  EXPECT_THAT(waits.reasons, ElementsAre("task " + guid_of(1) + " is leased and must pass",
                                         "task " + guid_of(2) + " is leased and must pass"));
  end(1, Outcome::pass);
  EXPECT_THAT(leased(), ElementsAre(guid_of(1), guid_of(2)));
  end(2, Outcome::pass);
  EXPECT_THAT(leased(), ElementsAre(guid_of(1), guid_of(2), guid_of(3)));
  expect_recovered();
}

TEST_F(BrokerDependTest, WhatDoesNotPassBlocksAllThatDependOnIt) {
  broker.submit({Broker::spec(guid_of(1)), after(2, {{guid_of(1), true}}),
                 after(3, {{guid_of(2), true}}), after(4, {{guid_of(2), false}}),
                 after(5, {{guid_of(1), false}})});
  broker.dispatch();
  end(1, Outcome::fail, StatusCode::failures);
  for (const size_t blocked : {2, 3}) {
    const TaskInfo task = info(blocked);
    EXPECT_EQ(task.state, TaskState::ended);
    EXPECT_EQ(task.verdict, Verdict::skip);
    EXPECT_EQ(task.ending->status, StatusCode::blocked);
  }
  EXPECT_EQ(info(2).ending->message, "depends on " + guid_of(1) + ", which ended as fail");
  EXPECT_EQ(info(3).ending->message, "depends on " + guid_of(2) + ", which ended as skip");
  EXPECT_THAT(leased(), ElementsAre(guid_of(1), guid_of(5), guid_of(4)))
      << "what wants the end only runs";
  expect_recovered();
}

TEST_F(BrokerDependTest, ARetryIsNoEnd) {
  TaskSpec first = Broker::spec(guid_of(1));
  first.retry.test = 1;
  broker.submit({first, after(2, {{guid_of(1), true}})});
  broker.dispatch();
  end(1, Outcome::fail, StatusCode::failures);
  EXPECT_EQ(info(2).state, TaskState::queued);
  broker.pass(std::chrono::seconds(5));
  end(1, Outcome::pass);
  EXPECT_EQ(info(1).verdict, Verdict::flaky);
  EXPECT_EQ(info(2).state, TaskState::leased) << "flaky has passed";
}

TEST_F(BrokerDependTest, CancellingADependencyBlocks) {
  broker.submit({after(9, {}), Broker::spec(guid_of(1)), after(2, {{guid_of(1), true}})});
  broker.hear("p", Cancel{{guid_of(1)}, "no need", "ada"});
  EXPECT_EQ(info(2).verdict, Verdict::skip);
  broker.submit({after(3, {{guid_of(1), false}}), after(4, {{guid_of(1), true}}),
                 after(5, {{guid_of(4), true}})});
  broker.dispatch();
  EXPECT_EQ(info(3).state, TaskState::leased) << "it had ended before";
  EXPECT_EQ(info(4).verdict, Verdict::skip);
  EXPECT_EQ(info(5).verdict, Verdict::skip) << "submitted with one that is blocked at once";
  expect_recovered();
}

TEST_F(BrokerDependTest, AWaitingTaskCanBeCancelledAndTimesOut) {
  TaskSpec timed = after(3, {{guid_of(1), true}});
  timed.timeouts.queue = std::chrono::seconds(5);
  broker.submit({Broker::spec(guid_of(1)), after(2, {{guid_of(1), true}}), timed});
  broker.dispatch();
  broker.hear("p", Cancel{{guid_of(2)}, "no need", "ada"});
  EXPECT_EQ(info(2).ending->status, StatusCode::killed);
  broker.now += std::chrono::seconds(5);
  broker.take(Tick{});
  EXPECT_EQ(info(3).ending->cause, Cause::capacity);
  EXPECT_THAT(info(3).ending->message, HasSubstr("task " + guid_of(1) + " is leased"));
  end(1, Outcome::pass);
  EXPECT_THAT(leased(), ElementsAre(guid_of(1)));
  expect_recovered();
}

// A crash between the blocks of one large decision.
TEST_F(BrokerDependTest, ARestartEndsWhatWasBlockedAndNotRecorded) {
  broker.submit({Broker::spec(guid_of(1)), after(2, {{guid_of(1), true}})});
  broker.dispatch();
  end(1, Outcome::fail, StatusCode::failures);
  std::vector<Event> cut = broker.log;
  while (!std::holds_alternative<AttemptEnded>(cut.back().body)) cut.pop_back();
  Broker again(std::move(cut), broker.now);
  EXPECT_EQ(again.core.task_info(guid_of(2))->verdict, Verdict::skip);
}

TEST_F(BrokerDependTest, WhatItCannotDependOnIsRefused) {
  EXPECT_EQ(broker.refusal(after(2, {{guid_of(1), true}})),
            "depends on " + guid_of(1) + ", which is not known; submit that first");
  EXPECT_EQ(broker.refusal(after(2, {{guid_of(2), true}})), "a task cannot depend on itself");
  EXPECT_THAT(broker.refusal(after(2, {{"short", true}})), HasSubstr("a dependency: "));
  broker.submit({Broker::spec(guid_of(1))});
  EXPECT_EQ(broker.refusal(after(2, {{guid_of(1), true}, {guid_of(1), false}})),
            "depends on " + guid_of(1) + " twice");
  std::vector<Dependency> many;
  for (size_t i = 0; i <= kDependenciesMax; ++i) many.push_back({guid_of(1000 + i), true});
  EXPECT_THAT(broker.refusal(after(2, many)), HasSubstr("at most 256"));
  TaskSpec told = Broker::spec(guid_of(3));
  told.metadata["k"] = std::string(kMetadataBytesMax - 1, 'x');
  EXPECT_EQ(broker.refusal(told), "");
  told.guid = guid_of(4);
  told.metadata["k"] += "x";
  EXPECT_THAT(broker.refusal(told), HasSubstr("pairs of metadata"));
}

// The job waited for the verification, and the verification for the job.
TEST(BrokerDependChain, AVerificationThatDependsOnTheJobDoesNotServeIt) {
  ChainLab lab(make_inventory({"a handset w1"}));
  TaskSpec after = lab.check(2, "a");
  after.depends_on = {{guid_of(1), true}};
  lab.submit({lab.job(1, "a", VerifyFirst::fresh), after});
  lab.dispatch();
  EXPECT_EQ(lab.children(1).size(), 1u) << "it has its device verified itself";
}

}  // namespace
}  // namespace muster
