// cgroups: the kernel's tables as texts, directories that only look like cgroups, and, where this
// machine lets us make any, real ones.
#include "io/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/process.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kHybrid[] = R"(22 1 254:1 / / rw,relatime - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
)";
constexpr char kUnified[] =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n";
// A container that sees its own part of the tree, without a namespace of cgroups.
constexpr char kPart[] =
    "30 23 0:26 /docker/4b1d /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n";
constexpr char kTwice[] =
    "30 23 0:26 /other.slice /else/where rw - cgroup2 cgroup2 rw\n"
    "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
constexpr char kBlanks[] = "30 23 0:26 / /mnt/a\\040b\\134c rw - cgroup2 cgroup2 rw\n";

TEST(FindCgroupDir, IsWhereTheTablesOfTheKernelSay) {
  struct Row {
    const char* cgroup;
    const char* mountinfo;
    const char* dir;
  };
  const Row rows[] = {
      {"9:name=systemd:/\n4:memory:/x\n0::/\n", kHybrid, "/sys/fs/cgroup/unified"},
      {"4:memory:/x\n0::/a/b.scope\n", kHybrid, "/sys/fs/cgroup/unified/a/b.scope"},
      {"0::/system.slice/muster.service\n", kUnified, "/sys/fs/cgroup/system.slice/muster.service"},
      {"0::/", kUnified, "/sys/fs/cgroup"},
      {"0::/docker/4b1d\n", kPart, "/sys/fs/cgroup"},
      {"0::/docker/4b1d/init\n", kPart, "/sys/fs/cgroup/init"},
      {"0::/system.slice/x\n", kTwice, "/sys/fs/cgroup/system.slice/x"},
      {"0::/a:b c\n", kBlanks, "/mnt/a b\\c/a:b c"},
  };
  for (const Row& row : rows) {
    const Result<std::string> dir = find_cgroup_dir(row.cgroup, row.mountinfo);
    ASSERT_TRUE(dir.ok()) << row.cgroup << dir.error();
    EXPECT_EQ(*dir, row.dir) << row.cgroup;
  }
}

TEST(FindCgroupDir, SaysWhyThereIsNone) {
  struct Row {
    const char* cgroup;
    const char* mountinfo;
    const char* reason;
  };
  const Row rows[] = {
      {"", kUnified, "no cgroup v2"},
      {"4:memory:/x\n1:cpu:/\n", kHybrid, "no cgroup v2"},
      {"0::\n", kUnified, "no cgroup v2"},
      {"0::/x\n", "", "its cgroup /x is not mounted"},
      {"0::/x\n", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "not mounted"},
      {"0::/x\n", "30 - cgroup2 \n", "not mounted"},
      {"0::/docker/4b1\n", kPart, "not mounted"},
      {"0::/docker/4b1d2\n", kPart, "not mounted"},
      {"0::/\n", kPart, "not mounted"},
      {"0::/../other\n", kUnified, "cannot be seen"},
      {"0::/user.slice/gone (deleted)\n", kUnified, "cannot be seen"},
  };
  for (const Row& row : rows) {
    const Result<std::string> dir = find_cgroup_dir(row.cgroup, row.mountinfo);
    ASSERT_FALSE(dir.ok()) << row.cgroup << *dir;
    EXPECT_THAT(dir.error(), HasSubstr(row.reason)) << row.cgroup;
  }
}

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"sh", "-c", script};
  spec.env = {{"PATH", "/usr/bin:/bin"}};
  return spec;
}

std::unique_ptr<Process> start(const ProcessSpec& spec) {
  Result<std::unique_ptr<Process>> started = Process::start(spec);
  EXPECT_TRUE(started.ok()) << started.error();
  return started.ok() ? std::move(*started) : nullptr;
}

ProcessExit await_exit(Process& process) {
  pollfd end{process.exit_fd(), POLLIN, 0};
  while (::poll(&end, 1, -1) < 0 && errno == EINTR) {
  }
  return process.try_reap().value();
}

// Directories that have some of a cgroup's files.
class FakeCgroup : public ScratchFiles {};

TEST_F(FakeCgroup, WhatIsNoCgroupIsNotTakenForOne) {
  const Result<Cgroup> made = Cgroup::make(path("plain"));
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error(), HasSubstr("is no cgroup"));
  EXPECT_NE(::access(path("plain").c_str(), F_OK), 0) << "it stays behind";
  EXPECT_FALSE(Cgroup::open(path("nowhere")).ok());
  EXPECT_FALSE(Cgroup::make(path("no/parent")).ok());
}

