// Repair: what autotest's rules get wrong and ours do not, and what goes beyond them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/repair_ladder.h"
#include "tests/core/strategy_in_hand.h"

namespace muster {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<EngineStep> kNoSteps;

StepOutcome good() { return {true, "", 1ms}; }
StepOutcome bad(std::string why) { return {false, std::move(why), 1ms}; }

// Runs the engine to its end; each check and action answers with the next of its script, the last
// for ever. What has no script passes.
struct Script {
  std::map<std::string, std::vector<std::string>> answers;  // tag -> "", or why it fails
  std::map<std::string, size_t> asked;

  StepOutcome answer(const std::string& tag) {
    const std::vector<std::string>& list = answers[tag];
    const size_t turn = asked[tag]++;
    if (list.empty()) return good();
    const std::string& why = list[std::min(turn, list.size() - 1)];
    return why.empty() ? good() : bad(why);
  }
};

Story run_script(const Strategy& strategy, Script script) {
  Story story;
  StrategyRun engine(strategy, {.kind = RunKind::repair}, kNever);
  for (std::vector<EngineStep> steps = engine.next(kNever); !steps.empty();
       steps = engine.next(kNever)) {
    const std::string& tag = steps[0].kind == StepKind::check
                                 ? strategy.verifiers[steps[0].index].tag
                                 : strategy.actions[steps[0].index].tag;
    engine.finish(steps[0], script.answer(tag), kNever);
  }
  append_texts(engine.take_records(), &story.records);
  story.passed = engine.passed();
  story.result = engine.result();
  return story;
}

// autotest of 2019 reported success here: the trigger's dependant was asked for, from memory.
TEST(StrategyRepair, ATriggerThatFailsAfterItPassedKeepsTheDeviceFailed) {
  const Strategy chain = strategy({verifier("a"), verifier("c", {"a"}), verifier("b")},
                                  {action("r0", {"a", "b"}, {"c"})});
  const Story story = run_script(chain, {{{"a", {"", "gone"}}, {"b", {"down", ""}}}, {}});
  EXPECT_THAT(story.records, ElementsAre("GOOD verify.a", "GOOD verify.c", "FAIL verify.b: down",
                                         "START repair.r0", "FAIL verify.a: gone", "GOOD verify.b",
                                         "END FAIL repair.r0"));
  EXPECT_FALSE(story.passed);
  EXPECT_EQ(story.result, StrategyResult::failure);
}

// An action may mend what it does not trigger on; autotest kept the old failure.
TEST(StrategyRepair, AFailureOutsideTheTriggersIsVerifiedAnew) {
  const Strategy two = strategy({verifier("a"), verifier("b")},
                                {action("never", {"b"}, {"a"}), action("fix", {"a"})});
  DeviceInHand device{{"a", "b"}, {{"fix", {true, {"a", "b"}, {}}}}, {}};
  // b is looked at first as a trigger of its own action, which then does not work.
  const Strategy mended_later =
      strategy({verifier("a"), verifier("b")}, {action("no", {"b"}), action("fix", {"a"})});
  const Story story = run_repair(mended_later, device);
  EXPECT_THAT(
      story.records,
      ElementsAre("FAIL verify.b: b is broken", "START repair.no", "FAIL verify.b: b is broken",
                  "END FAIL repair.no", "FAIL verify.a: a is broken", "START repair.fix",
                  "GOOD verify.a", "END GOOD repair.fix", "GOOD verify.b", "GOOD verify.PASS"));
  EXPECT_TRUE(story.passed);
  EXPECT_EQ(story.result, StrategyResult::success);
}

// A node that passed and whose dependency an action then breaks is not trusted.
TEST(StrategyRepair, DependantsOfWhatWasTouchedAreVerifiedAnew) {
  const Strategy chain =
      strategy({verifier("ssh"), verifier("disk", {"ssh"}), verifier("web", {"ssh"})},
               {action("reboot", {"web"}, {"disk"})});
  DeviceInHand device{{"web"}, {{"reboot", {true, {"web"}, {"disk"}}}}, {}};
  const Story story = run_repair(chain, device);
  EXPECT_THAT(story.records,
              ElementsAre("GOOD verify.ssh", "GOOD verify.disk", "FAIL verify.web: web is broken",
                          "START repair.reboot", "GOOD verify.ssh", "GOOD verify.web",
                          "END GOOD repair.reboot", "GOOD verify.PASS",
                          "FAIL verify.disk: disk is broken"));
  EXPECT_FALSE(story.passed);
  EXPECT_THAT(story.failures, ElementsAre("disk"));
}

TEST(StrategyRepair, AnActionThatFailedMayHaveMendedAllTheSame) {
  const Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  DeviceInHand device{{"a"}, {{"fix", {false, {"a"}, {}}}}, {}};
  const Story story = run_repair(one, device);
  EXPECT_THAT(story.records, ElementsAre("FAIL verify.a: a is broken", "START repair.fix",
                                         "FAIL repair.fix: fix did not work", "END FAIL repair.fix",
                                         "GOOD verify.a", "GOOD verify.PASS"));
  EXPECT_TRUE(story.passed);
  EXPECT_EQ(story.statuses.at("fix"), "repair_failure");
}

TEST(StrategyRepair, WithoutAnActionNothingIsVerifiedTwice) {
  const Strategy two = strategy({verifier("a"), verifier("b")}, {action("fix", {"a"}, {"b"})});
  DeviceInHand device{{"b"}, {}, {}};
  const Story story = run_repair(two, device);
  EXPECT_THAT(device.calls, ElementsAre("check b", "check a"));
  EXPECT_EQ(story.result, StrategyResult::attempt_blocked);
  EXPECT_EQ(story.statuses.at("fix"), "blocked");
  EXPECT_EQ(story.results.at("repair.fix"), "skip: not tried: b failed");
  DeviceInHand healthy;
  EXPECT_EQ(run_repair(two, healthy).result, StrategyResult::not_attempted);
}

TEST(StrategyRepair, AttemptsGoOnWhileTheTriggersFail) {
  Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  one.actions[0].attempts = 3;
  const Story second = run_script(one, {{{"a", {"down", "still", ""}}}, {}});
  EXPECT_THAT(second.records,
              ElementsAre("FAIL verify.a: down", "START repair.fix", "FAIL verify.a: still",
                          "END FAIL repair.fix", "START repair.fix", "GOOD verify.a",
                          "END GOOD repair.fix", "GOOD verify.PASS"));
  const Story raises = run_script(one, {{{"a", {"down", ""}}, {"fix", {"no", ""}}}, {}});
  EXPECT_THAT(raises.records,
              ElementsAre("FAIL verify.a: down", "START repair.fix", "FAIL repair.fix: no",
                          "END FAIL repair.fix", "START repair.fix", "GOOD verify.a",
                          "END GOOD repair.fix", "GOOD verify.PASS"));
  const Story never = run_script(one, {{{"a", {"down"}}}, {}});
  EXPECT_EQ(std::count(never.records.begin(), never.records.end(), "START repair.fix"), 3);
}

TEST(StrategyRepair, AFurtherAttemptNeedsItsDependencies) {
  Strategy two = strategy({verifier("a"), verifier("b", {"a"})}, {action("fix", {"b"}, {"a"})});
  two.actions[0].attempts = 2;
  DeviceInHand device{{"b"}, {{"fix", {true, {}, {"a"}}}}, {}};
  const Story story = run_repair(two, device);
  EXPECT_EQ(std::count(device.calls.begin(), device.calls.end(), "run fix"), 1);
  EXPECT_EQ(story.statuses.at("fix"), "verify_failure");
  EXPECT_EQ(story.results.at("repair.fix"), "fail: it ran; still failing: a");
}

TEST(StrategyRepair, WaitsBeforeItVerifiesAgain) {
  Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  one.actions[0].then_wait = 30s;
  DeviceInHand device{{"a"}, {{"fix", {true, {"a"}, {}}}}, {}};
  run_repair(one, device);
  EXPECT_THAT(device.calls, ElementsAre("check a", "run fix", "wait fix", "check a"));
  // Nothing is waited for after an action that failed.
  DeviceInHand broken{{"a"}, {{"fix", {false, {}, {}}}}, {}};
  run_repair(one, broken);
  EXPECT_THAT(broken.calls, ElementsAre("check a", "run fix", "check a"));
}

TEST(StrategyRepair, StepsCarryTheirDurations) {
  Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  one.verifiers[0].timeout = 7s;
  one.actions[0].timeout = 3min;
  one.actions[0].then_wait = 30s;
  one.closing.push_back({"collect", "", NoopCheck{}, FinallyWhen::always, 2min});
  StrategyRun engine(one, {.kind = RunKind::repair}, kNever);
  for (const EngineStep& expected :
       {EngineStep{StepKind::check, 0, 7s}, EngineStep{StepKind::action, 0, 3min},
        EngineStep{StepKind::wait, 0, 30s}, EngineStep{StepKind::check, 0, 7s},
        EngineStep{StepKind::closing, 0, 2min}}) {
    const std::vector<EngineStep> steps = engine.next(kNever);
    ASSERT_THAT(steps, ElementsAre(expected));
    EXPECT_EQ(engine.next(kNever), kNoSteps) << "each is handed out once";
    const bool first = engine.take_records().empty() && expected.duration == 7s;
    engine.finish(expected, first ? bad("down") : good(), kNever);
  }
  EXPECT_TRUE(engine.done());
}

TEST(StrategyRepair, AnActionRunsSoOftenADay) {
  Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  one.actions[0].per_day = 3;
  one.actions[0].attempts = 5;
  for (uint32_t used : {0u, 1u, 3u, 9u}) {
    DeviceInHand device{{"a"}, {}, {}};
    const Story story =
        run(one, device, {.kind = RunKind::repair, .used = {{"fix", used}, {"other", 3}}});
    const int64_t runs = std::count(device.calls.begin(), device.calls.end(), "run fix");
    EXPECT_EQ(runs, 3 - std::min(used, 3u));
    EXPECT_EQ(story.statuses.at("fix"), runs > 0 ? "verify_failure" : "skipped");
    if (runs > 0) continue;
    EXPECT_EQ(story.results.at("repair.fix"),
              "skip: not tried: it may run 3 times in 24 hours, and has");
  }
}

TEST(StrategyRepair, NoActionStartsOnceTheTimeIsSpent) {
  Strategy three = strategy({verifier("a"), verifier("b")},
                            {action("slow", {"a"}), action("next", {"b"}), action("last", {"b"})});
  three.total = 10min;
  three.actions[0].then_wait = 10min;
  DeviceInHand device{{"a", "b"}, {{"slow", {true, {"a"}, {}}}}, {}};
  const Story story = run_repair(three, device);
  EXPECT_THAT(device.calls, Not(Contains("run next")));
  EXPECT_EQ(story.statuses, (std::map<std::string, std::string>{
                                {"slow", "repaired"}, {"next", "unknown"}, {"last", "unknown"}}));
  EXPECT_EQ(story.results.at("repair.next"),
            "skip: not tried: the time for the repair (10m) is spent");
  EXPECT_EQ(story.result, StrategyResult::failure);
  EXPECT_THAT(story.failures, ElementsAre("b"));
  three.total = 10min + 1us;
  DeviceInHand again{{"a", "b"}, {}, {}};
  run_repair(three, again);
  EXPECT_THAT(again.calls, Contains("run next"));
}

TEST(StrategyRepair, WhenTheProfileDoesNotMatch) {
  Strategy two = strategy({verifier("radio"), verifier("web", {"radio"})},
                          {action("reset", {"web"}), action("flash", {"web"})});
  two.verifiers[0].when = "radio=yes";
  two.actions[0].when = "radio=yes";
  DeviceInHand device{{"radio", "web"}, {{"flash", {true, {"web"}, {}}}}, {}};
  const Story without = run_repair(two, device);
  EXPECT_THAT(without.records,
              ElementsAre("FAIL verify.web: web is broken", "START repair.flash", "GOOD verify.web",
                          "END GOOD repair.flash", "GOOD verify.PASS"));
  EXPECT_EQ(without.results.at("verify.radio"), "skip: does not apply: when radio=yes");
  EXPECT_EQ(without.results.at("repair.reset"), "skip: does not apply: when radio=yes");
  DeviceInHand with{{"web"}, {{"reset", {true, {"web"}, {}}}}, {}};
  const Story story = run(two, with, {.kind = RunKind::repair, .profile = {{"radio", "yes"}}});
  EXPECT_THAT(with.calls,
              ElementsAre("check radio", "check web", "run reset", "check radio", "check web"));
  EXPECT_EQ(story.statuses.at("reset"), "repaired");
}

TEST(StrategyRepair, Levels) {
  Strategy levels = strategy({verifier("ssh"), verifier("disk", {"ssh"}), verifier("web"),
                              verifier("top", {"disk", "web"})},
                             {action("fix_web", {"web"}), action("fix_disk", {"disk"}, {"web"})});
  levels.verifiers[1].levels = {"quick"};
  DeviceInHand device{{"web"}, {}, {}};
  const Story quick = run(levels, device, {.level = "quick"});
  EXPECT_THAT(device.calls, ElementsAre("check ssh", "check disk"));
  EXPECT_THAT(quick.records,
              ElementsAre("GOOD verify.ssh", "GOOD verify.disk", "GOOD verify.PASS"));
  EXPECT_EQ(quick.results.size(), 2u);
  // Only what is in the level calls for an action; what an action needs is checked anyway.
  DeviceInHand sick{{"web", "disk"}, {}, {}};
  const Story repair = run(levels, sick, {.kind = RunKind::repair, .level = "quick"});
  EXPECT_EQ(repair.statuses.at("fix_web"), "skipped");
  EXPECT_EQ(repair.statuses.at("fix_disk"), "blocked");
  EXPECT_THAT(repair.failures, ElementsAre("disk"));
  // A level that no verifier has leaves nothing unchecked.
  DeviceInHand all;
  run(levels, all, {.level = "unheard-of"});
  EXPECT_EQ(all.calls.size(), 4u);
}

Strategy with_closing() {
  Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  one.closing = {{"always", "", NoopCheck{}, FinallyWhen::always, 1s},
                 {"failed", "", NoopCheck{}, FinallyWhen::failed, 1s},
                 {"passed", "", NoopCheck{}, FinallyWhen::passed, 1s}};
  return one;
}

TEST(StrategyRepair, ClosingActionsComeLast) {
  const Strategy one = with_closing();
  DeviceInHand device{{"a", "failed"}, {}, {}};
  const Story failed = run_repair(one, device);
  EXPECT_THAT(failed.records,
              ElementsAre("FAIL verify.a: a is broken", "START repair.fix",
                          "FAIL verify.a: a is broken", "END FAIL repair.fix",
                          "GOOD finally.always", "WARN finally.failed: failed failed"));
  DeviceInHand healthy{{"passed"}, {}, {}};
  const Story passed = run(one, healthy, {});
  EXPECT_THAT(passed.records,
              ElementsAre("GOOD verify.a", "GOOD verify.PASS", "GOOD finally.always",
                          "WARN finally.passed: passed failed"));
  EXPECT_TRUE(passed.passed) << "a closing action changes nothing";
}

std::vector<std::string> taken(StrategyRun& engine) {
  std::vector<std::string> records;
  append_texts(engine.take_records(), &records);
  return records;
}

TEST(StrategyRepair, StoppedWhileItActs) {
  const Strategy one = with_closing();
  StrategyRun engine(one, {.kind = RunKind::repair}, kNever);
  engine.finish(engine.next(kNever).at(0), bad("down"), kNever);
  const EngineStep fix = engine.next(kNever).at(0);
  engine.stop();
  EXPECT_EQ(engine.next(kNever), kNoSteps) << "the action is still to be ended";
  engine.finish(fix, bad("killed"), kNever);
  EXPECT_THAT(taken(engine), ElementsAre("FAIL verify.a: down", "START repair.fix",
                                         "END ABORT repair.fix: stopped"));
  EXPECT_EQ(engine.action_status(0), ActionStatus::unknown);
  const std::vector<CaseResult> results = engine.take_results();
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results[0], (CaseResult{"repair", "fix", Outcome::error, 1ms, "stopped"}))
      << "it was tried, and counts";
  for (const char* tag : {"always", "failed"}) {
    const EngineStep closing = engine.next(kNever).at(0);
    ASSERT_EQ(closing.kind, StepKind::closing);
    EXPECT_EQ(one.closing[closing.index].tag, tag);
    engine.finish(closing, good(), kNever);
  }
  EXPECT_TRUE(engine.done());
  EXPECT_THAT(engine.failures(), ElementsAre(StrategyFailure{"a", "Testing a", "down", ""}));
}

