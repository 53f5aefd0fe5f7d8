// Keeps the daemons of `muster up` alive: starts them, starts them again when they die, stops them
// together. They do not outlive this process, even when it is killed.
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
};

class Supervisor {
 public:
  // Blocks SIGCHLD, SIGINT and SIGTERM in this thread and in all that it starts later: create it
  // first. `output` must outlive it.
  explicit Supervisor(Output& output);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts a daemon. The reason names the program and what to do.
  Result<Done> start(DaemonSpec spec);

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
  };

  Result<Done> launch(Daemon& daemon);
  Result<Done> look_after(Daemon& daemon, int64_t now_us);
  Result<Done> bury(Daemon& daemon, int status, int64_t now_us);
  bool await_end(Daemon& daemon, int64_t deadline_us);

  Output& output_;
  std::vector<Daemon> daemons_;
};

}  // namespace muster
