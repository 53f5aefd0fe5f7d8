#include "io/rotating_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/file_size_limit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RotatingFileTest : public testing::Test {
 protected:
  RotatingFile open(uint64_t bytes_max, uint32_t files) {
    Result<RotatingFile> file = RotatingFile::open({scratch_ / "a", ".log", bytes_max, files});
    EXPECT_TRUE(file.ok());
    return std::move(*file);
  }
  std::string contents(const std::string& name) const {
    std::ifstream file(scratch_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator()));
  }

  const Scratch scratch_;
};

TEST_F(RotatingFileTest, AFullFileIsSetAsideAndTheOldestGoes) {
  RotatingFile file = open(4, 3);
  for (const char* line : {"a1\n", "b2\n", "c3\n", "d4\n"}) EXPECT_TRUE(file.append(line));
  EXPECT_EQ(contents("a.log"), "d4\n");
  EXPECT_EQ(contents("a.1.log"), "c3\n");
  EXPECT_EQ(contents("a.2.log"), "b2\n");
  EXPECT_EQ(count(), 3u);
}

TEST_F(RotatingFileTest, AFileIsFullAtItsSizeAndNotBefore) {
  RotatingFile file = open(6, 2);
  EXPECT_TRUE(file.append("a1\n"));
  EXPECT_TRUE(file.append("b2\n"));
  EXPECT_EQ(contents("a.log"), "a1\nb2\n");
  EXPECT_TRUE(file.append("\n"));
  EXPECT_EQ(contents("a.log"), "\n");
  EXPECT_EQ(contents("a.1.log"), "a1\nb2\n");
}

