// What attempts leave, from the worker's disk by way of the archive to whoever asks.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/guid.h"
#include "io/archive_store.h"
#include "io/clock.h"
#include "io/file.h"
#include "tests/support/house.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGuid[] = "https://lab.example/job/1234";
constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() : house_(MUSTER_BIN_DIR) {}

  void configure(const std::string& text) const {
    std::ofstream(house_.home().config_file()) << text;
  }
  void configure_tcp() {
    port_ = free_port();
    const std::string url = "127.0.0.1:" + port_;
    EXPECT_TRUE(write_file_atomically(house_.home().dir + "/http.token", kToken).ok());
    configure("archive: { url: 'http://" + url + "' }\nhttp: " + url +
              "\nhttp_token_file: http.token\n");
  }
  void start() {
    broker_ = house_.start_broker();
    collector_ = house_.start_collector();
    worker_ = house_.start_worker("local", 4);
    house_.connect();
  }
  Ran run(const std::string& script) {
    return house_.muster({"run", "--wait", "--guid", kGuid, "--", "/bin/sh", "-c", script});
  }
  // Nothing is added to the archive as long as the result is locked.
  UniqueFd hold_archive() const {
    const std::string own = house_.home().archive_dir() + "/.muster";
    fs::create_directories(own);
    UniqueFd fd(::open((own + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::flock(fd.get(), LOCK_EX), 0);
    return fd;
  }
  bool worker_is_clean() const {
    const fs::path dir = house_.home().worker_dir("local");
    return eventually([&] {
      return fs::is_empty(dir / "uploads") &&
             (!fs::exists(dir / "attempts") || fs::is_empty(dir / "attempts"));
    });
  }

  House house_;
  std::string port_;
  std::unique_ptr<Child> broker_, collector_, worker_;
};

// A job's own way to leave an artifact.
constexpr char kLeaves[] =
    "mkdir -p ../artifacts/out; echo '<xml/>' > ../artifacts/out/report.xml; "
    "echo core > ../artifacts/core; echo done";

TEST_F(ArchiveTest, OneMachineNeedsNoConfiguration) {
  start();
  EXPECT_EQ(run(kLeaves).status, 0);
  const Ran log = house_.muster({"log", kGuid});
  EXPECT_EQ(log.status, 0) << log.err;
  EXPECT_THAT(log.out, StartsWith("muster: {"));
  EXPECT_THAT(log.out, HasSubstr("\ndone\nmuster: {"));
  EXPECT_TRUE(worker_is_clean());
  const Ran list = house_.muster({"artifact", "ls", kGuid, "-o", "json"});
  EXPECT_EQ(list.status, 0) << list.err;
  const json document = json::parse(list.out, nullptr, false);
  EXPECT_EQ(document["schema"], "muster.artifact_list/1");
  EXPECT_EQ(document["pinned"], false);
  ASSERT_EQ(document["artifacts"].size(), 3u) << list.out;
  EXPECT_EQ(document["artifacts"][2]["name"], "out/report.xml");
  EXPECT_EQ(document["artifacts"][2]["complete"], true);
  EXPECT_EQ(document["artifacts"][2]["bytes"], 7);
}

TEST_F(ArchiveTest, TheLogIsReadFromAnOffset) {
  start();
  run("printf 0123456789");
  const std::string whole = house_.muster({"log", kGuid}).out;
  const Ran part = house_.muster({"log", kGuid, "--offset", "20"});
  EXPECT_EQ(part.out, whole.substr(20));
}

TEST_F(ArchiveTest, FilesAreFetchedAndChecked) {
  start();
  run(kLeaves);
  ASSERT_TRUE(worker_is_clean());
  const std::string dir = house_.write("got/.keep", "");
  const std::string into = fs::path(dir).parent_path();
  const Ran got = house_.muster({"artifact", "get", kGuid, "*.xml", "--dir", into});
  EXPECT_EQ(got.status, 0) << got.err;
  EXPECT_EQ(got.out, into + "/out/report.xml\n");
  EXPECT_EQ(read_text(into + "/out/report.xml"), "<xml/>\n");
  EXPECT_FALSE(fs::exists(into + "/core"));
  house_.write("got/core.part", "somebody's own");
  // Left of a try that was interrupted, and of another file.
  house_.write("got/.core." + percent_encode(kGuid) + ".1.muster-part", "WRON");
  EXPECT_EQ(house_.muster({"artifact", "get", kGuid, "core", "--dir", into}).status, 0);
  EXPECT_EQ(read_text(into + "/core"), "core\n");
  EXPECT_EQ(read_text(into + "/core.part"), "somebody's own");
  const Ran none = house_.muster({"artifact", "get", kGuid, "*.zip", "--dir", into});
  EXPECT_EQ(none.status, 64);
  EXPECT_THAT(none.err, HasSubstr("has no such file"));
}

TEST_F(ArchiveTest, FromAnotherMachineByHttp) {
  configure_tcp();
  start();
  House other(MUSTER_BIN_DIR);
  const auto ask = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--endpoint", house_.endpoint()});
    return other.muster(std::move(arguments));
  };
  EXPECT_EQ(run(kLeaves).status, 0);
  const Ran log = ask({"log", kGuid});
  EXPECT_EQ(log.status, 0) << log.err;
  EXPECT_THAT(log.out, HasSubstr("\ndone\nmuster: {"));
  EXPECT_TRUE(worker_is_clean()) << house_.daemon_output();
  EXPECT_THAT(ask({"artifact", "ls", kGuid}).out, HasSubstr("out/report.xml"));
  const std::string into = fs::path(other.write("got/.keep", "")).parent_path();
  EXPECT_EQ(ask({"artifact", "get", kGuid, "core", "--dir", into}).status, 0);
  EXPECT_EQ(read_text(into + "/core"), "core\n");
  // Pinning is writing: the other machine has no token.
  const Ran pin = ask({"artifact", "pin", kGuid});
  EXPECT_EQ(pin.status, 74);
  EXPECT_THAT(pin.err, HasSubstr("401"));
  EXPECT_EQ(house_.muster({"artifact", "pin", kGuid}).status, 0);
  EXPECT_THAT(ask({"artifact", "ls", kGuid}).out, HasSubstr("pinned"));
}

