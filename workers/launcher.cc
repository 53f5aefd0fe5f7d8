#include "workers/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "io/local_socket.h"
#include "workers/supervisor.h"

namespace muster {

namespace {

constexpr char kLauncherWord[] = "--launcher";
constexpr int kOrderFd = 3;
constexpr size_t kOrderBytesMax = 32 << 10;  // three paths and a name
constexpr int kOrderPatienceMs = 5000;

// Fields end in NUL: paths may hold anything else. Both ends are the same build.
std::string encode_order(const LaunchOrder& order) {
  std::string bytes;
  for (const std::string& field :
       {order.attempt_dir, order.worker_dir, order.worker, std::to_string(order.log_max),
        std::to_string(order.disk_reserve), order.archive,
        std::string(order.trace_calls ? "trace" : "")}) {
    bytes += field + '\0';
  }
  for (const std::string& pattern : order.git_allow) bytes += pattern + '\0';
  return bytes;
}

std::optional<LaunchOrder> decode_order(std::string_view bytes) {
  std::vector<std::string> fields;
  for (size_t end = bytes.find('\0'); end != std::string_view::npos; end = bytes.find('\0')) {
    fields.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  if (fields.size() < 7) return std::nullopt;
  LaunchOrder order{fields[0], fields[1], fields[2], 0, 0, fields[5], {}, !fields[6].empty()};
  order.git_allow.assign(fields.begin() + 7, fields.end());
  const auto read_number = [](const std::string& text, uint64_t& number) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  };
  if (!read_number(fields[3], order.log_max) || !read_number(fields[4], order.disk_reserve)) {
    return std::nullopt;
  }
  return order;
}

struct Spawn {
  const char* program = nullptr;
  std::vector<char*> argv;
  std::vector<char*> envp;
  int order_fd = -1;
  int null_fd = -1;
  int error_fd = -1;
  int failure_fd = -1;  // takes the errno of an exec that failed, and closes with one that did not
};

// In the child of a process that may have threads: async-signal-safe calls only.
[[noreturn]] void become_launcher(const Spawn& spawn) {
  ::setsid();  // Ctrl-C is for the worker
  for (int fd : {0, 1}) ::dup2(spawn.null_fd, fd);
  ::dup2(spawn.error_fd, 2);
  if (::dup2(spawn.order_fd, kOrderFd) >= 0) {
    ::execve(spawn.program, spawn.argv.data(), spawn.envp.data());
  }
  const int failure = errno;
  [[maybe_unused]] const ssize_t told = ::write(spawn.failure_fd, &failure, sizeof failure);
  ::_exit(127);
}

// The worker's environment. MUSTER_GUID is empty in it: no stray of an attempt (workers/strays.h).
std::vector<std::string> launcher_environment() {
  std::vector<std::string> environment = {"MUSTER_GUID="};
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("MUSTER_GUID=")) environment.emplace_back(*each);
  }
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// A descriptor that no dup2 to 0 .. kOrderFd closes.
UniqueFd above_orders(int fd) {
  UniqueFd owned(fd);
  return UniqueFd(::fcntl(owned.get(), F_DUPFD_CLOEXEC, kOrderFd + 1));
}

}  // namespace

