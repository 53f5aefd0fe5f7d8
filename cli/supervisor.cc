#include "cli/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/duration_text.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/flags.h"

namespace muster {
namespace {

// What a daemon gets between TERM and KILL when the others have used up the patience.
constexpr Duration kStopAtLeast = 1s;
constexpr Duration kLockInterval = 100ms;
constexpr int kExitNoExec = 127;

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGCHLD, SIGINT, SIGTERM}) sigaddset(&set, signal);
  return set;
}

// The next of the watched signals, or 0 after `timeout`.
int next_signal(Duration timeout) {
  const sigset_t set = watched_signals();
  const int64_t us = std::max<int64_t>(timeout.count(), 0);
  const timespec wait{us / 1'000'000, us % 1'000'000 * 1'000};
  const int signal = ::sigtimedwait(&set, nullptr, &wait);
  return signal > 0 ? signal : 0;
}

// In the child: what only async-signal-safe calls may do.
[[noreturn]] void become(char* const* argv, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C is for us; we pass it on
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kExitNoExec);  // it died before it could be told
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  ::execv(argv[0], argv);
  ::_exit(kExitNoExec);
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::optional<Duration> RestartPolicy::next_delay(Duration life) {
  if (life >= kFastDeath) {
    fast_deaths_ = 0;
    backoff_ = kBackoffMin;
  } else if (++fast_deaths_ >= kFastDeathsMax) {
    return std::nullopt;
  }
  const Duration delay = backoff_;
  backoff_ = std::min(backoff_ * 2, kBackoffMax);
  return delay;
}

Supervisor::Supervisor(Output& output) : output_(output) {
  const sigset_t set = watched_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Supervisor::~Supervisor() { stop(); }

Result<Done> Supervisor::start(DaemonSpec spec) {
  Daemon& daemon = daemons_.emplace_back();
  daemon.spec = std::move(spec);
  return launch_when_free(daemon, boot_us());
}

bool Supervisor::all_run() const {
  return std::all_of(daemons_.begin(), daemons_.end(),
                     [](const Daemon& daemon) { return daemon.pid >= 0; });
}

Result<Done> Supervisor::launch_when_free(Daemon& daemon, int64_t now_us) {
  const std::string& file = daemon.spec.lock_file;
  const std::optional<pid_t> holder = file.empty() ? std::nullopt : PidFile::holder(file);
  if (!holder) {
    daemon.locked_since_us = 0;
    return launch(daemon);
  }
  const std::string who = "the " + daemon.spec.name + " of an earlier start (pid " +
                          std::to_string(*holder) + ", lock file " + file + ")";
  if (daemon.locked_since_us == 0) {
    daemon.locked_since_us = now_us;
    output_.talk("muster: waiting for " + who + " to end");
  }
  if (now_us - daemon.locked_since_us >= kLockPatience.count()) {
    return Error{who + " has not ended within " + format_duration(kLockPatience) +
                 "; if it is to run, no other is needed, else stop it: kill " +
                 std::to_string(*holder)};
  }
  daemon.restart_at_us = now_us + kLockInterval.count();
  return Done{};
}

Result<Done> Supervisor::launch(Daemon& daemon) {
  const std::string& program = daemon.spec.argv.front();
  if (::access(program.c_str(), X_OK) != 0) {
    return Error{"cannot run " + program + ": " + errno_text(errno) +
                 "; muster, muster-broker, muster-worker and muster-collector belong side by side"};
  }
  std::vector<char*> argv;
  for (std::string& word : daemon.spec.argv) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error{"cannot start " + program + ": " + errno_text(errno)};
  if (pid == 0) become(argv.data(), parent);
  daemon.pid = pid;
  daemon.started_us = boot_us();
  return Done{};
}

Result<int> Supervisor::wait(Duration timeout) {
  const int64_t now_us = boot_us();
  for (const Daemon& daemon : daemons_) {
    if (daemon.pid < 0) timeout = std::min(timeout, Duration(daemon.restart_at_us - now_us));
  }
  const int signal = next_signal(timeout);
  if (signal == SIGINT || signal == SIGTERM) return signal;
  for (Daemon& daemon : daemons_) {
    if (const Result<Done> done = look_after(daemon, boot_us()); !done) return Error{done.error()};
  }
  return 0;
}

Result<Done> Supervisor::look_after(Daemon& daemon, int64_t now_us) {
  if (daemon.pid < 0) {
    return now_us < daemon.restart_at_us ? Result<Done>(Done{}) : launch_when_free(daemon, now_us);
  }
  int status = 0;
  if (::waitpid(daemon.pid, &status, WNOHANG) != daemon.pid) return Done{};
  daemon.pid = -1;
  return bury(daemon, status, now_us);
}

Result<Done> Supervisor::bury(Daemon& daemon, int status, int64_t now_us) {
  const Duration life(now_us - daemon.started_us);
  const std::string what =
      "the " + daemon.spec.name + " " + describe_status(status) + " after " + format_duration(life);
  const std::string where = "; its last words are above, in " + daemon.spec.log_stem +
                            ".log, or, if it crashed, in " + daemon.spec.log_stem + ".err";
  // Starting it again is no help against a wrong configuration.
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitUsage) {
    return Error{what + ": its configuration is wrong" + where};
  }
  const std::optional<Duration> delay = daemon.policy.next_delay(life);
  if (!delay) {
    return Error{what + ", for the " + std::to_string(RestartPolicy::kFastDeathsMax) +
                 "th time in a row" + where};
  }
  daemon.restart_at_us = now_us + delay->count();
  output_.talk("muster: " + what + "; starting it again in " + format_duration(*delay));
  return Done{};
}

// False when a person is impatient.
bool Supervisor::await_end(Daemon& daemon, int64_t deadline_us) {
  while (::waitpid(daemon.pid, nullptr, WNOHANG) == 0) {
    const int64_t left_us = deadline_us - boot_us();
    if (left_us <= 0) return true;
    const int signal = next_signal(Duration(left_us));
    if (signal == SIGINT || signal == SIGTERM) return false;
  }
  daemon.pid = -1;
  return true;
}

void Supervisor::stop() {
  const int64_t deadline_us = boot_us() + kStopPatience.count();
  bool patient = true;
  for (auto daemon = daemons_.rbegin(); daemon != daemons_.rend(); ++daemon) {
    if (daemon->pid < 0) continue;
    ::kill(daemon->pid, SIGTERM);
    const int64_t least_us = boot_us() + kStopAtLeast.count();
    patient = patient && await_end(*daemon, std::max(deadline_us, least_us));
    if (daemon->pid < 0) continue;
    output_.talk("muster: the " + daemon->spec.name + " does not end; killing it");
    ::kill(daemon->pid, SIGKILL);
    ::waitpid(daemon->pid, nullptr, 0);
  }
  daemons_.clear();
}

}  // namespace muster
