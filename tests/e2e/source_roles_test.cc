// A job file whose source is a git repository, and which leaves its devices to .vcsjob.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/expect_run.h"
#include "tests/support/git_server.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

class SourceRolesE2eTest : public testing::Test {
 protected:
  SourceRolesE2eTest() : house_(MUSTER_BIN_DIR) {
    up_ = house_.start_up({"--worker-name", "w"});
    expect_run(house_, 0, {"doctor", "--wait", "30s"});
    const std::string inventory = house_.write("lab.yaml",
                                               "version: 1\nkind: inventory\nlab: test\n"
                                               "workers: { w: {} }\n"
                                               "devices:\n"
                                               "  phone: { type: handset, pretty: yuga }\n");
    expect_run(house_, 0, {"inventory", "apply", inventory});
    const std::string list = house_.write(
        "served/repository/.vcsjob",
        R"({"executables": [{"path": "smoke.sh", "tags": ["SMOKE"],)"
        R"( "profiles": [{"type": "handset"}]}, {"path": "none.sh", "tags": ["NONE"]}]})");
    house_.write("served/repository/smoke.sh",
                 "#!/bin/sh\necho devices=$MUSTER_DEVICES\ngit rev-parse HEAD\n", true);
    house_.write("served/repository/none.sh", "#!/bin/sh\necho devices=$MUSTER_DEVICES\n", true);
    server_ = std::make_unique<GitServer>(list.substr(0, list.rfind('/')));
  }

  std::string job(const std::string& name, const std::string& text) {
    return house_.write(name, "version: 1\nkind: job\nbefore: { verify: none }\n" + text);
  }
  std::string source(const std::string& more) const {
    return "source: { git: \"" + server_->url() + "\", " + more + " }\n";
  }

  House house_;
  std::unique_ptr<Child> up_;
  std::unique_ptr<GitServer> server_;
};

TEST_F(SourceRolesE2eTest, ProfilesBecomeRolesAndWhatRunsIsWhatWasRead) {
  const std::string sha = server_->repository().git({"rev-parse", "HEAD"});
  const std::string file = job("smoke.yaml", source("ref: main, tags: [SMOKE]"));
  expect_run(house_, 0, {"run", "--wait", "--guid", "source-roles-1", file});
  const std::string log = expect_run(house_, 0, {"log", "source-roles-1"}).out;
  EXPECT_THAT(log, HasSubstr("\"role\":\"handset\""));
  EXPECT_THAT(log, HasSubstr("\"name\":\"phone\""));
  EXPECT_THAT(log, HasSubstr("\n" + sha + "\n"));
  const std::string shown =
      expect_run(house_, 0, {"task", "show", "source-roles-1", "-o", "json"}).out;
  EXPECT_THAT(shown, HasSubstr("type=handset"));
  EXPECT_THAT(expect_run(house_, 0, {"events", "--guid", "source-roles-1", "-o", "jsonl"}).out,
              HasSubstr("\"ref\":\"main\""))
      << "people see the name they gave";

  const std::string none = job("none.yaml", source("ref: main, tags: [NONE]"));
  expect_run(house_, 0, {"run", "--wait", "--guid", "source-roles-2", none});
  EXPECT_THAT(expect_run(house_, 0, {"log", "source-roles-2"}).out, HasSubstr("devices=[]"));
}

TEST_F(SourceRolesE2eTest, WithoutTheSourceTheFileMustSayIt) {
  server_->stop();
  const std::string file = job("smoke.yaml", source("ref: main, tags: [SMOKE]"));
  for (const char* verb : {"run", "submit"}) {
    const Ran refused = expect_run(house_, 8, {verb, file});
    EXPECT_THAT(refused.err, HasSubstr(file + ":1:1: cannot read .vcsjob of " + server_->url() +
                                       "@main: git: "));
    EXPECT_THAT(refused.err, HasSubstr("devices: []"));
  }
  const std::string said =
      house_.write("said.yaml", "version: 1\nkind: job\ndevices: []\n" + source("ref: main"));
  expect_run(house_, 0, {"submit", said});
  EXPECT_NE(expect_run(house_, 0, {"task", "ls", "-o", "quiet", "--all"}).out, "");
}

TEST_F(SourceRolesE2eTest, JobsOfARepositoryAreListed) {
  const std::string listed =
      expect_run(house_, 0, {"job", "list", server_->url(), "--ref", "main"}).out;
  EXPECT_THAT(listed, HasSubstr("smoke.sh"));
  EXPECT_THAT(listed, HasSubstr("none.sh"));
  EXPECT_EQ(
      expect_run(house_, 0, {"job", "list", server_->url(), "--tags", "NONE", "-o", "quiet"}).out,
      "none.sh\n");
  EXPECT_THAT(expect_run(house_, 0, {"job", "check", server_->url()}).out,
              HasSubstr(server_->url() + "@HEAD:.vcsjob: ok"));
  EXPECT_THAT(expect_run(house_, 8, {"job", "list", server_->url(), "--ref", "gone"}).err,
              HasSubstr("couldn't find remote ref gone"));
}

}  // namespace
}  // namespace muster
