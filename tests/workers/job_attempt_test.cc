// JobAttempt with real children: steps, finally, timeouts, stops, what is kept and collected.
#include "workers/job_attempt.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/file.h"
#include "tests/workers/job_attempt_in_hand.h"

namespace muster {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// `muster result` counted a googletest program that had told of its cases as one more error.
TEST_F(JobAttemptTest, AStepWhoseCasesSayWhatBecameOfItIsNoCaseItself) {
  JobStep tests = step("tests", "echo '[ RUN      ] A.B'; echo '[       OK ] A.B (1 ms)'");
  tests.results = {{ResultFileFormat::gtest, ""}};
  work.steps = {tests};
  EXPECT_EQ(run().outcome, Outcome::pass);
  EXPECT_EQ(count_cases(), 1u);

  reports.clear();
  work.steps[0].argv[2] += "; exit 1";
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_EQ(count_cases(), 2u) << "its case passed, and it did not";
}

// It ended while what had left its process group was still dying, and could touch its devices.
// Whether the step was a case of its own as well varied from run to run.
TEST_F(JobAttemptTest, AStepThatToldItsTestsJustBeforeItEndedIsNoCaseItself) {
  const std::string send =
      "import os, socket\n"
      "api = socket.socket(socket.AF_UNIX)\n"
      "api.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000)\n"
      "api.connect(os.environ['MUSTER_SOCKET'])\n"
      "line = "
      "'{\"report\":{\"suite\":\"s\",\"name\":\"n\",\"outcome\":\"%s\",\"message\":\"%s\"}}\\n'\n"
      "lines = 'x' * 60000, 'x' * 60000, 'x' * 60000, 'x' * 60000\n"
      "api.sendall(''.join(line % ('pass', text) for text in lines).encode())\n"
      "os._exit(0)\n";
  JobStep tests = step("tests", "");
  tests.argv = {"python3", "-c", send};
  work.steps = {tests, step("more", "true")};
  EXPECT_EQ(run().outcome, Outcome::pass) << log();
  EXPECT_EQ(count_cases(), 5u) << "four that were told, and the step that told none";
}

TEST_F(JobAttemptTest, StepsRunInOrderUntilOneFails) {
  work.steps = {step("one", "echo 1"), step("two", "echo 2; exit 3"), step("three", "echo 3")};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::fail);
  EXPECT_EQ(ending.exit_code, 3);
  EXPECT_THAT(ending.message, HasSubstr("two: "));
  EXPECT_THAT(ending.message, HasSubstr("(1 of 3 steps were not run)"));
  EXPECT_THAT(records(), ElementsAre("START one", "GOOD one", "END GOOD one", "START two",
                                     "FAIL two", "END FAIL two"));
  EXPECT_THAT(log(), HasSubstr("muster: step one\n1\nmuster: step two\n2\n"));
  EXPECT_THAT(log(), HasSubstr(R"("steps":[{"id":"one","argv":["/bin/sh","-c","echo 1"]},)"));
  EXPECT_THAT(log(), HasSubstr(R"("usage":{"user":)"));
}

TEST_F(JobAttemptTest, StepsShareTheWorkspaceAndItIsRemoved) {
  work.steps = {step("one", "pwd > where; echo shared > file"), step("two", "grep shared file")};
  EXPECT_EQ(run().outcome, Outcome::pass) << log();
  attempt.reset();
  EXPECT_FALSE(exists("attempts/guid-000001/1/workspace"));
}

TEST_F(JobAttemptTest, AStepHasATimeoutOfItsOwn) {
  spec.timeouts.run = 60s;
  work.steps = {step("slow", "sleep 60", 50ms), step("next", "true")};
  work.finally = {step("tidy", "touch " + path("tidied"))};
  const Ending ending = run();
  EXPECT_EQ(ending.cause, Cause::timeout);
  EXPECT_EQ(ending.status, StatusCode::timeout);
  EXPECT_THAT(ending.message, HasSubstr("slow: "));
  EXPECT_THAT(ending.message, HasSubstr("50ms"));
  EXPECT_TRUE(exists("tidied"));
}

