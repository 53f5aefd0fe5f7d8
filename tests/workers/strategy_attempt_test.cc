#include "workers/strategy_attempt.h"

#include <gmock/gmock.h>

#include "tests/workers/attempt_in_hand.h"
#include "tests/workers/forbid_kill.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(StrategyAttemptTest, AVerificationThatPasses) {
  strategy.verifiers = {verifier("ssh", shell("exit 0")), verifier("power", NoopCheck{}, {"ssh"})};
  run(RunKind::verify);
  EXPECT_EQ(records(),
            "START verify\n"
            "INFO -: Beginning verify for device dut1 strategy s\n"
            "GOOD verify.ssh\n"
            "GOOD verify.power\n"
            "GOOD verify.PASS\n"
            "END GOOD verify: dut1 verified successfully\n");
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_EQ(children, 1) << "noop has no child; the other is known to the spool";
}

TEST_F(StrategyAttemptTest, AVerificationThatFails) {
  strategy.verifiers = {
      verifier("ssh", shell("echo noise; echo No answer to ping from dut1; exit 1")),
      verifier("power", NoopCheck{}, {"ssh"}),
      verifier("disk", CommandCheck{{"/nowhere/check-disk"}})};
  run(RunKind::verify);
  EXPECT_EQ(records(),
            "START verify\n"
            "INFO -: Beginning verify for device dut1 strategy s\n"
            "FAIL verify.ssh: No answer to ping from dut1\n"
            "FAIL verify.disk: cannot start \"/nowhere/check-disk\": No such file or directory\n"
            "END FAIL verify\n");
  EXPECT_EQ(ending().outcome, Outcome::fail);
  EXPECT_EQ(ending().cause, Cause::device);
  EXPECT_EQ(ending().status, StatusCode::failures);
  EXPECT_THAT(ending().message, HasSubstr("ssh: No answer to ping from dut1; disk: cannot start"));
  EXPECT_THAT(log(), HasSubstr("--- check ssh (command): FAILED: No answer to ping from dut1\n"
                               "noise\nNo answer to ping from dut1\n"));
}

// They meet: each waits for all the others.
TEST_F(StrategyAttemptTest, TwelveIndependentChecksRunAtTheSameTime) {
  const UniqueFd arrived = make_fifo("arrived");
  UniqueFd gate = make_fifo("gate");
  for (int i = 0; i < 12; ++i) {
    strategy.verifiers.push_back(verifier("v" + std::to_string(i), shell(meet())));
  }
  begin(RunKind::verify);
  await_arrivals(arrived, 12);
  gate.reset();
  run_to_end();
  EXPECT_EQ(ending().outcome, Outcome::pass) << records();
}

TEST_F(StrategyAttemptTest, RepairsWithMarkerFiles) {
  const std::string has_power = "[ -e " + path("power") + " ] || (echo no power; exit 1)";
  const std::string has_disk = "[ -e " + path("disk") + " ] || (echo no disk; exit 1)";
  strategy.verifiers = {verifier("power", shell(has_power)),
                        verifier("disk", shell(has_disk), {"power"})};
  strategy.actions = {action("press", shell("echo no finger; exit 1"), {"power"}),
                      action("cycle", shell("touch " + path("power")), {"power"}),
                      action("format", shell("touch " + path("disk")), {"disk"}),
                      action("flash", shell("touch " + path("flashed")), {"PASS"})};
  strategy.actions[1].then_wait = 1ms;
  strategy.actions[2].deps = {"power"};
  run(RunKind::repair);
  EXPECT_EQ(records(),
            "START repair\n"
            "INFO -: Beginning repair for device dut1 strategy s\n"
            "FAIL verify.power: no power\n"
            "START repair.press\n"
            "FAIL repair.press: no finger\n"
            "END FAIL repair.press\n"
            "START repair.cycle\n"
            "GOOD verify.power\n"
            "END GOOD repair.cycle\n"
            "FAIL verify.disk: no disk\n"
            "START repair.format\n"
            "GOOD verify.power\n"
            "GOOD verify.disk\n"
            "END GOOD repair.format\n"
            "GOOD verify.PASS\n"
            "END GOOD repair: dut1 repaired successfully\n");
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_FALSE(exists("flashed")) << "nothing was wrong any more";
  EXPECT_THAT(log(), HasSubstr("--- action press (command)\nno finger\n"
                               "--- action press (command): FAILED: no finger\n"));
  std::string progress;
  size_t results = 0;
  for (const ReportBody& body : reports) {
    if (const auto* each = std::get_if<Progress>(&body)) progress += each->text + "\n";
    results += std::holds_alternative<CaseResult>(body) ? 1 : 0;
  }
  EXPECT_THAT(progress, HasSubstr("repair action cycle (2 of 4)\n"));
  EXPECT_EQ(results, 6u);
}

