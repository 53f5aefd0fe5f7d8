// Keeps the daemons of `muster up` alive: starts them, starts them again when they die, stops them
// together. When this process is killed they are told to end, and what an earlier one has left so
// is waited for.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

// How soon a process that died is started again: after a bounded back-off, and not at all after
// kFastDeathsMax deaths in a row that came soon after the start.
class RestartPolicy {
 public:
  static constexpr int kFastDeathsMax = 5;
  static constexpr Duration kFastDeath = std::chrono::seconds(5);
  static constexpr Duration kBackoffMin = std::chrono::milliseconds(100);
  static constexpr Duration kBackoffMax = std::chrono::seconds(10);

  // The process died after it had lived for `life`. Nothing: give up.
  std::optional<Duration> next_delay(Duration life);

 private:
  int fast_deaths_ = 0;
  Duration backoff_ = kBackoffMin;
};

struct DaemonSpec {
  std::string name;               // for people: "broker"
  std::vector<std::string> argv;  // argv[0] is a path
  std::string log_stem;           // DIR/NAME: it says why it died in .log, or in .err if it crashed
  // What it locks while it lives: as long as another process has it, it is not started. Empty: it
  // locks nothing.
  std::string lock_file = {};
};

class Supervisor {
 public:
  // Blocks SIGCHLD, SIGINT and SIGTERM in this thread and in all that it starts later: create it
  // first. `output` must outlive it.
  explicit Supervisor(Output& output);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // How long one that another process stands in the way of is not started: what an `up` that was
  // killed has left ends within that (kEndJobsPatience in workers/worker.h, and its uploads).
  static constexpr Duration kLockPatience = std::chrono::seconds(45);

  // Starts a daemon, or has wait() start it when its lock is free; a word says whom that waits for.
  // The reason names the program and what to do.
  Result<Done> start(DaemonSpec spec);

  // All that were started run.
  bool all_run() const;

  // Waits for a signal or until something is due, at most `timeout`; reaps and restarts. Returns
  // SIGINT or SIGTERM when one came, else 0. An error when a daemon cannot be kept alive.
  Result<int> wait(Duration timeout);

  // Ends all of them, the last started first; kills what is left after kStopPatience, or when
  // another signal comes.
  void stop();

 private:
  // A worker alone may take 34 s (kEndJobsPatience in workers/worker.h, and what it kills then).
  static constexpr Duration kStopPatience = std::chrono::seconds(45);

  struct Daemon {
    DaemonSpec spec;
    RestartPolicy policy;
    pid_t pid = -1;  // -1: not running
    int64_t started_us = 0;
    int64_t restart_at_us = 0;
    int64_t locked_since_us = 0;  // by another process; 0: it is not, as far as is known
  };

  Result<Done> launch(Daemon& daemon);
  Result<Done> launch_when_free(Daemon& daemon, int64_t now_us);
  Result<Done> look_after(Daemon& daemon, int64_t now_us);
  Result<Done> bury(Daemon& daemon, int status, int64_t now_us);
  bool await_end(Daemon& daemon, int64_t deadline_us);

  Output& output_;
  std::vector<Daemon> daemons_;
};

}  // namespace muster
