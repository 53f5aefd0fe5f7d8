#include "workers/process_look.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace muster {
namespace {

TEST(ProcessLook, AProcessKnowsItself) {
  const std::optional<ProcStat> stat = read_stat(::getpid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_FALSE(stat->is_exiting);
}

// A supervisor that had just closed its files was said to be none.
TEST(ProcessLook, AProcessOnItsWayOutIsKnown) {
  const std::optional<ProcStat> stat =
      parse_stat("16233 (muster-job) R 16100 16233 16233 0 -1 4227148 118 0 0 0 1 2 0 0 20 0");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->parent, 16100);
  EXPECT_TRUE(stat->is_exiting);
}

TEST(ProcessLook, ANameMayHoldAnything) {
  const std::optional<ProcStat> stat = parse_stat("7 (a) R 1 (b) S 5 7 7 0 -1 4194304 0");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 5);
  EXPECT_FALSE(stat->is_exiting);
}

TEST(ProcessLook, WhatIsNoSuchLineIsNothing) {
  for (const char* line : {"", "7", "7 (sh", "7 (sh)", "7 (sh) S", "7 (sh) S 1 7 7 0 -1"}) {
    EXPECT_FALSE(parse_stat(line)) << line;
  }
}

}  // namespace
}  // namespace muster