TEST_F(StrategyAttemptTest, ARepairThatDoesNotHelpEndsAsTheDevicesFault) {
  strategy.verifiers = {verifier("ssh", shell("echo no answer; exit 1"))};
  strategy.actions = {action("nothing", NoopCheck{}, {"ssh"})};
  run(RunKind::repair);
  EXPECT_THAT(records(), HasSubstr("END FAIL repair.nothing\nEND FAIL repair\n"));
  EXPECT_EQ(ending().outcome, Outcome::fail);
  EXPECT_EQ(ending().cause, Cause::device);
  EXPECT_EQ(ending().message, "ssh: no answer");
}

// A check that hangs is killed with all that it started, and what it started is gone before the
// action: nothing of it can touch the device any more.
TEST_F(StrategyAttemptTest, WhatAHangingCheckStartedIsGoneBeforeTheNextStep) {
  const std::string deaf = "trap '' TERM; ";
  strategy.verifiers = {
      verifier("hang", shell("[ -e " + path("fixed") + " ] && exit 0; " + deaf + "sh -c '" +
                             "echo $$ > " + path("pid") + "; exec tail -f /dev/null' & wait"))};
  strategy.verifiers[0].timeout = 1500ms;
  strategy.actions = {action("look",
                             shell("state=$(sed 's/.*) //; s/ .*//' /proc/$(cat " + path("pid") +
                                   ")/stat); case \"$state\" in ''|Z|X) touch " + path("fixed") +
                                   ";; *) echo it lives: $state; exit 1;; esac"),
                             {"hang"})};
  run(RunKind::repair);
  EXPECT_EQ(ending().outcome, Outcome::pass) << records() << log();
  EXPECT_TRUE(exists("pid"));
  EXPECT_THAT(records(), HasSubstr("FAIL verify.hang: timed out after 1.5s"));
}

class InterruptedRepair : public StrategyAttemptTest {
 protected:
  InterruptedRepair() : arrived_(make_fifo("arrived")), gate_(make_fifo("gate")) {
    strategy.verifiers = {verifier("ssh", shell("echo no answer; exit 1"))};
    strategy.actions = {action("flash", shell(meet()), {"ssh"}),
                        action("later", shell("touch " + path("later")), {"ssh"})};
    strategy.closing = {
        {"collect", "", shell("touch " + path("collected")), FinallyWhen::failed, 60s},
        {"hang", "", shell("exec tail -f /dev/null"), FinallyWhen::always, 100ms},
        {"thank", "", shell("touch " + path("thanked")), FinallyWhen::passed, 60s},
        {"park", "", shell("touch " + path("parked")), FinallyWhen::always, 60s}};
  }
  void expect_closed() const {
    EXPECT_TRUE(exists("collected"));
    EXPECT_FALSE(exists("thanked"));
    EXPECT_TRUE(exists("parked"));
    EXPECT_FALSE(exists("later")) << "no action is started any more";
  }

  UniqueFd arrived_;
  UniqueFd gate_;
};

constexpr const char* kInterruptedRecords =
    "START repair\n"
    "INFO -: Beginning repair for device dut1 strategy s\n"
    "FAIL verify.ssh: no answer\n"
    "START repair.flash\n"
    "END ABORT repair.flash: stopped\n"
    "GOOD finally.collect\n"
    "WARN finally.hang: timed out after 100ms\n"
    "GOOD finally.park\n";

