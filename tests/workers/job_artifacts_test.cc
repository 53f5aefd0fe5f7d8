#include "workers/job_artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/limits.h"
#include "io/file.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CollectArtifactsTest : public ScratchFiles {
 protected:
  Collected collect(const std::vector<std::string>& patterns) {
    search_.patterns = patterns;
    return collect_artifacts(search_);
  }
  static std::vector<std::string> names(const Collected& collected) {
    std::vector<std::string> names;
    for (const CollectedFile& file : collected.files) names.push_back(file.name);
    return names;
  }
  static ino_t inode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_ino;
  }

  ArtifactSearch search_{path("from"), {}, path("into"), path("from")};
};

TEST_F(CollectArtifactsTest, TakesWhatMatchesWithItsSize) {
  write("from/a.log", "12345");
  write("from/deep/er/b.log", "");
  write("from/deep/c.txt", "no");
  const Collected collected = collect({"**/*.log"});
  EXPECT_THAT(names(collected), ElementsAre("a.log", "deep/er/b.log"));
  EXPECT_EQ(collected.files[0].bytes, 5u);
  EXPECT_THAT(collected.problems, IsEmpty());
  std::filesystem::remove_all(path("from"));
  EXPECT_EQ(std::filesystem::file_size(path("into/a.log")), 5u);
  EXPECT_FALSE(std::filesystem::exists(path("into/deep/c.txt")));
}

TEST_F(CollectArtifactsTest, NeverLeavesItsDirectory) {
  write("secret", "secret");
  write("elsewhere/x.log", "secret");
  write("from/ok.log", "");
  ASSERT_EQ(::symlink("../secret", path("from/link.log").c_str()), 0);
  ASSERT_EQ(::symlink("../elsewhere", path("from/dir").c_str()), 0);
  const Collected collected = collect({"**/*.log", "../secret", "dir/x.log"});
  EXPECT_THAT(names(collected), ElementsAre("ok.log"));
  EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("\"link.log\" is not collected")));
}

TEST_F(CollectArtifactsTest, IsNotHeldUpByWhatIsNoFile) {
  std::filesystem::create_directories(path("from"));
  ASSERT_EQ(::mkfifo(path("from/pipe.log").c_str(), 0600), 0);
  const Collected collected = collect({"*.log"});
  EXPECT_THAT(names(collected), IsEmpty());
  EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("no regular file")));
}

// They were left to the uploader, which dropped them without a word.
TEST_F(CollectArtifactsTest, NamesThatTheArchiveDoesNotTakeAreSaid) {
  std::string deep = "from";
  for (int i = 0; i < 17; ++i) deep += "/d";
  write(deep + "/f", "");
  write(deep.substr(0, deep.size() - 2) + "/f", "");
  write("from/.muster/note", "");
  write("from/a\nb", "");
  write("from/\xff", "");
  const Collected collected = collect({"**/*", ".muster/*"});
  ASSERT_EQ(collected.files.size(), 1u);
  EXPECT_EQ(collected.files[0].name, deep.substr(5, deep.size() - 7) + "/f");
  EXPECT_THAT(collected.problems,
              UnorderedElementsAre(HasSubstr("16 folders"), HasSubstr("archive's own folder"),
                                   HasSubstr("control characters"), HasSubstr("not UTF-8")));
}

// "out" kept nothing, without a word.
TEST_F(CollectArtifactsTest, ADirectoryThatIsNamedIsSaidToBeOne) {
  write("from/out/a", "");
  write("from/logs/b", "");
  const Collected collected = collect({"out", "logs/**"});
  ASSERT_EQ(collected.files.size(), 1u);
  EXPECT_EQ(collected.files[0].name, "logs/b");
  EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("\"out/**\" is what lies in it")));
}

TEST_F(CollectArtifactsTest, ProblemsThatAreTooManyAreCounted) {
  for (int i = 0; i < 23; ++i) write("from/" + std::to_string(i) + "\n", "");
  const std::vector<std::string> problems = collect({"*"}).problems;
  ASSERT_EQ(problems.size(), 21u);
  EXPECT_EQ(problems.back(), "3 more files are not collected");
}

// The link failed, then the copy, and what was there was removed.
TEST_F(CollectArtifactsTest, WhatWasPushedUnderThatNameStays) {
  write("from/a", "collected");
  write("into/a", "pushed");
  const Collected collected = collect({"a"});
  EXPECT_THAT(collected.files, IsEmpty());
  EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("pushed a file of that name")));
  EXPECT_EQ(std::filesystem::file_size(path("into/a")), 6u);
}