TEST_F(ArchiveTest, AFollowerSeesARunningJobToItsEnd) {
  configure_tcp();
  start();
  const std::string go = house_.write("go.txt", "");
  fs::remove(go);
  const auto job = house_.start_muster(
      {"run", "--wait", "--guid", kGuid, "--", "/bin/sh", "-c",
       "echo begun; while [ ! -e " + go + " ]; do sleep 0.05; done; echo ended"});
  ArchiveStore store(house_.home().archive_dir());
  ASSERT_TRUE(eventually([&] {
    return store.look({kGuid, 1, "log"}).bytes > 0;
  })) << house_.daemon_output();
  House other(MUSTER_BIN_DIR);
  ChildSpec spec;
  spec.argv = {
      std::string(MUSTER_BIN_DIR) + "/muster", "log", kGuid, "-f", "--endpoint", house_.endpoint()};
  spec.env = {{"MUSTER_HOME", other.home().dir}};
  spec.stdout_file = house_.home().dir + "/follower.out";
  spec.stderr_file = house_.home().dir + "/follower.err";
  Child follower(spec);
  ASSERT_TRUE(eventually([&] {
    return read_text(spec.stdout_file).find("begun\n") != std::string::npos;
  })) << read_text(spec.stderr_file)
      << house_.daemon_output();
  house_.write("go.txt", "");
  EXPECT_EQ(follower.wait(30s), 0) << read_text(spec.stderr_file);
  const std::string text = read_text(spec.stdout_file);
  EXPECT_THAT(text, HasSubstr("begun\nended\nmuster: {"));
  EXPECT_THAT(text, EndsWith("}\n"));
}

TEST_F(ArchiveTest, BySocketWhenTheCollectorHasNoPort) {
  configure("archive: { url: '" + std::string("http+unix://") + [this] {
    std::string path = house_.home().http_socket();
    for (size_t at; (at = path.find('/')) != std::string::npos;) path.replace(at, 1, "%2F");
    return path;
  }() + "' }\n");
  start();
  EXPECT_EQ(run(kLeaves).status, 0);
  const Ran log = house_.muster({"log", kGuid});
  EXPECT_THAT(log.out, HasSubstr("\ndone\nmuster: {")) << log.err;
  EXPECT_TRUE(worker_is_clean()) << house_.daemon_output();
  EXPECT_THAT(house_.muster({"artifact", "ls", kGuid}).out, HasSubstr("core"));
}

