#include "io/upload_note.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/clock.h"
#include "tests/io/scratch.h"
#include "tests/support/file_size_limit.h"

namespace muster {
namespace {

class UploadNoteTest : public ScratchFiles {
 protected:
  std::vector<UploadNote> read() {
    problems_.clear();
    return read_upload_notes(dir(), problems_);
  }
  std::vector<std::string> problems_;
};

TEST_F(UploadNoteTest, IsReadAsItWasWritten) {
  const AttemptToken token{"https://lab.example/job/1234", 7};
  const Instant begin = SystemClock().now();
  for (const bool finished : {false, true}) {
    for (const bool delivered : {false, true}) {
      ASSERT_TRUE(write_upload_note(dir(), {token, "/a/b", finished, delivered}).ok());
      const std::vector<UploadNote> notes = read();
      ASSERT_EQ(notes.size(), 1u);
      EXPECT_EQ(notes[0].token, token);
      EXPECT_EQ(notes[0].dir, "/a/b");
      EXPECT_EQ(notes[0].finished, finished);
      EXPECT_EQ(notes[0].delivered, delivered);
      EXPECT_GE(notes[0].written, begin - 1s);
      EXPECT_LE(notes[0].written, SystemClock().now() + 1s);
    }
  }
}

TEST_F(UploadNoteTest, WhatIsNoneIsNamed) {
  write("a.json", "{}");
  write("b.json", R"({"guid":"task-number-1","attempt":0,"dir":"/a","finished":true})");
  write("c.json", R"({"guid":"task-number-1","attempt":1,"dir":"a","finished":true})");
  EXPECT_TRUE(read().empty());
  EXPECT_EQ(problems_.size(), 3u);
}

// Nobody ever looked at it again: the attempt of which it was had gone.
TEST_F(UploadNoteTest, WhatAFullDiskOrACrashLeftHalfWrittenGoes) {
  const AttemptToken token{"task-number-1", 1};
  {
    const FileSizeLimit full(10);
    EXPECT_FALSE(write_upload_note(dir(), {token, "/a/b", true, false}).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir()));
  write("d.json.new", "half");
  EXPECT_TRUE(read().empty());
  EXPECT_TRUE(problems_.empty());
  remove_unfinished_notes(dir());
  EXPECT_TRUE(std::filesystem::is_empty(dir()));
}

}  // namespace
}  // namespace muster