// It was linked, and so the next job that worked there wrote over it.
TEST_F(CollectArtifactsTest, WhatLiesOutsideOfTheWorkspaceIsNotWrittenOverLater) {
  search_.own = path("fro");  // by its letters the beginning of it
  std::filesystem::create_directories(path("fro"));
  write("from/a", "of this job");
  ASSERT_THAT(names(collect({"a"})), ElementsAre("a"));
  write("from/a", "of the next");
  EXPECT_EQ(read_file(path("into/a"), 100).value(), "of this job");
}

TEST_F(CollectArtifactsTest, OnlyWhatHasNoOtherNameIsLinked) {
  write("from/deep/alone", "x");
  write("cache", "of all jobs");
  std::filesystem::create_hard_link(path("cache"), path("from/deep/shared"));
  std::filesystem::create_directory_symlink(path("from"), path("link"));
  search_.from = path("link/deep");
  ASSERT_THAT(names(collect({"*"})), ElementsAre("alone", "shared"));
  EXPECT_EQ(inode(path("into/alone")), inode(path("from/deep/alone")));
  EXPECT_NE(inode(path("into/shared")), inode(path("cache")));
  write("cache", "written over");
  EXPECT_EQ(read_file(path("into/shared"), 100).value(), "of all jobs");
}

// A file with a hole filled the disk, or the archive.
TEST_F(CollectArtifactsTest, WhatIsLeftIsBoundedHolesIncluded) {
  write("from/a", "12345");
  std::filesystem::resize_file(write("from/hole", ""), kPushedBytesMax - 4);
  write("from/z", "12345");
  for (const char* own : {"from", "elsewhere"}) {
    search_.own = path(own);
    search_.into = path(std::string("into-") + own);
    const Collected collected = collect({"*"});
    EXPECT_THAT(names(collected), ElementsAre("a", "z")) << own;
    EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("\"hole\" is not collected: an attempt "
                                                          "leaves 16GiB at most")));
  }
  search_.own = path("from");
  search_.into = path("into");
  std::filesystem::resize_file(path("from/hole"), kPushedBytesMax - 10);
  EXPECT_THAT(names(collect({"*"})), ElementsAre("a", "hole", "z"));
}

TEST_F(CollectArtifactsTest, CopiesLeaveTheReserveOfTheDiskAlone) {
  DiskWatch disk(dir(), UINT64_MAX / 2);  // more than any disk has
  search_.disk = &disk;
  write("from/a", "linked, which takes nothing");
  EXPECT_THAT(names(collect({"a"})), ElementsAre("a"));
  search_.own = path("elsewhere");
  search_.into = path("second");
  const Collected collected = collect({"a"});
  EXPECT_THAT(collected.files, IsEmpty());
  EXPECT_THAT(collected.problems, ElementsAre(HasSubstr("(worker.disk_reserve)")));
  EXPECT_FALSE(std::filesystem::exists(path("second/a")));
}

TEST_F(CollectArtifactsTest, DigestsAreOfFilesThatAreCheapToRead) {
  write("from/abc", "abc");
  write("from/fits", std::string(kArtifactHashedBytesMax, 'x'));
  write("from/large", std::string(kArtifactHashedBytesMax + 1, 'x'));
  const Collected collected = collect({"*"});
  ASSERT_EQ(collected.files.size(), 3u);
  EXPECT_EQ(collected.files[0].sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(collected.files[1].sha256.size(), 64u);
  EXPECT_EQ(collected.files[2].sha256, "");
}

TEST_F(CollectArtifactsTest, DigestsOfOneAttemptAreBounded) {
  constexpr size_t kCount = kArtifactsHashedBytesMax / kArtifactHashedBytesMax + 1;
  std::filesystem::create_directories(path("from"));
  for (size_t i = 0; i < kCount; ++i) {
    std::filesystem::resize_file(write("from/" + std::to_string(i), ""), kArtifactHashedBytesMax);
  }
  const Collected collected = collect({"*"});
  EXPECT_EQ(std::count_if(collected.files.begin(), collected.files.end(),
                          [](const CollectedFile& file) { return file.sha256.empty(); }),
            1);
}

TEST_F(CollectArtifactsTest, SaysThatThereIsNoDirectory) {
  EXPECT_THAT(collect({"*"}).problems, ElementsAre(HasSubstr("No such file or directory")));
  EXPECT_THAT(collect({}).problems, IsEmpty());
}

}  // namespace
}  // namespace muster
