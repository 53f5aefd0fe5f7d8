// The cgroups of attempts, below directories that only look like cgroups and, where this machine
// lets us make any, below a real one.
#include "workers/attempt_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>

#include "io/process.h"
#include "tests/io/scratch.h"
#include "workers/attempt_files.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

const AttemptToken kToken{"guid-000001", 2};
const AttemptToken kOther{"guid-000002", 1};

TEST(AttemptCgroupName, IsOfOneWorkerAndOneAttempt) {
  const std::string name = attempt_cgroup_name("/srv/worker/a", kToken);
  EXPECT_TRUE(name.starts_with("muster-"));
  EXPECT_TRUE(name.ends_with("-guid-000001-2")) << name;
  EXPECT_EQ(name, attempt_cgroup_name("/srv/../srv/worker/a", kToken));
  EXPECT_NE(name, attempt_cgroup_name("/srv/worker/b", kToken));
  EXPECT_NE(name, attempt_cgroup_name("/srv/worker/a", kOther));
  EXPECT_NE(name, attempt_cgroup_name("/srv/worker/a", {kToken.guid, 3}));
}

TEST(AttemptCgroupName, IsOneShortSegmentForAnyGuid) {
  std::string guid;
  while (guid.size() < 768) guid += "/\n\xc3\xa4";
  const std::string name = attempt_cgroup_name("/w", {guid, UINT32_MAX});
  EXPECT_LE(name.size(), 235u);
  EXPECT_EQ(name.find_first_of("/\n"), std::string::npos);
  EXPECT_NE(name, attempt_cgroup_name("/w", {guid + "x", UINT32_MAX}));
}

class AttemptCgroupTest : public ScratchFiles {
 protected:
  std::unique_ptr<Process> start(const std::string& script, int cgroup_fd = -1,
                                 const std::string& guid = kToken.guid) {
    ProcessSpec spec;
    spec.argv = {"sh", "-c", script};
    spec.env = {{"PATH", "/usr/bin:/bin"}, {"MUSTER_GUID", guid}};
    spec.cgroup_fd = cgroup_fd;
    Result<std::unique_ptr<Process>> process = Process::start(spec);
    EXPECT_TRUE(process.ok()) << process.error();
    return process.ok() ? std::move(*process) : nullptr;
  }
  static bool ends(Process& process) {
    pollfd end{process.exit_fd(), POLLIN, 0};
    while (::poll(&end, 1, 30'000) < 0 && errno == EINTR) {
    }
    return (end.revents & POLLIN) != 0;
  }
  static bool runs(Process& process) {
    pollfd end{process.exit_fd(), POLLIN, 0};
    return ::poll(&end, 1, 0) == 0;
  }
  // Something that looks like a cgroup with the process in it.
  void fake(const std::string& name, const Process& member) {
    write("root/" + name + "/cgroup.procs", std::to_string(member.pid()) + "\n");
  }
  // Says in the attempt's folder where its cgroup is.
  void lock(const std::string& cgroup) {
    std::filesystem::create_directories(path("attempt"));
    const Result<AttemptLock> taken =
        AttemptLock::take(path("attempt"), {"boot", 7, Instant{}, cgroup});
    EXPECT_TRUE(taken.ok()) << taken.error();
  }
  std::string worker_dir() const { return path("worker"); }
  std::string name(const AttemptToken& token) const {
    return attempt_cgroup_name(worker_dir(), token);
  }
};

TEST_F(AttemptCgroupTest, OnlyThoseOfThisWorkerThatAreOverAreEnded) {
  const std::unique_ptr<Process> over = start("exec sleep 1000");
  const std::unique_ptr<Process> running = start("exec sleep 1000");
  const std::unique_ptr<Process> elsewhere = start("exec sleep 1000");
  const std::unique_ptr<Process> stranger = start("exec sleep 1000");
  fake(name(kToken), *over);
  fake(name(kOther), *running);
  fake(attempt_cgroup_name(path("another"), kToken), *elsewhere);
  fake("system.slice", *stranger);
  end_left_cgroups(path("root"), worker_dir(), {kOther});
  EXPECT_TRUE(ends(*over));
  EXPECT_TRUE(runs(*running));
  EXPECT_TRUE(runs(*elsewhere));
  EXPECT_TRUE(runs(*stranger));
}

// A job may write into its attempt's folder.
TEST_F(AttemptCgroupTest, ALockThatNamesAnotherCgroupIsNotBelieved) {
  const std::unique_ptr<Process> member = start("exec sleep 1000");
  fake(name(kOther), *member);
  fake(name(kToken), *member);
  lock(path("root/" + name(kOther)));
  EXPECT_TRUE(end_attempt_cgroup(worker_dir(), path("attempt"), kToken).empty());
  EXPECT_TRUE(runs(*member));
  lock(path("root/" + name(kToken)));
  const std::vector<Stray> killed = end_attempt_cgroup(worker_dir(), path("attempt"), kToken);
  EXPECT_TRUE(ends(*member));
  ASSERT_EQ(killed.size(), 1u);
  EXPECT_THAT(describe(killed), HasSubstr("sleep 1000)"));
}

TEST_F(AttemptCgroupTest, WhereNoneCanBeMadeThereIsAReason) {
  std::filesystem::create_directories(path("root"));
  const Result<Cgroup> made = make_attempt_cgroup(path("root/" + name(kToken)));
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error(), HasSubstr("is no cgroup"));
  EXPECT_TRUE(end_attempt_cgroup(worker_dir(), path("nowhere"), kToken).empty());
  lock(path("root/" + name(kToken)));
  EXPECT_TRUE(end_attempt_cgroup(worker_dir(), path("attempt"), kToken).empty());
  lock("");
  EXPECT_TRUE(end_attempt_cgroup(worker_dir(), path("attempt"), kToken).empty());
}