TEST_F(InterruptedRepair, ACancelRunsTheClosingActions) {
  begin(RunKind::repair);
  await_arrivals(arrived_, 1);
  attempt->stop(clock.now(), false);
  run_to_end();
  EXPECT_EQ(records(), std::string(kInterruptedRecords) + "END ABORT repair: stopped\n");
  EXPECT_EQ(ending().outcome, Outcome::error);
  EXPECT_EQ(ending().cause, Cause::user);
  expect_closed();
  EXPECT_THAT(log(), HasSubstr("--- action flash (command): interrupted\n"));
}

TEST_F(InterruptedRepair, TheTimeoutOfTheTaskRunsTheClosingActions) {
  spec.timeouts.run = 300ms;
  run(RunKind::repair);
  EXPECT_THAT(records(), HasSubstr("END ABORT repair: the repair ran for longer than its timeout "
                                   "of 300ms\n"));
  EXPECT_EQ(ending().outcome, Outcome::error);
  EXPECT_EQ(ending().cause, Cause::timeout);
  EXPECT_EQ(ending().status, StatusCode::timeout);
  expect_closed();
}

TEST_F(InterruptedRepair, AStopAtOnceLeavesTheClosingActionsOut) {
  begin(RunKind::repair);
  await_arrivals(arrived_, 1);
  attempt->stop(clock.now(), true);
  run_to_end();
  EXPECT_THAT(records(), HasSubstr("END ABORT repair.flash: stopped\nEND ABORT repair: stopped\n"));
  EXPECT_THAT(records(), Not(HasSubstr("finally")));
  EXPECT_FALSE(exists("parked"));
}

// A closing action may last longer than the cancel; a lease that is lost then ends it at once.
TEST_F(InterruptedRepair, AStopAtOnceEndsAClosingActionToo) {
  strategy.closing = {{"hang", "", shell(meet()), FinallyWhen::always, 60s},
                      {"park", "", shell("touch " + path("parked")), FinallyWhen::always, 60s}};
  begin(RunKind::repair);
  await_arrivals(arrived_, 1);
  attempt->stop(clock.now(), false);
  await_arrivals(arrived_, 1);
  attempt->stop(clock.now(), true);
  run_to_end();
  EXPECT_THAT(records(), HasSubstr("END ABORT repair: stopped\n"));
  EXPECT_FALSE(exists("parked"));
}

// The verdict was there before the time was over.
TEST_F(StrategyAttemptTest, AClosingActionMayOutlastTheTasksTimeout) {
  const UniqueFd arrived = make_fifo("arrived");
  UniqueFd gate = make_fifo("gate");
  spec.timeouts.run = 30s;
  strategy.verifiers = {verifier("a", NoopCheck{})};
  strategy.closing = {{"slow", "", shell(meet()), FinallyWhen::always, 60s}};
  begin(RunKind::verify);
  await_arrivals(arrived, 1);
  attempt->wake(clock.now() + 40s);
  gate.reset();
  run_to_end();
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_THAT(records(), HasSubstr("GOOD finally.slow\nEND GOOD verify"));
}

TEST_F(StrategyAttemptTest, APeripheralIsBlamedWhenAllFailuresAreItsFault) {
  struct Row {
    std::string blame_a, blame_b;
    Cause cause;
    std::string blame;
  };
  const std::vector<Row> rows = {
      {"{stack.relay.name}", "{stack.relay.name}", Cause::peripheral, "relay-3"},
      {"the lab's network", "{stack.relay.name}", Cause::peripheral, "the lab's network"},
      {"{stack.relay.name}", "", Cause::device, ""},
      {"", "", Cause::device, ""},
      {"{stack.hub.name}", "{stack.relay.name}", Cause::device, ""},  // it has no hub
  };
  devices.push_back({"relay-3", {{"type", "relay"}}, "w", {}, "", "", ""});
  for (const Row& row : rows) {
    strategy.verifiers = {verifier("a", shell("echo no current; exit 1")),
                          verifier("b", shell("exit 1"))};
    strategy.verifiers[0].blame = row.blame_a;
    strategy.verifiers[1].blame = row.blame_b;
    reports.clear();
    run(RunKind::verify);
    EXPECT_EQ(ending().cause, row.cause) << row.blame_a << " " << row.blame_b;
    EXPECT_EQ(ending().outcome, row.cause == Cause::device ? Outcome::fail : Outcome::error);
    EXPECT_EQ(ending().blame, row.blame);
    EXPECT_EQ(ending().message, "a: no current; b: exit 1");
    EXPECT_THAT(records(), HasSubstr("END FAIL verify\n"));
  }
}

