// Strays, with real processes. Each of them sleeps for a time of its own, by which it is found.
#include "workers/strays.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>

#include "io/clock.h"
#include "io/file.h"
#include "io/process.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

// Of this process: tests that run beside it must not kill what these leave.
const AttemptToken kEnded{"strays-ended-" + std::to_string(::getpid()), 2};
const AttemptToken kOther{"strays-other-" + std::to_string(::getpid()), 2};

// Processes whose command line begins with `sleep SECONDS`.
int count_sleepers(const std::string& seconds) {
  const std::string wanted = std::string("sleep") + '\0' + seconds + '\0';
  int count = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const Result<std::string> command = read_file(entry.path().string() + "/cmdline", 1 << 20);
    if (command.ok() && *command == wanted) ++count;
  }
  return count;
}

class StraysTest : public ScratchFiles {
 protected:
  void SetUp() override { ASSERT_TRUE(adopt_orphans().ok()); }
  ~StraysTest() override { kill_marked({kEnded, kOther}, "/nowhere"); }

  // Runs `script` to its end as a child of the attempt.
  static void run(const std::string& script, const AttemptToken& token) {
    ProcessSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    spec.env = {{"PATH", "/usr/bin:/bin"},
                {"MUSTER_GUID", token.guid},
                {"MUSTER_ATTEMPT", std::to_string(token.attempt)}};
    Result<std::unique_ptr<Process>> process = Process::start(spec);
    ASSERT_TRUE(process.ok()) << process.error();
    pollfd ended{(*process)->exit_fd(), POLLIN, 0};
    ASSERT_EQ(poll(&ended, 1, 30'000), 1) << script;
    ASSERT_TRUE((*process)->try_reap());
  }
  // Leaves behind what `prefix` makes of a sleeping shell: it has left its group by then.
  void leave(const std::string& prefix, const std::string& seconds, const AttemptToken& token) {
    const std::string there = path("there-" + seconds);
    run(prefix + " sh -c 'echo > " + there + "; exec sleep " + seconds + "' & until [ -s " + there +
            " ]; do sleep 0.01; done; exit 0",
        token);
    const int64_t deadline_us = boot_us() + Duration(30s).count();
    while (count_sleepers(seconds) == 0 && boot_us() < deadline_us) poll(nullptr, 0, 10);
    ASSERT_GT(count_sleepers(seconds), 0) << prefix;
  }
};

// `sh -c 'setsid sleep 777 & exit 0'` outlived its attempt.
TEST_F(StraysTest, WhatLeftItsGroupIsKilledWithItsAttempt) {
  leave("setsid", "770.1", kEnded);
  const std::vector<Stray> killed = kill_strays(kEnded, {});
  EXPECT_EQ(count_sleepers("770.1"), 0);
  EXPECT_THAT(describe(killed), testing::HasSubstr("(sleep 770.1)"));
  EXPECT_TRUE(kill_strays(kEnded, {}).empty());
}

TEST_F(StraysTest, DaemonsAndWhatTheyBegotAreKilled) {
  leave("setsid sh -c '(setsid sleep 770.2 &) ; exec \"$0\" \"$@\"'", "770.2", kEnded);
  kill_strays(kEnded, {});
  EXPECT_EQ(count_sleepers("770.2"), 0);
}

// Each process of it begins the next one and ends: one look found none of them, and that was taken
// for the proof that none was left.
TEST_F(StraysTest, WhatForksAndEndsAgainAndAgainIsNotTakenForDead) {
  const std::string script = write_script("chain");
  write("chain", "#!/bin/sh\necho > " + path("chained") +
                     "\n[ $1 -gt 3000 ] && exit 0\nsetsid \"$0\" $(($1 + 1)) &\n");
  run("setsid " + script + " 1 & until [ -s " + path("chained") + " ]; do sleep 0.01; done",
      kEnded);
  const auto is_dying = [](const Stray& stray) { return stray.fate == Fate::dying; };
  std::vector<Stray> killed = kill_strays(kEnded, {});
  while (std::any_of(killed.begin(), killed.end(), is_dying)) killed = kill_strays(kEnded, {});
  siginfo_t info{};
  const bool has_none =
      waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
  EXPECT_TRUE(has_none) << "what is said to be over has no process left";
}

TEST_F(StraysTest, AnotherAttemptsAreLeftAlone) {
  leave("setsid", "770.3", kOther);
  EXPECT_TRUE(kill_strays(kEnded, {kOther}).empty());
  EXPECT_EQ(count_sleepers("770.3"), 1);
  EXPECT_EQ(kill_strays(kOther, {}).size(), 1u);
}

TEST_F(StraysTest, WhatCarriesNoMarkIsOfTheLastAttempt) {
  leave("setsid env -i", "770.4", kEnded);
  EXPECT_TRUE(kill_strays(kEnded, {kOther}).empty()) << "it may be the other's";
  EXPECT_EQ(kill_strays(kOther, {}).size(), 1u);
  EXPECT_EQ(count_sleepers("770.4"), 0);
}

TEST_F(StraysTest, AnEmptyGuidAsksToBeLeftAlone) {
  leave("MUSTER_GUID= setsid", "770.5", kEnded);
  EXPECT_TRUE(kill_strays(kEnded, {}).empty());
  EXPECT_EQ(count_sleepers("770.5"), 1);
  EXPECT_EQ(kill_marked({AttemptToken{"", kEnded.attempt}}, "/nowhere").size(), 1u);
}

// They were killed without a word.
TEST_F(StraysTest, WhatIsToldToEndIsWatched) {
  leave("setsid", "770.8", kEnded);
  leave("setsid env -i", "770.81", kEnded);
  leave("setsid", "770.82", kOther);
  leave("MUSTER_GUID= setsid", "770.83", kEnded);
  const std::vector<UniqueFd> told = term_strays(kEnded, nullptr, ::getpgrp());
  EXPECT_EQ(told.size(), 2u);
  for (const UniqueFd& process : told) {
    pollfd death{process.get(), POLLIN, 0};
    EXPECT_EQ(poll(&death, 1, 30'000), 1);
  }
  reap_adopted();
  EXPECT_EQ(count_sleepers("770.8") + count_sleepers("770.81"), 0);
  EXPECT_EQ(count_sleepers("770.82") + count_sleepers("770.83"), 2);
  kill_strays(kOther, {});
  EXPECT_EQ(kill_marked({AttemptToken{"", kEnded.attempt}}, "/nowhere").size(), 1u);
}

TEST_F(StraysTest, ChildrenOfOursAreNoStrays) {
  ProcessSpec spec;
  spec.argv = {"sleep", "770.6"};
  Result<std::unique_ptr<Process>> process = Process::start(spec);
  ASSERT_TRUE(process.ok()) << process.error();
  EXPECT_TRUE(kill_strays(kEnded, {}).empty());
  EXPECT_EQ(count_sleepers("770.6"), 1);
}

TEST_F(StraysTest, AfterACrashTheMarkIsEnough) {
  leave("MUSTER_LOG_PATH=/elsewhere/log setsid", "770.7", kEnded);
  EXPECT_TRUE(kill_marked({}, "/here").empty());
  EXPECT_TRUE(kill_marked({kOther}, "/here").empty());
  EXPECT_TRUE(kill_marked({kEnded}, "/here").empty()) << "it is another worker's";
  EXPECT_EQ(kill_marked({kEnded}, "/elsewhere").size(), 1u);
  EXPECT_EQ(count_sleepers("770.7"), 0);
}

TEST_F(StraysTest, TheAdoptedDeadDoNotStay) {
  run("(setsid true &) ; exit 0", kEnded);
  const auto has_children = [] {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  };
  const int64_t deadline_us = boot_us() + Duration(30s).count();
  while (has_children() && boot_us() < deadline_us) reap_adopted();
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace muster
