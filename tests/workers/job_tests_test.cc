#include "workers/job_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::HasSubstr;

const Ending kPassed = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kNever, kNever);

CaseResult one(Outcome outcome) { return {"s", "n", outcome, Duration{0}, ""}; }

// A fail that was dropped because there were too many requests let the job pass.
TEST(JobTests, WhatWasDroppedDoesNotPass) {
  struct Row {
    JobRequest dropped;
    Outcome outcome;
    const char* message;
  };
  const Row rows[] = {
      {SayRequest{one(Outcome::fail)}, Outcome::fail,
       "1 of 2 reported tests did not pass; left out 1 test result: too many requests in"},
      {SayRequest{one(Outcome::pass)}, Outcome::error, "left out 1 test result: too many"},
      {SayRequest{Measurement{"t", {{"n", int64_t{1}}}}}, Outcome::error,
       "left out 1 measurement: too many"},
      {ResultFileRequest{ResultFileFormat::junit, "r.xml"}, Outcome::error,
       "left out 1 whole file: too many"},
      {MeasureFileRequest{"t", "t.csv"}, Outcome::error, "left out 1 whole file: too many"},
  };
  for (const Row& row : rows) {
    JobTests tests({}, {});
    EXPECT_EQ(tests.take(one(Outcome::pass)), "");
    tests.drop(row.dropped);
    const Ending ending = tests.judge(kPassed);
    EXPECT_EQ(ending.outcome, row.outcome) << row.message;
    EXPECT_EQ(ending.cause, Cause::test);
    EXPECT_THAT(ending.message, HasSubstr(row.message));
  }
}

TEST(JobTests, OtherThingsThatWereDroppedChangeNothing) {
  JobTests tests({}, {});
  tests.drop(SayRequest{Progress{1, "text"}});
  tests.drop(PushRequest{"a", "b"});
  EXPECT_EQ(tests.judge(kPassed), kPassed);
  EXPECT_THAT(tests.left_out(), HasSubstr("left out 2 other reports: too many requests"));
}

TEST(JobTests, WhatWasDroppedDoesNotCountAsExpected) {
  JobWork work;
  work.expect_tests = 2;
  JobTests tests(work, {});
  EXPECT_EQ(tests.take(one(Outcome::pass)), "");
  tests.drop(SayRequest{one(Outcome::pass)});
  EXPECT_THAT(tests.judge(kPassed).message,
              HasSubstr("1 of 2 expected test results were reported; left out 1 test result"));
}

TEST(JobTests, AStepIsJudgedByItsOwnTests) {
  JobTests tests({}, {});
  tests.begin_step();
  tests.take(one(Outcome::fail));
  EXPECT_EQ(tests.judge_step(kPassed).outcome, Outcome::fail);
  EXPECT_FALSE(tests.is_own_case(kPassed));
  tests.begin_step();
  EXPECT_EQ(tests.judge_step(kPassed), kPassed);
  EXPECT_TRUE(tests.is_own_case(kPassed));
  EXPECT_TRUE(tests.take_fault({"muster", "id", Outcome::error, Duration{0}, "no file"}));
  EXPECT_EQ(tests.judge_step(kPassed).outcome, Outcome::error);
  EXPECT_EQ(tests.judge_step(kPassed).message, "no file");
  EXPECT_EQ(tests.judge(kPassed).message, "1 of 1 reported tests did not pass; no file");
}

TEST(JobTests, AJobThatCallsItselfSkippedHidesNoFailedTest) {
  const Ending skipped =
      make_ending(Outcome::skip, Cause::none, StatusCode::norun, "", kNever, kNever);
  JobTests tests({}, {});
  tests.begin_step();
  EXPECT_EQ(tests.judge(skipped), skipped);
  tests.take(one(Outcome::fail));
  EXPECT_EQ(tests.judge_step(skipped).outcome, Outcome::fail);
  EXPECT_EQ(tests.judge(skipped).outcome, Outcome::fail);
}

}  // namespace
}  // namespace muster
