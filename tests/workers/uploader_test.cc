// The uploader against a directory, the real collector process and a real FTP server.
#include "workers/uploader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/guid.h"
#include "core/limits.h"
#include "io/archive_name.h"
#include "io/archive_store.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/http.h"
#include "tests/support/house.h"
#include "tests/workers/ftp_server.h"
#include "tests/workers/uploader_in_hand.h"
#include "workers/file_upload.h"
#include "workers/upload_folder.h"
#include "workers/upload_target.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(UploaderTest, CarriesALogWhileItGrowsAndRemovesWhatIsDelivered) {
  const auto uploader = start(config(directory()));
  append("log", "begin\n");
  uploader->follow(kToken, attempt_dir());
  EXPECT_TRUE(eventually([&] { return archived("log") == "begin\n"; }));
  append("log", "more\n");
  EXPECT_TRUE(eventually([&] { return archived("log") == "begin\nmore\n"; }));
  EXPECT_FALSE(complete("log"));
  append("log", "end\n");
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_TRUE(complete("log"));
  EXPECT_EQ(archived("log"), "begin\nmore\nend\n");
  EXPECT_TRUE(eventually([&] { return uploader->status().attempts == 0; }));
}

TEST_F(UploaderTest, ALogMayComeAfterItsAttemptIsFollowed) {
  const auto uploader = start(config(directory()));
  fs::create_directories(attempt_dir());
  uploader->follow(kToken, attempt_dir());
  append("log", "late\n");
  EXPECT_TRUE(eventually([&] { return archived("log") == "late\n"; }));
}

TEST_F(UploaderTest, CarriesArtifactsUnderTheirNames) {
  const auto uploader = start(config(directory()));
  append("log", "console");
  append("artifacts/report.xml", "<xml/>");
  append("artifacts/deep/er/a b", "odd");
  append("artifacts/log", "the job's own");
  append("artifacts/empty", "");
  append("workspace/not-this", "x");
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived("log"), "console");
  EXPECT_EQ(archived("report.xml"), "<xml/>");
  EXPECT_EQ(archived("deep/er/a b"), "odd");
  EXPECT_EQ(archived("artifacts/log"), "the job's own");
  EXPECT_TRUE(complete("empty"));
  EXPECT_EQ((*store_.list(kGuid))->files.size(), 5u);
}

// It was tried for ever below the console log, and the attempt stayed on the worker's disk.
TEST_F(UploaderTest, CarriesAFolderCalledLog) {
  const auto uploader = start(config(directory()));
  append("log", "console");
  append("artifacts/log/server.txt", "the job's own");
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_EQ(archived("log"), "console");
  EXPECT_EQ(archived("artifacts/log/server.txt"), "the job's own");
  EXPECT_TRUE(complete("artifacts/log/server.txt"));
}

TEST_F(UploaderTest, TheAddressIsKnownBefore) {
  const auto uploader = start(config("http://box:7180"));
  EXPECT_EQ(uploader->url({"task-number-1", 3}, "log"),
            "http://box:7180/archive/v1/task-number-1/3/log");
  UploaderConfig ftp = config("ftp://lab:secret@box/logs");
  ftp.state_dir = path("others");
  EXPECT_EQ(start(ftp)->url({"task-number-1", 3}, "log"), "ftp://box/logs/task-number-1/3/log");
}

TEST_F(UploaderTest, LinksInArtifactsAreNotCarried) {
  write("outside", "secret");
  append("artifacts/real", "x");
  fs::create_symlink(path("outside"), attempt_dir() + "/artifacts/link");
  fs::create_directory_symlink(dir(), attempt_dir() + "/artifacts/tree");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ((*store_.list(kGuid))->files.size(), 1u);
  EXPECT_EQ(read_text(path("outside")), "secret");
}

// `truncate -s 1T $MUSTER_LOG_PATH` filled the archive with nothing.
TEST_F(UploaderTest, OfALogThatTheJobHasGrownNoMoreThanItsLimitIsCarried) {
  append("log", "console");
  fs::resize_file(attempt_dir() + "/log", 1ull << 40);
  UploaderConfig limited = config(directory());
  limited.log_max = kConsoleLogBytesMin;
  const auto uploader = start(limited);
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_TRUE(complete("log"));
  const std::string carried = archived("log");
  EXPECT_EQ(carried.size(), kConsoleLogBytesMin + kConsoleLogFrameBytesMax);
  EXPECT_TRUE(carried.starts_with("console"));
}

