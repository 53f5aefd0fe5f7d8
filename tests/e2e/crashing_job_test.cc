// The whole way of a job that crashes while its worker does: fetched from a git server by its sha,
// chosen by a tag, its worker killed -9 half-way and started again. What had finished counts, what
// ran is an error, and nothing is lost or told twice.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/guid.h"
#include "io/file.h"
#include "tests/e2e/audit.h"
#include "tests/support/expect_run.h"
#include "tests/support/git_server.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);
constexpr char kGuid[] = "crashing-job-1";

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class CrashingJobTest : public testing::Test {
 protected:
  CrashingJobTest() : house_(MUSTER_BIN_DIR) {
    gate_ = house_.home().dir + "/gate";
    broker_ = house_.start_broker({"--lease", "20s", "--beat", "200ms"});
    collector_ = house_.start_collector();
    start_worker();
    client_ = house_.connect();
    tail_ = std::make_unique<EventTail>(*client_);
    EXPECT_EQ(::mkfifo(gate_.c_str(), 0600), 0);
  }
  // Nothing of a test waits for ever.
  ~CrashingJobTest() override {
    const UniqueFd opened(::open(gate_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }

  void start_worker() { worker_ = house_.start_worker("local", 2); }

  std::string expect(int status, const std::vector<std::string>& arguments) {
    const Ran ran = expect_run(house_, status, arguments);
    return ran.out + ran.err;
  }

  // A tree with the googletest program, which waits in its second case. The result is a job file
  // that asks for it.
  std::string make_job() {
    const std::string list = house_.write("served/repository/.vcsjob", R"({"executables": [
        {"path": "tests/crashing", "tags": ["CRASH", "gtest"]},
        {"path": "tests/other.sh", "tags": ["OTHER"]}]})");
    const std::string program = std::string(MUSTER_BIN_DIR) + "/muster_crashing_gtest";
    house_.write("served/repository/tests/crashing", read_text(program), true);
    house_.write("served/repository/tests/other.sh", "#!/bin/sh\nexit 5\n", true);
    server_ = std::make_unique<GitServer>(list.substr(0, list.rfind('/')));
    const std::string url = server_->url();
    sha_ = server_->repository().git({"rev-parse", "HEAD"});
    return house_.write("crashing.yaml",
                        "version: 1\nkind: job\nname: crashing\nsource: { git: \"" + url +
                            "\", ref: " + sha_ +
                            ", tags: [CRASH, \"not:OTHER\"] }\nresults: { gtest: \"\" }\n"
                            "artifacts: [\"*.report\"]\nretry: { infra: 3, test: 0 }\n"
                            "env: { set: { CRASHING_REPORT: crashing.report, CRASHING_GATE: \"" +
                            gate_ + "\" } }\n");
  }

  std::vector<std::string> cases() const {
    std::vector<std::string> lines;
    for (const Event& event : tail_->events()) {
      const auto* reported = std::get_if<AttemptReported>(&event.body);
      if (reported == nullptr) continue;
      if (const auto* result = std::get_if<CaseResult>(&reported->body)) {
        lines.push_back(result->name + " " + std::string(to_string(result->outcome)));
      }
    }
    return lines;
  }

  House house_;
  std::unique_ptr<GitServer> server_;
  std::string gate_;
  std::string sha_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> collector_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<EventTail> tail_;
};

TEST_F(CrashingJobTest, WhatHadFinishedCountsAndTheRunningCaseIsAnErrorThoughItsWorkerDied) {
  expect(0, {"run", "--detach", "--wait-for-capacity", "--guid", kGuid, make_job()});
  ASSERT_TRUE(eventually(
      [&] {
        return house_.muster({"log", kGuid}).out.find("[       OK ] Crashing.First") !=
               std::string::npos;
      },
      kPatience))
      << house_.daemon_output();
  worker_->kill_now();
  {
    const UniqueFd opened(::open(gate_.c_str(), O_WRONLY | O_CLOEXEC));  // its second case goes on
    ASSERT_TRUE(opened.valid());
  }
  start_worker();
  ASSERT_TRUE(
      tail_->wait_for([](const Event& event) { return ended_guid(event) == kGuid; }, kPatience))
      << house_.daemon_output();
  tail_->catch_up();

  EXPECT_THAT(cases(), ElementsAre("First pass", "Second pass", "Third error"));
  const TaskLife life = fold_lives(tail_->events())[kGuid];
  EXPECT_EQ(life.leases, 1u);
  EXPECT_THAT(life.attempt_ends, ElementsAre(testing::Pair(1, 1)));
  expect_ended_once(tail_->events(), {kGuid});
  expect_status_logs_complete(house_, {kGuid});
  expect_ledger_agrees(house_, tail_->events());

  const std::string log = expect(0, {"log", kGuid});
  EXPECT_THAT(log, testing::StartsWith("muster: {\"guid\":\"" + std::string(kGuid) + "\""));
  EXPECT_THAT(log, HasSubstr("\"sha\":\"" + sha_ + "\""));
  for (const char* line : {"[       OK ] Crashing.First", "[       OK ] Crashing.Second",
                           "[ RUN      ] Crashing.Third", "about to crash"}) {
    EXPECT_EQ(count_of(log, line), 1u) << line << "\n" << log;
  }
  EXPECT_EQ(count_of(log, "\nmuster: {"), 1u) << "one trailer\n" << log;

  const std::string archived = house_.home().archive_dir() + "/" + percent_encode(kGuid) + "/1/";
  EXPECT_TRUE(eventually([&] { return read_text(archived + "log") == log; }))
      << read_text(archived + "log");
  EXPECT_TRUE(eventually([&] {
    return read_text(archived + "crashing.report") ==
           "Crashing.First passed\nCrashing.Second passed\n";
  })) << read_text(archived + "crashing.report");
}

}  // namespace
}  // namespace muster
