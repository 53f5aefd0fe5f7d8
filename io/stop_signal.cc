#include "io/stop_signal.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace muster {

Result<UniqueFd> make_stop_fd() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return Error{"cannot watch for signals: " + errno_text(errno)};
  return fd;
}

}  // namespace muster
