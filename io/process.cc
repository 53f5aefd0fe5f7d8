#include "io/process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <sstream>
#include <string_view>

#include "io/file.h"

namespace muster {

namespace {

// How long a killed child is waited for by whoever no longer wants it.
constexpr int kReapMs = 5000;
constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin";

// What the child was doing when it failed before its program ran.
enum class Step : int { set_up, enter_cwd, execute };

struct ChildFailure {
  Step step;
  int error_number;
};

// All that the child needs, made before the fork: afterwards it may call nothing but
// async-signal-safe functions, may not allocate, and changes nothing but its own stack: the memory
// is its parent's.
struct Launch {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> envp;
  const char* cwd = nullptr;  // null: the caller's
  pid_t parent = 0;
  int input_fd = -1;
  int output_fd = -1;
  int stderr_fd = -1;
  int failure_fd = -1;   // a pipe: one byte when it lives, a ChildFailure when that is not for long
  int join_fd = -1;      // cgroup.procs of the cgroup that it has to join by itself
  bool pty = false;      // output_fd is a terminal
  bool session = false;  // it leads one
};

[[noreturn]] void fail_child(const Launch& launch, Step step) {
  const ChildFailure failure{step, errno};
  [[maybe_unused]] const ssize_t rc = ::write(launch.failure_fd, &failure, sizeof failure);
  ::_exit(127);
}

void default_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void run_child(const Launch& launch) {
  if (::write(launch.failure_fd, "", 1) != 1) ::_exit(127);
  // What is refused here changes nothing: groups and descent hold it as well.
  if (launch.join_fd >= 0) [[maybe_unused]]
    const ssize_t rc = ::write(launch.join_fd, "0", 1);
  if ((launch.session ? ::setsid() : ::setpgid(0, 0)) < 0) fail_child(launch, Step::set_up);
  if (launch.pty && ::ioctl(launch.output_fd, TIOCSCTTY, 0) != 0) {
    fail_child(launch, Step::set_up);
  }
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_child(launch, Step::set_up);
  if (::getppid() != launch.parent) ::_exit(127);  // it died before it could be watched
  if (::dup2(launch.input_fd, 0) < 0 || ::dup2(launch.output_fd, 1) < 0 ||
      ::dup2(launch.stderr_fd, 2) < 0) {
    fail_child(launch, Step::set_up);
  }
  if (launch.cwd != nullptr && ::chdir(launch.cwd) != 0) fail_child(launch, Step::enter_cwd);
  ::umask(022);
  // Marked, not closed at once: the failure pipe is needed until the program runs.
  if (::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) {
    fail_child(launch, Step::set_up);
  }
  default_signals();
  ::execve(launch.program.c_str(), launch.argv.data(), launch.envp.data());
  fail_child(launch, Step::execute);
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
constexpr uint64_t kBorrow = CLONE_VM | CLONE_VFORK;

// The system call, in place: the child goes on in this very frame, on the stack of its parent,
// which waits. A function around it, as syscall() is, would return twice by one return address.
[[gnu::noinline]] long clone_and_run(const Launch& launch, clone_args& args) {
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "0"(static_cast<long>(SYS_clone3)), "D"(&args), "S"(sizeof args)
               : "rcx", "r11", "memory");
  if (result == 0) run_child(launch);
  return result;
}
#else
constexpr uint64_t kBorrow = 0;  // it gets a copy of the memory

long clone_and_run(const Launch& launch, clone_args& args) {
  const long result = ::syscall(SYS_clone3, &args, sizeof args);
  if (result == 0) run_child(launch);
  return result < 0 ? -errno : result;
}
#endif

// Begets a child that is born in the cgroup: no moving there, which has the whole machine wait for
// some milliseconds. -1: this kernel, or what guards it, does not let us.
pid_t fork_into(const Launch& launch, int cgroup_fd) {
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP | kBorrow;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(cgroup_fd);
  const long result = clone_and_run(launch, args);
  if (result > 0) return static_cast<pid_t>(result);
  errno = static_cast<int>(-result);
  return -1;
}

// Begets a child with every signal blocked, so that no handler of the caller can run in it. It
// borrows our memory until its program runs, which we would wait for anyway: to copy the tables of
// our memory takes longer than all the rest.
pid_t fork_child(const Launch& launch, int cgroup_fd) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = -1;
  if (cgroup_fd >= 0) {
    pid = fork_into(launch, cgroup_fd);
  } else {
    // NOLINTNEXTLINE(bugprone-unsafe-functions, clang-analyzer-security.insecureAPI.vfork)
    pid = ::vfork();
    if (pid == 0) run_child(launch);
  }
  const int error_number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

// Descriptors 0 to 2 are the child's own: one of ours that landed there is moved away.
UniqueFd above_standard(UniqueFd fd) {
  if (!fd.valid() || fd.get() > 2) return fd;
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

std::optional<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return std::nullopt;
  Pipe pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
  pipe.read = above_standard(std::move(pipe.read));
  pipe.write = above_standard(std::move(pipe.write));
  if (!pipe.read.valid() || !pipe.write.valid()) return std::nullopt;
  return pipe;
}

// A file without a name that holds `text`, to be read from its beginning.
UniqueFd make_input(const std::string& text) {
  UniqueFd fd = above_standard(UniqueFd(::memfd_create("muster-input", MFD_CLOEXEC)));
  if (!fd.valid() || !write_all(fd.get(), text)) return UniqueFd();
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return UniqueFd();
  return fd;
}

// A pseudo-terminal that passes bytes on as they are: we read one end, the child writes the other.
std::optional<Pipe> make_terminal() {
  Pipe pipe;
  pipe.read = above_standard(UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)));
  char name[64];
  if (!pipe.read.valid() || ::grantpt(pipe.read.get()) != 0 || ::unlockpt(pipe.read.get()) != 0 ||
      ::ptsname_r(pipe.read.get(), name, sizeof name) != 0) {
    return std::nullopt;
  }
  pipe.write = above_standard(UniqueFd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)));
  termios settings{};
  if (!pipe.write.valid() || ::tcgetattr(pipe.write.get(), &settings) != 0) return std::nullopt;
  ::cfmakeraw(&settings);
  if (::tcsetattr(pipe.write.get(), TCSANOW, &settings) != 0) return std::nullopt;
  return pipe;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::optional<std::string> invalid_spec(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty()) return "there is no command to run";
  for (size_t i = 0; i < spec.argv.size(); ++i) {
    if (has_nul(spec.argv[i])) return "argument " + std::to_string(i) + " holds a NUL byte";
  }
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name)) {
      return "the environment has an invalid name: \"" + name + "\"";
    }
    if (has_nul(value)) return "the environment variable " + name + " holds a NUL byte";
  }
  if (has_nul(spec.cwd)) return "the working directory holds a NUL byte";
  return std::nullopt;
}