TEST_F(JobAttemptTest, FinallyRunsAfterAFailureAndEachOfIt) {
  work.steps = {step("bad", "exit 1")};
  work.finally = {step("first", "echo first; exit 1"), step("second", "echo second")};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::fail);
  EXPECT_THAT(ending.message, HasSubstr("exit")) << "what the job came to, not its tidying";
  EXPECT_THAT(records(),
              ElementsAre("START bad", "FAIL bad", "END FAIL bad", "START first", "FAIL first",
                          "END FAIL first", "START second", "GOOD second", "END GOOD second"));
  EXPECT_EQ(count_cases(), 1u) << "tidying tests nothing";
}

TEST_F(JobAttemptTest, AFailedFinallyStepFailsAJobThatPassed) {
  work.source = CommandSource{{"true"}};
  work.finally = {step("tidy", "exit 4")};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::fail);
  EXPECT_EQ(ending.exit_code, 4);
  EXPECT_THAT(ending.message, HasSubstr("finally: tidy: "));
}

TEST_F(JobAttemptTest, FinallyRunsOnACancel) {
  work.steps = {step("long", "touch " + path("begun") + "; sleep 60"), step("next", "true")};
  work.finally = {step("tidy", "echo tidied")};
  begin();
  run_until("begun");
  attempt->set_stop_reason("cancelled by ann: enough");
  attempt->stop(clock.now(), false);
  run_until("");
  EXPECT_EQ(ending().cause, Cause::user);
  EXPECT_THAT(ending().message, HasSubstr("cancelled by ann: enough"));
  EXPECT_THAT(log(), HasSubstr("\ntidied\n"));
  EXPECT_THAT(records(), ElementsAre("START long", "ABORT long", "END ABORT long", "START tidy",
                                     "GOOD tidy", "END GOOD tidy"));
}

// The log's trailer said "cause":"user" of what the worker had ended, and its Ending "worker".
TEST_F(JobAttemptTest, WhatTheWorkerEndedSaysSoInItsLogAsInItsEnding) {
  work.steps = {step("long", "touch " + path("begun") + "; sleep 60")};
  work.finally = {step("tidy", "echo tidied")};
  begin();
  run_until("begun");
  attempt->set_stop_reason("the worker was shut down", Cause::worker);
  attempt->stop(clock.now(), false);
  run_until("");
  EXPECT_EQ(ending().cause, Cause::worker);
  EXPECT_EQ(ending().status, StatusCode::error);
  EXPECT_EQ(ending().message, "the worker was shut down");
  EXPECT_THAT(log(), HasSubstr("\ntidied\n"));
  EXPECT_THAT(log(), HasSubstr("\"cause\":\"worker\""));
  EXPECT_THAT(log(), Not(HasSubstr("\"cause\":\"user\"")));
}

TEST_F(JobAttemptTest, AStopAtOnceLeavesFinallyOut) {
  work.steps = {step("long", "touch " + path("begun") + "; sleep 60")};
  work.finally = {step("tidy", "touch " + path("tidied"))};
  begin();
  run_until("begun");
  attempt->stop(clock.now(), true);
  run_until("");
  EXPECT_FALSE(exists("tidied"));
}

TEST_F(JobAttemptTest, AStopAtOnceEndsFinallyToo) {
  work.source = CommandSource{{"true"}};
  work.finally = {step("tidy", "touch " + path("begun") + "; sleep 60"), step("more", "true")};
  begin();
  run_until("begun");
  attempt->stop(clock.now(), false);
  EXPECT_FALSE(attempt->over()) << "a cancel does not end what it would begin";
  attempt->stop(clock.now(), true);
  run_until("");
  EXPECT_THAT(records(), Not(::testing::Contains("START more")));
}

TEST_F(JobAttemptTest, FinallyStepsShareTheirTime) {
  spec.timeouts.finally = 50ms;
  work.source = CommandSource{{"true"}};
  work.finally = {step("slow", "sleep 60"), step("late", "touch " + path("late"))};
  const Ending ending = run();
  EXPECT_EQ(ending.cause, Cause::timeout);
  EXPECT_FALSE(exists("late"));
  EXPECT_THAT(records(), ::testing::Contains("ERROR late"));
}

