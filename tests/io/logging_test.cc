#include "io/logging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "io/file.h"
#include "io/log_files.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kDaemon[] = "muster-test";

// A process has one default logger, one stdout and one stderr: each case gets a process of its own.
// Its exit status, or 1000 and the signal that killed it.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

LogOptions options_in(const Scratch& scratch) {
  LogOptions options;
  options.daemon = kDaemon;
  options.dir = scratch.path();
  options.to_console = false;
  options.capture = false;
  return options;
}

LogOptions capturing_in(const Scratch& scratch) {
  LogOptions options = options_in(scratch);
  options.capture = true;
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
              if (!begin_log(options_in(scratch))) return 1;
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

TEST(Logging, EachLineIsInTheFileAtOnce) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!begin_log(options_in(scratch))) return 1;
              spdlog::info("first");
              spdlog::info("second");
              return ::kill(::getpid(), SIGKILL);
            }),
            1000 + SIGKILL);
  EXPECT_EQ(lines_of(scratch / "muster-test.log").size(), 2u);
}

TEST(Logging, APeersWordsCannotForgeALine) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!begin_log(options_in(scratch))) return 1;
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
              if (!begin_log(options)) return 1;
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
              LogOptions options = options_in(scratch);
              options.file_bytes = kLogFileBytesMin;
              options.files = 3;
              if (!begin_log(options)) return 1;
              const std::string big(kLogLineBytesMax, 'x');
              for (int i = 0; i < 100; ++i) spdlog::info("{}", big);
              spdlog::warn("the newest line");
              return 0;
            }),
            0);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    names.push_back(entry.path().filename());
    EXPECT_LE(entry.file_size(), kLogFileBytesMin);
  }
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names, ElementsAre("muster-test.1.log", "muster-test.2.log", "muster-test.log"));
  EXPECT_THAT(lines_of(scratch / "muster-test.log").back(), EndsWith("the newest line"));
}

TEST(Logging, AMessageIsCutWhereItIsTooLong) {
  const Scratch scratch;
  for (const bool json : {false, true}) {
    ASSERT_EQ(in_child([&] {
                LogOptions options = options_in(scratch);
                options.json = json;
                options.file_bytes = kLogFileBytesMin;
                options.files = 1;
                if (!begin_log(options)) return 1;
                spdlog::info("{}", std::string(kLogLineBytesMax, '\x01'));
                spdlog::info("{}", std::string(kLogLineBytesMax + 3, '\x01'));
                return 0;
              }),
              0);
    // In escapes they take up to six times as much, and fit into the smallest file all the same.
    const std::vector<std::string> lines = lines_of(scratch / "muster-test.log");
    EXPECT_LE(std::filesystem::file_size(scratch / "muster-test.log"), kLogFileBytesMin);
    EXPECT_THAT(lines.back(), HasSubstr("01... (3 bytes more)"));
  }
}

TEST(Logging, RotationUnderManyThreadsLosesNothing) {
  const Scratch scratch;
  constexpr int kThreads = 8;
  constexpr int kLines = 500;
  ASSERT_EQ(in_child([&] {
              LogOptions options = options_in(scratch);
              options.file_bytes = kLogFileBytesMin;
              options.files = 100;
              if (!begin_log(options)) return 1;
              std::vector<std::jthread> threads;
              for (int thread = 0; thread < kThreads; ++thread) {
                threads.emplace_back([thread] {
                  for (int i = 0; i < kLines; ++i) {
                    spdlog::info("{}-{} {}", thread, i, std::string(100, 'x'));
                    if (i % 50 == 0) spdlog::default_logger()->flush();
                  }
                });
              }
              threads.clear();
              return 0;
            }),
            0);
  std::set<std::string> seen;
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    ++files;
    for (const std::string& line : lines_of(entry.path())) {
      EXPECT_THAT(line, EndsWith(std::string(100, 'x'))) << "a line is in one piece";
      seen.insert(line.substr(line.find(" info ")));
    }
  }
  EXPECT_EQ(seen.size(), size_t{kThreads * kLines});
  EXPECT_GT(files, 5u);
}

TEST(Logging, AFullDiskStopsNobodyAndTheLogSaysWhatIsMissing) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!begin_log(options_in(scratch))) return 1;
              spdlog::info("before");
              {
                const FileSizeLimit limit(100);
                for (int i = 0; i < 5; ++i) spdlog::error("{}", std::string(200, 'x'));
              }
              spdlog::info("after");
              return 0;
            }),
            0);
  EXPECT_THAT(lines_of(scratch / "muster-test.log"),
              ElementsAre(EndsWith("before"),
                          HasSubstr("warning 5 lines of this log could not be written: "),
                          EndsWith("after")));
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
      {"taken", scratch.path(), "info", "cannot write " + (scratch / "taken.log")},
  };
  for (const auto& row : rows) {
    LogOptions options = options_in(scratch);
    options.daemon = row.daemon;
    options.dir = row.dir;
    options.level = row.level;
    const Result<Done> done = begin_log(options);
    ASSERT_FALSE(done.ok()) << row.reason;
    EXPECT_THAT(done.error(), HasSubstr(row.reason));
  }
  LogOptions options = options_in(scratch);
  options.events_level = "loud";
  EXPECT_THAT(begin_log(options).error(), HasSubstr("unknown log level \"loud\""));
}

TEST(Logging, EveryLevelIsKnown) {
  const Scratch scratch;
  for (const char* level :
       {"trace", "debug", "info", "warn", "warning", "error", "critical", "off"}) {
    EXPECT_EQ(in_child([&] {
                LogOptions options = options_in(scratch);
                options.level = level;
                return begin_log(options).ok() ? 0 : 1;
              }),
              0)
        << level;
  }
}

