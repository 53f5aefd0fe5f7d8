#include "io/upload_note.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "tests/io/scratch.h"

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
  write("d.json.new", "half");
  EXPECT_TRUE(read().empty());
  EXPECT_EQ(problems_.size(), 3u);
}

}  // namespace
}  // namespace muster