TEST_F(ArchiveTest, AWorkerThatIsKilledGoesOnWithALogAndLeavesNothingBehind) {
  start();
  const auto job = house_.start_muster({"run", "--wait", "--guid", kGuid, "--retry", "infra=0",
                                        "--", "/bin/sh", "-c",
                                        "echo begun; until [ -e \"$0\" ]; do sleep 0.05; done; "
                                        "echo went on",
                                        house_.home().dir + "/go"});
  ArchiveStore store(house_.home().archive_dir());
  const auto archived = [&] {
    return read_text(house_.home().archive_dir() + "/" + percent_encode(kGuid) + "/1/log");
  };
  ASSERT_TRUE(eventually([&] { return archived().ends_with("begun\n"); }));
  EXPECT_FALSE(store.look({kGuid, 1, "log"}).complete);
  worker_->kill_now();
  worker_ = house_.start_worker("local", 4);
  house_.write("home/go", "");
  EXPECT_TRUE(worker_is_clean()) << house_.daemon_output();
  EXPECT_TRUE(store.look({kGuid, 1, "log"}).complete);
  EXPECT_THAT(archived(), HasSubstr("begun\nwent on\n"));
  EXPECT_EQ(job->wait(std::chrono::seconds(20)), 0);
}

// It waited in silence, and then did not say for whom.
TEST_F(ArchiveTest, ALogWhoseWorkerIsGoneSaysWhatItWaitsForAndWhereTheRestIs) {
  broker_ = house_.start_broker({"--lease", "1s", "--beat", "100ms"});
  collector_ = house_.start_collector();
  worker_ = house_.start_worker("local", 4);
  house_.connect();
  const std::string archived = house_.home().archive_dir() + "/" + percent_encode(kGuid) + "/1/log";
  house_.muster({"run", "--detach", "--wait-for-capacity", "--guid", kGuid, "--retry", "infra=0",
                 "--", "/bin/sh", "-c", "echo begun; exec tail -f /dev/null"});
  ASSERT_TRUE(eventually([&] { return read_text(archived).ends_with("\nbegun\n"); }));
  worker_->kill_now();
  house_.muster({"wait", kGuid});
  const Ran log = house_.muster({"log", kGuid});
  EXPECT_EQ(log.status, 0) << log.err;
  EXPECT_THAT(log.out, EndsWith("\nbegun\n"));
  EXPECT_THAT(log.err, HasSubstr("waiting for the rest of the log: worker local, which is away"));
  EXPECT_THAT(log.err, HasSubstr(" brings it to file:///"));
  EXPECT_THAT(log.err, HasSubstr("; the rest is on the machine of worker local, in "
                                 "HOME/worker/local/attempts/"));
  worker_ = house_.start_worker("local", 4);
  EXPECT_TRUE(eventually([&] { return read_text(archived).size() > log.out.size(); }));
}

// Its note had not been written: its log stayed on the worker's disk for ever.
TEST_F(ArchiveTest, WhatHasEndedWithoutANoteIsArchivedByTheNextWorker) {
  const UniqueFd held = hold_archive();
  start();
  EXPECT_EQ(run(kLeaves).status, 0);
  worker_->kill_now();
  const fs::path uploads = house_.home().worker_dir("local") + "/uploads";
  for (const auto& note : fs::directory_iterator(uploads)) fs::remove(note);
  ASSERT_EQ(::flock(held.get(), LOCK_UN), 0);
  worker_ = house_.start_worker("local", 4);
  const ArchiveStore store(house_.home().archive_dir());
  EXPECT_TRUE(eventually([&] {
    return store.look({kGuid, 1, "log"}).complete;
  })) << house_.daemon_output();
  EXPECT_TRUE(worker_is_clean());
  EXPECT_TRUE(store.look({kGuid, 1, "core"}).complete);
}

// It lived on until its uploads were done, and held its lock.
TEST_F(ArchiveTest, AWorkerThatIsStoppedDoesNotWaitForItsArchive) {
  const UniqueFd held = hold_archive();
  start();
  EXPECT_EQ(run(kLeaves).status, 0);
  worker_->signal(SIGTERM);
  EXPECT_EQ(worker_->wait(20s), 0) << house_.daemon_output();
  ASSERT_EQ(::flock(held.get(), LOCK_UN), 0);
  worker_ = house_.start_worker("local", 4);
  EXPECT_TRUE(worker_is_clean());
  EXPECT_TRUE(ArchiveStore(house_.home().archive_dir()).look({kGuid, 1, "log"}).complete);
}

