// A googletest program of five cases that crashes in the third, for end-to-end tests. Where its
// environment says so,
//   CRASHING_GATE    a FIFO: the second case waits until somebody has it open for writing
//   CRASHING_REPORT  a file that gets a line for each case that has ended
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace {

class Reporter : public testing::EmptyTestEventListener {
 public:
  explicit Reporter(const char* path) : report_(path) {}
  void OnTestEnd(const testing::TestInfo& test) override {
    report_ << test.test_suite_name() << "." << test.name() << " "
            << (test.result()->Passed() ? "passed" : "failed") << std::endl;
  }

 private:
  std::ofstream report_;
};

}  // namespace

TEST(Crashing, First) { EXPECT_EQ(1 + 1, 2); }
TEST(Crashing, Second) {
  EXPECT_EQ(2 + 2, 4);
  if (const char* gate = std::getenv("CRASHING_GATE")) {
    const int fd = ::open(gate, O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ::close(fd);
  }
}
TEST(Crashing, Third) {
  std::puts("about to crash");
  std::fflush(stdout);
  ::raise(SIGSEGV);
}
TEST(Crashing, Fourth) { EXPECT_EQ(4 + 4, 8); }
TEST(Crashing, Fifth) { EXPECT_EQ(5 + 5, 10); }

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* path = std::getenv("CRASHING_REPORT")) {
    testing::UnitTest::GetInstance()->listeners().Append(new Reporter(path));
  }
  return RUN_ALL_TESTS();
}