TEST_F(UploaderTest, KeptWorkspacesStayUntilTheirTime) {
  const auto uploader = start(config(directory()));
  append("log", "x");
  append("workspace/core", "evidence");
  append("keep_until", format_rfc3339(clock_.now() + 1h) + "\n");
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return complete("log") && !fs::exists(attempt_dir() + "/log"); }));
  EXPECT_TRUE(fs::exists(attempt_dir() + "/workspace/core"));
}

TEST_F(UploaderTest, AKeptWorkspaceGoesWhenItsTimeHasCome) {
  append("log", "x");
  append("workspace/core", "evidence");
  append("keep_until", format_rfc3339(clock_.now() - 1s) + "\n");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
}

TEST_F(UploaderTest, AnotherUploaderGoesOnWhereThisOneEnded) {
  append("log", "begin\n");
  {
    const auto uploader = start(config(directory()));
    uploader->follow(kToken, attempt_dir());
    EXPECT_TRUE(eventually([&] { return archived("log") == "begin\n"; }));
  }
  append("log", "meanwhile\n");
  const auto uploader = start(config(directory()));
  EXPECT_TRUE(eventually([&] { return archived("log") == "begin\nmeanwhile\n"; }));
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
}

TEST_F(UploaderTest, AnArchiveThatHasMoreThanIsHereIsStartedOver) {
  store_.append({kGuid, 1, "log"}, 0, "what was lost here with the power", clock_.now());
  append("log", "short");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived("log"), "short");
}

TEST_F(UploaderTest, AnArchiveWithOtherBytesIsStartedOver) {
  store_.append({kGuid, 1, "log"}, 0, "damaged", clock_.now());
  append("log", "whatever it was");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived("log"), "whatever it was");
}

TEST_F(UploaderTest, WhatTheArchiveCannotHaveHoldsUpNothing) {
  append("log", "x");
  append("artifacts/.muster/forged.json", "{}");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ((*store_.list(kGuid))->files.size(), 2u);
  // Only the worker's log said so.
  EXPECT_TRUE(complete(kNotArchivedName));
  EXPECT_THAT(archived(kNotArchivedName), StartsWith("\".muster/forged.json\": "));
}

// One that has the name is the job's own.
TEST_F(UploaderTest, AFileOfTheNameThatSaysWhatIsNotArchivedStays) {
  append("artifacts/.muster/forged.json", "{}");
  append("artifacts/" + std::string(kNotArchivedName), "mine");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived(kNotArchivedName), "mine");
}

TEST_F(UploaderTest, WhatAnotherFileIsInTheWayOfHoldsUpNothing) {
  store_.append({kGuid, 1, "out"}, 0, "a file", clock_.now());
  store_.append({kGuid, 1, "dir/file"}, 0, "x", clock_.now());
  append("log", "x");
  append("artifacts/out/report.xml", "<xml/>");
  append("artifacts/dir", "y");
  const auto uploader = start(config(directory()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_TRUE(complete("log"));
}

TEST_F(UploaderTest, AFullDiskIsWaitedFor) {
  append("log", "x");
  UploaderConfig full = config(directory());
  full.reserve = UINT64_MAX / 2;
  {
    const auto uploader = start(full);
    uploader->follow(kToken, attempt_dir());
    uploader->finish(kToken);
    EXPECT_TRUE(eventually([&] { return !uploader->status().fault.empty(); }));
    EXPECT_THAT(uploader->status().fault, HasSubstr("nearly full"));
    EXPECT_TRUE(fs::exists(attempt_dir() + "/log"));
  }
  const auto uploader = start(config(directory()));
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived("log"), "x");
}

// --- the collector ---

class CollectorUploadTest : public UploaderTest {
 protected:
  CollectorUploadTest() : house_(MUSTER_BIN_DIR), store_of_house_(house_.home().archive_dir(), 0) {}

  std::string socket() const { return unix_url(house_.home().http_socket()); }
  std::string archived(const std::string& name, const AttemptToken& token = kToken) const {
    return read_text(house_.home().archive_dir() + "/" + percent_encode(token.guid) + "/" +
                     std::to_string(token.attempt) + "/" + name);
  }
  bool complete(const std::string& name, const AttemptToken& token = kToken) const {
    return store_of_house_.look({token.guid, token.attempt, name}).complete;
  }

  House house_;
  ArchiveStore store_of_house_;
};

TEST_F(CollectorUploadTest, CarriesTwentyMegabytesWithoutALostByte) {
  const auto collector = house_.start_collector();
  const std::string text = lines(20 << 20);
  const auto uploader = start(config(socket()));
  fs::create_directories(attempt_dir());
  uploader->follow(kToken, attempt_dir());
  for (size_t at = 0; at < text.size(); at += 100'000) append("log", text.substr(at, 100'000));
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << house_.daemon_output();
  EXPECT_TRUE(complete("log"));
  EXPECT_TRUE(archived("log") == text);
}

