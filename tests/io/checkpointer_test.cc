#include "io/checkpointer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <variant>

#include "tests/support/scratch.h"

namespace muster {
namespace {

constexpr int64_t kPages = 64;
constexpr int kRowsMax = 200'000;  // of a page each, until a test gives up

Database open_writer(const std::string& path) {
  DatabaseOptions how;
  how.checkpoint_pages = 0;
  std::variant<Database, DbStatus> opened = Database::open(path, how);
  return std::move(std::get<Database>(opened));
}

class CheckpointerTest : public ::testing::Test {
 protected:
  CheckpointerTest() {
    EXPECT_TRUE(writer_.execute("CREATE TABLE t(b BLOB)").ok());
    Result<std::unique_ptr<Checkpointer>> opened = Checkpointer::open(path_, kPages);
    EXPECT_TRUE(opened.ok()) << opened.error();
    if (opened.ok()) checkpointer_ = std::move(*opened);
  }

  void insert() {
    Result<Statement> statement = writer_.prepare("INSERT INTO t VALUES (zeroblob(4000))");
    ASSERT_TRUE(statement.ok() && statement->run().ok());
    ++rows_;
    checkpointer_->after_commit(writer_);
  }

  // Whether the write-ahead log began anew, and not before enough had gathered.
  bool begins_anew() {
    for (int64_t before = 0; rows_ < kRowsMax; before = writer_.wal_pages()) {
      insert();
      if (writer_.wal_pages() < before) return before >= kPages;
    }
    return false;
  }

  // Of the file alone, as a copy without its write-ahead log has them.
  int64_t rows_in_file() {
    const std::string copy = scratch_ / "copy";
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    std::variant<Database, DbStatus> opened = Database::open(copy);
    Result<Statement> count = std::get<Database>(opened).prepare("SELECT count(*) FROM t");
    return count.ok() && count->next() ? count->integer(0) : -1;
  }

  const Scratch scratch_;
  const std::string path_ = scratch_ / "db";
  Database writer_ = open_writer(path_);
  std::unique_ptr<Checkpointer> checkpointer_;
  int rows_ = 0;
};

TEST_F(CheckpointerTest, TheWriteAheadLogBeginsAnewWhileCommitsGoOn) {
  ASSERT_TRUE(begins_anew());
  ASSERT_TRUE(begins_anew()) << "the second time";
}

TEST_F(CheckpointerTest, WhatBeganAnewIsInTheFile) {
  ASSERT_TRUE(begins_anew());
  EXPECT_EQ(rows_in_file(), rows_ - 1);  // all but the commit that began it
}

TEST_F(CheckpointerTest, AReaderInItKeepsItUntilTheReaderIsDone) {
  Database reader = open_writer(path_);
  insert();
  Result<Statement> held = reader.prepare("SELECT b FROM t");
  ASSERT_TRUE(held.ok() && held->next());
  for (int i = 0; i < 4 * kPages; ++i) insert();
  EXPECT_GT(writer_.wal_pages(), 4 * kPages);
  ASSERT_TRUE(held->finish().ok());
  EXPECT_TRUE(begins_anew());
}

TEST(Checkpointer, SaysWhichFileIsMissing) {
  const Scratch scratch;
  const auto opened = Checkpointer::open(scratch / "none", kPages);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().find(scratch / "none"), std::string::npos) << opened.error();
}

}  // namespace
}  // namespace muster
