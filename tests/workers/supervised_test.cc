// SupervisedAttempts with journals that an earlier incarnation of the worker left: how much of them
// is taken at once.
#include "workers/supervised.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/codec.h"
#include "tests/io/scratch.h"
#include "workers/attempt_files.h"

namespace muster {
namespace {

// Larger than one wake-up may take.
constexpr size_t kRecords = 300;
constexpr size_t kRecordBytes = 30'000;
constexpr size_t kPerWakeMax = 100;

class SupervisedTest : public ScratchFiles {
 protected:
  // An attempt that has said kRecords things, and its end if it has `ended`. Its supervisor is
  // dead.
  AttemptToken leave(const std::string& guid, bool ended) {
    const AttemptToken token{guid, 1};
    TaskSpec spec;
    spec.guid = guid;
    spec.name = "left";
    JobWork work;
    work.source = CommandSource{{"true"}};
    spec.work = encode_work(work);
    Assignment assignment;
    assignment.spec = std::make_shared<const TaskSpec>(spec);
    assignment.attempt = 1;
    const std::string dir = attempt_dir(home() + "/attempts", token);
    EXPECT_TRUE(make_attempt_dir(dir, assignment).ok());
    const AttemptVitals vitals{read_boot_id(), boot_us() + 3'600'000'000, now, ""};
    EXPECT_TRUE(AttemptLock::take(dir, vitals).ok());
    EXPECT_TRUE(make_dirs(home() + "/running").ok());
    const std::string target = ".." + dir.substr(home().size());
    EXPECT_EQ(::symlink(target.c_str(), (home() + "/running/" + guid).c_str()), 0);
    JournalWriter journal;
    EXPECT_TRUE(journal.open(dir + "/journal").ok());
    for (size_t i = 0; i < kRecords; ++i) {
      journal.append(token, now, Record{"INFO", "", "", {}, std::string(kRecordBytes, 'x')});
    }
    if (ended) {
      journal.append(token, now,
                     make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", now, now));
    }
    return token;
  }

  void begin(const std::vector<JournalMark>& marks = {}) {
    SupervisedSetup setup;
    setup.dir = home();
    setup.worker = "w";
    setup.self_exe = std::string(MUSTER_BIN_DIR) + "/muster-worker";
    setup.incarnation = 2;
    attempts = std::make_unique<SupervisedAttempts>(
        setup,
        [this](const AttemptToken& token, ReportBody body, Instant) {
          ++said[token];
          ++said_now;
          if (const auto* ending = std::get_if<Ending>(&body)) endings[token] = *ending;
        },
        [this] { return said_now < room; });
    attempts->recover(marks, now);
    const Result<Done> begun = attempts->begin(now);
    ASSERT_TRUE(begun.ok()) << begun.error();
  }
  void wake() {
    said_now = 0;
    now += 1s;
    attempts->wake(now);
  }
  bool is_due() const {
    const std::optional<Instant> deadline = attempts->next_deadline();
    return deadline && *deadline <= now;
  }
  std::string home() const { return path("w"); }

  Instant now = SystemClock().now();
  std::map<AttemptToken, size_t> said;
  std::map<AttemptToken, Ending> endings;
  size_t said_now = 0;     // since the last wake-up
  size_t room = SIZE_MAX;  // for each
  std::unique_ptr<SupervisedAttempts> attempts;
};

// Leases of other attempts were not renewed while a long journal was read.
TEST_F(SupervisedTest, AJournalThatWasLeftIsReadAPieceWithEachWakeUp) {
  const AttemptToken token = leave("left-00001", true);
  begin();
  EXPECT_GT(said[token], 0u);
  EXPECT_LT(said[token], kPerWakeMax);
  int wakes = 0;
  for (; attempts->any_running(); ++wakes) {
    ASSERT_LT(wakes, 100);
    EXPECT_TRUE(is_due()) << "there is more to be read";
    wake();
    EXPECT_LT(said_now, kPerWakeMax);
  }
  EXPECT_GT(wakes, 1);
  EXPECT_EQ(said[token], kRecords + 1);
  EXPECT_EQ(endings[token].outcome, Outcome::pass) << "its last word was read, so it is not buried";
}

TEST_F(SupervisedTest, WhatHasDiedIsBuriedWhenAllThatItSaidIsRead) {
  const AttemptToken token = leave("left-00001", false);
  begin();
  for (int wakes = 0; attempts->any_running(); ++wakes) {
    ASSERT_LT(wakes, 100);
    wake();
  }
  EXPECT_EQ(said[token], kRecords + 1);
  EXPECT_EQ(endings[token].outcome, Outcome::error);
}

// The reports of all journals came into memory and the spool, whether or not the broker took any.
// It was taken for one that goes on, and its log was never complete in the archive.
TEST_F(SupervisedTest, OneThatHasEndedInTheSpoolGoesOnNoMore) {
  const AttemptToken over = leave("over", true);
  const AttemptToken left = leave("left", true);
  begin({{over, 1, true, false}});
  EXPECT_FALSE(attempts->goes_on(over));
  EXPECT_TRUE(attempts->goes_on(left));
}

TEST_F(SupervisedTest, WhereThereIsNoRoomAJournalWaits) {
  const AttemptToken token = leave("left-00001", false);
  room = 0;
  begin();
  for (int i = 0; i < 3; ++i) wake();
  EXPECT_TRUE(said.empty());
  EXPECT_TRUE(attempts->any_running()) << "it is not buried unread";
  EXPECT_FALSE(is_due()) << "there is nothing to be done before there is room";
  room = SIZE_MAX;
  EXPECT_TRUE(is_due());
  for (int wakes = 0; attempts->any_running(); ++wakes) {
    ASSERT_LT(wakes, 100);
    wake();
  }
  EXPECT_EQ(said[token], kRecords + 1);
}

TEST_F(SupervisedTest, JournalsAreReadInTurnWhereThereIsRoomForOne) {
  const AttemptToken one = leave("left-00001", true);
  const AttemptToken two = leave("left-00002", true);
  room = 1;
  begin();
  for (int i = 0; i < 4; ++i) wake();
  EXPECT_GT(said[one], 0u);
  EXPECT_GT(said[two], 0u);
  EXPECT_TRUE(attempts->any_running());
}

}  // namespace
}  // namespace muster
