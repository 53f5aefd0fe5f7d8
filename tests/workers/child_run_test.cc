#include "workers/child_run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/workers/forbid_kill.h"

namespace muster {
namespace {

ProcessSpec program(std::vector<std::string> argv) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env = {{"PATH", "/usr/bin:/bin"}};
  return spec;
}

void ignore(std::string_view) {}

bool tells(const ChildRun& child) {
  return child.ended() &&
         child.end().not_killed.starts_with("could not be killed (not permitted): process group ");
}

// Each is run in a process of its own; 0, or the number of what is wrong.

int give_up_a_child() {
  if (!forbid_kill()) return 1;
  Instant now = from_us(1'000'000);
  const ChildLimits limits{.run = 10s, .grace = 2s};
  ChildRun child(program({"sleep", "1000"}), limits, ignore, now);
  child.wake(now += 10s);  // TERM
  child.wake(now += 2s);   // KILL
  if (child.next_deadline() != now + 5s) return 2;
  child.wake(now += 4999ms);
  if (child.ended()) return 3;
  child.wake(now += 1ms);
  if (!tells(child)) return 4;
  return child.end().run_timeout && !child.next_deadline() && child.exit_fd() < 0 ? 0 : 5;
}

// The child itself ends, and what it has started in its group stays.
int give_up_a_straggler() {
  if (!forbid_kill()) return 1;
  Instant now = from_us(1'000'000);
  // It ends with this process, a second later at most.
  const std::string script = "tail -f /dev/null --pid=$PPID & exit 0";
  ChildRun child(program({"sh", "-c", script}), {}, ignore, now);
  pollfd end{child.exit_fd(), POLLIN, 0};
  if (::poll(&end, 1, 60'000) != 1) return 2;
  child.wake(now);
  if (child.ended() || child.next_deadline() != now + 5s) return 3;
  child.wake(now += 5s);
  return tells(child) ? 0 : 4;
}

// Its destructor would otherwise wait for the end of the child.
int let_go_of_a_child() {
  if (!forbid_kill()) return 1;
  const Result<std::unique_ptr<Process>> process = Process::start(program({"sleep", "1000"}));
  return process.ok() && (*process)->signal_group(SIGKILL) == EPERM ? 0 : 2;
}

TEST(ChildRun, GivesUpWhatItMayNotKill) {
  EXPECT_EXIT(::_exit(give_up_a_child()), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(::_exit(give_up_a_straggler()), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(::_exit(let_go_of_a_child()), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace muster