TEST(StrategyRepair, StoppedBetweenTwoAttemptsOfAnAction) {
  Strategy one = strategy({verifier("a"), verifier("b")}, {action("fix", {"a"}, {"b"})});
  one.actions[0].attempts = 2;
  StrategyRun engine(one, {.kind = RunKind::repair}, kNever);
  engine.finish(engine.next(kNever).at(0), good(), kNever);
  engine.finish(engine.next(kNever).at(0), bad("down"), kNever);
  engine.finish(engine.next(kNever).at(0), bad("stuck"), kNever);
  const EngineStep step = engine.next(kNever).at(0);
  engine.stop();
  engine.finish(step, bad("killed"), kNever);
  EXPECT_TRUE(engine.done());
  std::vector<std::string> outcomes;
  for (const CaseResult& result : engine.take_results()) {
    if (result.suite == "repair") outcomes.emplace_back(to_string(result.outcome));
  }
  EXPECT_EQ(outcomes.size(), 1u);
}

// 2^300 ways lead from the top to the bottom; what an action may have changed is found all the
// same.
TEST(StrategyRepair, ActionsOnStackedDiamonds) {
  std::vector<Verifier> stack = {verifier("top0")};
  for (size_t i = 1; i <= 300; ++i) {
    const std::string n = std::to_string(i), below = "top" + std::to_string(i - 1);
    stack.push_back(verifier("left" + n, {below}));
    stack.push_back(verifier("right" + n, {below}));
    stack.push_back(verifier("top" + n, {"left" + n, "right" + n}));
  }
  const Strategy tall = strategy(stack, {action("low", {"top0"}), action("middle", {"top150"}),
                                         action("high", {"PASS"}, {"top0"})});
  ASSERT_THAT(check_strategy(tall), IsEmpty());
  EXPECT_THAT(review_strategy(tall), IsEmpty());
  DeviceInHand device{
      {"top0", "left150"}, {{"low", {true, {"top0"}, {}}}, {"high", {true, {"left150"}, {}}}}, {}};
  const Story story = run(tall, device, {.kind = RunKind::repair, .parallel_max = 2});
  EXPECT_TRUE(story.passed);
  EXPECT_EQ(story.statuses.at("middle"), "verify_failure");
  EXPECT_EQ(story.statuses.at("high"), "repaired");
}

