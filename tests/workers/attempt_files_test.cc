#include "workers/attempt_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/guid.h"
#include "io/codec.h"
#include "tests/io/scratch.h"

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
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = token.guid;
  spec->name = "left";
  spec->work = encode_work(NoopWork{});
  Assignment assignment;
  assignment.spec = spec;
  assignment.attempt = token.attempt;
  ASSERT_TRUE(make_attempt_dir(attempt_dir(path("attempts"), token), assignment).ok());
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

}  // namespace
}  // namespace muster
