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
#include "io/socket.h"
#include "workers/attempt_run.h"
#include "workers/listers.h"
#include "workers/spool.h"

namespace muster {

struct WorkerSetup {
  std::string name;
  std::string lab;
  std::vector<std::string> pools;
  uint32_t slots = 1;
  std::string endpoint;
  std::string dir;       // HOME/worker/NAME
  std::string self_exe;  // to run built-in checks
  std::vector<ListerConfig> listers;
};

class Worker {
 public:
  Worker(WorkerSetup config, std::unique_ptr<Spool> spool, SocketContext& context, Clock& clock);

  // Works until `stop_fd` becomes readable; then kills what runs, says so and returns. An error
  // means that the spool can no longer be trusted; the process must end.
  Result<Done> serve(int stop_fd);

 private:
  Result<Done> connect(Instant now);
  void wait(int stop_fd);
  void receive_all(Instant now);
  void take(const Message& message, Instant now);
  void take_refusal(const Refused& refused, Instant now);
  void say_hello(Instant now);
  void run_listers(Instant now);
  void run_attempts(Instant now);
  void start(Assignment assignment, Instant now);
  Result<Done> speak(Instant now);
  Result<Done> shut_down(Instant now);
  void check_silence(Instant now);
  std::optional<Instant> next_deadline() const;

  WorkerSetup config_;
  std::unique_ptr<Spool> spool_;
  SocketContext& sockets_;
  Clock& clock_;
  RunContext run_context_;
  WorkerCore core_;
  std::unique_ptr<ClientSocket> socket_;
  std::map<AttemptToken, std::unique_ptr<AttemptRun>> runs_;
  Listers listers_;
  Poller poller_;
  std::vector<int> fds_;  // of the present wait
  bool welcomed_ = false;
  std::string log_id_;  // of the newest Welcome
  bool stop_ = false;
  Instant last_heard_;
  Instant next_hello_;
  std::string last_refusal_;  // so that the same trouble is logged once
  std::string fault_;         // of the spool, met inside a callback
};

}  // namespace muster
