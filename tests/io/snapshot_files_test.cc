#include "io/snapshot_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/scratch.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SnapshotFilesTest : public ::testing::Test {
 protected:
  Result<Done> write(SnapshotStore& store, uint64_t head, std::vector<std::string> records) {
    size_t next = 0;
    return store.write(head, [&, records]() -> std::optional<std::string> {
      if (next == records.size()) return std::nullopt;
      return records[next++];
    });
  }
  // The records, or the error.
  std::vector<std::string> read(const SnapshotStore& store, uint64_t head) {
    std::vector<std::string> records;
    const Result<Done> done = store.read(head, [&](std::string_view record) -> Result<Done> {
      records.emplace_back(record);
      return Done{};
    });
    return done.ok() ? records : std::vector<std::string>{"ERROR " + done.error()};
  }
  std::vector<uint64_t> heads(const SnapshotStore& store) {
    std::vector<uint64_t> all;
    for (const StoredSnapshot& stored : store.list()) all.push_back(stored.head);
    return all;
  }

  const Scratch scratch_;
  SnapshotFiles files_{scratch_.path(), 0};
};

TEST_F(SnapshotFilesTest, WhatWasWrittenIsReadInOrder) {
  const std::vector<std::string> records = {"one", "", std::string(3 << 20, '\xfe'), "four"};
  ASSERT_TRUE(write(files_, 17, records).ok());
  EXPECT_EQ(read(files_, 17), records);
  EXPECT_THAT(read(files_, 18).at(0), HasSubstr("cannot read the snapshot"));
}

TEST_F(SnapshotFilesTest, TheNewestTwoAreKeptByNumber) {
  EXPECT_TRUE(files_.list().empty());
  for (const uint64_t head : {9, 10, 100, 99}) ASSERT_TRUE(write(files_, head, {"x"}).ok());
  EXPECT_EQ(heads(files_), (std::vector<uint64_t>{100, 99}));
  std::ofstream(scratch_ / "snapshot-1") << "no number of ours";
  EXPECT_EQ(heads(files_), (std::vector<uint64_t>{100, 99}));
}

TEST_F(SnapshotFilesTest, AnErrorOfWhoTakesThemEndsTheReading) {
  ASSERT_TRUE(write(files_, 1, {"one", "two"}).ok());
  int taken = 0;
  const Result<Done> done = files_.read(1, [&](std::string_view) -> Result<Done> {
    ++taken;
    return Error{"that will do"};
  });
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error(), HasSubstr("that will do"));
  EXPECT_EQ(taken, 1);
}

TEST_F(SnapshotFilesTest, EveryCutAndEveryFlippedBitIsNoticed) {
  const std::vector<std::string> records = {"the head", std::string(200, 'p'), "the end"};
  ASSERT_TRUE(write(files_, 1, records).ok());
  std::ifstream in(files_.path_of(1), std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  const auto put = [&](const std::string& bytes) {
    std::ofstream(files_.path_of(1), std::ios::binary) << bytes;
  };
  for (size_t size = 0; size < whole.size(); ++size) {
    put(whole.substr(0, size));
    const std::vector<std::string> got = read(files_, 1);
    // At the end of a record it looks whole: that the last record is missing is seen by its reader.
    EXPECT_NE(got, records) << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    put(damaged);
    EXPECT_THAT(read(files_, 1).back(), HasSubstr("ERROR")) << at;
  }
}

TEST_F(SnapshotFilesTest, WithoutRoomNothingChangesAndItSaysWhy) {
  ASSERT_TRUE(write(files_, 1, {"one"}).ok());
  SnapshotFiles cramped(scratch_.path(), UINT64_MAX / 2);
  const Result<Done> refused = write(cramped, 2, {"two"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error(), HasSubstr("free some space"));
  EXPECT_EQ(heads(files_), (std::vector<uint64_t>{1}));
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator()), 1);
  SnapshotFiles nowhere(scratch_ / "missing", 0);
  EXPECT_THAT(write(nowhere, 2, {"two"}).error(), HasSubstr("cannot write the snapshot"));
}

}  // namespace
}  // namespace muster
