#include "workers/attempt_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "core/guid.h"
#include "io/codec.h"
#include "tests/io/scratch.h"
#include "tests/support/file_size_limit.h"

namespace muster {
namespace {

using testing::UnorderedElementsAre;

class AttemptFilesTest : public ScratchFiles {
 protected:
  std::vector<AttemptToken> found() const {
    std::vector<AttemptToken> tokens;
    for (const AttemptFolder& folder : find_attempt_folders(path("attempts"))) {
      EXPECT_EQ(folder.dir, attempt_dir(path("attempts"), folder.token));
      tokens.push_back(folder.token);
    }
    return tokens;
  }
  static Assignment make_assignment(const AttemptToken& token) {
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = token.guid;
    spec->name = "left";
    spec->work = encode_work(NoopWork{});
    Assignment assignment;
    assignment.spec = spec;
    assignment.attempt = token.attempt;
    return assignment;
  }
};

TEST_F(AttemptFilesTest, FoldersOfAttemptsTellWhoseTheyAre) {
  const std::string odd = "https://lab.example/job/1 & 2";
  write("attempts/task-number-1/1/log", "");
  write("attempts/task-number-1/12/log", "");
  write("attempts/" + percent_encode(odd) + "/3/log", "");
  EXPECT_THAT(found(),
              UnorderedElementsAre(AttemptToken{"task-number-1", 1},
                                   AttemptToken{"task-number-1", 12}, AttemptToken{odd, 3}));
}

TEST_F(AttemptFilesTest, OfACutNameTheAssignmentTellsTheRest) {
  const AttemptToken token{"https://lab.example/" + std::string(150, '/'), 2};
  ASSERT_FALSE(percent_decode(percent_encode(token.guid)));
  ASSERT_TRUE(make_attempt_dir(attempt_dir(path("attempts"), token), make_assignment(token)).ok());
  EXPECT_THAT(found(), UnorderedElementsAre(token));
}

TEST_F(AttemptFilesTest, WhatIsNoAttemptIsPassedOver) {
  write("attempts/file", "");
  write("attempts/task-number-1/file", "");
  write("attempts/task-number-1/0/log", "");
  write("attempts/task-number-1/1x/log", "");
  write("attempts/task%2fnumber/1/log", "");
  EXPECT_THAT(found(), UnorderedElementsAre());
}

// They stayed for ever: nobody was told of an attempt that could not begin.
TEST_F(AttemptFilesTest, AFullDiskLeavesNoFolderOfAnAttemptThatCouldNotBegin) {
  const AttemptToken token{"task-number-1", 1};
  const AttemptToken again{"task-number-2", 1};
  write("attempts/task-number-2/1/log", "of an earlier one");
  ASSERT_TRUE(make_dirs(path("attempts")).ok());
  {
    const FileSizeLimit full(10);
    for (const AttemptToken& each : {token, again}) {
      EXPECT_FALSE(
          make_attempt_dir(attempt_dir(path("attempts"), each), make_assignment(each)).ok());
    }
  }
  EXPECT_FALSE(std::filesystem::exists(path("attempts/task-number-1")));
  EXPECT_THAT(found(), UnorderedElementsAre(again));
}

}  // namespace
}  // namespace muster
