#include "cli/exit_status.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

Ending ending(Outcome outcome, Cause cause, StatusCode status) {
  return make_ending(outcome, cause, status, "", kNever, kNever);
}

TEST(ExitStatus, OfAnEnding) {
  const struct {
    Outcome outcome;
    Cause cause;
    StatusCode status;
    int expected;
  } rows[] = {
      {Outcome::pass, Cause::none, StatusCode::ok, 0},
      {Outcome::error, Cause::test, StatusCode::error, 1},
      {Outcome::skip, Cause::none, StatusCode::norun, 2},
      {Outcome::skip, Cause::none, StatusCode::ok, 0},
      {Outcome::fail, Cause::test, StatusCode::failures, 5},
      {Outcome::fail, Cause::device, StatusCode::failures, 5},
      {Outcome::error, Cause::config, StatusCode::nolist, 6},
      {Outcome::error, Cause::user, StatusCode::killed, 7},
      {Outcome::error, Cause::timeout, StatusCode::timeout, 9},
      // Infrastructure: the task's own status would say something about the test.
      {Outcome::error, Cause::device, StatusCode::blocked, 10},
      {Outcome::error, Cause::peripheral, StatusCode::error, 10},
      {Outcome::error, Cause::worker, StatusCode::error, 10},
      {Outcome::error, Cause::broker, StatusCode::error, 10},
      {Outcome::error, Cause::capacity, StatusCode::busy, 10},
      // What did not pass never looks like success.
      {Outcome::fail, Cause::test, StatusCode::ok, 1},
      {Outcome::error, Cause::test, StatusCode::ok, 1},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(exit_status(ending(row.outcome, row.cause, row.status)), row.expected)
        << to_string(row.outcome) << " " << to_string(row.cause) << " " << to_string(row.status);
  }
}

TaskInfo task(Ending end) {
  TaskInfo info;
  info.ending = std::move(end);
  return info;
}

TEST(ExitStatus, OfSeveralTasksIsTheWorst) {
  const TaskInfo good = task(ending(Outcome::pass, Cause::none, StatusCode::ok));
  const TaskInfo failing = task(ending(Outcome::fail, Cause::test, StatusCode::failures));
  const TaskInfo late = task(ending(Outcome::error, Cause::timeout, StatusCode::timeout));
  const TaskInfo infra = task(ending(Outcome::error, Cause::worker, StatusCode::error));
  EXPECT_EQ(worst_exit_status({}), 0);
  EXPECT_EQ(worst_exit_status({good, good}), 0);
  EXPECT_EQ(worst_exit_status({good, failing, good}), 5);
  EXPECT_EQ(worst_exit_status({late, failing}), 9);
  EXPECT_EQ(worst_exit_status({failing, infra, late}), 10);
  EXPECT_EQ(worst_exit_status({good, TaskInfo{}}), 10);
}

TEST(ExitStatus, OfARefusal) {
  EXPECT_EQ(exit_status(RefusalCode::not_permitted), 77);
  EXPECT_EQ(exit_status(RefusalCode::unavailable), 69);
  EXPECT_EQ(exit_status(RefusalCode::protocol), 69);
  EXPECT_EQ(exit_status(RefusalCode::invalid), 64);
  EXPECT_EQ(exit_status(RefusalCode::limit), 64);
  EXPECT_EQ(exit_status(RefusalCode::unknown), 64);
  EXPECT_EQ(exit_status(RefusalCode::malformed), 64);
}

}  // namespace
}  // namespace muster
