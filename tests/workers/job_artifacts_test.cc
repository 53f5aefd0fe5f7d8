#include "workers/job_artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/limits.h"
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
    return collect_artifacts(path("from"), patterns, path("into"));
  }
  static std::vector<std::string> names(const Collected& collected) {
    std::vector<std::string> names;
    for (const CollectedFile& file : collected.files) names.push_back(file.name);
    return names;
  }
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
  for (int i = 0; i < 16; ++i) deep += "/d";
  write(deep + "/f", "");
  write(deep.substr(0, deep.size() - 2) + "/f", "");
  write("from/.muster/note", "");
  write("from/a\nb", "");
  write("from/\xff", "");
  const Collected collected = collect({"**/*"});
  ASSERT_EQ(collected.files.size(), 1u);
  EXPECT_EQ(collected.files[0].name, deep.substr(5, deep.size() - 7) + "/f");
  EXPECT_THAT(collected.problems,
              UnorderedElementsAre(HasSubstr("16 folders"), HasSubstr("archive's own folder"),
                                   HasSubstr("control characters"), HasSubstr("not UTF-8")));
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
