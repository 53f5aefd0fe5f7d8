#include "cli/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/ledger_wait.h"
#include "cli/verbs.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

constexpr uid_t kNobody = 65534;

class SessionTest : public ScratchFiles {
 protected:
  // What the making of a session in this home ended with.
  static Failure failure_in(
      const std::string& home, const std::function<void(Session&)>& use = [](Session&) {}) {
    GlobalOptions options;
    options.home = home;
    Output output(options);
    try {
      Session session(options, output);
      use(session);
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

// The fault was said to be in muster.yaml.
TEST_F(SessionTest, AWrongPanottiIsNamed) {
  write("panotti.json", R"({"enabled": true, "host": "box:1", "db": "x"})");
  const Failure failure = failure_in(dir());
  EXPECT_EQ(failure.exit_status, kExitUsageError);
  EXPECT_EQ(failure.error, "cannot use the configuration " + path("panotti.json"));
}

// It was 74, "ask on the machine where the collector runs".
TEST_F(SessionTest, ALedgersServerThatIsAwayIsUnreachable) {
  write("muster.yaml", "ledger: { server: 127.0.0.1:1, user: nobody }\n");
  const Failure failure =
      failure_in(dir(), [](Session& session) { ledger_or_throw(session, "results"); });
  EXPECT_EQ(failure.exit_status, kExitUnreachable);
  EXPECT_NE(failure.error.find("mariadb://nobody@127.0.0.1:1/muster"), std::string::npos)
      << failure.error;
  EXPECT_EQ(failure.hint.find("on the machine where"), std::string::npos) << failure.hint;
}

// Everybody waited five seconds and was told that the broker is away; up wanted to make the home.
TEST_F(SessionTest, SomebodyElsesRunDirectoryIsNotPermittedAtOnce) {
  const std::string home = path("theirs");
  for (const std::string& dir : {home, home + "/run", home + "/collector"}) {
    ASSERT_EQ(::mkdir(dir.c_str(), 0755), 0);
  }
  write("theirs/run/broker.sock", "");
  write("theirs/collector/ledger.db", "");
  const std::string run = home + "/run";
  const std::string collector = home + "/collector";
  ASSERT_EQ(::chmod(run.c_str(), 0), 0);
  ASSERT_EQ(::chmod(collector.c_str(), 0), 0);
  ASSERT_EQ(::chmod(dir().c_str(), 0755), 0);
  const bool is_root = ::geteuid() == 0;
  const std::string owner = ::getpwuid(::geteuid())->pw_name;
  ASSERT_EQ(is_root ? ::seteuid(kNobody) : 0, 0);
  const std::vector<Failure> broker = {
      failure_in(home, [](Session& session) { session.broker(); }),
      failure_in(home, [](Session& session) { session.broker_or_none(); }),
      failure_in(home, [](Session& session) { do_verb(session, UpOptions{}); }),
  };
  const Failure ledger =
      failure_in(home, [](Session& session) { ledger_or_throw(session, "history"); });
  ASSERT_EQ(is_root ? ::seteuid(0) : 0, 0);
  ::chmod(run.c_str(), 0700);
  ::chmod(collector.c_str(), 0700);
  for (const Failure& failure : broker) {
    EXPECT_EQ(failure.exit_status, kExitNotPermitted);
    const std::string culprit = &failure == &broker.back() && is_root ? home : run;
    EXPECT_EQ(failure.error, "permission denied on " + culprit + ", owned by " + owner);
  }
  EXPECT_EQ(ledger.exit_status, kExitNotPermitted);
  EXPECT_EQ(ledger.error, "permission denied on " + collector + ", owned by " + owner);
}

TEST_F(SessionTest, AHomeThatIsNotThereYetIsNoFailure) {
  EXPECT_EQ(failure_in(path("new")).error, "");
}

}  // namespace
}  // namespace muster