TEST_F(JobAttemptTest, AnUninterruptibleStepDefersACancelAndSaysSo) {
  JobStep flash = step("flash", "touch " + path("begun") + "; until [ -e " + path("gate") +
                                    " ]; do sleep 0.01; done; echo flashed");
  flash.uninterruptible = true;
  work.steps = {flash, step("next", "touch " + path("next"))};
  begin();
  run_until("begun");
  attempt->set_stop_reason("cancelled by ann");
  attempt->stop(clock.now(), false);
  attempt->stop(clock.now(), false);
  write("gate", "");
  run_until("");
  EXPECT_EQ(ending().cause, Cause::user);
  EXPECT_THAT(log(), HasSubstr("muster: stopping waits for the end of step flash\n"));
  EXPECT_THAT(log(), HasSubstr("\nflashed\n"));
  EXPECT_THAT(records(), ElementsAre("START flash", "INFO flash", "GOOD flash", "END GOOD flash",
                                     "START verdict", "ABORT verdict", "END ABORT verdict"));
  EXPECT_FALSE(exists("next"));
}

TEST_F(JobAttemptTest, AnUninterruptibleStepStillHasItsTimeoutAndIsStoppedAtOnce) {
  JobStep flash = step("flash", "touch " + path("begun") + "; sleep 60", 100ms);
  flash.uninterruptible = true;
  work.steps = {flash};
  begin();
  run_until("begun");
  attempt->stop(clock.now(), false);
  run_until("");
  EXPECT_THAT(records(), ::testing::Contains("ABORT flash"));

  flash.timeout = Duration{0};
  work.steps = {flash};
  reports.clear();
  std::filesystem::remove(path("begun"));
  begin();
  run_until("begun");
  attempt->stop(clock.now(), true);
  run_until("");
  EXPECT_EQ(ending().cause, Cause::user);
}

TEST_F(JobAttemptTest, APtyIsATerminalThatChangesNothing) {
  work.pty = true;
  work.steps = {
      step("tty", "test -t 1 && test -t 2 && ! test -t 0 && printf 'a\\nb\\n' && tty <&1")};
  EXPECT_EQ(run().outcome, Outcome::pass) << log();
  EXPECT_THAT(log(), HasSubstr("\na\nb\n/dev/pts/"));
  EXPECT_THAT(log(), Not(HasSubstr("\r")));
}

// AVE's timeout was evaded by closing the terminal.
TEST_F(JobAttemptTest, ClosingTheTerminalDoesNotEvadeTheTimeout) {
  for (const bool pty : {true, false}) {
    work.pty = pty;
    work.steps = {step("sly", "exec >/dev/null 2>&1 </dev/null; sleep 60", 100ms)};
    const Ending ending = run();
    EXPECT_EQ(ending.cause, Cause::timeout) << pty;
    reports.clear();
  }
}

TEST_F(JobAttemptTest, CwdIsRelativeToTheTreeAndStaysInIt) {
  std::filesystem::create_directories(path("tree/sub"));
  std::filesystem::create_directories(path("tree-evil"));
  work.source = TreeSource{path("tree"), "", {}};
  work.cwd = "sub";
  work.steps = {step("where", "pwd")};
  EXPECT_EQ(run().outcome, Outcome::pass);
  EXPECT_THAT(log(), HasSubstr(path("tree/sub") + "\n"));
  for (const char* outside : {"../tree-evil", "missing"}) {
    reports.clear();
    work.cwd = outside;
    const Ending ending = run();
    EXPECT_EQ(ending.cause, Cause::config) << outside;
    EXPECT_EQ(ending.status, StatusCode::norun);
    EXPECT_THAT(ending.message, HasSubstr("cwd: "));
  }
}

TEST_F(JobAttemptTest, AGitSourceThatIsNoneIsNotFetched) {
  context.git.mirrors_dir = path("mirrors");
  work.source = GitSource{path("no-repository"), "main", "", {}};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.status, StatusCode::nofetch);
  EXPECT_THAT(ending.message, HasSubstr("does not appear to be a git repository"));
  EXPECT_THAT(log(), testing::StartsWith("muster: {"));
}

