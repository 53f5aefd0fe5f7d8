// A log that is followed from before it is there.
#include "cli/awaited_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "io/archive_name.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr char kGuid[] = "task-number-1";

class AwaitedLogTest : public ScratchFiles {
 protected:
  AwaitedLogTest() {
    options_.home = path("home");
    output_.emplace(options_);
    session_.emplace(options_, *output_);
  }
  AwaitedLog log_at(const std::string& url) {
    AttemptInfo attempt;
    attempt.attempt = 1;
    attempt.log_url = url;
    return AwaitedLog(*session_, kGuid, attempt, 0);
  }

  GlobalOptions options_;
  std::optional<Output> output_;
  std::optional<Session> session_;
};

// run --follow of the first job of a home said "is not on this machine: look on the worker's".
TEST_F(AwaitedLogTest, WhatIsNotThereYetIsPrintedWhenItComes) {
  AwaitedLog log = log_at("file://" + path("log"));
  EXPECT_FALSE(log.is_hopeless());
  testing::internal::CaptureStdout();
  log.print_new();
  EXPECT_EQ(log.offset(), 0u);
  EXPECT_THAT(log.why(), HasSubstr("not on this machine: not yet"));
  write("log", "the first line\n");
  log.print_new();
  EXPECT_EQ(log.why(), "");
  EXPECT_TRUE(log.print_rest(Duration(0)));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "the first line\n");
  EXPECT_EQ(log.offset(), 15u);
}

TEST_F(AwaitedLogTest, WhatNeverComesIsSaidAfterTheWait) {
  AwaitedLog log = log_at("file://" + path("log"));
  EXPECT_FALSE(log.print_rest(Duration(0)));
  EXPECT_THAT(log.fault(), HasSubstr(path("log")));
}

TEST_F(AwaitedLogTest, WhatCannotComeIsSaidAtOnce) {
  EXPECT_TRUE(log_at("").is_hopeless());
  AwaitedLog log = log_at("gopher://box/log");
  EXPECT_TRUE(log.is_hopeless());
  EXPECT_THAT(log.why(), HasSubstr("cannot read"));
}

}  // namespace
}  // namespace muster
