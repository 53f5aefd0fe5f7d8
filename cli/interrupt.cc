#include "cli/interrupt.h"

#include <signal.h>

#include "cli/exit_status.h"

namespace muster {
namespace {

volatile sig_atomic_t g_pending = 0;

void remember(int signal) { g_pending = signal; }

void set_handlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // without SA_RESTART: a read of the terminal must end
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  forget();
  set_handlers(remember);
}

InterruptGuard::~InterruptGuard() { set_handlers(SIG_DFL); }

int InterruptGuard::pending() { return g_pending; }

void InterruptGuard::forget() { g_pending = 0; }

int InterruptGuard::exit_status() {
  return g_pending == SIGTERM ? kExitTerminated : kExitInterrupted;
}

}  // namespace muster
