#include "workers/job_artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MatchesPattern, NameByName) {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  for (const Row& row : std::initializer_list<Row>{{"a.txt", "a.txt", true},
                                                   {"*.txt", "a.txt", true},
                                                   {"*.txt", "d/a.txt", false},
                                                   {"d/*", "d/a.txt", true},
                                                   {"d/*", "d/e/a.txt", false},
                                                   {"**/a.txt", "a.txt", true},
                                                   {"**/a.txt", "d/e/a.txt", true},
                                                   {"d/**", "d/e/a.txt", true},
                                                   {"d/**", "e/a.txt", false},
                                                   {"d/**/x/*.b", "d/x/1.b", true},
                                                   {"d/**/x/*.b", "d/y/x/1.b", true},
                                                   {"d/**/x/*.b", "d/y/1.b", false},
                                                   {"[ab].c", "a.c", true},
                                                   {"[ab].c", "c.c", false},
                                                   {"?.c", "a.c", true},
                                                   {"*", ".hidden", false},
                                                   {".*", ".hidden", true},
                                                   {"", "a", false},
                                                   {"../*", "a", false},
                                                   {"/etc/*", "etc/passwd", false}}) {
    EXPECT_EQ(matches_pattern(row.pattern, row.path), row.matches)
        << row.pattern << " " << row.path;
  }
}

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

TEST_F(CollectArtifactsTest, SaysThatThereIsNoDirectory) {
  EXPECT_THAT(collect({"*"}).problems, ElementsAre(HasSubstr("No such file or directory")));
  EXPECT_THAT(collect({}).problems, IsEmpty());
}

}  // namespace
}  // namespace muster