TEST(StrategyRepair, StoppedWhileItChecks) {
  const Strategy wide = strategy({verifier("a"), verifier("b"), verifier("c"), verifier("d")});
  StrategyRun engine(wide, {.parallel_max = 3}, kNever);
  const std::vector<EngineStep> steps = engine.next(kNever);
  ASSERT_EQ(steps.size(), 3u);
  engine.finish(steps[1], bad("no"), kNever);
  engine.stop();
  EXPECT_FALSE(engine.done());
  EXPECT_EQ(engine.next(kNever), kNoSteps);
  engine.finish(steps[0], bad("killed"), kNever);
  engine.finish(steps[2], good(), kNever);
  EXPECT_TRUE(engine.done());
  EXPECT_THAT(taken(engine), ElementsAre("FAIL verify.b: no"))
      << "what had ended is told, what was ended is not";
  EXPECT_THAT(engine.take_results(),
              ElementsAre(CaseResult{"verify", "b", Outcome::fail, 1ms, "no"}));
}

TEST(StrategyRepair, StoppedWhileItVerifiesAfterAnAction) {
  const Strategy one = strategy({verifier("a")}, {action("fix", {"a"})});
  StrategyRun engine(one, {.kind = RunKind::repair}, kNever);
  engine.finish(engine.next(kNever).at(0), bad("down"), kNever);
  engine.finish(engine.next(kNever).at(0), good(), kNever);
  const EngineStep recheck = engine.next(kNever).at(0);
  engine.stop();
  engine.finish(recheck, good(), kNever);
  EXPECT_TRUE(engine.done());
  EXPECT_THAT(taken(engine), ElementsAre("FAIL verify.a: down", "START repair.fix",
                                         "END ABORT repair.fix: stopped"));
}

