// How a worker stops what it was told to stop, and what it says about it.
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

TEST(WorkerCore, StopsDecideWhatTheEndingSays) {
  using enum StopReason;
  struct Row {
    const char* name;
    std::vector<StopReason> orders;
    bool lease_lost;
    std::vector<StopWhy> told;
    bool reported;
    Cause cause;
  };
  const std::vector<Row> rows = {
      {"none", {}, false, {}, true, Cause::test},
      {"cancelled", {cancelled}, false, {StopWhy::cancelled}, true, Cause::user},
      {"cancelled twice", {cancelled, cancelled}, false, {StopWhy::cancelled}, true, Cause::user},
      {"fenced", {fenced}, false, {StopWhy::fenced}, false, {}},
      {"fenced twice", {fenced, fenced}, false, {StopWhy::fenced}, false, {}},
      {"cancelled, then fenced",
       {cancelled, fenced},
       false,
       {StopWhy::cancelled, StopWhy::fenced},
       false,
       {}},
      {"fenced, then cancelled", {fenced, cancelled}, false, {StopWhy::fenced}, false, {}},
      {"lease lost", {}, true, {StopWhy::lease_lost}, true, Cause::worker},
      // Simulation, seed 25680: the grace of a cancel outlived the lease, and the device had
      // another attempt on it by then.
      {"cancelled, then lease lost",
       {cancelled},
       true,
       {StopWhy::cancelled, StopWhy::lease_lost},
       true,
       Cause::user},
      {"fenced, then lease lost", {fenced}, true, {StopWhy::fenced}, false, {}},
  };
  for (const Row& row : rows) {
    Worker worker;
    worker.sync();
    worker.give({"job-000001"});
    worker.started();
    for (const StopReason reason : row.orders) worker.order_stop("job-000001", reason);
    worker.started(row.lease_lost ? kLease : Duration(0));
    std::vector<StopWhy> told;
    for (const StopAction& stop : worker.stopped) told.push_back(stop.why);
    EXPECT_EQ(told, row.told) << row.name;
    worker.end("job-000001", Outcome::fail);
    EXPECT_EQ(worker.core.held_count(), 0u) << row.name;
    EXPECT_EQ(worker.core.running_count(), 0u) << row.name;
    const Sync sync = worker.full_sync();
    ASSERT_EQ(sync.reports.size(), row.reported ? 1u : 0u) << row.name;
    if (row.reported) {
      EXPECT_EQ(ending_of(sync).cause, row.cause) << row.name;
    }
  }
}

TEST(WorkerCore, ALeaseThatIsOverIsToldOnce) {
  Worker worker;
  worker.sync();
  worker.give({"job-000001"});
  worker.started();
  worker.started(kLease);
  EXPECT_EQ(worker.stopped.size(), 1u);
  worker.started(kLease);
  EXPECT_THAT(worker.stopped, IsEmpty());
}

// What a task did not ask for, but holds with its stack, is held as much.
TEST(WorkerCore, CollateralIsUsedByOneAttemptAtATime) {
  Worker worker(2);
  worker.full_sync();
  Desired desired = worker.desired();
  for (const std::string& guid : {std::string("task-000001"), std::string("task-000002")}) {
    TaskSpec spec;
    spec.guid = guid;
    spec.devices = {{"", guid, ""}};
    Assignment assignment{std::make_shared<const TaskSpec>(std::move(spec)), 1, {}, ""};
    for (const std::string& name : {guid, std::string("relay")}) {
      assignment.devices.push_back(DeviceSpec{name, {}, "w1", {}, "", "", ""});
    }
    desired.run.push_back(std::move(assignment));
  }
  worker.core.take(desired, worker.now);
  WorkerActions actions = worker.core.drain_actions(worker.now);
  ASSERT_EQ(actions.start.size(), 1u);
  worker.core.report(
      {"task-000001", 1},
      make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", worker.now, worker.now), true,
      worker.now);
  actions = worker.core.drain_actions(worker.now);
  ASSERT_EQ(actions.start.size(), 1u);
  EXPECT_EQ(actions.start[0].spec->guid, "task-000002");
}

TEST(WorkerCore, ADeviceIsUsedByOneAttemptAtATime) {
  Worker worker(3);
  worker.sync();
  worker.give({"job-000001"}, true);
  EXPECT_THAT(worker.started(), ElementsAre("job-000001"));
  worker.order_stop("job-000001", StopReason::fenced);
  worker.give({"job-000002", "job-000003"}, true);
  worker.give({"job-000004"});
  EXPECT_THAT(worker.started(), ElementsAre("job-000004")) << "the device is not let go of yet";
  worker.end("job-000001");
  EXPECT_THAT(worker.started(), ElementsAre("job-000002"));
  worker.end("job-000002");
  EXPECT_THAT(worker.started(), ElementsAre("job-000003"));
}

TEST(WorkerCore, StopOfWhatHasNotStarted) {
  for (const StopReason reason : {StopReason::cancelled, StopReason::fenced}) {
    Worker worker(1);
    worker.sync();
    worker.give({"job-000001", "job-000002"});
    worker.started();
    worker.order_stop("job-000002", reason);
    EXPECT_THAT(worker.started(), IsEmpty());
    EXPECT_THAT(worker.stopped, IsEmpty()) << "nothing runs that could be stopped";
    EXPECT_EQ(worker.core.held_count(), 1u);
    const Sync sync = worker.full_sync();
    ASSERT_EQ(sync.reports.size(), reason == StopReason::cancelled ? 1u : 0u);
    if (reason == StopReason::cancelled) {
      EXPECT_EQ(ending_of(sync).cause, Cause::user);
    }
  }
}

TEST(WorkerCore, ACancelThatComesWithTheAssignmentStartsNothing) {
  Worker worker;
  worker.sync();
  Desired both = worker.desired();
  both.run.push_back(Worker::assignment("job-000001"));
  both.stop.push_back({{"job-000001", 1}, StopReason::cancelled, "cancelled by ann: enough"});
  worker.take(both);
  EXPECT_THAT(worker.started(), IsEmpty());
  EXPECT_EQ(ending_of(worker.full_sync()).cause, Cause::user);
}

TEST(WorkerCore, AStopForWhatIsNotHeldDoesNothing) {
  Worker worker;
  worker.sync();
  worker.order_stop("job-000009", StopReason::cancelled);
  EXPECT_THAT(worker.started(), IsEmpty());
  EXPECT_THAT(worker.stopped, IsEmpty());
  EXPECT_THAT(worker.full_sync().reports, IsEmpty());
}

}  // namespace
}  // namespace muster