TEST_F(CollectorUploadTest, ManyAttemptsAtOnce) {
  const auto collector = house_.start_collector();
  const auto uploader = start(config(socket()));
  for (uint32_t i = 0; i < 100; ++i) {
    const AttemptToken token{"task-number-" + std::to_string(i), 1};
    append("log", "of " + std::to_string(i), token);
    append("artifacts/a", "artifact of " + std::to_string(i), token);
    uploader->follow(token, attempt_dir(token));
    uploader->finish(token);
  }
  EXPECT_TRUE(eventually([&] { return uploader->status().attempts == 0; }))
      << uploader->status().fault << house_.daemon_output();
  for (uint32_t i = 0; i < 100; ++i) {
    const AttemptToken token{"task-number-" + std::to_string(i), 1};
    EXPECT_EQ(archived("log", token), "of " + std::to_string(i));
    EXPECT_TRUE(complete("a", token));
  }
}

TEST_F(CollectorUploadTest, ByTcpWithTheToken) {
  const std::string token = "0123456789abcdef";
  ASSERT_TRUE(write_file_atomically(house_.home().dir + "/http.token", token + "\n").ok());
  std::ofstream(house_.home().config_file()) << "http: 127.0.0.1:0\nhttp_token_file: http.token\n";
  const auto collector = house_.start_collector();
  const std::string port_file = house_.home().run_dir() + "/collector.port";
  ASSERT_TRUE(eventually([&] { return read_text(port_file).ends_with('\n'); }))
      << house_.daemon_output();
  std::string base = "http://127.0.0.1:" + read_text(port_file);
  base.pop_back();
  append("log", "x");
  {
    const auto stranger = start(config(base, "not the token at all"));
    stranger->follow(kToken, attempt_dir());
    stranger->finish(kToken);
    EXPECT_TRUE(eventually([&] { return !stranger->status().fault.empty(); }));
    EXPECT_THAT(stranger->status().fault, HasSubstr("401"));
  }
  const auto uploader = start(config(base, token));
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << house_.daemon_output();
  EXPECT_EQ(archived("log"), "x");
}

TEST_F(CollectorUploadTest, ACollectorThatDiesInBetweenLosesAndDoublesNothing) {
  auto collector = house_.start_collector();
  const std::string text = lines(8 << 20);
  const auto uploader = start(config(socket()));
  fs::create_directories(attempt_dir());
  uploader->follow(kToken, attempt_dir());
  const size_t piece = text.size() / 4;
  for (int i = 0; i < 4; ++i) {
    append("log", text.substr(i * piece, i == 3 ? text.npos : piece));
    ASSERT_TRUE(eventually([&] { return archived("log").size() > i * piece; }))
        << uploader->status().fault;
    collector->kill_now();
    collector = house_.start_collector();
  }
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_TRUE(archived("log") == text);
}

