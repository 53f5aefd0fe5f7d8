#include "workers/git_mirrors.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "core/limits.h"
#include "io/clock.h"
#include "io/file.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class GitMirrorsTest : public ScratchFiles {
 protected:
  // A mirror from which something was fetched `ago` before now.
  void mirror(const std::string& name, Duration ago) const {
    write("mirrors/" + name + ".git/HEAD", "ref: refs/heads/main");
    const std::string lock = write("mirrors/" + name + ".lock", "");
    const auto used = std::chrono::floor<std::chrono::seconds>(now_ - ago).time_since_epoch();
    const timespec time{used.count(), 0};
    const std::array<timespec, 2> times = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, lock.c_str(), times.data(), 0), 0);
  }
  bool has(const std::string& name) const {
    return std::filesystem::exists(path("mirrors/" + name + ".git"));
  }
  RemovedMirrors sweep() const {
    return remove_idle_mirrors(path("mirrors"), kGitMirrorKeep, now_);
  }

  const Instant now_ = SystemClock().now();
};

// They were never removed, and a worker's disk filled up with them.
TEST_F(GitMirrorsTest, MirrorsThatNobodyUsesGo) {
  mirror("idle", kGitMirrorKeep + 1min);
  mirror("used", kGitMirrorKeep - 1min);
  const RemovedMirrors removed = sweep();
  EXPECT_THAT(removed.paths, ElementsAre(path("mirrors/idle.git")));
  EXPECT_THAT(removed.problems, IsEmpty());
  EXPECT_FALSE(has("idle"));
  EXPECT_TRUE(std::filesystem::exists(path("mirrors/idle.lock")));
  EXPECT_TRUE(has("used"));
  EXPECT_THAT(sweep().paths, IsEmpty());
}

TEST_F(GitMirrorsTest, AMirrorThatIsLockedStays) {
  mirror("idle", kGitMirrorKeep + 1min);
  UniqueFd lock(::open(path("mirrors/idle.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(sweep().paths, IsEmpty());
  EXPECT_TRUE(has("idle"));
  lock.reset();
  EXPECT_THAT(sweep().paths, ElementsAre(path("mirrors/idle.git")));
}

TEST_F(GitMirrorsTest, AMirrorWithoutALockCountsAsUsedNow) {
  write("mirrors/a.git/HEAD", "");
  EXPECT_THAT(sweep().paths, IsEmpty());
  EXPECT_TRUE(has("a"));
}

TEST_F(GitMirrorsTest, AWorkerThatNeverFetchedHasNone) {
  const RemovedMirrors removed = sweep();
  EXPECT_THAT(removed.paths, IsEmpty());
  EXPECT_THAT(removed.problems, IsEmpty());
}

}  // namespace
}  // namespace muster
