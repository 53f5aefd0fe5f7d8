// A googletest program of five cases that crashes in the third, for end-to-end tests.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>

TEST(Crashing, First) { EXPECT_EQ(1 + 1, 2); }
TEST(Crashing, Second) { EXPECT_EQ(2 + 2, 4); }
TEST(Crashing, Third) {
  std::puts("about to crash");
  std::fflush(stdout);
  ::raise(SIGSEGV);
}
TEST(Crashing, Fourth) { EXPECT_EQ(4 + 4, 8); }
TEST(Crashing, Fifth) { EXPECT_EQ(5 + 5, 10); }