TEST(StrategyRepair, Progress) {
  Strategy two =
      strategy({verifier("a"), verifier("b")}, {action("fix_a", {"a"}), action("fix_b", {"b"})});
  two.closing = {{"collect", "", NoopCheck{}, FinallyWhen::always, 1s}};
  DeviceInHand device{{"b"}, {{"fix_b", {true, {"b"}, {}}}}, {}};
  EXPECT_THAT(
      run_repair(two, device).progress,
      ElementsAre("0 checking for repair action fix_a (1 of 2)",
                  "33 checking for repair action fix_b (2 of 2)", "33 repair action fix_b (2 of 2)",
                  "99 closing action collect (1 of 1)", "100 done"));
  DeviceInHand healthy;
  EXPECT_THAT(run(two, healthy, {}).progress,
              ElementsAre("0 checked 0 of 2", "49 checked 1 of 2",
                          "99 closing action collect (1 of 1)", "100 done"));
}

// The steps of the graph that are walked, not the paths: of these there are 2^20.
TEST(StrategyRepair, StackedDiamonds) {
  Strategy stack =
      strategy({verifier("top0")}, {action("fix", {"top20"}), action("more", {"PASS"})});
  for (size_t i = 1; i <= 20; ++i) {
    const std::string n = std::to_string(i), below = "top" + std::to_string(i - 1);
    stack.verifiers.push_back(verifier("left" + n, {below}));
    stack.verifiers.push_back(verifier("right" + n, {below}));
    stack.verifiers.push_back(verifier("top" + n, {"left" + n, "right" + n}));
  }
  DeviceInHand device{{"top0"}, {{"more", {true, {"top0"}, {}}}}, {}};
  const Story story = run_repair(stack, device);
  EXPECT_TRUE(story.passed);
  EXPECT_EQ(device.calls.size(), 1 + 2 + 1 + 61u) << "top0; fix and top0; more and everything";
}

}  // namespace
}  // namespace muster