TEST_F(JobAttemptTest, TooFewResultsAreAnError) {
  work.source = CommandSource{{"true"}};
  work.expect_tests = 2;
  EXPECT_THAT(run().message, HasSubstr("1 of 2 expected test results were reported"));
  EXPECT_EQ(ending().outcome, Outcome::error);
  struct Row {
    std::vector<Outcome> told;
    Outcome outcome;
  };
  for (const Row& row :
       {Row{{Outcome::pass, Outcome::pass}, Outcome::pass}, Row{{Outcome::pass}, Outcome::error},
        Row{{Outcome::pass, Outcome::skip, Outcome::pass}, Outcome::pass},
        Row{{Outcome::pass, Outcome::fail}, Outcome::fail},
        Row{{Outcome::error, Outcome::pass}, Outcome::fail}}) {
    reports.clear();
    begin();
    for (const Outcome outcome : row.told) {
      attempt->tell(CaseResult{"suite", "case", outcome, 1ms, ""});
    }
    run_until("");
    EXPECT_EQ(ending().outcome, row.outcome) << ending().message;
  }
}

// What declared files held had no bound.
TEST_F(JobAttemptTest, FilesAndTheSocketShareOneBudgetAndWhatIsLeftOutIsAnError) {
  context.report_limits.reports = 5;
  JobStep tests =
      step("tests",
           "echo '<testsuite name=\"s\"><testcase name=\"a\"/><testcase name=\"b\"/>"
           "<testcase name=\"c\"/></testsuite>' > r.xml; printf 'n\\n1\\n2\\n' > m.csv");
  tests.results = {{ResultFileFormat::junit, "r.xml"}};
  tests.measures = {{"perf", "m.csv"}};
  work.steps = {tests};
  EXPECT_EQ(run().outcome, Outcome::pass) << ending().message;

  reports.clear();
  work.expect_tests = 3;
  work.steps.push_back(tests);
  const std::string left_out =
      "left out 3 test results, 2 measurements: an attempt may say 5 things";
  EXPECT_EQ(run().outcome, Outcome::error);
  EXPECT_EQ(ending().cause, Cause::test);
  EXPECT_THAT(ending().message, HasSubstr(left_out));
  EXPECT_EQ(count_cases(), 3u);
  const std::vector<std::string> said = records();
  EXPECT_EQ(std::count(said.begin(), said.end(), "WARN results"), 1);
  EXPECT_THAT(log(), HasSubstr(left_out));

  reports.clear();
  work.steps.pop_back();
  begin();
  EXPECT_EQ(attempt->tell(Shout{"{}"}), "");
  EXPECT_EQ(attempt->tell(CaseResult{"s", "told", Outcome::pass, 1ms, ""}), "");
  run_until("");
  EXPECT_THAT(ending().message, HasSubstr("left out 2 measurements: "));
  EXPECT_EQ(count_cases(), 4u) << "what came first is there";
}

TEST_F(JobAttemptTest, ResultsThatAreLeftOutDoNotCountAsExpectedAndMayFail) {
  context.report_limits.bytes = 200;
  work.source = CommandSource{{"true"}};
  work.expect_tests = 2;
  for (const Outcome last : {Outcome::pass, Outcome::fail}) {
    reports.clear();
    begin();
    EXPECT_EQ(attempt->tell(CaseResult{"s", "a", Outcome::pass, 1ms, ""}), "");
    EXPECT_THAT(attempt->tell(CaseResult{"s", "b", last, 1ms, std::string(200, 'x')}),
                HasSubstr("an attempt may say"));
    run_until("");
    EXPECT_EQ(ending().outcome, last == Outcome::pass ? Outcome::error : Outcome::fail);
    EXPECT_THAT(ending().message, HasSubstr("1 of 2 expected test results were reported"));
    EXPECT_THAT(ending().message, HasSubstr("left out 1 test result: "));
  }
}

// Results that were dropped because there were too many at once let the job pass.
TEST_F(JobAttemptTest, ResultsThatWereDroppedAtTheSocketDoNotPass) {
  const std::string send =
      "import os, socket\n"
      "api = socket.socket(socket.AF_UNIX)\n"
      "api.connect(os.environ['MUSTER_SOCKET'])\n"
      "line = '{\"report\":{\"suite\":\"s\",\"name\":\"n\",\"outcome\":\"pass\"}}\\n'\n"
      "answers = api.makefile()\n"
      "dropped = 0\n"
      "while dropped == 0:\n"
      "  api.sendall((line * 250).encode())\n"
      "  dropped += sum('dropped' in answers.readline() for n in range(250))\n";
  JobStep tests = step("tests", "");
  tests.argv = {"python3", "-c", send};
  work.steps = {tests};
  EXPECT_EQ(run().outcome, Outcome::error) << log();
  EXPECT_EQ(ending().cause, Cause::test);
  EXPECT_THAT(ending().message, HasSubstr("too many requests in a short time"));
  EXPECT_THAT(log(), HasSubstr("muster: left out "));
}

