// Chains of tasks, the history of devices, what repairs came to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/action_stats.h"
#include "cli/findings.h"
#include "cli/history.h"
#include "cli/trace.h"
#include "tests/cli/samples.h"

namespace muster {
namespace {

using samples::at;

const Look kPlain{false, at(100)};

TEST(Trace, Golden) {
  EXPECT_EQ(render_trace(samples::trace(), kPlain),
            "TASK                        STATE          GUID\n"
            "job smoke                   queued         lab/nightly/0042\n"
            "  verify phone-7 for smoke  fail (device)  lab/nightly/0042/verify-2\n"
            "\n"
            "TIME                  TASK                        EVENT           WHAT\n"
            "2026-11-23 08:15:30Z  job smoke                   task_submitted  job smoke, by "
            "kim@bench\n"
            "2026-11-23 08:15:30Z    verify phone-7 for smoke  task_submitted  verify "
            "phone-7 for smoke, by kim@bench\n"
            "2026-11-23 08:15:31Z    verify phone-7 for smoke  attempt_leased  attempt 1: on "
            "bench-1 with phone-7\n"
            "2026-11-23 08:15:32Z    verify phone-7 for smoke  record          attempt 1: FAIL "
            "verify.adb: off\n"
            "2026-11-23 08:15:33Z    verify phone-7 for smoke  attempt_ended   attempt 1: fail "
            "(device): adb: off; verdict fail\n"
            "2026-11-23 08:15:33Z    verify phone-7 for smoke  device_judged   phone-7 is bad: "
            "adb: off; left alone until 2026-11-23 08:30:33Z, by broker\n");
}

// A job whose verification caused a repair, which somebody gave a child of its own.
TEST(Trace, FindsTheWholeChainFromAnyOfItsTasks) {
  const std::map<std::string, std::string> parents = {
      {"verify", "job"}, {"repair", "job"}, {"deep", "repair"}};
  const auto parent_of = [&](const std::string& guid) {
    const auto at = parents.find(guid);
    return at == parents.end() ? std::string() : at->second;
  };
  const auto children_of = [&](const std::string& guid) {
    std::vector<std::string> children;
    for (const auto& [child, parent] : parents) {
      if (parent == guid) children.push_back(child);
    }
    return children;
  };
  const std::vector<std::string> chain = {"job", "repair", "verify", "deep"};
  for (const std::string& guid : chain) {
    EXPECT_EQ(find_chain(guid, parent_of, children_of, 100), chain) << guid;
  }
  EXPECT_EQ(find_chain("job", parent_of, children_of, 2).size(), 2u);
  EXPECT_EQ(find_chain("alone", parent_of, children_of, 9), std::vector<std::string>{"alone"});
}

// Parents are what submitters say they are.
TEST(Trace, ARingOfParentsIsCut) {
  const auto next = [](const std::string& guid) { return guid == "a" ? "b" : "a"; };
  const auto below = [&](const std::string& guid) { return std::vector<std::string>{next(guid)}; };
  EXPECT_EQ(find_chain("a", next, below, 100).size(), 2u);
  auto ring = std::make_shared<TaskSpec>();
  ring->guid = ring->parent = "a";
  EXPECT_EQ(make_trace("a", {"a"}, {{1, {at(0), TaskSubmitted{ring}}, "{}"}}).tasks.size(), 1u);
}

// It was told nowhere why a repair did nothing.
TEST(Trace, TellsWhyAnActionWasNotTried) {
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = "repair-it!";
  spec->kind = TaskKind::repair;
  const auto said = [](const CaseResult& one) {
    return Event{at(1), AttemptReported{{"w", 1}, {"repair-it!", 1}, at(1), one}};
  };
  const std::string text = render_trace(
      make_trace("repair-it!", {"repair-it!"},
                 {{1, {at(0), TaskSubmitted{spec}}, "{}"},
                  {2, said({"repair", "flash", Outcome::skip, 0s, "not tried: twice"}), "{}"},
                  {3, said({"repair", "charge", Outcome::skip, 0s, "not needed: no"}), "{}"},
                  {4, said({"repair", "boot", Outcome::fail, 0s, "in records"}), "{}"}}),
      kPlain);
  EXPECT_THAT(text, testing::HasSubstr("flash"));
  EXPECT_THAT(text, testing::HasSubstr("not tried: twice"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("charge")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("boot")));
}

TEST(History, Golden) {
  EXPECT_EQ(render_history("phone-7", {}, kPlain), "nothing has happened to phone-7 yet\n");
  EXPECT_EQ(
      render_history("phone-7", samples::history(), kPlain),
      "TIME                  WHAT                      OUTCOME        TOOK  TASK              "
      "          WHY\n"
      "2026-11-23 08:15:31Z  repair phone-7 for smoke  fail (device)  4s    "
      "lab/nightly/0042/repair-10  adb: device offline; attempt 1 on bench-1\n"
      "2026-11-23 08:15:33Z    action restart          in vain        2s    "
      "lab/nightly/0042/repair-10  no adb\n"
      "2026-11-23 08:15:35Z  health                    bad            -     "
      "lab/nightly/0042/repair-10  adb: device offline; by broker; left alone until "
      "2026-11-23 08:46:30Z\n");
}

TEST(History, KeepsTheNewestInTheOrderOfTheLog) {
  std::vector<LedgerJudgement> judgements;
  std::vector<LedgerUse> uses;
  for (const uint64_t seq : {9, 7, 1}) judgements.push_back({seq, at(0), {}});
  for (const uint64_t seq : {8, 2}) {
    uses.emplace_back();
    uses.back().seq = seq;
  }
  std::vector<uint64_t> kept;
  for (const HistoryEntry& entry : merge_history(judgements, uses, {}, 3)) {
    kept.push_back(entry.seq);
  }
  EXPECT_EQ(kept, (std::vector<uint64_t>{7, 8, 9}));
}

TEST(ActionStats, Summary) {
  const auto run = [](const char* action, const char* model, Outcome outcome, Duration took) {
    return LedgerActionRun{0, "phone", model, action, outcome, took};
  };
  ActionSummary summary;
  for (const LedgerActionRun& one :
       {run("restart", "yuga", Outcome::pass, 3s), run("restart", "yuga", Outcome::fail, 1s),
        run("restart", "yuga", Outcome::skip, 0s), run("restart", "kami", Outcome::pass, 5s),
        run("flash", "yuga", Outcome::skip, 0s)}) {
    summary.add(one);
  }
  const std::vector<ActionStat> stats = summary.take();
  const std::vector<ActionStat> expected = {{"phone", "flash", "yuga", 0, 0, 1, std::nullopt},
                                            {"phone", "restart", "kami", 1, 0, 0, Duration(5s)},
                                            {"phone", "restart", "yuga", 1, 1, 1, Duration(2s)}};
  EXPECT_EQ(stats, expected);
  EXPECT_EQ(render_action_stats(stats, kPlain),
            "STRATEGY  ACTION   MODEL  TRIED  REPAIRED  FAILED  MEDIAN TIME\n"
            "phone     flash    yuga   0      0         0       -\n"
            "phone     restart  kami   1      1         0       5s\n"
            "phone     restart  yuga   2      1         1       2s\n");
  EXPECT_EQ(render_action_stats({}, kPlain), "no repair action has come up yet\n");
  Strategy strategy;
  strategy.name = "phone";
  for (const char* tag : {"restart", "power"})
    strategy.actions.push_back({tag, "", {}, {}, {}, {}});
  std::vector<std::string> order;
  for (const ActionStat& stat : order_by_strategy(stats, strategy)) order.push_back(stat.action);
  EXPECT_EQ(order, (std::vector<std::string>{"restart", "restart", "power", "flash"}));
}

TEST(Findings, FoldTheEventsOfTheirTasksOnly) {
  Findings findings(TaskKind::verify, {"phone-7", "phone-8"}, {"guid-7", "guid-8"});
  EXPECT_EQ(findings.progress(), "verifying: 0 of 2 devices done");
  ASSERT_NE(findings.stuck(), nullptr);
  const auto said = [](const AttemptToken& token, auto body) {
    return Event{at(0), AttemptReported{{"w", 1}, token, at(0), body}};
  };
  const AttemptToken token{"guid-7", 1};
  findings.take({at(0), AttemptLeased{token, "w", 1, {"phone-7"}}});
  findings.take(said(token, CaseResult{"verify", "adb", Outcome::fail, 1s, "stale"}));
  // A second attempt begins anew.
  findings.take({at(0), AttemptEnded{{}, token, {}, Verdict::none, at(1)}});
  EXPECT_NE(findings.stuck(), nullptr);
  const AttemptToken again{"guid-7", 2};
  findings.take({at(0), AttemptLeased{again, "w", 1, {"phone-7"}}});
  findings.take(said(again, Progress{30, "checked 3 of 9"}));
  findings.take({at(0), AttemptLeased{{"somebody-else", 1}, "w", 1, {"phone-9"}}});
  EXPECT_EQ(findings.stuck(), nullptr);
  EXPECT_EQ(findings.progress(), "verifying: 0 of 2 devices done; phone-7: checked 3 of 9");
  const Ending pass = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", at(0), at(1));
  const Verification* ended =
      findings.take({at(0), AttemptEnded{{}, again, pass, Verdict::pass, kNever}});
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->device, "phone-7");
  EXPECT_TRUE(ended->result.cases.empty());
  EXPECT_FALSE(findings.done());
  const Ending cancelled =
      make_ending(Outcome::error, Cause::user, StatusCode::killed, "enough", kNever, at(1));
  EXPECT_NE(findings.take({at(0), TaskEnded{"guid-8", cancelled, Verdict::error}}), nullptr);
  EXPECT_EQ(findings.take({at(0), TaskEnded{"guid-8", cancelled, Verdict::error}}), nullptr);
  EXPECT_TRUE(findings.done());
  EXPECT_EQ(findings.progress(), "verifying: 2 of 2 devices done, 1 good, 1 not verified");
}

}  // namespace
}  // namespace muster