bool is_regular_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

// The file to execute for argv[0]. Relative entries of PATH are passed over: they would mean one
// thing here and another in the child's working directory.
Result<std::string> find_program(const ProcessSpec& spec) {
  const std::string& name = spec.argv[0];
  if (name.find('/') != std::string::npos) return name;
  const auto found = spec.env.find("PATH");
  const std::string path = found == spec.env.end() ? kDefaultPath : found->second;
  std::string unusable;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find(':', begin), path.size());
    const std::string candidate = path.substr(begin, end - begin) + "/" + name;
    begin = end + 1;
    if (!candidate.starts_with('/') || !is_regular_file(candidate)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (unusable.empty()) unusable = candidate;
  }
  if (!unusable.empty()) {
    return Error{unusable + ": " + errno_text(EACCES) + "; make it executable (chmod +x)"};
  }
  return Error{errno_text(ENOENT) + " in PATH=" + path};
}

std::string explain(const ChildFailure& failure, const ProcessSpec& spec,
                    const std::string& program) {
  const std::string text = errno_text(failure.error_number);
  switch (failure.step) {
    case Step::enter_cwd:
      return "cannot enter the working directory " + spec.cwd + ": " + text;
    case Step::execute:
      break;
    case Step::set_up:
      return "cannot prepare the process: " + text;
  }
  const std::string seen_from_cwd =
      program.starts_with('/') || spec.cwd.empty() ? program : spec.cwd + "/" + program;
  if (failure.error_number == ENOENT && is_regular_file(seen_from_cwd)) {
    return text + ": the interpreter that its first line names is missing";
  }
  if (failure.error_number == ENOEXEC) {
    return text + ": it is neither a program for this machine nor a script that begins with #!";
  }
  if (failure.error_number == E2BIG) return text + ": shorten the arguments or the environment";
  return text;
}

void kill_and_reap(pid_t pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);  // it may not have its group yet
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// The same for a child whose program may have made it somebody else's: its end is not certain.
void kill_and_try_to_reap(pid_t pid, int pid_fd) {
  ::kill(-pid, SIGKILL);
  pollfd end{pid_fd, POLLIN, 0};
  const int wait_ms = ::kill(pid, SIGKILL) == 0 ? kReapMs : 0;
  while (::poll(&end, 1, wait_ms) < 0 && errno == EINTR) {
  }
  ::waitpid(pid, nullptr, WNOHANG);
}

