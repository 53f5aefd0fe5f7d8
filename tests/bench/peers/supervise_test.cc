#include "tests/bench/peers/supervise.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/scratch.h"

namespace muster::bench {
namespace {

// Writes a file, starts a process that would outlive everything, and ends by `end`. The process's
// number goes to `pid_file`.
int leave_traces(const std::string& dir, const std::string& pid_file,
                 const std::function<int()>& end) {
  std::ofstream(dir + "/file") << "left";
  const pid_t stray = ::fork();
  if (stray == 0) {
    ::setsid();
    for (;;) ::pause();
  }
  std::ofstream(pid_file) << stray;
  return end();
}

struct Row {
  const char* name;
  std::function<int()> end;
  int status;
};

TEST(Supervise, LeavesNothingHoweverTheWorkEnds) {
  const std::vector<Row> rows = {
      {"by itself", [] { return 3; }, 3},
      {"by a crash", [] { return ::raise(SIGKILL); }, 128 + SIGKILL},
      {"by SIGTERM to the supervisor",
       [] {
         ::kill(::getppid(), SIGTERM);
         return ::pause();
       },
       128 + SIGTERM},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Scratch scratch;
    const std::string parent = scratch / "parent";
    const std::string pid_file = scratch / "pid";
    std::filesystem::create_directory(parent);
    const int status = supervise(
        parent, [&](const std::string& dir) { return leave_traces(dir, pid_file, row.end); });
    EXPECT_EQ(status, row.status);
    EXPECT_TRUE(std::filesystem::is_empty(parent));
    pid_t stray = 0;
    ASSERT_TRUE(std::ifstream(pid_file) >> stray);
    EXPECT_EQ(::kill(stray, 0), -1) << stray << " still runs";
  }
}

}  // namespace
}  // namespace muster::bench
