// Jobs from a git server, jobs written for AVE's vcsjob, and job files that are many tasks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/expect_run.h"
#include "tests/support/git_server.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

class JobsTest : public testing::Test {
 protected:
  JobsTest() : house_(MUSTER_BIN_DIR) {
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
  }

  std::string expect(int status, const std::vector<std::string>& arguments) {
    const Ran ran = expect_run(house_, status, arguments);
    return ran.out + ran.err;
  }

  std::string git(std::vector<std::string> arguments) const {
    return server_->repository().git(std::move(arguments));
  }

  // Serves a repository with these jobs.
  std::string serve(const std::string& vcsjob, const std::string& script) {
    const std::string file = house_.write("served/repository/.vcsjob", vcsjob);
    house_.write("served/repository/jobs/smoke.sh", script, true);
    server_ = std::make_unique<GitServer>(file.substr(0, file.rfind('/')));
    return server_->url();
  }

  House house_;
  std::unique_ptr<Child> up_;
  std::unique_ptr<GitServer> server_;
};

TEST_F(JobsTest, ATreeIsFetchedByShaAndRunByTag) {
  const std::string url =
      serve(R"({"executables": [{"path": "jobs/smoke.sh", "tags": ["SMOKE", "x"]}]})",
            "#!/bin/sh\necho first of $(pwd)\ngit rev-parse HEAD\n");
  const std::string sha = git({"rev-parse", "HEAD"});
  house_.write("served/repository/jobs/smoke.sh", "#!/bin/sh\nexit 5\n", true);
  git({"commit", "--quiet", "-a", "-m", "the branch has gone on"});
  const std::string by_sha =
      house_.write("by-sha.yaml", "version: 1\nkind: job\nname: by-sha\nsource: { git: \"" + url +
                                      "\", ref: " + sha + ", tags: [SMOKE, \"not:SLOW\"] }\n");
  expect(0, {"run", "--wait", "--guid", "jobs-by-sha-1", by_sha});
  const std::string log = expect(0, {"log", "jobs-by-sha-1"});
  EXPECT_THAT(log, HasSubstr("\"sha\":\"" + sha + "\"")) << "the head of the log";
  EXPECT_THAT(log, HasSubstr("\n" + sha + "\n")) << "what the tree is at";
  EXPECT_THAT(expect(0, {"events", "--guid", "jobs-by-sha-1"}), HasSubstr(url + " " + sha));

  const std::string by_branch =
      house_.write("by-branch.yaml", "version: 1\nkind: job\ndevices: []\nsource: { git: \"" + url +
                                         "\", ref: main, path: jobs/smoke.sh }\n");
  expect(5, {"run", "--wait", by_branch});
  git({"branch", "-m", "main", "trunk"});
  EXPECT_THAT(expect(8, {"run", "--wait", by_branch}), HasSubstr("couldn't find remote ref main"));
}

// It must not matter to them by whom they are run.
TEST_F(JobsTest, JobsWrittenForVcsjobRunUnchanged) {
  house_.write("tree/.vcsjob", R"({"executables": [{"path": "says.sh", "profiles": []},)"
                               R"( {"path": "ends.sh", "tags": ["ENDS"]}]})");
  const std::string says =
      house_.write("tree/says.sh",
                   "#!/bin/sh\n"
                   "test \"$VCSJOB_GUID\" = \"$MUSTER_GUID\" || exit 1\n"
                   "echo \"profiles=$VCSJOB_PROFILES\"\n"
                   "until grep -q profiles= \"$VCSJOB_LOG_PATH\"; do sleep 0.05; done\n",
                   true);
  house_.write("tree/ends.sh", "#!/bin/sh\nexit $STATUS\n", true);
  const std::string tree = says.substr(0, says.rfind('/'));
  expect(0, {"run", "--wait", "--guid", "jobs-of-vcsjob", tree, "--path", "says.sh"});
  EXPECT_THAT(expect(0, {"log", "jobs-of-vcsjob"}), HasSubstr("profiles=[]"));
  // BLOCKED and BUSY are the lab's fault, and so is what is left when there are no retries.
  const std::vector<int> exits = {0, 1, 2, 10, 10, 5};
  for (int status = 0; status <= 5; ++status) {
    expect(exits[static_cast<size_t>(status)],
           {"run", "--wait", "--retry", "infra=0", "--env", "STATUS=" + std::to_string(status),
            tree, "--tags", "ENDS"});
  }
}

TEST_F(JobsTest, AFileIsManyTasksThatDependOnEachOther) {
  const std::string file = house_.write(
      "many.yaml",
      "version: 1\nkind: job\nname: use\nguid: jobs-many-use\nrun: [test, -e, " +
          house_.home().dir +
          "/made-2]\ndepends_on: [make]\n---\n"
          "version: 1\nkind: job\nname: make\nguid: jobs-many-make\nmatrix: { n: [1, 2] }\n"
          "run: [touch, \"" +
          house_.home().dir +
          "/made-{matrix.n}\"]\n---\n"
          "version: 1\nkind: job\nname: never\nguid: jobs-many-never\nrun: [\"true\"]\n"
          "depends_on: [breaks]\n---\n"
          "version: 1\nkind: job\nname: breaks\nguid: jobs-many-breaks\nrun: [\"false\"]\n");
  expect(5, {"run", "--wait", file});
  expect(0, {"wait", "jobs-many-use"});
  expect(0, {"wait", "jobs-many-make/1"});
  EXPECT_THAT(expect(3, {"wait", "jobs-many-never"}),
              HasSubstr("depends on jobs-many-breaks, which ended as fail"));
}

// Five cases, of which the third takes the program with it.
TEST_F(JobsTest, AGoogletestThatCrashesHalfWayKeepsWhatHadFinished) {
  const std::string file = house_.write(
      "crashes.yaml", "version: 1\nkind: job\nname: crashes\nrun: [" + std::string(MUSTER_BIN_DIR) +
                          "/muster_crashing_gtest]\nresults: { gtest: \"\" }\n"
                          "artifacts: [\"**\"]\n");
  EXPECT_NE(house_.muster({"run", "--wait", "--guid", "jobs-gtest-crash", file}).status, 0);
  const std::string result = expect(0, {"result", "jobs-gtest-crash"});
  EXPECT_THAT(result, HasSubstr("Crashing  First   pass"));
  EXPECT_THAT(result, HasSubstr("Crashing  Second  pass"));
  EXPECT_THAT(result, HasSubstr("Crashing  Third   error"));
  EXPECT_THAT(result, HasSubstr("SIGSEGV"));
  EXPECT_THAT(expect(0, {"log", "jobs-gtest-crash"}), HasSubstr("[ RUN      ] Crashing.Third"));
}

// It was "muster: not found" wherever muster did not lie in the system's PATH.
TEST_F(JobsTest, AJobFindsTheMusterThatRunsIt) {
  expect(0, {"run", "--wait", "--guid", "jobs-finds-muster", "--", "sh", "-c",
             "muster report --suite s --name told pass"});
  EXPECT_THAT(expect(0, {"result", "jobs-finds-muster"}), HasSubstr("s      told  pass"));
}

TEST_F(JobsTest, AnArrayRunsACommandForEachNumber) {
  expect(0, {"run", "--wait", "--guid", "jobs-array-of", "--array", "3-5", "--", "sh", "-c",
             "test {array.index} = $MUSTER_ARRAY_INDEX && echo number {array.index}"});
  EXPECT_THAT(expect(0, {"log", "jobs-array-of/4"}), HasSubstr("number 4"));
}

}  // namespace
}  // namespace muster
