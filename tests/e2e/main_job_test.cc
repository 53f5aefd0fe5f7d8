// The main job with real processes: `muster up`, an inventory, a verification, jobs that pass, fail
// and run out of time, and what is left of them in status.log, the ledger and the CLI's answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "core/status_record.h"
#include "tests/e2e/audit.h"
#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kStrategy[] = R"(version: 1
kind: strategy
name: bench
verify:
  - { tag: ready, description: It is there, check: { noop: {} } }
  - { tag: sound, description: It is sound, check: { command: [test, "{device.sound}", =, "yes"] }, deps: [ready] }
  - { tag: after, description: Never without soundness, check: { noop: {} }, deps: [sound] }
)";

constexpr char kInventory[] = R"(version: 1
kind: inventory
lab: e2e
strategies: [bench.yaml]
defaults: { strategy: bench }
workers: { local: {} }
devices:
  good-1: { type: bench, sound: "yes" }
  bad-1: { type: bench, sound: "no" }
)";

constexpr char kVcsjob[] = R"({ "executables": [
  { "path": "passes.sh", "tags": ["GOOD"] },
  { "path": "fails.sh", "tags": ["BAD"] }
] })";

class MainJobTest : public testing::Test {
 protected:
  MainJobTest() : house_(MUSTER_BIN_DIR) {
    house_.write("bench.yaml", kStrategy);
    inventory_ = house_.write("inventory.yaml", kInventory);
    house_.write("jobs/.vcsjob", kVcsjob);
    house_.write("jobs/passes.sh", "#!/bin/sh\necho \"on $MUSTER_DEVICES\"\n", true);
    const std::string fails = house_.write("jobs/fails.sh", "#!/bin/sh\nexit 5\n", true);
    jobs_ = fails.substr(0, fails.rfind('/'));
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
    expect(0, {"inventory", "apply", inventory_});
  }

  // Runs a command and returns what it printed; its exit status must be `status`.
  std::string expect(int status, const std::vector<std::string>& arguments) {
    return expect_run(house_, status, arguments).out;
  }

  // Runs a job under `guid`, which must end with `status`; its status.log.
  std::vector<StatusLine> run(int status, const std::string& guid,
                              std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"run", "--wait", "--guid", guid});
    expect(status, arguments);
    expect_status_logs_complete(house_, {guid});
    return parse_status_log(expect(0, {"result", guid, "--format", "status-log"})).lines;
  }

  static std::vector<std::string> words(const std::vector<StatusLine>& lines) {
    std::vector<std::string> result;
    for (const StatusLine& line : lines) result.push_back(line.status + " " + line.operation);
    return result;
  }

  House house_;
  std::string inventory_;
  std::string jobs_;
  std::unique_ptr<Child> up_;
};

TEST_F(MainJobTest, VerifiesAGoodAndABadDevice) {
  expect(0, {"verify", "good-1"});
  expect(5, {"verify", "--all"});
  EXPECT_THAT(expect(5, {"verify", "bad-1", "-o", "json"}), HasSubstr("sound"));
  const std::string devices = expect(0, {"device", "ls", "-o", "jsonl"});
  EXPECT_THAT(devices, HasSubstr("\"good\""));
  EXPECT_THAT(devices, HasSubstr("\"bad\""));
  const std::vector<StatusLine> lines =
      parse_status_log(expect(0, {"result", "last", "--format", "status-log"})).lines;
  EXPECT_THAT(words(lines), Not(testing::Contains(HasSubstr("verify.after"))))
      << "a check with a failed dependency was recorded";
}

TEST_F(MainJobTest, RunsJobsThatPassFailAndRunOutOfTime) {
  const auto passed = run(0, "e2e-job-passes", {"-d", "good-1", jobs_, "--path", "passes.sh"});
  ASSERT_FALSE(passed.empty());
  EXPECT_EQ(passed.back().status, "END GOOD");
  EXPECT_THAT(expect(0, {"log", "e2e-job-passes"}), HasSubstr("good-1"));

  const auto failed = run(5, "e2e-job-fails", {jobs_, "--path", "fails.sh"});
  ASSERT_FALSE(failed.empty());
  EXPECT_EQ(failed.back().status, "END FAIL");

  const auto late =
      run(9, "e2e-job-late", {"--timeout", "1s", "--grace", "1s", "--", "sleep", "60"});
  ASSERT_FALSE(late.empty());
  EXPECT_THAT(late.back().status, testing::StartsWith("END "));
  EXPECT_NE(late.back().status, "END GOOD");

  const std::unique_ptr<Client> client = house_.connect();
  EventTail tail(*client);
  tail.catch_up();
  expect_ended_once(tail.events(), {"e2e-job-passes", "e2e-job-fails", "e2e-job-late"});
  expect_ledger_agrees(house_, tail.events());
}

TEST_F(MainJobTest, KeepsAChildsOwnExitStatusBesideTheTasks) {
  run(5, "e2e-exit-three", {"--", "sh", "-c", "exit 3"});
  EXPECT_THAT(expect(0, {"task", "show", "e2e-exit-three", "-o", "json"}),
              HasSubstr("\"exit_code\":3"));
}

