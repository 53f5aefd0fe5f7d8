// Verification: order, caching, records and what is reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"
#include "tests/core/strategy_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct RunRow {
  const char* name;
  Strategy strategy;
  std::set<std::string> failing;
  std::vector<std::string> records;
  std::vector<std::string> failures;
};

// The verifier rows of the conformance table, as a whole strategy, and more.
TEST(StrategyVerify, Table) {
  const Strategy diamond =
      strategy({verifier("bottom"), verifier("left", {"bottom"}), verifier("right", {"bottom"}),
                verifier("top", {"left", "right"})});
  const Strategy two =
      strategy({verifier("left"), verifier("right"), verifier("top", {"left", "right"})});
  const std::vector<RunRow> rows = {
      {"no verifiers", strategy({}), {}, {"GOOD verify.PASS"}, {}},
      {"one passes", strategy({verifier("a")}), {}, {"GOOD verify.a", "GOOD verify.PASS"}, {}},
      {"one fails", strategy({verifier("a")}), {"a"}, {"FAIL verify.a: a is broken"}, {"a"}},
      {"dependency passes",
       strategy({verifier("a"), verifier("b", {"a"})}),
       {},
       {"GOOD verify.a", "GOOD verify.b", "GOOD verify.PASS"},
       {}},
      {"dependency fails: the dependant has no record",
       strategy({verifier("a"), verifier("b", {"a"})}),
       {"a", "b"},
       {"FAIL verify.a: a is broken"},
       {"a"}},
      {"two pass",
       two,
       {},
       {"GOOD verify.left", "GOOD verify.right", "GOOD verify.top", "GOOD verify.PASS"},
       {}},
      {"siblings go on after a failure",
       two,
       {"left", "right"},
       {"FAIL verify.left: left is broken", "FAIL verify.right: right is broken"},
       {"left", "right"}},
      {"mixed", two, {"left"}, {"FAIL verify.left: left is broken", "GOOD verify.right"}, {"left"}},
      {"diamond passes",
       diamond,
       {},
       {"GOOD verify.bottom", "GOOD verify.left", "GOOD verify.right", "GOOD verify.top",
        "GOOD verify.PASS"},
       {}},
      {"diamond fails once",
       diamond,
       {"bottom"},
       {"FAIL verify.bottom: bottom is broken"},
       {"bottom"}},
      {"a root that fails keeps PASS away, others go on",
       strategy({verifier("a"), verifier("b"), verifier("c")}),
       {"b"},
       {"GOOD verify.a", "FAIL verify.b: b is broken", "GOOD verify.c"},
       {"b"}},
      {"depth-first in listed order, roots in declared order",
       strategy({verifier("late", {"z", "y"}), verifier("x"), verifier("y"), verifier("z", {"w"}),
                 verifier("w")}),
       {},
       {"GOOD verify.w", "GOOD verify.z", "GOOD verify.y", "GOOD verify.late", "GOOD verify.x",
        "GOOD verify.PASS"},
       {}},
      {"a message of several lines is passed on whole",
       strategy({verifier("a\nb")}),
       {"a\nb"},
       {"FAIL verify.a\nb: a\nb is broken"},
       {"a\nb"}},
  };
  for (const RunRow& row : rows) {
    for (uint32_t parallel : {1u, 2u, 100u}) {
      SCOPED_TRACE(std::string(row.name) + ", parallel " + std::to_string(parallel));
      const Story story = run_verify(row.strategy, row.failing, parallel);
      EXPECT_EQ(story.records, row.records);
      EXPECT_EQ(story.failures, row.failures);
      EXPECT_EQ(story.passed, row.failures.empty());
    }
  }
}

TEST(StrategyVerify, OneAtATimeRunsInTheOrderOfTheRecords) {
  const Strategy chain = strategy(
      {verifier("x"), verifier("c", {"b"}), verifier("b", {"a"}), verifier("a"), verifier("y")});
  DeviceInHand device;
  run(chain, device, {});
  EXPECT_THAT(device.calls, ElementsAre("check x", "check a", "check b", "check c", "check y"));
}

TEST(StrategyVerify, BlockedVerifiersAreSkippedAndSayWhy) {
  const Story story = run_verify(
      strategy({verifier("a"), verifier("b", {"a"}), verifier("c", {"b"}), verifier("ok"),
                verifier("d", {"ok", "c"}), verifier("e"), verifier("f", {"e", "a"})}),
      {"a", "e"}, 1);
  EXPECT_EQ(story.results,
            (std::map<std::string, std::string>{{"verify.a", "fail: a is broken"},
                                                {"verify.b", "skip: not run: a failed"},
                                                {"verify.c", "skip: not run: a failed"},
                                                {"verify.ok", "pass"},
                                                {"verify.d", "skip: not run: a failed"},
                                                {"verify.e", "fail: e is broken"},
                                                {"verify.f", "skip: not run: e failed"}}));
}