Result<std::unique_ptr<Launcher>> Launcher::start(const std::string& self_exe,
                                                  const std::string& errors) {
  const auto fail = [](const std::string& what) {
    return Error{"cannot start the launcher of jobs: " + what + ": " + errno_text(errno)};
  };
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return fail("socketpair");
  UniqueFd ours(pair[0]);
  const UniqueFd theirs = above_orders(pair[1]);
  const UniqueFd null = above_orders(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Result<RotatingFile> said = RotatingFile::open({errors, ".err", kLogFileBytesDefault, 2});
  if (!said.ok()) return fail(said.error());
  said->look();
  // On a disk without room nothing of it is kept.
  const int said_fd = said->fd() < 0 ? null.get() : said->fd();
  const UniqueFd error = above_orders(::fcntl(said_fd, F_DUPFD_CLOEXEC, kOrderFd + 1));
  if (!theirs.valid() || !null.valid() || !error.valid()) return fail(said->path());
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return fail("pipe");
  const UniqueFd failure_end(pipe[0]);
  UniqueFd failure = above_orders(pipe[1]);
  if (!failure.valid()) return fail("pipe");
  std::vector<std::string> words = {"muster-worker", kLauncherWord};
  std::vector<std::string> environment = launcher_environment();
  Spawn spawn;
  spawn.program = self_exe.c_str();
  spawn.argv = pointers(words);
  spawn.envp = pointers(environment);
  spawn.order_fd = theirs.get();
  spawn.null_fd = null.get();
  spawn.error_fd = error.get();
  spawn.failure_fd = failure.get();
  const pid_t pid = ::fork();
  if (pid < 0) return fail("fork");
  if (pid == 0) become_launcher(spawn);
  // Until the exec it has our environment, by which it could not be told from an attempt's stray.
  failure.reset();
  int failed = 0;
  ssize_t told = 0;
  while ((told = ::read(failure_end.get(), &failed, sizeof failed)) < 0 && errno == EINTR) {
  }
  if (told == sizeof failed) {
    ::waitpid(pid, nullptr, 0);
    errno = failed;
    return fail(self_exe);
  }
  return std::unique_ptr<Launcher>(new Launcher(std::move(ours), pid, std::move(*said)));
}

bool Launcher::is_gone() {
  std::string nothing;
  return receive_local(fd_.get(), nothing, 1) == Passed::gone;
}

Result<Done> Launcher::launch(const LaunchOrder& order, int lock_fd) {
  const std::string bytes = encode_order(order);
  for (;;) {
    switch (send_local(fd_.get(), bytes, lock_fd)) {
      case Passed::done:
        return Done{};
      case Passed::gone:
        return Error{"the launcher of jobs is gone: " + errno_text(errno)};
      case Passed::later:
        break;
    }
    // It forks some thousand supervisors a second: what does not take orders for so long is stuck.
    pollfd room{fd_.get(), POLLOUT, 0};
    const int ready = ::poll(&room, 1, kOrderPatienceMs);
    if (ready == 0) return Error{"the launcher of jobs takes no orders"};
  }
}

bool is_launcher(int argc, char** argv) {
  return argc == 2 && std::strcmp(argv[1], kLauncherWord) == 0;
}

int run_launcher() {
  ::prctl(PR_SET_NAME, "muster-launcher");
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGCHLD, SIG_IGN);  // supervisors that have ended are not waited for
  sigset_t stop;
  ::sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&stop, signal);
  ::sigprocmask(SIG_SETMASK, &stop, nullptr);  // it ends when its worker does
  UniqueFd orders(kOrderFd);
  ::fcntl(orders.get(), F_SETFD, FD_CLOEXEC);
  for (;;) {
    pollfd ready{orders.get(), POLLIN, 0};
    if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return 1;
    std::string bytes;
    UniqueFd lock;
    const Passed passed = receive_local(orders.get(), bytes, kOrderBytesMax, &lock);
    if (passed == Passed::gone) return 0;
    if (passed == Passed::later) continue;
    const std::optional<LaunchOrder> order = decode_order(bytes);
    if (!order || !lock.valid()) continue;
    const pid_t pid = ::fork();
    if (pid == 0) {
      orders.reset();
      std::signal(SIGCHLD, SIG_DFL);
      ::_exit(run_supervisor(*order, std::move(lock)));
    }
    if (pid < 0) {
      std::fprintf(stderr, "cannot fork a supervisor for %s: %s\n", order->attempt_dir.c_str(),
                   errno_text(errno).c_str());
    }
  }
}

}  // namespace muster