TEST_F(MainJobTest, ARepeatedSubmitIsOneTask) {
  const std::vector<std::string> once = {"run", "--wait", "--guid", "e2e-repeated", "--", "true"};
  expect(0, once);
  expect(0, once);
  const std::unique_ptr<Client> client = house_.connect();
  EventTail tail(*client);
  tail.catch_up();
  expect_ended_once(tail.events(), {"e2e-repeated"});
  EXPECT_EQ(fold_lives(tail.events())["e2e-repeated"].leases, 1u);
}

TEST_F(MainJobTest, CancelEndsWhatRuns) {
  expect(0, {"run", "--detach", "--guid", "e2e-cancelled", "--", "sleep", "60"});
  const std::unique_ptr<Client> client = house_.connect();
  EventTail tail(*client);
  ASSERT_TRUE(
      tail.wait_for([](const Event& event) { return event_type(event) == "attempt_started"; },
                    std::chrono::seconds(20)));
  expect(0, {"cancel", "e2e-cancelled", "--reason", "enough"});
  EXPECT_NE(house_.muster({"wait", "e2e-cancelled"}).status, 0);
  EXPECT_THAT(expect(0, {"task", "explain", "e2e-cancelled"}), HasSubstr("enough"));
  // Its test case said "stopped", and not by whom.
  const std::string result = expect(0, {"result", "e2e-cancelled", "-o", "json"});
  EXPECT_THAT(result.substr(result.find("\"cases\"")), HasSubstr("cancelled by "));
}

TEST_F(MainJobTest, TheLogSaysThatThereWereEarlierAttempts) {
  const std::string once = house_.home().dir + "/once";
  expect(0,
         {"run", "--wait", "--guid", "e2e-job-twice", "--retry", "test=1", "--", "/bin/sh", "-c",
          "echo attempt $MUSTER_ATTEMPT; [ -e " + once + " ] || { touch " + once + "; exit 1; }"});
  const Ran newest = house_.muster({"log", "e2e-job-twice"});
  EXPECT_THAT(newest.out, HasSubstr("attempt 2\n"));
  EXPECT_THAT(newest.err, HasSubstr("earlier ones: muster log e2e-job-twice --attempt N"));
  const Ran first = house_.muster({"log", "e2e-job-twice", "--attempt", "1"});
  EXPECT_THAT(first.out, HasSubstr("attempt 1\n"));
  EXPECT_EQ(first.err, "");
}

TEST_F(MainJobTest, ABuriedTaskIsRetriedWhenItsCauseIsMended) {
  const std::string cable = house_.write("cable", "");
  std::filesystem::remove(cable);
  const std::string file = house_.write("needs-a-cable.yaml",
                                        "version: 1\nkind: job\nguid: e2e-buried\n"
                                        "retry: { test: 1 }\nmetadata: { build: \"42\" }\n"
                                        "run: [test, -e, " +
                                            cable + "]\n");
  expect(5, {"run", "--wait", file});
  EXPECT_THAT(expect(0, {"task", "show", "e2e-buried"}), HasSubstr("buried      after 2 attempts"));
  expect(5, {"retry", "e2e-buried", "--wait"});
  house_.write("cable", "");
  EXPECT_THAT(expect(0, {"retry", "e2e-buried", "--reason", "new cable"}),
              HasSubstr("queued again"));
  expect(0, {"wait", "e2e-buried"});
  const std::string shown = expect(0, {"task", "show", "e2e-buried"});
  EXPECT_THAT(shown, HasSubstr("verdict     flaky"));
  EXPECT_THAT(shown, HasSubstr("attempt 5")) << "two, two more, and one that passes";
  EXPECT_THAT(expect(64, {"retry", "e2e-buried"}), HasSubstr("passed: there is nothing to retry"));
  EXPECT_EQ(house_.muster({"retry", "no-such-task-1"}).status, 64);

  expect_status_logs_complete(house_, {"e2e-buried"});
  EXPECT_THAT(expect(0, {"result", "e2e-buried", "--format", "status-log"}),
              HasSubstr("retried by "));
  const std::string events = expect(0, {"events", "--guid", "e2e-buried", "-o", "jsonl"});
  std::istringstream lines(events);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_THAT(line, HasSubstr("\"metadata\":{\"build\":\"42\"}"));
  }
  const std::unique_ptr<Client> client = house_.connect();
  EventTail tail(*client);
  tail.catch_up();
  expect_ledger_agrees(house_, tail.events());
}

TEST_F(MainJobTest, UpStopsEverythingItStarted) {
  EXPECT_EQ(up_->stop(), 0) << house_.daemon_output();
  EXPECT_EQ(house_.muster({"task", "ls"}).status, 69);
  // The home is free: everything starts again and remembers.
  up_ = house_.start_up();
  expect(0, {"doctor", "--wait", "30s"});
  EXPECT_THAT(expect(0, {"device", "ls", "-o", "quiet"}), HasSubstr("good-1"));
}

}  // namespace
}  // namespace muster