TEST_F(FakeCgroup, IsPopulatedAsItsEventsSay) {
  write("group/cgroup.procs", "1\n");
  write("group/cgroup.events", "populated 0\nfrozen 0\n");
  const Result<Cgroup> group = Cgroup::open(path("group"));
  ASSERT_TRUE(group.ok()) << group.error();
  EXPECT_FALSE(group->is_populated());
  EXPECT_TRUE(group->await_empty(Duration{0}));
  write("group/cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_TRUE(group->is_populated());
  EXPECT_FALSE(group->await_empty(Duration{1000}));
}

TEST_F(FakeCgroup, ItsProcessesAreThoseOfTheGroupsBelowToo) {
  write("group/cgroup.procs", "70\n9\n0\n");
  write("group/a/b/cgroup.procs", "8\n70\n");
  EXPECT_THAT(Cgroup::open(path("group"))->processes(), ElementsAre(8, 9, 70));
}

TEST_F(FakeCgroup, AKernelWithoutCgroupKillIsToldOneByOne) {
  const std::unique_ptr<Process> above = start(shell("exec sleep 1000"));
  const std::unique_ptr<Process> below = start(shell("exec sleep 1000"));
  write("group/cgroup.procs", std::to_string(above->pid()) + "\n");
  write("group/job/cgroup.procs", std::to_string(below->pid()) + "\n");
  Cgroup::open(path("group"))->kill();
  EXPECT_EQ(await_exit(*above).signal, SIGKILL);
  EXPECT_EQ(await_exit(*below).signal, SIGKILL);
}

TEST_F(FakeCgroup, AChildThatIsNotBornThereJoinsByItself) {
  write("group/cgroup.procs", "");
  const Result<Cgroup> group = Cgroup::open(path("group"));
  ProcessSpec spec = shell("exit 7");
  spec.cgroup_fd = group->fd();
  EXPECT_EQ(await_exit(*start(spec)).exit_code, 7);
  EXPECT_EQ(read_file(path("group/cgroup.procs"), 100).value(), "0");
}

TEST_F(FakeCgroup, AChildThatMayNotJoinRunsAllTheSame) {
  const UniqueFd plain(::open(dir().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec = shell("exit 7");
  spec.cgroup_fd = plain.get();
  EXPECT_EQ(await_exit(*start(spec)).exit_code, 7);
}

// The machine's own.
class RealCgroup : public ScratchFiles {
 protected:
  RealCgroup() {
    Result<std::string> own = find_own_cgroup_dir();
    if (own.ok()) own_ = *own;
    why_not_ = own.ok() ? "" : own.error();
  }
  ~RealCgroup() override {
    if (own_.empty()) return;
    const Result<Cgroup> group = Cgroup::open(group_dir());
    if (!group.ok()) return;
    group->kill();
    group->await_empty(Duration(30s));
    EXPECT_TRUE(group->remove().ok());
  }
  std::string group_dir() const { return own_ + "/muster-test-" + std::to_string(::getpid()); }
  // Where there are none, that is said.
  bool has_none() const {
    EXPECT_EQ(own_.empty(), !why_not_.empty());
    return own_.empty();
  }
  Result<Cgroup> make() const { return Cgroup::make(group_dir()); }
  std::string own_;
  std::string why_not_;
};

TEST_F(RealCgroup, HoldsWhatLeavesItsGroupItsSessionAndItsEnvironment) {
  if (has_none()) return;
  const Result<Cgroup> group = make();
  ASSERT_TRUE(group.ok()) << group.error();
  EXPECT_FALSE(group->is_populated());
  const std::string there = path("there");
  ProcessSpec spec =
      shell("(env -i setsid sh -c 'echo > " + there + "; exec sleep 1000' &) ; until [ -s " +
            there + " ]; do sleep 0.01; done; exit 3");
  spec.cgroup_fd = group->fd();
  const std::unique_ptr<Process> process = start(spec);
  EXPECT_EQ(await_exit(*process).exit_code, 3);
  EXPECT_TRUE(process->group_gone());
  EXPECT_TRUE(group->is_populated());
  EXPECT_EQ(group->processes().size(), 1u);
  EXPECT_FALSE(group->await_empty(Duration{1000}));
  EXPECT_FALSE(group->remove().ok()) << "what is in use is not removed";
  group->kill();
  EXPECT_TRUE(group->await_empty(Duration(30s)));
  EXPECT_TRUE(group->remove().ok());
  EXPECT_FALSE(Cgroup::open(group_dir()).ok());
}

// Linux from 6.14 on: clone3 into a cgroup that was killed once begot children that were dead at
// once, and jobs "ended by signal 9" before they began.
TEST_F(RealCgroup, AChildOfAGroupThatWasKilledOnceLivesAndIsInIt) {
  if (has_none()) return;
  const Result<Cgroup> group = make();
  ASSERT_TRUE(group.ok()) << group.error();
  group->kill();
  ProcessSpec spec = shell("exec sleep 1000");
  spec.cgroup_fd = group->fd();
  const std::unique_ptr<Process> process = start(spec);
  EXPECT_THAT(group->processes(), ElementsAre(process->pid()));
}

TEST_F(RealCgroup, IsTakenOverWithGroupsThatWereMadeInIt) {
  if (has_none()) return;
  ASSERT_TRUE(make().ok());
  const Result<Cgroup> below = Cgroup::make(group_dir() + "/job");
  ASSERT_TRUE(below.ok()) << below.error();
  ProcessSpec spec = shell("exec sleep 1000");
  spec.cgroup_fd = below->fd();
  const std::unique_ptr<Process> process = start(spec);
  const Result<Cgroup> group = make();
  ASSERT_TRUE(group.ok()) << group.error();
  EXPECT_THAT(group->processes(), ElementsAre(process->pid()));
  group->release(process->pid());
  EXPECT_TRUE(group->await_empty(Duration(30s)));
  EXPECT_EQ(process->signal_group(0), 0) << "it goes on in the group above";
  EXPECT_TRUE(group->remove().ok());
}

}  // namespace
}  // namespace muster
