// Fetching a file of the archive onto this machine.
#include "cli/download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/limits.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/sha256.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::EndsWith;

constexpr char kGuid[] = "https://lab.example/job/1234";

class DownloadTest : public ScratchFiles {
 protected:
  DownloadTest() : store_(path("archive"), 0) {
    auto archive = open_archive("file://" + path("archive"), "");
    if (archive.ok()) archive_ = std::move(*archive);
  }

  void store(const std::string& name, const std::string& bytes, bool complete) {
    ASSERT_TRUE(store_.append({kGuid, 1, name}, 0, bytes, clock_.now()).ok());
    if (!complete) return;
    ASSERT_TRUE(
        store_.complete({kGuid, 1, name}, bytes.size(), sha256_hex(bytes), clock_.now()).ok());
  }
  // Fetches it to out/NAME as `muster artifact get` does.
  void fetch(const std::string& name) {
    ASSERT_TRUE(archive_);
    const auto folder = archive_->list(kGuid);
    ASSERT_TRUE(folder.ok() && *folder);
    for (const ArchivedFile& file : (*folder)->files) {
      if (file.name == name) return download(*archive_, kGuid, file, path("out/" + name));
    }
    FAIL() << "the archive has no " << name;
  }
  std::string content(const std::string& name) const { return *read_file(path(name), 1 << 20); }
  std::string part_of(const std::string& name) const {
    return download_part(path("out/" + name), kGuid, 1).substr(path("").size());
  }

  SystemClock clock_;
  ArchiveStore store_;
  std::unique_ptr<ArchiveClient> archive_;
};

// What came waited in NAME.part, and took the place of a file of that name.
TEST_F(DownloadTest, AFileThatIsCalledPartIsLeftAlone) {
  write("out/core.part", "somebody's own");
  store("core", "the core", true);
  fetch("core");
  EXPECT_EQ(content("out/core"), "the core");
  EXPECT_EQ(content("out/core.part"), "somebody's own");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("out")), {}), 2);
}

TEST_F(DownloadTest, GoesOnWithWhatAnEarlierTryHasLeft) {
  store("core", "0123456789", true);
  write(part_of("core"), "01234");
  fetch("core");
  EXPECT_EQ(content("out/core"), "0123456789");
  write(part_of("core"), "of another");
  fetch("core");
  EXPECT_EQ(content("out/core"), "0123456789") << "what does not fit is fetched anew";
}

// Without a digest nothing tells whether the beginning is of this file.
TEST_F(DownloadTest, WhatStillGrowsIsFetchedAnew) {
  store("log", "0123456789", false);
  write(part_of("log"), "xxxxx");
  fetch("log");
  EXPECT_EQ(content("out/log"), "0123456789");
}

TEST_F(DownloadTest, PartsHaveNamesOfTheirOwnThatFileSystemsTake) {
  EXPECT_EQ(download_part("a/b", "task-number-1", 2), "a/.b.task-number-1.2.muster-part");
  EXPECT_EQ(download_part("b", "a/b", 1), ".b.a%2Fb.1.muster-part");
  const std::string name(kArtifactPartBytesMax, 'x');
  const std::string part = download_part("d/" + name, kGuid, 1);
  EXPECT_LE(part.size(), 2 + kArtifactPartBytesMax);
  EXPECT_THAT(part, EndsWith(".muster-part"));
  EXPECT_NE(part, download_part("d/" + name, kGuid, 2));
  store(name, "long", true);
  fetch(name);
  EXPECT_EQ(content("out/" + name), "long");
}

}  // namespace
}  // namespace muster
