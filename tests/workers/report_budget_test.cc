#include "workers/report_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::HasSubstr;

const CaseResult kCase{"suite", "case", Outcome::pass, Duration(0), ""};
const CallMade kCall{"shout", "{}", "job"};
const CallFailed kFailure{"shout", "{}", "job", "no"};

// With trace_calls each result cost two: a job that reported much lost the half of its results.
TEST(ReportBudget, CallsOfATraceTakeNoRoomFromResults) {
  ReportBudget budget({10, 100'000, 3, 100'000});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(budget.take(kCase));
    EXPECT_EQ(budget.take(i % 2 == 0 ? ReportBody(kCall) : ReportBody(kFailure)), i < 3);
  }
  EXPECT_EQ(budget.left_out(),
            "left out 7 calls of the trace: it may have 3 calls of 100000 bytes altogether");
  EXPECT_FALSE(budget.has_left_out_results());
  EXPECT_FALSE(budget.take(kCase));
  EXPECT_TRUE(budget.has_left_out_results());
  EXPECT_THAT(budget.left_out(),
              HasSubstr("left out 1 test result: an attempt may say 10 things of 100000 bytes"));
  EXPECT_THAT(budget.left_out(), HasSubstr("; left out 7 calls of the trace"));
}

TEST(ReportBudget, CallsHaveABoundInBytesToo) {
  ReportBudget budget({10, 100'000, 100, 200});
  EXPECT_TRUE(budget.take(kCall));
  EXPECT_FALSE(budget.take(CallMade{"shout", std::string(200, 'x'), "job"}));
  EXPECT_TRUE(budget.take(CallMade{"shout", "{}", "job"}));
}

}  // namespace
}  // namespace muster