TEST_F(AttemptCgroupTest, TheLockOfAnAttemptSaysWhereItIs) {
  lock("/sys/fs/cgroup/a b/muster-1");
  EXPECT_EQ(read_vitals(path("attempt"))->cgroup, "/sys/fs/cgroup/a b/muster-1");
  EXPECT_EQ(read_vitals(path("attempt"))->lease_boot_us, 7);
  lock("");  // a shorter line than before, in the same file
  EXPECT_EQ(read_vitals(path("attempt"))->cgroup, "");
}

TEST_F(AttemptCgroupTest, ARealOneIsEmptiedTakenOverAndRemoved) {
  const Result<std::string> root = find_own_cgroup_dir();
  if (!root.ok()) {
    EXPECT_NE(root.error(), "") << "it is said why there are none";
    return;
  }
  const std::string dir = *root + "/" + name(kToken);
  lock(dir);
  Result<Cgroup> made = make_attempt_cgroup(dir);
  ASSERT_TRUE(made.ok()) << made.error();
  const std::unique_ptr<Process> left = start("exec sleep 1000", made->fd());
  EXPECT_TRUE(made->is_populated());
  made = make_attempt_cgroup(dir);
  ASSERT_TRUE(made.ok()) << made.error();
  EXPECT_TRUE(ends(*left)) << "an earlier attempt's";
  EXPECT_FALSE(made->is_populated());

  const std::unique_ptr<Process> member = start("exec sleep 1000", made->fd());
  const std::unique_ptr<Process> kept = start("sleep 1000 & wait", made->fd(), "");
  const std::vector<Stray> killed = end_attempt_cgroup(worker_dir(), path("attempt"), kToken);
  EXPECT_TRUE(ends(*member));
  ASSERT_EQ(killed.size(), 1u);
  EXPECT_EQ(killed[0].pid, member->pid());
  EXPECT_EQ(killed[0].fate, Fate::dead);
  EXPECT_TRUE(runs(*kept)) << "what says that it is to outlive the attempt";
  EXPECT_FALSE(Cgroup::open(dir).ok()) << "it is removed";
  kept->signal_group(SIGKILL);
}

}  // namespace
}  // namespace muster
