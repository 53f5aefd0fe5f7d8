#include "io/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

struct Ended {
  std::string output;
  ProcessExit exit;
};

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"sh", "-c", script};
  spec.env = {{"PATH", "/usr/bin:/bin"}};
  return spec;
}

std::unique_ptr<Process> start_or_die(const ProcessSpec& spec) {
  Result<std::unique_ptr<Process>> started = Process::start(spec);
  if (!started) {
    std::fprintf(stderr, "%s\n", started.error().c_str());
    std::abort();
  }
  return std::move(*started);
}

void await(int fd) {
  pollfd item{fd, POLLIN, 0};
  while (::poll(&item, 1, -1) < 0 && errno == EINTR) {
  }
}

std::string read_to_end(Process& process) {
  std::string output;
  while (process.read_output(output, 100'000)) await(process.output_fd());
  return output;
}

ProcessExit await_exit(Process& process) {
  await(process.exit_fd());
  return process.try_reap().value();
}

Ended run(const ProcessSpec& spec) {
  const std::unique_ptr<Process> process = start_or_die(spec);
  Ended ended;
  ended.output = read_to_end(*process);
  ended.exit = await_exit(*process);
  return ended;
}

bool is_gone(pid_t pid) {
  // A killed orphan may be a zombie for a moment, until init has reaped it.
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return true;
  return line.find(") Z") != std::string::npos || line.find(") X") != std::string::npos;
}

TEST(Process, TellsTheExitCode) {
  for (const int code : {0, 1, 5, 127, 255}) {
    const Ended ended = run(shell("exit " + std::to_string(code)));
    EXPECT_EQ(ended.exit.exit_code, code);
    EXPECT_EQ(ended.exit.signal, std::nullopt);
  }
}

TEST(Process, TellsTheSignal) {
  for (const int signal : {SIGTERM, SIGKILL, SIGINT, SIGPIPE}) {
    const Ended ended = run(shell("kill -" + std::to_string(signal) + " $$"));
    EXPECT_EQ(ended.exit.exit_code, std::nullopt);
    EXPECT_EQ(ended.exit.signal, signal);
  }
}

// Of a program that somebody started from a terminal, git could ask for a password there.
TEST(Process, ASessionOfItsOwnHasNoTerminal) {
  ProcessSpec spec = shell(
      "read -r pid name state parent group session terminal rest < /proc/$$/stat; "
      "echo $((pid == group)) $((pid == session)) $terminal");
  EXPECT_EQ(run(spec).output.substr(0, 4), "1 0 ");
  spec.session = true;
  EXPECT_EQ(run(spec).output, "1 1 0\n");
}

TEST(Process, TellsWhatItUsed) {
  const Ended ended = run(shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"));
  EXPECT_GT(ended.exit.user + ended.exit.system, Duration(0));
  EXPECT_GT(ended.exit.rss_max_bytes, 100'000u);
}

TEST(Process, PassesArgumentsAndExactlyTheEnvironment) {
  ProcessSpec spec;
  spec.argv = {"/usr/bin/env"};
  spec.env = {{"A", "1 = one"}, {"EMPTY", ""}};
  EXPECT_EQ(run(spec).output, "A=1 = one\nEMPTY=\n");
  spec.argv = {"printf", "[%s]", "a b", "", "*", "$HOME"};
  EXPECT_EQ(run(spec).output, "[a b][][*][$HOME]") << "found without a PATH in env";
}

TEST(Process, BothStreamsOrOnlyStdout) {
  ProcessSpec spec = shell("echo out; echo err >&2");
  EXPECT_EQ(run(spec).output, "out\nerr\n");
  spec.stderr_to = StderrTo::nowhere;
  EXPECT_EQ(run(spec).output, "out\n");
  spec.stderr_to = StderrTo::own;
  const std::unique_ptr<Process> process = start_or_die(spec);
  EXPECT_EQ(read_to_end(*process), "out\n");
  std::string error;
  while (process->read_error(error, 100)) await(process->error_fd());
  EXPECT_EQ(error, "err\n");
  EXPECT_EQ(process->error_fd(), -1);
  await_exit(*process);
}

TEST(Process, StartsWithACleanTable) {
  // Inherited without O_CLOEXEC, as a careless library would leave it.
  const int leak = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(leak, 3);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  ::signal(SIGPIPE, SIG_IGN);
  const Ended ended =
      run(shell("ls /proc/self/fd | tr '\\n' ' '; umask; readlink /proc/self/fd/0;"
                "grep -E 'Sig(Blk|Ign)' /proc/self/status"));
  ::signal(SIGPIPE, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leak);
  // ls itself opens the directory as 3.
  EXPECT_EQ(ended.output,
            "0 1 2 3 0022\n/dev/null\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, RunsInItsDirectoryAndItsGroup) {
  const Scratch scratch;
  ProcessSpec spec = shell("pwd; echo $$ $(ps -o pgid= -p $$)");
  spec.cwd = scratch.path();
  const std::unique_ptr<Process> process = start_or_die(spec);
  const std::string output = read_to_end(*process);
  EXPECT_THAT(output, HasSubstr(scratch.path() + "\n"));
  EXPECT_EQ(::getpgid(process->pid()), process->pid());
}

TEST(Process, FailedStartsAreErrorsWithTheReason) {
  const Scratch scratch;
  std::ofstream(scratch / "data") << "no program";
  std::ofstream(scratch / "noexec") << "no program";
  std::ofstream(scratch / "orphan") << "#!/absent/interpreter\n";
  ::chmod((scratch / "noexec").c_str(), 0755);
  ::chmod((scratch / "orphan").c_str(), 0755);
  const std::string path = "PATH";
  const struct {
    std::vector<std::string> argv;
    std::map<std::string, std::string> env;
    std::string cwd;
    std::string reason;
  } rows[] = {
      {{}, {}, "", "there is no command to run"},
      {{""}, {}, "", "there is no command to run"},
      {{"absent-program"}, {}, "", "No such file or directory in PATH=/usr/local/bin:"},
      {{"sh"}, {{path, ""}}, "", "No such file or directory in PATH="},
      {{"data"}, {{path, scratch.path()}}, "", "data: Permission denied; make it executable"},
      {{"data"}, {{path, "relative:."}}, scratch.path(), "No such file or directory in PATH="},
      {{scratch / "absent"}, {}, "", "No such file or directory"},
      {{scratch / "data"}, {}, "", "Permission denied"},
      {{scratch.path()}, {}, "", "Permission denied"},
      {{scratch / "noexec"}, {}, "", "Exec format error: it is neither a program"},
      {{scratch / "orphan"}, {}, "", "the interpreter that its first line names is missing"},
      {{"./orphan"}, {}, scratch.path(), "the interpreter that its first line names is missing"},
      {{"true"}, {}, scratch / "absent", "cannot enter the working directory " + (scratch / "abs")},
      {{"true"}, {}, scratch / "data", "Not a directory"},
      {{"echo", std::string("a\0b", 3)}, {}, "", "argument 1 holds a NUL byte"},
      {{"true"}, {{"A=B", "x"}}, "", "invalid name: \"A=B\""},
      {{"true"}, {{"", "x"}}, "", "invalid name: \"\""},
      {{"true"}, {{"A", std::string("\0", 1)}}, "", "variable A holds a NUL byte"},
      {{"true", std::string(3 << 20, 'x')}, {}, "", "shorten the arguments"},
  };
  for (const auto& row : rows) {
    ProcessSpec spec;
    spec.argv = row.argv;
    spec.env = row.env;
    spec.cwd = row.cwd;
    const Result<std::unique_ptr<Process>> started = Process::start(spec);
    ASSERT_FALSE(started.ok()) << row.reason;
    EXPECT_THAT(started.error(), HasSubstr("cannot start "));
    EXPECT_THAT(started.error(), HasSubstr(row.reason));
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a failed start left a child";
}

TEST(Process, TenMegabytesArriveIntact) {
  constexpr size_t kSize = 10 << 20;
  const std::unique_ptr<Process> process =
      start_or_die(shell("yes 0123456789abcde | head -c " + std::to_string(kSize)));
  const std::string output = read_to_end(*process);
  ASSERT_EQ(output.size(), kSize);
  for (size_t i = 0; i < kSize; ++i) ASSERT_EQ(output[i], "0123456789abcde\n"[i % 16]) << i;
  EXPECT_EQ(process->output_fd(), -1);
  std::string more;
  EXPECT_FALSE(process->read_output(more, 1));
}

TEST(Process, ReadOutputTakesNoMoreThanAsked) {
  const std::unique_ptr<Process> process = start_or_die(shell("printf 0123456789"));
  await(process->exit_fd());
  std::string output;
  EXPECT_TRUE(process->read_output(output, 4));
  EXPECT_EQ(output, "0123");
  EXPECT_TRUE(process->read_output(output, 0));
  EXPECT_EQ(output, "0123");
  EXPECT_FALSE(process->read_output(output, 100));
  EXPECT_EQ(output, "0123456789");
}

TEST(Process, OutputOfARunningChildDoesNotBlock) {
  const std::unique_ptr<Process> process = start_or_die(shell("exec sleep 1000"));
  std::string output;
  EXPECT_TRUE(process->read_output(output, 100));
  EXPECT_EQ(output, "");
  EXPECT_EQ(process->try_reap(), std::nullopt);
}

TEST(Process, IsReapedOnce) {
  const std::unique_ptr<Process> process = start_or_die(shell("exit 3"));
  EXPECT_EQ(await_exit(*process).exit_code, 3);
  EXPECT_FALSE(process->try_reap().has_value());
  process->signal_group(SIGKILL);  // harmless: the number may be another's by now
}

// Starts a shell that starts a sleeper in its group and says its id.
struct Family {
  std::unique_ptr<Process> parent;
  pid_t grandchild = 0;
};
Family start_family(const std::string& tail) {
  Family family;
  family.parent = start_or_die(shell("sleep 1000 & echo $!; " + tail));
  std::string output;
  while (output.find('\n') == std::string::npos) {
    await(family.parent->output_fd());
    if (!family.parent->read_output(output, 100)) break;
  }
  family.grandchild = std::stoi(output);
  return family;
}

// Waits for the end of a process that is not our child.
void expect_gone(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) {
    pollfd item{fd, POLLIN, 0};
    EXPECT_EQ(::poll(&item, 1, 60'000), 1) << pid << " still runs";
    ::close(fd);
  }
  EXPECT_TRUE(is_gone(pid));
}

TEST(Process, SignalsReachTheWholeGroup) {
  Family family = start_family("wait");
  EXPECT_FALSE(is_gone(family.grandchild));
  family.parent->signal_group(SIGTERM);
  EXPECT_EQ(await_exit(*family.parent).signal, SIGTERM);
  expect_gone(family.grandchild);
}

TEST(Process, WhatIsLeftOfTheGroupEndsWithTheChild) {
  Family family = start_family("exit 0");
  EXPECT_FALSE(is_gone(family.grandchild));
  EXPECT_EQ(await_exit(*family.parent).exit_code, 0);
  expect_gone(family.grandchild);
  EXPECT_EQ(read_to_end(*family.parent), "") << "its end of the pipe must be closed";
}

// Killed is not yet dead: a grandchild could still write to the device that the next one works on.
TEST(Process, TellsWhenTheWholeGroupIsDead) {
  for (const char* tail : {"exit 0", "sleep 1000 & sleep 1000 & exit 0"}) {
    Family family = start_family(tail);
    EXPECT_FALSE(family.parent->group_gone()) << "the child itself still runs";
    await_exit(*family.parent);
    while (!family.parent->group_gone()) await(family.parent->straggler_fd());
    EXPECT_TRUE(is_gone(family.grandchild));
    EXPECT_TRUE(family.parent->group_gone());
  }
}

TEST(Process, TheDestructorEndsTheGroup) {
  Family family = start_family("wait");
  const pid_t pid = family.parent->pid();
  family.parent.reset();
  expect_gone(pid);
  expect_gone(family.grandchild);
}

TEST(Process, DiesWithItsStarter) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t starter = ::fork();
  if (starter == 0) {
    const std::unique_ptr<Process> process = start_or_die(shell("exec sleep 1000"));
    const pid_t pid = process->pid();
    [[maybe_unused]] const ssize_t rc = ::write(pipe_fds[1], &pid, sizeof pid);
    ::_exit(0);  // without destructors, as if killed
  }
  pid_t pid = 0;
  ASSERT_EQ(::read(pipe_fds[0], &pid, sizeof pid), ssize_t{sizeof pid});
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
  ASSERT_EQ(::waitpid(starter, nullptr, 0), starter);
  expect_gone(pid);
}

// A daemon may run with its standard descriptors closed.
TEST(Process, WorksWithoutStandardDescriptors) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(0);
    ::close(1);
    ::close(2);
    ::_exit(run(shell("echo out; echo err >&2; cat")).output == "out\nerr\n" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Process, StartingManyLeaksNoDescriptor) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = count();
  for (int i = 0; i < 50; ++i) {
    run(shell("exit 0"));
    ProcessSpec spec;
    spec.argv = {"/absent/program"};
    EXPECT_FALSE(Process::start(spec).ok());
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace muster