// Waits until the child's program runs, or tells why it never will.
std::optional<ChildFailure> await_execution(int failure_fd) {
  ChildFailure failure{};
  ssize_t size = 0;
  do {
    size = ::read(failure_fd, &failure, sizeof failure);
  } while (size < 0 && errno == EINTR);
  if (size == 0) return std::nullopt;
  if (size == sizeof failure) return failure;
  return ChildFailure{Step::set_up, size < 0 ? errno : EIO};
}

struct Started {
  pid_t pid = -1;
  bool lives = false;  // so it has said
  UniqueFd failure;    // the end of a pipe: see Launch::failure_fd
};

// pid -1: errno says why.
Started start_child(Launch& launch, int cgroup_fd) {
  std::optional<Pipe> failure = make_pipe();
  if (!failure) return {};
  launch.failure_fd = failure->write.get();
  Started started{fork_child(launch, cgroup_fd), false, std::move(failure->read)};
  if (started.pid < 0) return started;
  failure->write.reset();
  char life_sign = 0;
  ssize_t size = 0;
  do {
    size = ::read(started.failure.get(), &life_sign, 1);
  } while (size < 0 && errno == EINTR);
  started.lives = size == 1;
  return started;
}

Started start_child_in(Launch& launch, int cgroup_fd) {
  Started born = start_child(launch, cgroup_fd);
  if (born.lives) return born;
  // Linux from 6.14 on kills a newborn when its cgroup and its parent's were not killed
  // (cgroup.kill) equally often.
  if (born.pid > 0) kill_and_reap(born.pid);
  const UniqueFd join =
      above_standard(UniqueFd(::openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC)));
  launch.join_fd = join.get();
  return start_child(launch, -1);
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

Duration to_duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_usec);
}

ProcessExit make_exit(int status, const rusage& usage) {
  ProcessExit exit;
  if (WIFEXITED(status)) exit.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  exit.user = to_duration(usage.ru_utime);
  exit.system = to_duration(usage.ru_stime);
  exit.rss_max_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  return exit;
}

// The children of a program are one table in the kernel; this is what it lacks: which are ours.
class OwnChildren {
 public:
  void add(pid_t pid) {
    const std::lock_guard<std::mutex> guard(mutex_);
    pids_.insert(pid);
  }
  void remove(pid_t pid) {
    const std::lock_guard<std::mutex> guard(mutex_);
    pids_.erase(pid);
  }
  bool contains(pid_t pid) {
    const std::lock_guard<std::mutex> guard(mutex_);
    return pids_.contains(pid);
  }

 private:
  std::mutex mutex_;
  std::set<pid_t> pids_;
};
OwnChildren own_children;

}  // namespace

std::map<std::string, std::string> base_environment(const std::string& home) {
  return {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"LANG", "C.UTF-8"},
          {"HOME", home}};
}

bool Process::is_own_child(pid_t pid) { return own_children.contains(pid); }

Result<std::unique_ptr<Process>> Process::start(const ProcessSpec& spec) {
  if (const std::optional<std::string> problem = invalid_spec(spec)) {
    return Error{"cannot start a process: " + *problem};
  }
  const std::string prefix = "cannot start \"" + spec.argv[0] + "\": ";
  Result<std::string> program = find_program(spec);
  if (!program) return Error{prefix + program.error()};

  std::optional<Pipe> output = spec.pty ? make_terminal() : make_pipe();
  const bool own_stderr = spec.stderr_to == StderrTo::own && !spec.pty;
  std::optional<Pipe> error = own_stderr ? make_pipe() : Pipe();
  const UniqueFd null = above_standard(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
  if (!output || !error || !null.valid()) return Error{prefix + errno_text(errno)};
  const UniqueFd input = spec.input.empty() ? UniqueFd() : make_input(spec.input);
  if (!spec.input.empty() && !input.valid()) return Error{prefix + errno_text(errno)};
  ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
  if (own_stderr) ::fcntl(error->read.get(), F_SETFL, O_NONBLOCK);

  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> env;
  for (const auto& [name, value] : spec.env) env.push_back(name + "=" + value);
  Launch launch;
  launch.program = *program;
  launch.argv = pointers(argv);
  launch.envp = pointers(env);
  launch.cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str();
  launch.parent = ::getpid();
  launch.input_fd = input.valid() ? input.get() : null.get();
  launch.output_fd = output->write.get();
  launch.pty = spec.pty;
  launch.session = spec.pty || spec.session;
  const bool nowhere = spec.stderr_to == StderrTo::nowhere && !spec.pty;
  launch.stderr_fd = own_stderr ? error->write.get() : nowhere ? null.get() : output->write.get();

  const Started started =
      spec.cgroup_fd < 0 ? start_child(launch, -1) : start_child_in(launch, spec.cgroup_fd);
  const pid_t pid = started.pid;
  if (pid < 0) return Error{prefix + errno_text(errno)};
  if (const std::optional<ChildFailure> failed = await_execution(started.failure.get())) {
    kill_and_reap(pid);
    return Error{prefix + explain(*failed, spec, *program)};
  }
  const int pid_fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pid_fd < 0) {
    const int error_number = errno;
    kill_and_reap(pid);
    return Error{prefix + "pidfd_open: " + errno_text(error_number)};
  }
  std::unique_ptr<Process> process(new Process);
  own_children.add(pid);
  process->pid_ = pid;
  process->pid_fd_ = pid_fd;
  process->output_fd_ = output->read.release();
  if (own_stderr) process->error_fd_ = error->read.release();
  if (spec.pty) process->terminal_fd_ = output->write.release();
  return process;
}