// A process of its own that carries what it is told by files, until it is killed.
class UploaderProcess {
 public:
  explicit UploaderProcess(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    body();
    for (;;) ::pause();
  }
  ~UploaderProcess() { kill_now(); }
  void kill_now() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

TEST_F(CollectorUploadTest, AKilledUploaderLosesAndDoublesNothing) {
  const auto collector = house_.start_collector();
  const std::string text = lines(8 << 20);
  const size_t piece = text.size() / 5;
  fs::create_directories(attempt_dir());
  for (int i = 0; i < 5; ++i) {
    UploaderProcess process([&] {
      const auto uploader = start(config(socket()));
      uploader->follow(kToken, attempt_dir());
      for (;;) ::pause();
    });
    append("log", text.substr(i * piece, i == 4 ? text.npos : piece));
    ASSERT_TRUE(eventually([&] { return archived("log").size() > i * piece; }));
  }
  const auto uploader = start(config(socket()));
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_TRUE(complete("log"));
  EXPECT_TRUE(archived("log") == text);
}

// --- FTP ---

// It was asked again for ever.
TEST_F(UploaderTest, WhatAnFtpServerRefusesIsGivenUpInTheEnd) {
  fs::create_directories(path("ftp/logs/" + percent_encode(kGuid) + "/1/taken/x"));
  FtpServer server(path("ftp"), path("ftp.out"));
  HttpClient client;
  const auto target = make_ftp_target(server.url(), client, clock_);
  // A folder is in the way of a file, until it is gone.
  FileUpload refused({kGuid, 1, "taken"}, write("taken", "x"), UINT64_MAX);
  Instant now = clock_.now();
  const Instant begin = now;
  const auto carry = [&] {
    if (refused.next_try()) now = std::max(now, *refused.next_try());
    const auto take = [&](const ArchiveReply& reply) { refused.take(reply, now, 0); };
    refused.step(*target, true, now, take);
    while (refused.asking()) client.run(1s);
  };
  for (int i = 0; i < 2000 && !refused.over(); ++i) carry();
  EXPECT_TRUE(refused.over());
  EXPECT_THAT(refused.refusal(), HasSubstr("127.0.0.1"));
  EXPECT_GE(now - begin, kRefusalPatience);
  EXPECT_LE(now - begin, kRefusalPatience + 1min);
}

TEST_F(UploaderTest, WhatAnFtpServerRefusesForAWhileIsCarried) {
  const std::string folder = path("ftp/logs/" + percent_encode(kGuid) + "/1");
  fs::create_directories(folder + "/log/in/the/way");
  FtpServer server(path("ftp"), path("ftp.out"));
  append("log", "x");
  const auto uploader = start(config(server.url()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return !uploader->status().fault.empty(); }));
  fs::remove_all(folder + "/log");
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_EQ(read_text(folder + "/log"), "x");
}

TEST_F(UploaderTest, ByFtpWithFewCommands) {
  fs::create_directories(path("ftp/logs"));
  FtpServer server(path("ftp"), path("ftp.out"));
  const auto uploader = start(config(server.url()));
  const std::string folder = "ftp/logs/" + percent_encode(kGuid) + "/1/";
  std::string text;
  fs::create_directories(attempt_dir());
  uploader->follow(kToken, attempt_dir());
  for (int i = 0; i < 5; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    text += line;
    append("log", line);
    EXPECT_TRUE(eventually([&] { return read_text(path(folder + "log")) == text; }))
        << uploader->status().fault << read_text(path("ftp.out"));
  }
  const std::vector<std::string> before = server.commands();
  append("log", "last\n");
  EXPECT_TRUE(eventually([&] { return read_text(path(folder + "log")) == text + "last\n"; }));
  EXPECT_LE(server.commands().size() - before.size(), 4u);
  EXPECT_EQ(std::count(before.begin(), before.end(), "USER lab"), 1) << "the connection is kept";
  append("artifacts/out/report.xml", "<xml/>");
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_EQ(read_text(path(folder + "out/report.xml")), "<xml/>");
  EXPECT_THAT(read_text(path(folder + ".muster/log.json")), HasSubstr("\"complete\":true"));
}

TEST_F(UploaderTest, AnFtpServerThatDiesLosesAndDoublesNothing) {
  fs::create_directories(path("ftp/logs"));
  FtpServer server(path("ftp"), path("ftp.out"));
  const std::string log = path("ftp/logs/" + percent_encode(kGuid) + "/1/log");
  const std::string text = lines(4 << 20);
  const size_t piece = text.size() / 4;
  const auto uploader = start(config(server.url()));
  fs::create_directories(attempt_dir());
  uploader->follow(kToken, attempt_dir());
  for (int i = 0; i < 4; ++i) {
    append("log", text.substr(i * piece, i == 3 ? text.npos : piece));
    ASSERT_TRUE(eventually([&] { return read_text(log).size() > i * piece; }))
        << uploader->status().fault;
    server.kill_now();
    server.start_again();
  }
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return nothing_left(); })) << uploader->status().fault;
  EXPECT_TRUE(read_text(log) == text);
}

}  // namespace
}  // namespace muster
