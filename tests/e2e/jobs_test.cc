// Jobs from a git server, jobs written for AVE's vcsjob, and job files that are many tasks.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

// A port of 127.0.0.1 that nobody has at this moment.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

class JobsTest : public testing::Test {
 protected:
  JobsTest() : house_(MUSTER_BIN_DIR) {
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
  }

  std::string expect(int status, const std::vector<std::string>& arguments) {
    const Ran ran = house_.muster(arguments);
    EXPECT_EQ(ran.status, status) << testing::PrintToString(arguments) << "\n"
                                  << ran.out << ran.err << house_.daemon_output();
    return ran.out + ran.err;
  }

  // Runs git in the repository to its end and returns what it printed.
  std::string git(std::vector<std::string> arguments) {
    ChildSpec spec;
    spec.argv = {"/usr/bin/git",  "-C", repository_,         "-c",
                 "user.name=ada", "-c", "user.email=ada@lab"};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.env = {{"HOME", house_.home().dir}, {"GIT_CONFIG_NOSYSTEM", "1"}};
    spec.stdout_file = spec.stderr_file = repository_ + ".out";
    Child child(spec);
    EXPECT_EQ(child.wait(std::chrono::seconds(60)), 0) << read_text(spec.stdout_file);
    std::string text = read_text(spec.stdout_file);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  // Makes a repository with these jobs, and serves it with a real git daemon.
  std::string serve(const std::string& vcsjob, const std::string& script) {
    const std::string file = house_.write("served/repository/.vcsjob", vcsjob);
    repository_ = file.substr(0, file.rfind('/'));
    house_.write("served/repository/jobs/smoke.sh", script, true);
    git({"init", "--quiet", "--initial-branch=main"});
    git({"add", "."});
    git({"commit", "--quiet", "-m", "jobs"});
    const int port = free_port();
    const std::string base = repository_.substr(0, repository_.rfind('/'));
    ChildSpec spec;
    spec.argv = {"/usr/bin/git",
                 "daemon",
                 "--export-all",
                 "--reuseaddr",
                 "--verbose",
                 "--listen=127.0.0.1",
                 "--port=" + std::to_string(port),
                 "--base-path=" + base};
    spec.env = {{"HOME", house_.home().dir}};
    spec.stdout_file = spec.stderr_file = base + "/daemon.log";
    daemon_ = std::make_unique<Child>(spec);
    EXPECT_TRUE(eventually(
        [&] { return read_text(spec.stdout_file).find("Ready to rumble") != std::string::npos; }));
    return "git://127.0.0.1:" + std::to_string(port) + "/repository";
  }

  House house_;
  std::string repository_;
  std::unique_ptr<Child> up_;
  std::unique_ptr<Child> daemon_;
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
      house_.write("by-branch.yaml", "version: 1\nkind: job\nsource: { git: \"" + url +
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

TEST_F(JobsTest, AnArrayRunsACommandForEachNumber) {
  expect(0, {"run", "--wait", "--guid", "jobs-array-of", "--array", "3-5", "--", "sh", "-c",
             "test {array.index} = $MUSTER_ARRAY_INDEX && echo number {array.index}"});
  EXPECT_THAT(expect(0, {"log", "jobs-array-of/4"}), HasSubstr("number 4"));
}

}  // namespace
}  // namespace muster
