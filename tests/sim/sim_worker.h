// A worker's process: the real WorkerCore in a shell, a spool that outlives crashes, and a machine
// that may lose its power or be suspended.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/worker_core.h"
#include "tests/sim/checkers.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_lab.h"
#include "tests/sim/sim_network.h"

namespace muster::sim {

// What a supervised attempt has said, and how far the worker has taken it. It outlives the worker's
// process, and ends with its machine.
struct SimJournal {
  Assignment assignment;
  Instant started;
  std::vector<ReportBody> said;
  size_t read = 0;   // by the worker that lives
  size_t noted = 0;  // with the reports, in its spool
  Duration lease_until{0};
  std::optional<StopAction> stop;
};

// What is on the worker's disk.
struct SimSpool {
  uint64_t incarnation = 0;
  std::deque<Report> reports;          // not acknowledged
  std::set<AttemptToken> interrupted;  // began, and no Ending of theirs was written yet
  std::map<AttemptToken, SimJournal> journals;
};

class SimWorker {
 public:
  SimWorker(Sim& sim, SimNetwork& network, Checkers& checkers, const Faults& faults,
            SimDevices& devices, const SimLab& lab, Plant plant, std::string name,
            WorkerOptions options);

  void start();
  // Dies at the next of the places where dying matters, and starts again after `away`.
  void crash_soon(Duration away);
  void suspend(Duration length);
  // Dies, and is never started again.
  void leave();
  // Its lister finds something new, or misses something.
  void look_at_devices();

  const std::string& name() const { return name_; }
  // Whether the worker holds nothing and owes nothing.
  bool at_rest() const;
  // What keeps it from that.
  std::string describe_rest() const;

 private:
  enum class CrashPoint : uint8_t { none, before_spool, after_spool, after_sync };
  struct Said {
    AttemptToken token;
    ReportBody body;
    bool durable = false;
  };

  void wake();
  void wake_later(Duration delay);
  void take_message(const Envelope& envelope, Instant now);
  void let_time_pass(Instant now, bool at_once);
  void write_spool();
  using Taken = std::map<AttemptToken, size_t>;  // of journals
  void commit_spool(const std::vector<Report>& reports, const std::vector<Assignment>& starts,
                    const Taken& taken);
  void hear(const AttemptToken& token, ReportBody body, bool durable);
  void take_up();
  void read_journals(Instant now);
  void renew_leases();
  void stop_attempt(const StopAction& stop, bool at_once);
  // What supervisors do without a worker.
  void look_at_leases();
  void speak();
  void say_hello();
  void set_timer();
  void resume();
  void crash();
  // Runs `action` after `delay`, later when the machine is suspended then, and not at all when the
  // process has died by then.
  void after(Duration delay, std::function<void()> action);
  Instant now() const { return clock_.at(sim_.now()); }

  Sim& sim_;
  SimNetwork& network_;
  Checkers& checkers_;
  const Faults& faults_;
  Plant plant_;
  std::string name_;
  const SimLab& lab_;
  WorkerOptions options_;
  SimSpool spool_;
  SimExecutor executor_;

  SimClock clock_;
  uint64_t life_ = 0;  // grows at each crash
  std::unique_ptr<WorkerCore> core_;
  uint64_t socket_ = 0;
  std::deque<Envelope> inbox_;
  std::deque<Said> said_;
  std::vector<Assignment> starts_;  // to begin when that they began is in the spool
  bool busy_ = false;               // with the spool
  bool wake_due_ = false;           // while busy
  uint64_t timer_ = 0;              // the newest; older ones do nothing
  Duration suspended_until_{0};
  uint64_t stale_seen_ = 0;
  CrashPoint crash_point_ = CrashPoint::none;
  Duration away_{0};
  bool gone_ = false;  // for good
};

}  // namespace muster::sim