TEST_F(RotatingFileTest, ItGoesOnWhereItEnded) {
  EXPECT_TRUE(open(6, 2).append("a1\n"));
  RotatingFile file = open(6, 2);
  EXPECT_TRUE(file.append("b2\n"));
  EXPECT_EQ(contents("a.log"), "a1\nb2\n");
  struct stat info {};
  ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(RotatingFileTest, OneFileBeginsAnew) {
  RotatingFile file = open(6, 1);
  for (const char* line : {"a1\n", "b2\n", "c3\n"}) EXPECT_TRUE(file.append(line));
  EXPECT_EQ(contents("a.log"), "c3\n");
  EXPECT_EQ(count(), 1u);
}

TEST_F(RotatingFileTest, AFileThatSomebodyRemovedIsMadeAnew) {
  RotatingFile file = open(100, 2);
  EXPECT_TRUE(file.append("a\n"));
  fs::remove(scratch_ / "a.log");
  file.look();
  EXPECT_TRUE(file.append("b\n"));
  EXPECT_EQ(contents("a.log"), "b\n");
}

TEST_F(RotatingFileTest, WhatOthersWriteCountsToo) {
  RotatingFile file = open(10, 2);
  std::ofstream(scratch_ / "a.log", std::ios::app) << "0123456789";
  file.look();
  EXPECT_EQ(contents("a.log"), "0123456789") << "it is full, and no more than that";
  std::ofstream(scratch_ / "a.log", std::ios::app) << "x";
  file.look();
  EXPECT_EQ(contents("a.log"), "");
  EXPECT_EQ(contents("a.1.log"), "0123456789x");
}

// A child that was started before still has it.
TEST_F(RotatingFileTest, AFileThatGrowsOnAfterItWasSetAsideIsEmptied) {
  RotatingFile file = open(10, 2);
  std::ofstream(scratch_ / "a.1.log") << std::string(20, 'x');
  file.look();
  EXPECT_EQ(contents("a.1.log").size(), 20u);
  std::ofstream(scratch_ / "a.1.log", std::ios::app) << "x";
  file.look();
  EXPECT_EQ(contents("a.1.log"), "");
}

// The size was lowered between two starts: the file that was just set aside was emptied, as if a
// child still wrote to it.
TEST_F(RotatingFileTest, ALowerSizeEmptiesNothing) {
  EXPECT_TRUE(open(100, 3).append(std::string(50, 'x')));
  RotatingFile file = open(10, 3);
  EXPECT_TRUE(file.append("news\n"));
  file.look();
  EXPECT_EQ(contents("a.1.log").size(), 50u);
  EXPECT_TRUE(file.append("more news\n"));
  file.look();
  EXPECT_EQ(contents("a.2.log").size(), 50u);
  // Nor at the next start; but one that grows on is emptied all the same.
  RotatingFile next = open(10, 3);
  next.look();
  EXPECT_EQ(contents("a.1.log"), "news\n");
  std::ofstream(scratch_ / "a.1.log", std::ios::app) << std::string(20, 'x');
  next.look();
  EXPECT_EQ(contents("a.1.log"), "");
}

// They stayed for ever.
TEST_F(RotatingFileTest, FilesBeyondALowerNumberAreRemoved) {
  RotatingFile file = open(4, 5);
  for (const char* line : {"a1\n", "b2\n", "c3\n", "d4\n", "e5\n"}) EXPECT_TRUE(file.append(line));
  fs::remove(scratch_ / "a.3.log");  // somebody has tidied up
  std::ofstream(scratch_ / "b.4.log") << "another's";
  EXPECT_TRUE(open(4, 2).append("\n"));
  EXPECT_EQ(contents("a.1.log"), "d4\n");
  EXPECT_EQ(contents("a.log"), "e5\n\n");
  EXPECT_EQ(count(), 3u);
}

// A process that was started with the file writes to it for as long as it lives, wherever it goes.
TEST_F(RotatingFileTest, WhatAChildWritesForEverStaysBounded) {
  RotatingFile file = open(10, 2);
  const UniqueFd child(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(::write(child.get(), "words\n", 6), 6);
    file.look();
    ASSERT_LE(contents("a.log").size() + contents("a.1.log").size(), 32u);
  }
}

TEST_F(RotatingFileTest, OnAFullDiskALineIsThereWholeOrNotAtAll) {
  RotatingFile file = open(1000, 2);
  EXPECT_TRUE(file.append("first\n"));
  {
    const FileSizeLimit limit(10);
    EXPECT_FALSE(file.append("this is too long\n"));
    EXPECT_THAT(file.fault(), HasSubstr(scratch_ / "a.log"));
    EXPECT_EQ(contents("a.log"), "first\n");
  }
  EXPECT_TRUE(file.append("last\n"));
  EXPECT_EQ(contents("a.log"), "first\nlast\n");
}

// Not one more of the old ones goes with each line that cannot be written.
TEST_F(RotatingFileTest, WhatCannotBeSetAsideLosesNothingOld) {
  RotatingFile file = open(4, 3);
  for (const char* line : {"a1\n", "b2\n", "c3\n"}) EXPECT_TRUE(file.append(line));
  fs::remove(scratch_ / "a.2.log");
  fs::create_directories(scratch_ / "a.2.log/kept");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(file.append("d4\n"));
  EXPECT_THAT(file.fault(), HasSubstr("cannot set aside"));
  EXPECT_EQ(contents("a.log"), "c3\n");
  EXPECT_EQ(contents("a.1.log"), "b2\n");
  fs::remove_all(scratch_ / "a.2.log");
  EXPECT_TRUE(file.append("e5\n"));
  EXPECT_EQ(contents("a.log"), "e5\n");
  EXPECT_EQ(contents("a.1.log"), "c3\n");
  EXPECT_EQ(contents("a.2.log"), "b2\n");
}

TEST_F(RotatingFileTest, SaysWhyItCannotBeOpened) {
  fs::create_directory(scratch_ / "taken.log");
  const auto file = RotatingFile::open({scratch_ / "taken", ".log", 10, 2});
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error(), HasSubstr("cannot write " + (scratch_ / "taken.log")));
}

}  // namespace
}  // namespace muster