// status.log said GOOD of what had failed by its tests, its limits or its number of tests.
TEST_F(JobAttemptTest, RecordsSayWhatTheVerdictSays) {
  const std::string report =
      "echo '<testsuite name=\"s\"><testcase name=\"a\"/><testcase name=\"b\"><failure/></testcase>"
      "</testsuite>' > r.xml";
  JobStep fails = step("tests", report);
  fails.results = {{ResultFileFormat::junit, "r.xml"}};
  work.steps = {fails, step("more", "true")};
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_THAT(records(), ElementsAre("START tests", "FAIL tests", "END FAIL tests", "START more",
                                     "GOOD more", "END GOOD more"));
  EXPECT_EQ(std::get<Record>(reports[4]).message, "1 of 2 reported tests did not pass");

  reports.clear();
  JobStep measures = step("tests", "printf 'n\\n5\\n' > m.csv");
  measures.measures = {{"perf", "m.csv"}};
  work.steps = {measures};
  work.limits = {{"perf", "n", std::nullopt, 4.0, ""}};
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_THAT(records(), ElementsAre("START tests", "GOOD tests", "END GOOD tests", "START verdict",
                                     "FAIL verdict", "END FAIL verdict"));

  reports.clear();
  work.limits.clear();
  work.expect_tests = 3;
  EXPECT_EQ(run().outcome, Outcome::error);
  EXPECT_THAT(records(), ElementsAre("START tests", "GOOD tests", "END GOOD tests", "START verdict",
                                     "ERROR verdict", "END ERROR verdict"));

  reports.clear();
  work.steps = {step("tests", "exit 1")};
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_THAT(records(), ElementsAre("START tests", "FAIL tests", "END FAIL tests"))
      << "it says so already";
}

// A file that was not there made "1 of 1 reported tests did not pass", and a failed test.
TEST_F(JobAttemptTest, AMissingFileOfResultsIsAnErrorThatSaysSo) {
  JobStep tests = step("tests", "true");
  tests.results = {{ResultFileFormat::junit, "nosuch/*.xml"}};
  work.steps = {tests};
  EXPECT_EQ(run().outcome, Outcome::error);
  EXPECT_EQ(ending().cause, Cause::test);
  EXPECT_EQ(ending().status, StatusCode::error);
  EXPECT_EQ(ending().message, "no file matches \"nosuch/*.xml\"");
  EXPECT_EQ(count_cases(), 1u);
  EXPECT_THAT(records(), ElementsAre("START tests", "ERROR tests", "END ERROR tests"));
  EXPECT_THAT(log(), HasSubstr("muster: no file matches"));

  reports.clear();
  work.steps[0].argv[2] = "exit 3";
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_EQ(ending().message, "exit code 3");
  EXPECT_EQ(count_cases(), 2u) << "the file, and the step that failed by itself";
}

// Neither its log nor its message said of a finally step that it was not run.
TEST_F(JobAttemptTest, AFinallyStepThatIsNotRunSaysSo) {
  spec.timeouts.finally = 50ms;
  work.steps = {step("bad", "exit 1")};
  JobStep absent = step("absent", "");
  absent.argv = {"/no/such/program"};
  work.finally = {absent, step("slow", "sleep 60"), step("late", "true")};
  EXPECT_EQ(run().outcome, Outcome::fail);
  EXPECT_THAT(ending().message, StartsWith("exit code 1; finally was not run: absent: "));
  EXPECT_THAT(
      ending().message,
      HasSubstr("; finally was not run: late: the time for finally steps (50ms) was used up"));
  EXPECT_THAT(log(), HasSubstr("muster: step absent\nmuster: it was not run: "));
  EXPECT_THAT(log(), HasSubstr("muster: step late\nmuster: it was not run: the time for finally"));
}

