#include "io/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "io/file.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr size_t kFileBytes = 10 << 20;

// A process has one default logger and one stderr: each case gets a process of its own.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

LogOptions options_in(const Scratch& scratch) {
  LogOptions options;
  options.daemon = "muster-test";
  options.logs_dir = scratch.path();
  options.to_stderr = false;
  return options;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(Logging, WritesLinesWithUtcTimeAndLevel) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!setup_logging(options_in(scratch))) return 1;
              spdlog::debug("below the level");
              spdlog::info("{} tasks", 3);
              spdlog::warn("disk low");
              return 0;
            }),
            0);
  const std::string time = "20[0-9-]+T[0-9:]+\\.[0-9]+Z ";
  EXPECT_THAT(
      lines_of(scratch / "muster-test.log"),
      ElementsAre(MatchesRegex(time + "info 3 tasks"), MatchesRegex(time + "warning disk low")));
}

TEST(Logging, WarningsAreOnDiskAtOnce) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!setup_logging(options_in(scratch))) return 1;
              spdlog::info("first");
              spdlog::warn("second");
              return ::kill(::getpid(), SIGKILL);
            }),
            -1);
  EXPECT_EQ(lines_of(scratch / "muster-test.log").size(), 2u);
}

TEST(Logging, APeersWordsCannotForgeALine) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!setup_logging(options_in(scratch))) return 1;
              spdlog::warn("from {}", std::string("peer\n2026 info\tforged\x1b[31m\0\x7f", 28));
              spdlog::warn("\xc3\xa9 \xff");  // not ours to repair here
              return 0;
            }),
            0);
  EXPECT_THAT(lines_of(scratch / "muster-test.log"),
              ElementsAre(EndsWith("from peer\\n2026 info\\tforged\\x1b[31m\\x00\\x7f"),
                          EndsWith("\xc3\xa9 \xff")));
}

TEST(Logging, JsonIsOneObjectALine) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              LogOptions options = options_in(scratch);
              options.json = true;
              if (!setup_logging(options)) return 1;
              spdlog::warn("say \"hi\"\n\xff");
              spdlog::error("again");
              return 0;
            }),
            0);
  const std::vector<std::string> lines = lines_of(scratch / "muster-test.log");
  ASSERT_EQ(lines.size(), 2u);
  const nlohmann::json line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line.size(), 5u);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["daemon"], "muster-test");
  EXPECT_EQ(line["message"], "say \"hi\"\n\xef\xbf\xbd");
  EXPECT_THAT(line["time"].get<std::string>(), MatchesRegex("20[0-9-]+T[0-9:]+\\.[0-9]+Z"));
  EXPECT_TRUE(line["pid"].is_number());
}

TEST(Logging, IsBounded) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!setup_logging(options_in(scratch))) return 1;
              const std::string big(1 << 20, 'x');
              for (int i = 0; i < 70; ++i) spdlog::info("{}", big);
              spdlog::warn("the newest line");
              return 0;
            }),
            0);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    names.push_back(entry.path().filename());
    EXPECT_LE(entry.file_size(), kFileBytes);
  }
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ElementsAre("muster-test.1.log", "muster-test.2.log", "muster-test.3.log",
                                 "muster-test.4.log", "muster-test.log"));
  EXPECT_THAT(lines_of(scratch / "muster-test.log").back(), EndsWith("the newest line"));
}

TEST(Logging, RefusesWithTheReason) {
  const Scratch scratch;
  std::ofstream(scratch / "file") << "";
  std::filesystem::create_directory(scratch / "taken.log");
  const struct {
    std::string daemon, dir, level, reason;
  } rows[] = {
      {"d", scratch.path(), "loud", "unknown log level \"loud\"; use one of trace, debug, info"},
      {"d", scratch.path(), "", "unknown log level \"\""},
      {"d", scratch.path(), "INFO", "unknown log level \"INFO\""},
      {"d", scratch / "file", "info", scratch / "file"},
      {"d", "/proc/absent/logs", "info", "cannot make the directory /proc/absent"},
      {"taken", scratch.path(), "info", "cannot write the log " + (scratch / "taken.log")},
  };
  for (const auto& row : rows) {
    LogOptions options = options_in(scratch);
    options.daemon = row.daemon;
    options.logs_dir = row.dir;
    options.level = row.level;
    const Result<Done> done = setup_logging(options);
    ASSERT_FALSE(done.ok()) << row.reason;
    EXPECT_THAT(done.error(), HasSubstr(row.reason));
  }
}

TEST(Logging, EveryLevelIsKnown) {
  const Scratch scratch;
  for (const char* level :
       {"trace", "debug", "info", "warn", "warning", "error", "critical", "off"}) {
    EXPECT_EQ(in_child([&] {
                LogOptions options = options_in(scratch);
                options.level = level;
                return setup_logging(options).ok() ? 0 : 1;
              }),
              0)
        << level;
  }
}

// The main loop of a daemon is ended by signals: no other thread may take them.
TEST(Logging, ItsThreadTakesNoSignals) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!setup_logging(options_in(scratch))) return 1;
              size_t unblocked = 0;
              for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
                for (const std::string& line : lines_of(task.path().string() + "/status")) {
                  if (!line.starts_with("SigBlk:")) continue;
                  if (line.find_last_not_of("0\t") == std::string("SigBlk").size()) ++unblocked;
                }
              }
              return unblocked == 1 ? 0 : 2;
            }),
            0);
}

TEST(CaptureStderr, AppendsAndSetsABigFileAside) {
  const Scratch scratch;
  const std::string path = scratch / "logs/muster-test.err";
  const auto say = [&](const char* what) {
    return in_child([&] {
      if (!capture_stderr(scratch / "logs", "muster-test")) return 1;
      std::fprintf(stderr, "%s\n", what);
      return 0;
    });
  };
  ASSERT_EQ(say("one"), 0);
  ASSERT_EQ(say("two"), 0);
  EXPECT_THAT(lines_of(path), ElementsAre("one", "two"));

  std::filesystem::resize_file(path, kFileBytes + 1);
  ASSERT_EQ(say("three"), 0);
  EXPECT_THAT(lines_of(path), ElementsAre("three"));
  EXPECT_EQ(std::filesystem::file_size(path + ".1"), kFileBytes + 1);
}

TEST(CaptureStderr, RefusesWithTheReason) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "d.err");
  const Result<Done> taken = capture_stderr(scratch.path(), "d");
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error(), HasSubstr("cannot capture stderr in " + (scratch / "d.err")));
  EXPECT_FALSE(capture_stderr("/proc/absent", "d").ok());
}

}  // namespace
}  // namespace muster
