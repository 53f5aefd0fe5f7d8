// The examples of docs/job-api.md, as they stand there, against a real socket; and the verbs of
// muster outside of a job.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>

#include "io/clock.h"
#include "io/process.h"
#include "tests/support/scratch.h"
#include "workers/child_run.h"
#include "workers/job_api.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr Duration kPatience = 60s;

class JobApiDoc : public ::testing::Test {
 protected:
  JobApiDoc() { std::filesystem::create_directory(work()); }

  std::string work() const { return scratch_ / "work"; }

  // The block of this language in the documentation.
  static std::string example(const std::string& language) {
    const Result<std::string> text =
        read_file(std::string(MUSTER_SOURCE_DIR) + "/docs/job-api.md", 1 << 20);
    EXPECT_TRUE(text.ok());
    const std::string fence = "```" + language + "\n";
    const size_t begin = text->find(fence);
    EXPECT_NE(begin, std::string::npos);
    const size_t from = begin + fence.size();
    return text->substr(from, text->find("```", from) - from);
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(work() + "/" + name) << text;
  }

  // Runs a child in the working directory, with the socket served meanwhile.
  ChildEnd run(std::vector<std::string> argv, bool inside = true) {
    SystemClock clock;
    Result<std::unique_ptr<JobApi>> api = JobApi::listen(
        {scratch_ / "s", {work()}, scratch_ / "artifacts"}, {},
        [this](ReportBody body) {
          said_.push_back(std::move(body));
          return std::string();
        },
        [](const std::string& name) { return "http://archive/" + name; }, clock.now());
    EXPECT_TRUE(api.ok()) << api.error();
    ProcessSpec spec;
    spec.argv = std::move(argv);
    spec.cwd = work();
    spec.env = {{"PATH", std::string(MUSTER_BIN_DIR) + ":/usr/bin:/bin"},
                {"HOME", work()},
                {"MUSTER_HOME", work() + "/home"},
                {"LANG", "C.UTF-8"}};
    if (inside) spec.env["MUSTER_SOCKET"] = (*api)->path();
    ChildLimits limits;
    limits.run = kPatience;
    ChildRun child(
        spec, limits, [this](std::string_view bytes) { output_ += bytes; }, clock.now());
    while (!child.ended()) {
      std::vector<int> fds = {child.output_fd(), child.exit_fd()};
      (*api)->descriptors(fds);
      std::vector<pollfd> polls;
      for (const int fd : fds) polls.push_back({fd, POLLIN, 0});
      const bool busy = (*api)->next_deadline().has_value();
      ::poll(polls.data(), polls.size(), busy ? 0 : 1'000);
      (*api)->wake(clock.now());
      child.wake(clock.now());
    }
    (*api)->finish(clock.now());
    return child.end();
  }

  template <typename Body>
  std::vector<Body> said() const {
    std::vector<Body> bodies;
    for (const ReportBody& body : said_) {
      if (const auto* one = std::get_if<Body>(&body)) bodies.push_back(*one);
    }
    return bodies;
  }

  Scratch scratch_;
  std::vector<ReportBody> said_;
  std::string output_;
};

TEST_F(JobApiDoc, TheShellExampleWorks) {
  write("example.sh", "set -e\n" + example("sh"));
  EXPECT_EQ(run({"/bin/sh", "example.sh"}).exit_code, 0) << output_;
  EXPECT_EQ(said<Shout>().at(0).json, R"({"state": "measuring", "build": 4711})");
  ASSERT_THAT(said<Measurement>(), SizeIs(3));
  EXPECT_EQ(said<Measurement>()[0],
            (Measurement{"boot", {{"build", int64_t{4711}}, {"cold", true}, {"seconds", 12.5}}}));
  EXPECT_EQ(said<Measurement>()[2],
            (Measurement{"latency", {{"n", int64_t{2}}, {"latency", 11.25}}}));
  ASSERT_THAT(said<CaseResult>(), SizeIs(2));
  EXPECT_EQ(said<CaseResult>()[1],
            (CaseResult{"boot", "warm", Outcome::fail, 9s, "expected < 8 s"}));
  EXPECT_EQ(said<Artifact>().at(0).name, "tables/latency.csv");
  EXPECT_EQ(said<Progress>().at(0).percent, 10u);
  // There is no home to ask here, and so the call failed.
  ASSERT_THAT(said<CallFailed>(), SizeIs(1));
  EXPECT_EQ(said<CallFailed>()[0].method, "device");
  EXPECT_EQ(said<CallFailed>()[0].arguments, R"(["device","ls"])");
  EXPECT_NE(said<CallFailed>()[0].error, "");
  EXPECT_THAT(output_, HasSubstr("an event says so"));
}

TEST_F(JobApiDoc, ThePythonExampleWorks) {
  write("example.py", example("python"));
  EXPECT_EQ(run({"python3", "example.py"}).exit_code, 0) << output_;
  ASSERT_THAT(said_, SizeIs(3));
  EXPECT_EQ(said<Measurement>().at(0),
            (Measurement{"python", {{"n", int64_t{1} << 62}, {"x", 0.1}}}));
}

TEST_F(JobApiDoc, TheCppExampleWorks) {
  write("example.cc", example("cpp"));
  ASSERT_EQ(
      run({MUSTER_CXX, "-std=c++20", "-Wall", "-Wextra", "-Werror", "example.cc", "-o", "example"})
          .exit_code,
      0)
      << output_;
  EXPECT_EQ(run({"./example"}).exit_code, 0) << output_;
  EXPECT_EQ(said<CaseResult>().at(0).suite, "c++");
}

TEST_F(JobApiDoc, OutsideOfAJobVerbsDoNothingOrSaySo) {
  EXPECT_EQ(run({"muster", "shout", "{\"a\": 1}"}, false).exit_code, 0);
  EXPECT_EQ(run({"muster", "progress", "50", "half"}, false).exit_code, 0);
  EXPECT_EQ(output_, "");
  const std::vector<std::vector<std::string>> rows = {
      {"muster", "report", "--name", "n", "pass"},
      {"muster", "measure", "t", "a=1"},
      {"muster", "push", "f"},
      {"muster", "call", "version"},
  };
  for (const std::vector<std::string>& argv : rows) {
    output_.clear();
    EXPECT_EQ(run(argv, false).exit_code, 64) << argv[1];
    EXPECT_THAT(output_, HasSubstr("muster " + argv[1] + " works inside a job only"));
  }
  EXPECT_THAT(said_, SizeIs(0));
}

TEST_F(JobApiDoc, WhatTheHouseRefusesExitsSo) {
  EXPECT_EQ(run({"muster", "measure", "not a table", "a=1"}).exit_code, 64);
  EXPECT_EQ(run({"muster", "push", "no-such-file"}).exit_code, 64);
  EXPECT_THAT(output_, HasSubstr("No such file"));
  // A call that is answered is no failed call, whatever its exit status.
  EXPECT_EQ(run({"muster", "call", "version"}).exit_code, 0);
  EXPECT_EQ(run({"muster", "call", "no-such-verb"}).exit_code, 64);
  std::vector<std::string> refused;
  for (const CallFailed& call : said<CallFailed>()) refused.push_back(call.method);
  EXPECT_THAT(refused, ElementsAre("measure", "push", "no-such-verb"));
  EXPECT_THAT(said_, SizeIs(3));
}

}  // namespace
}  // namespace muster
