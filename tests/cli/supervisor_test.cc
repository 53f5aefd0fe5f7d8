#include "cli/supervisor.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <optional>

#include "io/file.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

constexpr Duration kLong = RestartPolicy::kFastDeath;
constexpr Duration kShort = RestartPolicy::kFastDeath - Duration(1);

TEST(RestartPolicy, GivesUpAfterFastDeathsInARow) {
  RestartPolicy policy;
  for (int i = 1; i < RestartPolicy::kFastDeathsMax; ++i) {
    EXPECT_TRUE(policy.next_delay(kShort)) << i;
  }
  EXPECT_FALSE(policy.next_delay(kShort));
}

TEST(RestartPolicy, LongLifeForgivesEarlierDeaths) {
  RestartPolicy policy;
  for (int round = 0; round < 10; ++round) {
    for (int i = 1; i < RestartPolicy::kFastDeathsMax; ++i) {
      ASSERT_TRUE(policy.next_delay(kShort));
    }
    EXPECT_EQ(policy.next_delay(kLong), RestartPolicy::kBackoffMin);
  }
}

TEST(RestartPolicy, DelayGrows) {
  RestartPolicy policy;
  EXPECT_EQ(policy.next_delay(kShort), RestartPolicy::kBackoffMin);
  EXPECT_EQ(policy.next_delay(kShort), 2 * RestartPolicy::kBackoffMin);
  EXPECT_EQ(policy.next_delay(kShort), 4 * RestartPolicy::kBackoffMin);
  EXPECT_EQ(policy.next_delay(kLong), RestartPolicy::kBackoffMin);
}

TEST(Supervisor, MissingProgramIsAnError) {
  Output output{GlobalOptions{}};
  Supervisor supervisor(output);
  const Result<Done> done = supervisor.start({"broker", {"/nonexistent/muster-broker"}, "x.log"});
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().find("/nonexistent/muster-broker"), std::string::npos);
}

// Waits until `wait` has something to say, at most 30 s.
Result<int> wait_for_news(Supervisor& supervisor) {
  for (int i = 0; i < 300; ++i) {
    Result<int> news = supervisor.wait(100ms);
    if (!news.ok() || *news != 0) return news;
  }
  return Error{"nothing happened"};
}

TEST(Supervisor, WrongConfigurationIsNotTriedAgain) {
  Output output{GlobalOptions{}};
  Supervisor supervisor(output);
  ASSERT_TRUE(supervisor.start({"broker", {"/bin/sh", "-c", "exit 64"}, "/h/broker.log"}).ok());
  const Result<int> news = wait_for_news(supervisor);
  ASSERT_FALSE(news.ok());
  EXPECT_NE(news.error().find("configuration is wrong"), std::string::npos) << news.error();
  EXPECT_NE(news.error().find("/h/broker.log"), std::string::npos);
}

TEST(Supervisor, GivesUpOnWhatCannotBeKeptAlive) {
  Output output{GlobalOptions{}};
  Supervisor supervisor(output);
  ASSERT_TRUE(supervisor.start({"worker", {"/bin/false"}, "/h/worker.log"}).ok());
  const Result<int> news = wait_for_news(supervisor);
  ASSERT_FALSE(news.ok());
  EXPECT_NE(news.error().find("the worker ended with status 1"), std::string::npos) << news.error();
}

class SupervisorLockTest : public ScratchFiles {};

// It gave up after five starts, while an earlier worker was still ending its jobs.
TEST_F(SupervisorLockTest, AnEarlierOneIsWaitedFor) {
  const std::string lock = path("worker.pid");
  std::optional<PidFile> earlier;
  if (Result<PidFile> held = PidFile::acquire(lock, "an earlier one"); held.ok()) {
    earlier.emplace(std::move(*held));
  }
  ASSERT_TRUE(earlier);
  Output output{GlobalOptions{}};
  Supervisor supervisor(output);
  ASSERT_TRUE(supervisor.start({"worker", {"/bin/sleep", "1000"}, "", lock}).ok());
  EXPECT_EQ(*supervisor.wait(Duration(0)), 0);
  EXPECT_FALSE(supervisor.all_run());
  earlier.reset();
  for (int i = 0; i < 300 && !supervisor.all_run(); ++i) ASSERT_TRUE(supervisor.wait(100ms).ok());
  EXPECT_TRUE(supervisor.all_run());
  supervisor.stop();
}

TEST(Supervisor, StopEndsEverything) {
  Output output{GlobalOptions{}};
  Supervisor supervisor(output);
  ASSERT_TRUE(supervisor.start({"a", {"/bin/sleep", "1000"}, ""}).ok());
  ASSERT_TRUE(supervisor.start({"b", {"/bin/sleep", "1000"}, ""}).ok());
  supervisor.stop();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

}  // namespace
}  // namespace muster