// The indexes of steps that are all checks.
std::vector<size_t> checks(const std::vector<EngineStep>& steps) {
  std::vector<size_t> out;
  for (const EngineStep& step : steps) {
    EXPECT_EQ(step, (EngineStep{StepKind::check, step.index, 5s}));
    out.push_back(step.index);
  }
  return out;
}

TEST(StrategyVerify, HandsOutNoMoreThanItMay) {
  const Strategy wide = strategy({verifier("a"), verifier("b"), verifier("c")});
  StrategyRun none(wide, {.parallel_max = 0}, kNever);
  EXPECT_THAT(checks(none.next(kNever)), ElementsAre(0));
  StrategyRun two(wide, {.parallel_max = 2}, kNever);
  EXPECT_THAT(checks(two.next(kNever)), ElementsAre(0, 1));
  EXPECT_THAT(checks(two.next(kNever)), IsEmpty());
  two.finish({StepKind::check, 1, 5s}, {true, "", 1ms}, kNever);
  EXPECT_THAT(checks(two.next(kNever)), ElementsAre(2));
  EXPECT_THAT(checks(two.next(kNever)), IsEmpty());
}

TEST(StrategyVerify, RecordsWaitForThoseBeforeThem) {
  const Strategy wide = strategy({verifier("a"), verifier("b"), verifier("c")});
  StrategyRun verify(wide, {.parallel_max = 3}, kNever);
  EXPECT_THAT(checks(verify.next(kNever)), ElementsAre(0, 1, 2));
  verify.finish({StepKind::check, 2, 5s}, {true, "", 1ms}, kNever);
  verify.finish({StepKind::check, 1, 5s}, {false, "no", 1ms}, kNever);
  EXPECT_THAT(verify.take_records(), IsEmpty());
  EXPECT_THAT(verify.take_results(), IsEmpty());
  EXPECT_FALSE(verify.done());
  verify.finish({StepKind::check, 0, 5s}, {true, "", 3ms}, kNever);
  std::vector<std::string> records;
  append_texts(verify.take_records(), &records);
  EXPECT_THAT(records, ElementsAre("GOOD verify.a", "FAIL verify.b: no", "GOOD verify.c"));
  EXPECT_THAT(verify.take_records(), IsEmpty());
  const std::vector<CaseResult> results = verify.take_results();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0], (CaseResult{"verify", "a", Outcome::pass, 3ms, ""}));
  EXPECT_EQ(results[1], (CaseResult{"verify", "b", Outcome::fail, 1ms, "no"}));
  EXPECT_TRUE(verify.done());
  EXPECT_FALSE(verify.passed());
  EXPECT_EQ(verify.failures(), (std::vector<StrategyFailure>{{"b", "Testing b", "no", ""}}));
}

TEST(StrategyVerify, NothingToCheckIsDoneAtOnce) {
  const Strategy empty = strategy({});
  StrategyRun verify(empty, {.parallel_max = 4}, kNever);
  EXPECT_TRUE(verify.done());
  EXPECT_TRUE(verify.passed());
  EXPECT_THAT(verify.next(kNever), IsEmpty());
  EXPECT_EQ(verify.take_records().size(), 1u);
  EXPECT_THAT(verify.take_records(), IsEmpty());
}

TEST(StrategyVerify, LongChain) {
  Strategy chain = strategy({});
  for (size_t i = 0; i < kStrategyNodesMax; ++i) {
    // Declared dependants first, so that a recursive walk would go all the way down.
    std::vector<std::string> deps;
    if (i + 1 < kStrategyNodesMax) deps.push_back("v" + std::to_string(i + 1));
    chain.verifiers.push_back(verifier("v" + std::to_string(i), deps));
  }
  ASSERT_THAT(check_strategy(chain), IsEmpty());
  const Story good = run_verify(chain, {}, 8);
  EXPECT_EQ(good.records.size(), kStrategyNodesMax + 1);
  EXPECT_EQ(good.records.front(), "GOOD verify.v999");
  const Story bad = run_verify(chain, {"v999"}, 8);
  EXPECT_THAT(bad.records, ElementsAre("FAIL verify.v999: v999 is broken"));
  EXPECT_EQ(bad.results.at("verify.v0"), "skip: not run: v999 failed");
}

// 2^333 ways lead from the top to the bottom.
TEST(StrategyVerify, StackedDiamonds) {
  Strategy stack = strategy({verifier("top0")});
  for (size_t i = 1; i <= 333; ++i) {
    const std::string n = std::to_string(i), below = "top" + std::to_string(i - 1);
    stack.verifiers.push_back(verifier("left" + n, {below}));
    stack.verifiers.push_back(verifier("right" + n, {below}));
    stack.verifiers.push_back(verifier("top" + n, {"left" + n, "right" + n}));
  }
  ASSERT_THAT(check_strategy(stack), IsEmpty());
  EXPECT_EQ(run_verify(stack, {}, 2).records.size(), 1001u);
  const Story bad = run_verify(stack, {"left100", "right100"}, 2);
  EXPECT_EQ(bad.failures.size(), 2u);
  EXPECT_EQ(bad.records.size(), 1 + 3 * 99 + 2u);
}

}  // namespace
}  // namespace muster
