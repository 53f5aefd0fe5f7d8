// Who waits for whom in the uploader, and for how long.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>

#include "io/file.h"
#include "io/upload_note.h"
#include "tests/workers/uploader_in_hand.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

constexpr int kManyFiles = 3000;

class UploaderTurnsTest : public UploaderTest {
 protected:
  void leave_many(const AttemptToken& token) const {
    for (int i = 0; i < kManyFiles; ++i) append("artifacts/" + std::to_string(i), "x", token);
  }

  const AttemptToken many_{"task-with-many-files", 1};
};

// `muster log` of an echo showed nothing for minutes.
TEST_F(UploaderTurnsTest, AnAttemptWithThousandsOfFilesHoldsUpNoLog) {
  leave_many(many_);
  const auto uploader = start(config(directory()));
  uploader->follow(many_, attempt_dir(many_));
  uploader->finish(many_);
  ASSERT_TRUE(eventually([&] { return fs::exists(path("archive/task-with-many-files/1")); }));
  append("log", "console");
  append("artifacts/a", "x");
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return !fs::exists(attempt_dir()); }));
  EXPECT_TRUE(complete("log"));
  EXPECT_TRUE(complete("a")) << "artifacts of attempts take turns";
  EXPECT_GT(uploader->status().files, size_t{kManyFiles} / 10) << "it had to wait for the others";
}

// It was noted when the files of others were carried: a worker that was killed forgot it.
TEST_F(UploaderTurnsTest, WhatIsToBeCarriedIsNotedWhileTheArchiveStandsStill) {
  fs::create_directories(path("archive/.muster"));
  const UniqueFd held(::open(path("archive/.muster/lock").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  leave_many(many_);
  const auto uploader = start(config(directory()));
  uploader->follow(many_, attempt_dir(many_));
  uploader->finish(many_);
  EXPECT_TRUE(eventually([&] { return uploader->status().files == kManyFiles; }));
  append("log", "console");
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  const std::string note = upload_note_file(path("uploads"), kToken);
  EXPECT_TRUE(
      eventually([&] { return read_text(note).find("\"finished\":true") != std::string::npos; }));
  ASSERT_EQ(::flock(held.get(), LOCK_UN), 0);
  EXPECT_TRUE(eventually([&] { return complete("log"); }));
}

TEST_F(UploaderTurnsTest, AStopIsAtOnceHoweverMuchIsToBeCarried) {
  leave_many(many_);
  const auto uploader = start(config(directory()));
  uploader->follow(many_, attempt_dir(many_));
  uploader->finish(many_);
  ASSERT_TRUE(eventually([&] { return fs::exists(path("archive/task-with-many-files/1")); }));
  EXPECT_TRUE(uploader->stop(30s));
  EXPECT_TRUE(fs::exists(attempt_dir(many_)));
}

}  // namespace
}  // namespace muster
