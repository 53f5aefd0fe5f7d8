// The worker: a thin shell around WorkerCore. One thread: it moves messages, executes attempts as
// child processes, keeps the spool, and knows the time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/worker_core.h"
#include "io/clock.h"
#include "io/config.h"
#include "io/log_events.h"
#include "io/socket.h"
#include "workers/attempt_run.h"
#include "workers/disk_watch.h"
#include "workers/listers.h"
#include "workers/spool.h"
#include "workers/supervised.h"
#include "workers/uploader.h"

namespace muster {

struct WorkerSetup {
  std::string name;
  std::string lab;
  std::vector<std::string> pools;
  uint32_t slots = 1;
  std::string endpoint;
  std::string dir;       // HOME/worker/NAME
  std::string self_exe;  // to run built-in checks
  uint64_t log_max = kConsoleLogBytesMax;
  uint64_t disk_reserve = kWorkerReserveBytes;
  std::vector<ListerConfig> listers;
  std::vector<std::string> git_allow;  // patterns of URLs that jobs may be fetched from
  Uploader* uploader = nullptr;        // of what attempts leave; null: it stays where it is
  std::string cgroup_dir;              // below which jobs get cgroups; empty: they get none
  bool end_jobs = false;               // when it is stopped
  LogEvents* log_events = nullptr;     // lines of its log; null: none become events
  bool trace_calls = false;            // calls of tasks that go well are events too
  std::string supervisor_errors;       // SupervisedSetup::errors; empty: in `dir`
};

// How long a worker that ends its jobs when it is stopped waits for their grace times and `finally`
// steps, before it kills what is left of them and goes. `muster up` waits longer
// (cli/supervisor.h).
inline constexpr Duration kEndJobsPatience = std::chrono::seconds(30);

class Worker {
 public:
  Worker(WorkerSetup config, std::unique_ptr<Spool> spool, SocketContext& context, Clock& clock);

  // Works until `stop_fd` becomes readable; then kills verifications and repairs, says so and
  // returns. Jobs go on, and a Worker that begins in the same directory takes them up; or, where
  // WorkerSetup says so, they are ended first, with their grace and their `finally` steps, for
  // which there is kEndJobsPatience. A spool that cannot be written is written later: until then
  // nothing that it does not hold is said, and no new work taken. An error means that the endpoint
  // is none.
  Result<Done> serve(int stop_fd);

 private:
  Result<Done> connect(Instant now);
  void take_up_uploads(Uploader& uploader) const;
  std::vector<Stray> end_strays(const AttemptToken& token);
  void wait(int stop_fd);
  void receive_all(Instant now);
  void take(const Message& message, Instant now);
  void take_refusal(const Refused& refused, Instant now);
  void say_hello(Instant now);
  void run_listers(Instant now);
  void run_attempts(Instant now);
  void start(Assignment assignment, Instant now);
  void forget_run(std::map<AttemptToken, std::unique_ptr<AttemptRun>>::iterator run);
  void sweep_mirrors(Instant now);
  void watch_disk(Instant now);
  void tell_refusal(Instant now);
  std::string disk_refusal() const;
  void keep_reports(Instant now);
  void speak(Instant now);
  void tell_log(Instant now);
  void trace_call(const AttemptToken& token, const char* method, std::string error, Instant now);
  void end_runs(Instant now);
  bool may_leave(Instant now);
  void take_leave(Instant now);
  Instant patience_ends() const;
  void check_silence(Instant now);
  std::optional<Instant> next_deadline() const;

  WorkerSetup config_;
  std::unique_ptr<Spool> spool_;
  SocketContext& sockets_;
  Clock& clock_;
  DiskWatch disk_;
  RunContext run_context_;
  SupervisedAttempts supervised_;
  std::vector<ResumedAttempt> resumed_;  // until they are known to core_
  WorkerCore core_;
  std::unique_ptr<ClientSocket> socket_;
  std::map<AttemptToken, std::unique_ptr<AttemptRun>> runs_;
  Listers listers_;
  Poller poller_;
  std::vector<int> fds_;  // of the present wait
  bool welcomed_ = false;
  std::string log_id_;  // of the newest Welcome
  bool stop_ = false;
  Instant
      end_jobs_until_;  // then those that still run are killed; kNever: they are not being ended
  Instant leave_at_;    // whatever still runs
  Instant last_heard_;
  Instant unanswered_since_;  // when the first Sync since then was sent; kNever: there was none
  Instant next_hello_;
  std::optional<LogTeller> log_teller_;
  std::string last_refusal_;  // so that the same trouble is logged once
  Instant next_disk_look_;
  Instant next_mirror_sweep_;
  bool disk_low_ = false;
  std::string spool_fault_;  // of the last attempt to write it; empty: it is written
  Instant next_spool_try_;
  Duration spool_back_off_{0};
};

}  // namespace muster
