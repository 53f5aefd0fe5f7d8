#include "tests/bench/peers/supervise.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/support/child.h"

namespace muster::bench {
namespace {

sigset_t signals_of_interest() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

// Waits until `worker` ends, which a signal to us brings about, and for orphans that end before.
int await(pid_t worker, const sigset_t& signals) {
  int interrupted = 0;
  for (;;) {
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != worker) continue;
      if (interrupted != 0) return 128 + interrupted;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGCHLD) continue;
    interrupted = signal;
    ::kill(worker, SIGKILL);
  }
}

// Of this process, which has one thread.
void kill_children() {
  const std::string self = std::to_string(::getpid());
  std::ifstream children("/proc/" + self + "/task/" + self + "/children");
  for (pid_t child = 0; children >> child;) ::kill(child, SIGKILL);
}

}  // namespace

int supervise(const std::string& parent, const std::function<int(const std::string& dir)>& work) {
  const ScratchDir scratch(parent);
  const sigset_t signals = signals_of_interest();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans become our children
  const pid_t worker = ::fork();
  if (worker < 0) {
    std::perror("fork");
    return 1;
  }
  if (worker == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    std::exit(work(scratch.path()));
  }
  const int status = await(worker, signals);
  do {
    kill_children();
  } while (::waitpid(-1, nullptr, 0) > 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return status;
}

}  // namespace muster::bench
