#include "workers/attempt_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/io/scratch.h"

namespace muster {
namespace {

using testing::HasSubstr;
using testing::Not;

Ending passed() {
  return make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", from_us(1), from_us(2));
}

class AttemptLogTest : public ScratchFiles {
 protected:
  std::string contents() const { return read_file(path("log"), 1 << 20).value(); }
};

TEST_F(AttemptLogTest, WhatIsPastItsLimitIsDroppedAndTheLogSaysSo) {
  AttemptLog log;
  ASSERT_TRUE(log.open(path("log"), LogLimits{kConsoleLogBytesMin, nullptr}).ok());
  const std::string half(kConsoleLogBytesMin / 2, 'x');
  log.write(half);
  log.write(half);
  EXPECT_EQ(contents(), half + half) << "up to the limit all is kept";
  log.write("y");
  log.write("z");
  log.trailer(passed());
  EXPECT_THAT(contents(), testing::StartsWith(half + half +
                                              "\nmuster: output from here on is not "
                                              "kept: the log has reached its limit of "
                                              "4KiB (worker.log_max)\nmuster: {"));
  EXPECT_THAT(contents(), HasSubstr("\"dropped_bytes\":2"));
  EXPECT_EQ(log.fault(), "") << "the attempt goes on";
}

TEST_F(AttemptLogTest, AWriteAcrossTheLimitIsKeptUpToIt) {
  AttemptLog log;
  ASSERT_TRUE(log.open(path("log"), LogLimits{kConsoleLogBytesMin, nullptr}).ok());
  log.write(std::string(kConsoleLogBytesMin, 'x') + "yy");
  log.trailer(passed());
  EXPECT_THAT(contents(), HasSubstr("xx\nmuster: output"));
  EXPECT_THAT(contents(), Not(HasSubstr("xy")));
  EXPECT_THAT(contents(), HasSubstr("\"dropped_bytes\":2"));
}

// One job's output took the last of the disk from the whole house.
TEST_F(AttemptLogTest, ADiskWithoutItsReserveGetsNoOutput) {
  DiskWatch disk(dir(), UINT64_MAX / 2);  // more than any disk has
  EXPECT_TRUE(disk.low());
  AttemptLog log;
  ASSERT_TRUE(log.open(path("log"), LogLimits{kConsoleLogBytesMax, &disk}).ok());
  log.write("lost\n");
  log.trailer(passed());
  EXPECT_THAT(contents(), Not(HasSubstr("lost")));
  EXPECT_THAT(contents(), HasSubstr("are free on the worker's disk (worker.disk_reserve)\n"));
  EXPECT_THAT(contents(), HasSubstr("\"dropped_bytes\":5"));
  EXPECT_EQ(log.fault(), "");
}

TEST_F(AttemptLogTest, ADiskWithRoomIsWrittenUpToItsReserve) {
  const uint64_t free = free_bytes(dir()).value();
  DiskWatch disk(dir(), free / 2);
  EXPECT_FALSE(disk.low());
  EXPECT_TRUE(disk.has_room(1000));
  EXPECT_FALSE(disk.has_room(free)) << "it would take the reserve";
  EXPECT_TRUE(disk.low());
  disk.look();
  EXPECT_FALSE(disk.low()) << "nothing was written";
}

TEST_F(AttemptLogTest, ALogThatCannotBeWrittenHasAFaultThatStays) {
  AttemptLog log;
  ASSERT_TRUE(log.open("/dev/full").ok());
  log.write("lost\n");
  const std::string fault = log.fault();
  EXPECT_THAT(fault, testing::StartsWith("cannot write the console log /dev/full: "));
  log.trailer(passed());
  EXPECT_EQ(log.fault(), fault);
  const Ending ending = ending_of_lost_log(fault, from_us(1), from_us(2));
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr(fault));
}

}  // namespace
}  // namespace muster
