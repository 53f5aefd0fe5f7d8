// `muster up` after one that was killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

// It gave up after two seconds, five starts of a worker in a row having failed.
TEST(MusterUp, WaitsForTheWorkerOfOneThatWasKilled) {
  House house(MUSTER_BIN_DIR);
  const std::unique_ptr<Child> first = house.start_up();
  house.connect();
  const std::string pid_file = house.home().dir + "/pid";
  const Ran ran =
      house.muster({"run", "--detach", "--wait-for-capacity", "--grace", "5s", "--", "/bin/sh",
                    "-c", "trap '' TERM; echo $$ > " + pid_file + "; while :; do sleep 0.1; done"});
  ASSERT_EQ(ran.status, 0) << ran.err << house.daemon_output();
  ASSERT_TRUE(eventually([&] { return !read_text(pid_file).empty(); })) << house.daemon_output();
  first->kill_now();
  const std::unique_ptr<Child> second = house.start_up();
  EXPECT_TRUE(eventually([&] {
    return house.daemon_output().find("muster: waiting for the worker of an earlier start") !=
           std::string::npos;
  })) << house.daemon_output();
  const Ran next = house.muster({"run", "--wait", "--wait-for-capacity", "--", "true"});
  EXPECT_EQ(next.status, 0) << next.err << house.daemon_output();
  EXPECT_FALSE(second->wait(Duration(0))) << house.daemon_output();
}

}  // namespace
}  // namespace muster