TEST_F(StrategyAttemptTest, ALevelRunsItsChecksOnly) {
  strategy.verifiers = {verifier("quick", NoopCheck{}), verifier("long", shell("exit 1"))};
  strategy.verifiers[0].levels = {"quick"};
  run(RunKind::verify, "quick");
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_THAT(records(), HasSubstr("Beginning verify for device dut1 strategy s level quick\n"));
  EXPECT_THAT(records(), Not(HasSubstr("verify.long")));
}

// A check that became another user's process: the attempt ends, and says whose fault that is.
TEST_F(StrategyAttemptTest, WhatMayNotBeKilledEndsTheAttempt) {
  strategy.verifiers = {verifier("sudo", CommandCheck{{"sleep", "1000"}}),
                        verifier("after", NoopCheck{}, {"sudo"})};
  strategy.verifiers[0].timeout = 50ms;
  const auto run_and_look = [this] {
    if (!forbid_kill()) return 1;
    run(RunKind::verify);
    const Ending end = ending();
    const bool is_told =
        end.message.starts_with("check sudo (command) could not be killed (not permitted)") &&
        records().find("FAIL verify.sudo: could not be killed") != std::string::npos &&
        records().find("END ERROR verify: check sudo") != std::string::npos;
    std::fputs((records() + end.message).c_str(), stderr);
    return is_told && end.outcome == Outcome::error && end.cause == Cause::worker ? 0 : 2;
  };
  EXPECT_EXIT(::_exit(run_and_look()), ::testing::ExitedWithCode(0), "");
}

TEST_F(StrategyAttemptTest, WhenSeesTheDevicesName) {
  strategy.verifiers = {verifier("mine", shell("exit 0")), verifier("other", shell("exit 1"))};
  strategy.verifiers[0].when = "name=dut1";
  strategy.verifiers[1].when = "name=dut2";
  run(RunKind::verify);
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_THAT(records(), HasSubstr("GOOD verify.mine\nGOOD verify.PASS\n"));
}

TEST_F(StrategyAttemptTest, ChecksRunInTheAttemptsDirectoryWithTheUsersHome) {
  strategy.verifiers = {verifier("where", shell("pwd; echo \"$HOME\"; echo said > note; exit 1"))};
  run(RunKind::verify);
  const std::string attempt_dir = context.attempts_dir + "/guid-000001/1";
  EXPECT_THAT(log(), HasSubstr(attempt_dir + "\n" + home_of_user() + "\n"));
  EXPECT_EQ(read_file(attempt_dir + "/note", 100).value(), "said\n");
  EXPECT_NE(home_of_user(), "");
}

TEST_F(StrategyAttemptTest, WaitsAndNoopsNeedNoChild) {
  strategy.verifiers = {verifier("a", shell("[ -e " + path("a") + " ]"))};
  strategy.actions = {action("rest", WaitAction{1ms}, {"a"}),
                      action("exact", WaitAction{2ms}, {"a"}),
                      action("fix", shell("touch " + path("a")), {"a"})};
  strategy.actions[1].timeout = 2ms;
  run(RunKind::repair);
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_THAT(records(), HasSubstr("START repair.exact\nFAIL verify.a: exit 1\n"));
}

TEST_F(StrategyAttemptTest, ADeviceWithoutAStrategyIsAFaultOfTheInventory) {
  Assignment assignment;
  assignment.spec = std::make_shared<const TaskSpec>(spec);
  assignment.attempt = 1;
  assignment.devices = devices;
  for (const std::string& bytes : {std::string(), std::string("xyz")}) {
    reports.clear();
    assignment.strategy = bytes;
    StrategyAttempt impossible(context, assignment, RunKind::repair, "",
                               [this](ReportBody body) { reports.push_back(std::move(body)); });
    impossible.begin(clock.now());
    EXPECT_TRUE(impossible.over());
    EXPECT_EQ(ending().cause, Cause::config);
    EXPECT_THAT(records(), HasSubstr("START repair\nEND ERROR repair: "));
  }
}

}  // namespace
}  // namespace muster
