// JobAttempt and what its job leaves outside of its process groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/workers/job_attempt_in_hand.h"
#include "workers/strays.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

class JobStraysTest : public JobAttemptTest {
 protected:
  // As a supervisor does.
  void SetUp() override { ASSERT_TRUE(adopt_orphans().ok()); }
};

TEST_F(JobStraysTest, IsNotOverWhileAStrayIsDying) {
  int looks = 0;
  context.end_strays = [&](const AttemptToken&) {
    const Fate fate = ++looks < 20 ? Fate::dying : Fate::dead;
    return std::vector<Stray>{{123, "stuck", fate}};
  };
  work.source = CommandSource{{"true"}};
  begin();
  Instant now = clock.now();
  for (int seconds = 0; seconds < 60 && !attempt->over(); ++seconds) {
    std::vector<int> fds;
    attempt->descriptors(fds);
    std::vector<pollfd> items;
    for (const int fd : fds) items.push_back({fd, POLLIN, 0});
    // Until the command ends; then only the attempt's own time passes.
    if (looks == 0) ::poll(items.data(), items.size(), 30'000);
    now = now + 1s;
    attempt->wake(now);
    if (looks > 0 && looks < 20) {
      EXPECT_FALSE(attempt->over());
      EXPECT_TRUE(attempt->next_deadline());
    }
  }
  EXPECT_EQ(looks, 20);
  EXPECT_EQ(ending().outcome, Outcome::pass);
  EXPECT_THAT(log(), HasSubstr("killed a process that left its process group: 123 (stuck)"));
}

// It was killed without a word when the step ended.
TEST_F(JobStraysTest, WhatLeftTheGroupIsToldToEndAndHasItsGrace) {
  spec.timeouts.grace = 30s;
  context.term_strays = [](const AttemptToken& token, pid_t group) {
    return term_strays(token, nullptr, group);
  };
  bool was_killed_late = false;
  context.end_strays = [&](const AttemptToken&) {
    was_killed_late = exists("grace");
    return std::vector<Stray>();
  };
  const std::string daemon = "trap \"echo x > " + path("grace") + "; exit 0\" TERM; echo x > " +
                             path("up") + "; tail -f /dev/null & wait";
  work.steps = {step("one", "setsid sh -c '" + daemon + "' & wait")};
  begin();
  run_until("up");
  attempt->stop(clock.now(), false);
  run_until("");
  EXPECT_TRUE(was_killed_late);
  EXPECT_EQ(ending().status, StatusCode::killed);
  EXPECT_LT(ending().finished - ending().started, Duration(25s))
      << "its end is waited for, not time";
}

TEST_F(JobStraysTest, WhatLeftTheGroupHasNoGraceWhenAllIsStoppedAtOnce) {
  spec.timeouts.grace = 30s;
  UniqueFd living(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  context.term_strays = [&](const AttemptToken&, pid_t) {
    std::vector<UniqueFd> told;
    told.emplace_back(::dup(living.get()));
    return told;
  };
  work.steps = {step("one", "echo x > " + path("up") + "; tail -f /dev/null")};
  begin();
  run_until("up");
  attempt->stop(clock.now(), false);
  for (int i = 0; i < 100 && records().back() != "END ABORT one"; ++i) {
    std::vector<int> fds;
    attempt->descriptors(fds);
    std::vector<pollfd> items;
    for (const int fd : fds) items.push_back({fd, POLLIN, 0});
    ::poll(items.data(), items.size(), 1000);
    attempt->wake(clock.now());
  }
  EXPECT_FALSE(attempt->over()) << "it waits for the other";
  attempt->stop(clock.now(), true);
  run_until("");
  EXPECT_LT(ending().finished - ending().started, Duration(25s));
}

TEST_F(JobStraysTest, AStrayThatMayNotBeKilledIsWhatBecameOfIt) {
  context.end_strays = [](const AttemptToken&) {
    return std::vector<Stray>{{123, "sudo thing", Fate::untouched}};
  };
  work.source = CommandSource{{"true"}};
  const Ending ending = run();
  EXPECT_EQ(ending.outcome, Outcome::error);
  EXPECT_EQ(ending.cause, Cause::worker);
  EXPECT_THAT(ending.message, HasSubstr("could not be killed (not permitted)"));
  EXPECT_THAT(ending.message, HasSubstr("123 (sudo thing)"));
  EXPECT_GE(ending.finished - ending.started, Duration(5s));
}

}  // namespace
}  // namespace muster
