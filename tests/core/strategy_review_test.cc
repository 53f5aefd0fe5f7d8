// What is allowed in a strategy and most likely not meant, how long a repair may take, and what it
// would do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"
#include "core/repair_forecast.h"
#include "tests/core/strategy_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::vector<StrategyProblem>& problems) {
  std::vector<std::string> out;
  for (const StrategyProblem& problem : problems) {
    out.push_back(problem.where + ": " + problem.message);
  }
  return out;
}

TEST(ReviewStrategy, VerifiersThatNobodyRepairs) {
  // What only needs repairing as a dependency of a trigger is looked after.
  const Strategy some = strategy({verifier("ssh"), verifier("disk", {"ssh"}), verifier("hwid")},
                                 {action("clean", {"disk"})});
  EXPECT_THAT(texts(review_strategy(some)),
              ElementsAre("verify[2]: no action is tried when \"hwid\" fails: nothing triggers on "
                          "it, or on what needs it, without needing it"));
  // While ssh fails, what needs it is not tried.
  const Strategy blocked =
      strategy({verifier("ssh"), verifier("disk", {"ssh"})}, {action("clean", {"disk"}, {"ssh"})});
  EXPECT_THAT(texts(review_strategy(blocked)),
              ElementsAre("verify[0]: no action is tried when \"ssh\" fails: nothing triggers on "
                          "it, or on what needs it, without needing it"));
  const Strategy all = strategy({verifier("a"), verifier("b")}, {action("any", {"PASS"})});
  EXPECT_THAT(texts(review_strategy(all)), IsEmpty());
  const Strategy only_verified = strategy({verifier("a")});
  EXPECT_THAT(texts(review_strategy(only_verified)), IsEmpty());
}

TEST(ReviewStrategy, ActionsWithoutTriggers) {
  const Strategy idle = strategy({verifier("a")}, {action("fix", {"a"}), action("never", {})});
  EXPECT_THAT(texts(review_strategy(idle)),
              ElementsAre("repair[1]: it is never tried: it has no triggers"));
}

// ssh 10s <- disk 20s, web 5s; reboot (needs ssh, triggers disk) 60s + 30s wait, twice.
Strategy timed() {
  Strategy timed = strategy({verifier("ssh"), verifier("disk", {"ssh"}), verifier("web", {"ssh"})},
                            {action("reboot", {"disk"}, {"ssh"})});
  timed.verifiers[0].timeout = 10s;
  timed.verifiers[1].timeout = 20s;
  timed.actions[0].timeout = 60s;
  timed.actions[0].then_wait = 30s;
  timed.actions[0].attempts = 2;
  return timed;
}

TEST(ReviewStrategy, WorstCase) {
  EXPECT_EQ(worst_case_repair(strategy({})), Duration(0));
  EXPECT_EQ(worst_case_repair(strategy({verifier("a"), verifier("b", {"a"})})), Duration(10s));
  // ssh, disk; twice the action, its wait, ssh and disk; web; everything anew.
  EXPECT_EQ(worst_case_repair(timed()), Duration(10s + 20s + 2 * (60s + 30s + 30s) + 5s + 30s));
}

TEST(ReviewStrategy, TimeOverTheLimit) {
  Strategy tight = timed();
  tight.actions.push_back(action("last", {"web"}));
  const Duration worst = worst_case_repair(tight);
  tight.total = worst;
  EXPECT_THAT(texts(review_strategy(tight)), IsEmpty());
  tight.total = worst - 1s;
  EXPECT_THAT(texts(review_strategy(tight)),
              ElementsAre("limits.total: a repair may take 6m20s, and after 6m19s no further "
                          "action is tried"));
}

TEST(CheckStrategy, ActionsThatNeedWhatTheyFix) {
  const std::string why = " is one of its triggers, and while that fails the action is not tried";
  const Strategy direct =
      strategy({verifier("a"), verifier("b")}, {action("fix", {"a", "b"}, {"b"})});
  EXPECT_THAT(texts(check_strategy(direct)),
              ElementsAre("repair[0].deps[0]: needs what it fixes: \"b\"" + why));
  const Strategy root = strategy({verifier("a")}, {action("fix", {"PASS"}, {"PASS"})});
  EXPECT_THAT(texts(check_strategy(root)),
              ElementsAre("repair[0].deps[0]: needs what it fixes: \"PASS\"" + why));
  // A dependency of a trigger may well be needed.
  const Strategy near =
      strategy({verifier("a"), verifier("b", {"a"})}, {action("fix", {"b"}, {"a"})});
  EXPECT_THAT(texts(check_strategy(near)), IsEmpty());
}

// What triggers it may fail, and may depend on what fails; all of that has to pass for it to be
// tried.
TEST(CheckStrategy, ActionsThatCanNeverBeTried) {
  const std::string why =
      ": can never be tried: whatever fails of its triggers, and of what they depend on, it needs "
      "itself by its deps";
  const std::vector<Verifier> chain = {verifier("a"), verifier("b", {"a"}), verifier("c", {"b"}),
                                       verifier("d")};
  const Strategy dead = strategy(
      chain, {action("odd", {"b"}, {"c"}), action("all", {"d"}, {"PASS"}),
              action("split", {"PASS"}, {"c", "d"}), action("two", {"a", "b"}, {"d", "c"})});
  EXPECT_THAT(texts(check_strategy(dead)),
              ElementsAre("repair[0].triggers" + why, "repair[1].triggers" + why,
                          "repair[2].triggers" + why, "repair[3].triggers" + why));
  const Strategy alive =
      strategy(chain, {action("one", {"b"}, {"a"}), action("any", {"PASS"}, {"c"}),
                       action("some", {"b", "d"}, {"c"})});
  EXPECT_THAT(texts(check_strategy(alive)), IsEmpty());
}