TEST_F(JobAttemptTest, AWorkspaceIsKeptAsAsked) {
  struct Row {
    Keep keep;
    bool passes;
    bool stays;
  };
  for (const Row& row : {Row{Keep::never, false, false}, Row{Keep::on_failure, true, false},
                         Row{Keep::on_failure, false, true}, Row{Keep::always, true, true}}) {
    reports.clear();
    work.keep = row.keep;
    work.keep_for = 1h;
    work.steps = {step("one", std::string("touch evidence; ") + (row.passes ? "true" : "false"))};
    const Instant before = clock.now();
    run();
    attempt.reset();
    EXPECT_EQ(exists("attempts/guid-000001/1/workspace/evidence"), row.stays);
    const Result<std::string> until = read_file(attempt_path("keep_until"), 100);
    ASSERT_EQ(until.ok(), row.stays);
    if (!row.stays) continue;
    const Instant expiry = parse_rfc3339(until->substr(0, until->find('\n')));
    EXPECT_GE(expiry, before + 1h);
    EXPECT_LE(expiry, clock.now() + 1h);
    EXPECT_THAT(log(), HasSubstr("the workspace is kept until "));
  }
}

TEST_F(JobAttemptTest, ArtifactsAreCollectedHoweverTheJobEnded) {
  work.artifacts = {"out/*.xml", "**/*.bin"};
  work.steps = {step("one",
                     "mkdir -p out/deep; echo x > out/a.xml; echo yy > out/deep/b.bin; "
                     "echo z > out/c.txt; ln -s /etc/passwd out/evil.xml; kill -9 $$")};
  context.archive_url = [](const AttemptToken& token, const std::string& name) {
    return "http://archive/" + token.guid + "/" + name;
  };
  EXPECT_EQ(run().signal, 9);
  EXPECT_THAT(artifacts(), ElementsAre("out/a.xml", "out/deep/b.bin"));
  for (const ReportBody& body : reports) {
    const auto* artifact = std::get_if<Artifact>(&body);
    if (artifact == nullptr) continue;
    EXPECT_EQ(artifact->url, "http://archive/guid-000001/" + artifact->name);
    EXPECT_EQ(artifact->bytes, artifact->name == "out/a.xml" ? 2u : 3u);
    EXPECT_EQ(artifact->sha256.size(), 64u);
  }
  EXPECT_EQ(read_file(attempt_path("artifacts/out/a.xml"), 10).value(), "x\n");
  // Which only the log said.
  const std::string refusal = "\"out/evil.xml\" is not collected: symbolic links";
  EXPECT_THAT(log(), HasSubstr(refusal));
  EXPECT_THAT(ending().message, HasSubstr("; not all artifacts are kept: " + refusal));
  EXPECT_THAT(records(), Contains("WARN artifacts"));
  attempt.reset();
  EXPECT_EQ(read_file(attempt_path("artifacts/out/deep/b.bin"), 10).value(), "yy\n");
}

TEST_F(JobAttemptTest, AJobThatPassesSaysWhatItCouldNotLeave) {
  work.artifacts = {"*.xml"};
  work.steps = {step("one", "ln -s /etc/passwd a.xml; ln -s /etc/passwd b.xml")};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::pass);
  EXPECT_THAT(ending.message, StartsWith("not all artifacts are kept: \"a.xml\" is not collected"));
  EXPECT_THAT(ending.message, EndsWith("(and 1 more, see its log)"));
}

TEST_F(JobAttemptTest, AnArtifactFromADirectoryOfAllJobsStaysAsTheJobLeftIt) {
  std::filesystem::create_directories(path("shared"));
  work.source = TreeSource{path("shared"), "", {}};
  work.artifacts = {"result"};
  work.steps = {step("one", "echo first > result")};
  run();
  write("shared/result", "next");
  EXPECT_EQ(read_file(attempt_path("artifacts/result"), 10).value(), "first\n");
}

// Its address was that of the console log.
TEST_F(JobAttemptTest, AnArtifactCalledLogHasAnAddressOfItsOwn) {
  work.artifacts = {"log"};
  work.steps = {step("one", "echo mine > log")};
  context.archive_url = [](const AttemptToken&, const std::string& name) { return "a:" + name; };
  run();
  std::vector<std::string> urls;
  for (const ReportBody& body : reports) {
    if (const auto* started = std::get_if<AttemptStarted>(&body)) urls.push_back(started->log_url);
    const auto* artifact = std::get_if<Artifact>(&body);
    if (artifact != nullptr) urls.push_back(artifact->name + " " + artifact->url);
  }
  EXPECT_THAT(urls, ElementsAre("a:log", "log a:artifacts/log"));
}

}  // namespace
}  // namespace muster