Process::~Process() {
  if (!reaped_) kill_and_try_to_reap(pid_, pid_fd_);
  own_children.remove(pid_);
  if (pid_fd_ >= 0) ::close(pid_fd_);
  for (const int fd : {output_fd_, error_fd_, terminal_fd_, straggler_fd_}) {
    if (fd >= 0) ::close(fd);
  }
}

namespace {

// A process of the group that is neither dead nor waiting to be reaped, by /proc.
std::optional<pid_t> find_live_member(pid_t group) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const Result<std::string> stat = read_file(entry.path().string() + "/stat", 4096);
    if (!stat.ok()) continue;  // it has gone meanwhile
    // PID (NAME) STATE PARENT GROUP ..., where NAME may hold anything.
    std::istringstream rest(stat->substr(std::min(stat->rfind(')'), stat->size() - 1) + 1));
    char state = 'X';
    pid_t parent = 0, its_group = 0;
    if (!(rest >> state >> parent >> its_group) || its_group != group) continue;
    if (state != 'Z' && state != 'X') return static_cast<pid_t>(std::stol(name));
  }
  return std::nullopt;
}

// Appends at most `max` bytes of what is there. False at end of file, when `fd` is closed and -1.
bool read_available(int& fd, std::string& out, size_t max) {
  if (fd < 0) return false;
  const size_t before = out.size();
  char chunk[64 << 10];
  while (out.size() - before < max) {
    const size_t wanted = std::min(sizeof chunk, max - (out.size() - before));
    const ssize_t size = ::read(fd, chunk, wanted);
    if (size > 0) {
      out.append(chunk, static_cast<size_t>(size));
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return true;
    ::close(fd);
    fd = -1;
    return false;
  }
  return true;
}

}  // namespace

bool Process::read_output(std::string& out, size_t max) {
  return read_available(output_fd_, out, max);
}

bool Process::read_error(std::string& out, size_t max) {
  return read_available(error_fd_, out, max);
}

std::optional<ProcessExit> Process::try_reap() {
  if (reaped_) return std::nullopt;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != pid_) {
    return std::nullopt;
  }
  // Before the leader is reaped: until then nobody else can have its group's number.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  rusage usage{};
  while (::wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return make_exit(status, usage);
}

bool Process::group_gone() {
  if (!reaped_) return false;
  if (straggler_fd_ >= 0) {
    pollfd dying{straggler_fd_, POLLIN, 0};
    if (::poll(&dying, 1, 0) == 0) return false;
    ::close(straggler_fd_);
    straggler_fd_ = -1;
  }
  // The group keeps its number while anything, even what is dead and not reaped, is in it.
  while (::kill(-pid_, SIGKILL) == 0 || errno == EPERM) {
    const std::optional<pid_t> member = find_live_member(pid_);
    if (!member) return true;
    straggler_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, *member, 0));
    if (straggler_fd_ >= 0) return false;
  }
  return true;
}

int Process::signal_group(int signal) {
  // The group's number is nobody else's while the child is not reaped, or a straggler is in it.
  if (reaped_ && straggler_fd_ < 0) return 0;
  return ::kill(-pid_, signal) == 0 ? 0 : errno;
}

}  // namespace muster
