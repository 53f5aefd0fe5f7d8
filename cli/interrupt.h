// Ctrl-C and SIGTERM as something that can be asked about, for verbs that have to say a word before
// they leave.
#pragma once

namespace muster {

// While it lives, SIGINT and SIGTERM do not end the process. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // The signal that came since the last forget(), or 0.
  static int pending();
  static void forget();
  // Of a process that leaves because of it.
  static int exit_status();
};

}  // namespace muster
