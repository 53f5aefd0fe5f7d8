#include "tests/chaos/device_record.h"

#include <gtest/gtest.h>

#include <sstream>

namespace muster {

DeviceRecord read_device_record(const std::string& text) {
  DeviceRecord record;
  std::istringstream lines(text);
  std::string holder;
  for (std::string line; std::getline(lines, line);) {
    const size_t blank = line.find(' ');
    const std::string word = line.substr(0, blank);
    const std::string who = line.substr(blank + 1, line.rfind(' ') - blank - 1);
    if (word == "overlap") record.problems += who + " found it taken by " + holder + "\n";
    if (word == "end" && who != holder) {
      record.problems += who + " still had it when " + holder + " did\n";
    }
    if (word != "begin") continue;
    holder = who;
    ++record.uses;
  }
  return record;
}

namespace {

TEST(DeviceRecord, OneAfterTheOtherIsWell) {
  const DeviceRecord record =
      read_device_record("begin a 1 0.1\nend a 1 0.2\nbegin b 1 0.3\nbegin b 2 0.4\nend b 2 0.5\n");
  EXPECT_EQ(record.uses, 3u);
  EXPECT_EQ(record.problems, "");
}

TEST(DeviceRecord, TwoAtOnceAreSeen) {
  EXPECT_EQ(read_device_record("begin a 1 0.1\noverlap b 1 0.2\n").problems,
            "b 1 found it taken by a 1\n");
  EXPECT_EQ(read_device_record("begin a 1 0.1\nbegin a 2 0.2\nend a 1 0.3\n").problems,
            "a 1 still had it when a 2 did\n");
}

}  // namespace
}  // namespace muster