TEST_F(ArchiveTest, AFollowerThatGoesSaysHowTheRestIsSeenAndDoctorThatItWaits) {
  const UniqueFd held = hold_archive();
  start();
  const Ran ran =
      house_.muster({"run", "--follow", "--guid", "task-number-1", "--", "echo", "console"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("later: muster log task-number-1 --attempt 1 --offset 0"));
  EXPECT_THAT(house_.muster({"doctor"}).out,
              HasSubstr("what 1 attempt left is not in the archive yet"));
  ASSERT_EQ(::flock(held.get(), LOCK_UN), 0);
  EXPECT_TRUE(worker_is_clean());
  EXPECT_THAT(house_.muster({"doctor"}).out, HasSubstr("the archive has everything"));
}

// It exited with 0.
TEST_F(ArchiveTest, AFileThatIsNotCompleteIsFetchedAndNotTakenForWhole) {
  start();
  EXPECT_EQ(run("true").status, 0);
  ASSERT_TRUE(worker_is_clean());
  const ArchiveStore store(house_.home().archive_dir(), 0);
  store.append({kGuid, 1, "big"}, 0, "begin", SystemClock().now());
  const std::string into = fs::path(house_.write("got/.keep", "")).parent_path();
  const Ran got = house_.muster({"artifact", "get", kGuid, "big", "--dir", into});
  EXPECT_EQ(got.status, 75);
  EXPECT_THAT(got.err, HasSubstr("big still grows"));
  EXPECT_EQ(read_text(into + "/big"), "begin");
}

// They were said not to be archived yet.
TEST_F(ArchiveTest, WhatIsNotThereIsToldFromWhatIsNotThereYet) {
  start();
  EXPECT_EQ(run(kLeaves).status, 0);
  ASSERT_TRUE(worker_is_clean());
  const Ran none = house_.muster({"artifact", "ls", kGuid, "nomatch*"});
  EXPECT_EQ(none.status, 0) << none.err;
  EXPECT_EQ(none.out, "no such file; the archive has 3 other files of the task\n");
  for (const char* verb : {"ls", "get"}) {
    const Ran ninth = house_.muster({"artifact", verb, kGuid, "--attempt", "9"});
    EXPECT_EQ(ninth.status, 64);
    EXPECT_THAT(ninth.err, HasSubstr("has no attempt 9: it has 1 attempt"));
  }
}

// It was to be tried again for ever.
TEST_F(ArchiveTest, ATaskThatEndedWithoutAnAttemptHasNoLog) {
  broker_ = house_.start_broker();
  house_.connect();
  house_.muster({"run", "--detach", "--wait-for-capacity", "--guid", kGuid, "--", "true"});
  EXPECT_EQ(house_.muster({"log", kGuid}).status, 75);
  EXPECT_EQ(house_.muster({"cancel", kGuid, "--reason", "not needed"}).status, 0);
  house_.muster({"wait", kGuid});
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"log", kGuid}, {"log", kGuid, "-f"}}) {
    const Ran log = house_.muster(words);
    EXPECT_EQ(log.status, 64);
    EXPECT_THAT(log.err, HasSubstr("has ended without an attempt, so there is no log"));
    EXPECT_THAT(log.err, HasSubstr("not needed"));
  }
}

TEST_F(ArchiveTest, ALogWaitsForTheArchiveToComeBack) {
  configure_tcp();
  start();
  ASSERT_TRUE(eventually([&] { return fs::exists(house_.home().run_dir() + "/collector.port"); }));
  collector_->kill_now();
  EXPECT_EQ(run(kLeaves).status, 0);
  const Ran early = house_.muster({"log", kGuid});
  EXPECT_EQ(early.status, 74) << early.out;
  collector_ = house_.start_collector();
  EXPECT_TRUE(worker_is_clean()) << house_.daemon_output();
  EXPECT_THAT(house_.muster({"log", kGuid}).out, HasSubstr("\ndone\nmuster: {"));
}

TEST_F(ArchiveTest, TheSweepSparesWhatIsPinned) {
  configure("archive: { max: 1MiB }\n");
  start();
  const std::string big = "head -c 800000 /dev/zero > ../artifacts/big";
  for (const char* guid : {"task-number-1", "task-number-2", "task-number-3"}) {
    const Ran ran = house_.muster(
        {"run", "--wait", "--guid", guid, "--", "/bin/sh", "-c", "mkdir ../artifacts; " + big});
    EXPECT_EQ(ran.status, 0) << ran.err;
    ASSERT_TRUE(worker_is_clean());
  }
  EXPECT_EQ(house_.muster({"artifact", "pin", "task-number-1"}).status, 0);
  collector_->stop();
  collector_ = house_.start_collector();
  const std::string archive = house_.home().archive_dir();
  EXPECT_TRUE(eventually([&] { return !fs::exists(archive + "/task-number-2"); }));
  EXPECT_TRUE(eventually([&] { return !fs::exists(archive + "/task-number-3"); }))
      << "one more had to go: the pinned one is big as well";
  EXPECT_TRUE(fs::exists(archive + "/task-number-1/1/big"));
}

}  // namespace
}  // namespace muster
