#include "workers/step_results.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "io/clock.h"
#include "tests/support/scratch.h"
#include "workers/child_run.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StepResultsTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = scratch_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  // The cases of a step that printed `output` and ended so.
  std::vector<CaseResult> results(JobStep step, const std::string& output, const ChildEnd& end) {
    cases_.clear();
    step.id = "unit";
    StepResults results(
        step, scratch_.path(), clock_.now() - 1min,
        [this](ReportBody body) {
          if (auto* one = std::get_if<CaseResult>(&body)) cases_.push_back(*one);
          if (auto* row = std::get_if<Measurement>(&body)) rows_.push_back(*row);
        },
        [this](CaseResult fault) { cases_.push_back(std::move(fault)); });
    results.output(output, clock_.now());
    results.end(end, clock_.now());
    for (int i = 0; i < 1'000'000 && !results.over(); ++i) results.wake();
    EXPECT_TRUE(results.over());
    count_ = results.count();
    worst_ = results.worst();
    return cases_;
  }

  static JobStep step(ResultFileFormat format, const std::string& pattern) {
    JobStep step;
    step.results = {{format, pattern}};
    return step;
  }
  static ChildEnd exited(int code) {
    ChildEnd end;
    end.exit_code = code;
    return end;
  }

  Scratch scratch_;
  SystemClock clock_;
  std::vector<CaseResult> cases_;
  std::vector<Measurement> rows_;
  uint64_t count_ = 0;
  Outcome worst_ = Outcome::pass;
};

const std::string kOne = "<testsuite name='S'><testcase name='a'><failure/></testcase></testsuite>";

TEST_F(StepResultsTest, PatternsFindFilesBelowTheDirectory) {
  for (const char* name : {"a.xml", "b.txt", "x/a.xml", "x/y/a.xml", "x/y/.a.xml", "z/a.xml"}) {
    write(name, "");
  }
  std::filesystem::create_directory_symlink(scratch_ / "z", scratch_ / "link");
  const auto found = [&](const std::string& pattern) {
    return find_job_files(scratch_.path(), pattern, 100);
  };
  EXPECT_THAT(found("*.xml"), ElementsAre("a.xml"));
  EXPECT_THAT(found("x/*.xml"), ElementsAre("x/a.xml"));
  EXPECT_THAT(found("**/*.xml"), ElementsAre("a.xml", "x/a.xml", "x/y/a.xml", "z/a.xml"));
  EXPECT_THAT(found("x/**"), ElementsAre("x/a.xml", "x/y/a.xml"));
  EXPECT_THAT(found("**/x/**/**/a.xml"), ElementsAre("x/a.xml", "x/y/a.xml"));
  EXPECT_THAT(found("x/**/a.xml"), ElementsAre("x/a.xml", "x/y/a.xml"));
  EXPECT_THAT(found("?.[tx]*"), ElementsAre("a.xml", "b.txt"));
  EXPECT_THAT(found("../*"), IsEmpty());
  EXPECT_THAT(found("x"), IsEmpty());
  EXPECT_THAT(find_job_files(scratch_.path(), "**/*.xml", 2), SizeIs(2));
}

TEST_F(StepResultsTest, JunitFilesAndMeasurementsAreRead) {
  write("r/1.xml", kOne);
  write("m.csv", "n\n1\n2\n");
  JobStep job = step(ResultFileFormat::junit, "r/*.xml");
  job.measures = {{"perf", "*.csv"}};
  EXPECT_THAT(results(job, "", exited(0)),
              ElementsAre(CaseResult{"S", "a", Outcome::fail, 0s, ""}));
  EXPECT_EQ(count_, 1u);
  EXPECT_EQ(worst_, Outcome::fail);
  EXPECT_THAT(rows_, SizeIs(2));
}

TEST_F(StepResultsTest, WhatCannotBeReadIsAnErrorOfTheStep) {
  write("half.xml", kOne.substr(0, kOne.size() - 3));
  write("old.xml", kOne);
  const timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (scratch_ / "old.xml").c_str(), times, 0), 0);
  const struct {
    const char* pattern;
    const char* reason;
    uint64_t count;
  } rows[] = {
      {"none*.xml", "no file matches \"none*.xml\"", 0},
      {"half.xml", "\"half.xml\": line 1: ", 1},
      {"old.xml", "older than the step", 0},
  };
  for (const auto& row : rows) {
    const std::vector<CaseResult> cases =
        results(step(ResultFileFormat::junit, row.pattern), "", exited(0));
    ASSERT_THAT(cases, SizeIs(row.count + 1)) << row.pattern;
    EXPECT_EQ(cases.back().suite, "muster");
    EXPECT_EQ(cases.back().name, "unit");
    EXPECT_THAT(cases.back().message, HasSubstr(row.reason));
    EXPECT_EQ(count_, row.count);
    EXPECT_EQ(worst_, Outcome::error);
  }
}

// The program of five cases that crashes in the third, run for real.
TEST_F(StepResultsTest, ACrashingGoogletestLeavesTwoPassedAndOneError) {
  const std::string report = scratch_ / "report.xml";
  ProcessSpec spec;
  spec.argv = {std::string(MUSTER_BIN_DIR) + "/muster_crashing_gtest",
               "--gtest_output=xml:" + report};
  std::string output;
  ChildRun child(
      spec, {}, [&](std::string_view bytes) { output += bytes; }, clock_.now());
  while (!child.ended()) {
    pollfd fds[2] = {{child.output_fd(), POLLIN, 0}, {child.exit_fd(), POLLIN, 0}};
    ::poll(fds, 2, 1'000);
    child.wake(clock_.now());
  }
  const std::vector<CaseResult> cases =
      results(step(ResultFileFormat::gtest, "*.xml"), output, child.end());
  ASSERT_THAT(cases, SizeIs(3)) << output;
  EXPECT_EQ(cases[0].name, "First");
  EXPECT_EQ(cases[0].outcome, Outcome::pass);
  EXPECT_EQ(cases[1].outcome, Outcome::pass);
  EXPECT_EQ(cases[2].name, "Third");
  EXPECT_EQ(cases[2].outcome, Outcome::error);
  EXPECT_THAT(
      cases[2].message,
      HasSubstr("was running when the program ended by signal 11 (SIGSEGV); 2 more never began"));
  EXPECT_THAT(cases[2].message, HasSubstr("about to crash"));
}

TEST_F(StepResultsTest, AFileThatAnEarlierRunLeftDoesNotHideACrash) {
  write("report.xml", "<testsuite name='S'><testcase name='a'/><testcase name='b'/></testsuite>");
  const timespec times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (scratch_ / "report.xml").c_str(), times, 0), 0);
  ChildEnd crash;
  crash.signal = 11;
  const std::vector<CaseResult> cases =
      results(step(ResultFileFormat::gtest, "report.xml"), "[ RUN      ] S.a\n", crash);
  ASSERT_THAT(cases, SizeIs(2));
  EXPECT_THAT(cases[0].message, HasSubstr("older than the step"));
  EXPECT_EQ(cases[1].name, "a");
  EXPECT_EQ(cases[1].outcome, Outcome::error);
}

TEST_F(StepResultsTest, TheOutputAloneIsEnough) {
  EXPECT_THAT(results(step(ResultFileFormat::gtest, ""),
                      "[ RUN      ] S.a\n[       OK ] S.a (5 ms)\n", exited(0)),
              ElementsAre(CaseResult{"S", "a", Outcome::pass, 5ms, ""}));
}

}  // namespace
}  // namespace muster