TEST(CheckStrategy, ClosingActionsSelectorsAndNumbers) {
  Strategy wrong = strategy({verifier("a")}, {action("fix", {"a"})});
  wrong.verifiers[0].when = "k in (";
  wrong.verifiers[0].blame = "{stack}";
  wrong.verifiers[0].levels = {"quick", "not a name"};
  wrong.actions[0].when = "=";
  wrong.actions[0].then_wait = kTimeoutMax + 1us;
  wrong.actions[0].attempts = 0;
  wrong.actions[0].per_day = kActionsPerDayMax + 1;
  wrong.closing = {{"x", "", NoopCheck{}, FinallyWhen::always, 1s},
                   {"x", "", CommandCheck{{""}}, FinallyWhen::always, -1s},
                   {"fix", "", NoopCheck{}, FinallyWhen::always, 1s}};
  wrong.total = -1s;
  std::vector<std::string> wheres;
  for (const StrategyProblem& problem : check_strategy(wrong)) wheres.push_back(problem.where);
  EXPECT_THAT(wheres, ElementsAre("verify[0].when", "verify[0].blame", "verify[0].levels[1]",
                                  "repair[0].then", "repair[0].when", "repair[0].attempts",
                                  "repair[0].per_day", "finally[1].tag", "finally[1].run",
                                  "finally[1].timeout", "limits.total"));
  for (const uint32_t attempts : {1u, kActionAttemptsMax, kActionAttemptsMax + 1}) {
    Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
    one.actions[0].attempts = attempts;
    EXPECT_EQ(check_strategy(one).empty(), attempts <= kActionAttemptsMax);
  }
}

std::vector<std::string> rungs(const Strategy& strategy, const Forecast& forecast) {
  std::vector<std::string> out;
  for (const ForecastEntry& entry : forecast.entries) {
    out.push_back(std::to_string(entry.begins / 1s) + "s " + std::string(to_string(entry.kind)) +
                  " " + tag_of(strategy, entry) + (entry.passes ? "" : " fails") +
                  (entry.why.empty() ? "" : ": " + entry.why));
  }
  return out;
}

TEST(Forecast, TheLadderWhenNothingHelps) {
  Strategy ladder = timed();
  ladder.actions.push_back(action("flash", {"disk"}, {"web"}));
  ladder.actions.push_back(action("other", {"web"}));
  ladder.closing = {{"collect", "", NoopCheck{}, FinallyWhen::failed, 7s}};
  const Forecast forecast = forecast_repair(ladder, {.failing = {"disk"}});
  EXPECT_THAT(
      rungs(ladder, forecast),
      ElementsAre("0s check ssh", "10s check disk fails", "30s action reboot", "90s wait reboot",
                  "120s check ssh", "130s check disk fails", "150s action reboot",
                  "210s wait reboot", "240s check ssh", "250s check disk fails", "270s check web",
                  "275s action flash", "335s check ssh", "345s check disk fails",
                  "365s skipped other: not needed: none of its triggers failed", "365s check web",
                  "370s closing collect"));
  EXPECT_EQ(forecast.at_most, Duration(370s));
  EXPECT_FALSE(forecast.passes);
  ASSERT_EQ(forecast.failures.size(), 1u);
  EXPECT_EQ(forecast.failures[0].tag, "disk");
}

TEST(Forecast, AHealthyDeviceAndALimit) {
  const Forecast healthy = forecast_repair(timed(), {});
  EXPECT_TRUE(healthy.passes);
  EXPECT_THAT(
      rungs(timed(), healthy),
      ElementsAre("0s check ssh", "10s check disk",
                  "30s skipped reboot: not needed: none of its triggers failed", "30s check web"));
  Strategy limited = timed();
  limited.total = 100s;
  limited.actions.push_back(action("late", {"disk"}));
  const std::vector<std::string> ladder =
      rungs(limited, forecast_repair(limited, {.failing = {"disk"}}));
  EXPECT_THAT(ladder,
              ::testing::Contains(
                  "150s skipped late: not tried: the time for the repair (1m40s) is spent"));
}

TEST(Forecast, LevelsAndProfiles) {
  Strategy levels = timed();
  levels.verifiers[2].levels = {"quick"};
  levels.verifiers[0].when = "wired";
  EXPECT_THAT(
      rungs(levels, forecast_repair(levels, {.level = "quick"})),
      ElementsAre("0s skipped reboot: not needed: none of its triggers failed", "0s check web"));
  EXPECT_EQ(forecast_repair(levels, {.level = "quick", .profile = {{"wired", ""}}}).at_most,
            Duration(15s));
}

}  // namespace
}  // namespace muster