TEST(Logging, LinesAtALevelAreHandedOnWhateverTheLevelOfTheLog) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              LogEvents events(Instant(std::chrono::hours(1)));
              LogOptions options = options_in(scratch);
              options.level = "error";
              options.events_level = "warn";
              options.events = &events;
              if (!begin_log(options)) return 1;
              spdlog::info("quiet");
              spdlog::warn("loud");
              spdlog::critical("louder");
              const auto lines = events.waiting(9, Instant(std::chrono::hours(1)));
              if (lines.size() != 2) return 2;
              if (lines[0].text != "loud" || lines[0].level != LogLevel::warning) return 3;
              if (lines[1].text != "louder" || lines[1].level != LogLevel::critical) return 4;
              return 0;
            }),
            0);
  EXPECT_THAT(lines_of(scratch / "muster-test.log"), ElementsAre(EndsWith("critical louder")));
}

// The main loop of a daemon is ended by signals: no other thread may take them.
TEST(Logging, ItsThreadTakesNoSignals) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!begin_log(options_in(scratch))) return 1;
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

// A terminal that is ready has room for one byte, and a write of more waited for its reader.
TEST(ConsoleSinkTest, ATerminalThatNobodyReadsHoldsNobodyUp) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd reader(master);
  const UniqueFd terminal(slave);
  ConsoleSink sink(open_console(slave));
  const std::string line(300, 'x');
  const spdlog::details::log_msg message("test", spdlog::level::info, line);
  for (int i = 0; i < 200; ++i) sink.log(message);
  char bytes[300];
  EXPECT_GT(::read(reader.get(), bytes, sizeof bytes), 0);
}

// Whoever reads the console may have gone to sleep.
TEST(Logging, AConsoleThatNobodyReadsStopsNobody) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              int pipe[2];
              if (::pipe(pipe) != 0) return 1;
              ::dup2(pipe[1], STDERR_FILENO);
              LogOptions options = capturing_in(scratch);
              options.to_console = true;
              if (!begin_log(options)) return 2;
              for (int i = 0; i < 1000; ++i) spdlog::info("{}", std::string(1000, 'x'));
              std::fprintf(stderr, "not on the console\n");
              std::string said(1 << 20, '\0');
              const ssize_t size = ::read(pipe[0], said.data(), said.size());
              said.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
              if (said.find(" info xxx") == said.npos) return 3;
              return said.find("not on the console") == said.npos ? 0 : 4;
            }),
            0);
  EXPECT_EQ(lines_of(scratch / "muster-test.log").size(), 1000u);
}

TEST(Capture, WhatIsPrintedIsInTheFileBehindWhoBegan) {
  const Scratch scratch;
  for (const char* words : {"one", "two"}) {
    ASSERT_EQ(in_child([&] {
                if (!begin_log(capturing_in(scratch))) return 1;
                std::printf("printed %s\n", words);
                std::fprintf(stderr, "said %s\n", words);
                return std::system("echo a child says; echo and complains >&2");
              }),
              0);
  }
  const auto began = StartsWith("--- muster-test ");
  EXPECT_THAT(lines_of(scratch / "muster-test.err"),
              ElementsAre(began, "printed one", "said one", "a child says", "and complains", began,
                          "printed two", "said two", "a child says", "and complains"));
}

TEST(Capture, TheLastWordsOfACrashAreKeptAndToldAtTheNextStart) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              if (!begin_log(capturing_in(scratch))) return 1;
              std::fprintf(stderr, "assertion failed: 1 == 2\nbacktrace\n");
              std::printf("not a whole line");
              std::fflush(stdout);
              std::abort();
              return 0;
            }),
            1000 + SIGABRT);
  EXPECT_THAT(
      lines_of(scratch / "muster-test.err"),
      ElementsAre(StartsWith("--- "), "assertion failed: 1 == 2", "backtrace", "not a whole line"));
  EXPECT_THAT(lines_of(scratch / "muster-test.log"), IsEmpty());
  const auto start = [&] { return begin_log(capturing_in(scratch)).ok() ? 0 : 1; };
  ASSERT_EQ(in_child(start), 0);
  EXPECT_THAT(lines_of(scratch / "muster-test.log"),
              ElementsAre(AllOf(HasSubstr("warning an earlier run of this daemon has printed 3"),
                                EndsWith("the first: assertion failed: 1 == 2"))));
  ASSERT_EQ(in_child(start), 0);
  EXPECT_THAT(lines_of(scratch / "muster-test.log"), SizeIs(1)) << "once";
}

TEST(Capture, AFullFileIsSetAsideWhileTheDaemonRuns) {
  const Scratch scratch;
  ASSERT_EQ(in_child([&] {
              LogOptions options = capturing_in(scratch);
              options.file_bytes = kLogFileBytesMin;
              if (!begin_log(options)) return 1;
              for (uint64_t bytes = 0; bytes <= kLogFileBytesMin; bytes += 10) {
                std::fprintf(stderr, "123456789\n");
              }
              spdlog::default_logger()->flush();  // as it is every few seconds
              std::printf("the newest\n");
              return 0;
            }),
            0);
  EXPECT_THAT(lines_of(scratch / "muster-test.err"), ElementsAre("the newest"));
  EXPECT_GT(std::filesystem::file_size(scratch / "muster-test.1.err"), kLogFileBytesMin);
}

TEST(Capture, RefusesWithTheReason) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "d.err");
  LogOptions options = capturing_in(scratch);
  options.daemon = "d";
  const Result<Done> taken = begin_log(options);
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error(), HasSubstr("cannot write " + (scratch / "d.err")));
}

}  // namespace
}  // namespace muster
