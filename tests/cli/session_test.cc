#include "cli/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/io/scratch.h"

namespace muster {
namespace {

constexpr uid_t kNobody = 65534;

class SessionTest : public ScratchFiles {
 protected:
  // What the making of a session in this home ended with.
  static Failure failure_in(const std::string& home) {
    GlobalOptions options;
    options.home = home;
    Output output(options);
    try {
      const Session session(options, output);
    } catch (const Failure& failure) {
      return failure;
    }
    return Failure{kExitOk, "", ""};
  }
};

// It was a wrong configuration (64).
TEST_F(SessionTest, AHomeThatMayNotBeEnteredIsNotPermitted) {
  const std::string home = path("theirs");
  ASSERT_EQ(::mkdir(home.c_str(), 0700), 0);
  // A directory of mode 0 stops its owner, but not root: root becomes somebody else for a moment.
  ASSERT_EQ(::chmod(home.c_str(), 0), 0);
  ASSERT_EQ(::chmod(dir().c_str(), 0755), 0);
  const bool is_root = ::geteuid() == 0;
  ASSERT_EQ(is_root ? ::seteuid(kNobody) : 0, 0);
  const Failure failure = failure_in(home);
  ASSERT_EQ(is_root ? ::seteuid(0) : 0, 0);
  ::chmod(home.c_str(), 0700);
  EXPECT_EQ(failure.exit_status, kExitNotPermitted);
  EXPECT_EQ(failure.error, "cannot enter the home " + home + ": Permission denied");
}

TEST_F(SessionTest, AHomeThatIsNotThereYetIsNoFailure) {
  EXPECT_EQ(failure_in(path("new")).error, "");
}

}  // namespace
}  // namespace muster
