// Checkers: small questions asked beside the cause of what they would find. S1 .. S8, L1, L2 are
// those of the house's testing habits.
//   S1 one task never runs twice at once, no device is used twice at once (truth at the executors)
//   S2 one verdict a task, only from a live lease; budgets and cancels are kept (LogModel)
//   S3 a job runs on devices that are fit for it and, where it wants that, verified; a failed
//   device
//      is left alone until its back-off is over (LogModel)
//   S4 what was acknowledged is in the log, once
//   S5 folding the log gives the live hard state
//   S6 a worker that was heard is not declared lost
//   S7 queues within core/limits.h
//   S9 no attempt that goes on under its supervisor, within its lease, is ended because its worker
//      was started again
//   R  the rules of scheduling: turns, caps, deadlines, drains, crash limits (LogModel)
//   S8 whoever reads the log sees each event once, in order; no spooled report is lost
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/broker_core.h"
#include "core/worker_core.h"
#include "tests/sim/log_model.h"
#include "tests/sim/marks.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_log.h"

namespace muster::sim {

class Checkers {
 public:
  Checkers(Sim& sim, const SimLog& log) : sim_(sim), log_(log), model_(marks_) {}

  bool ok() const { return failure_.empty(); }
  // What the first checker that spoke said, and when.
  const std::string& failure() const { return failure_; }
  void fail(const std::string& what);
  Marks& marks() { return marks_; }
  const LogModel& model() const { return model_; }

  // Truth at the executors.
  void on_attempt_begins(const std::string& worker, const Assignment& assignment, uint32_t slots);
  void on_attempt_over(const std::string& worker, const AttemptToken& token);
  // A suspended machine runs nothing, and begins to again with what it still may.
  void on_machine_suspended(const std::string& worker, bool suspended);

  // At the broker, in the order of its loop.
  void on_broker_starts(const std::map<std::string, LogModel::Worker>& known, Instant now);
  // `known`: the broker knows the peer already.
  void on_broker_hears(const FromPeer& input, bool known, Instant now);
  void on_broker_decides(const std::vector<Event>& events, Instant now, Duration lease);
  void on_broker_slept(const BrokerCore& core, Instant now);
  void on_broker_says(const Envelope& envelope);
  // `newest`: what it has decided since the newest block of the log.
  void on_broker_gone(const BrokerCore& core, const BrokerOptions& options,
                      const std::vector<Event>& newest);
  void on_durable(const SimLog::Block& block);

  // At the worker.
  void on_worker_says(const Sync& sync);
  void on_worker_rests(const WorkerCore& core);
  // What its spool holds will not be sent any more.
  void on_worker_left(const std::string& worker) {
    spooled_.erase(worker);
    worker_left_ = true;
  }
  void on_spooled(const std::string& worker, const std::vector<Report>& reports);

  // At the submitter and the collector.
  void on_acknowledged(const std::string& guid);
  void on_news(const TaskChange& change);
  void on_collected(uint64_t seq, const Event& event);

  // When the house has come to rest.
  void at_end();
  // Whether every accepted task has its verdict.
  bool all_ended() const;
  // Whether the task has a verdict now: news of one may be older than its retry.
  bool has_ended(const std::string& guid) const;

 private:
  struct Running {
    AttemptToken token;
    std::vector<std::string> devices;  // the things behind them
  };
  struct Heard {
    uint64_t incarnation = 0;
    uint64_t number = 0;
    Instant when;
  };

  void check_not_restarted(const Event& event);
  void check_running(const std::string& worker, const Running& running);

  Sim& sim_;
  const SimLog& log_;
  Marks marks_;
  LogModel model_;
  std::string failure_;
  std::map<std::string, std::vector<Running>> running_;  // by worker
  std::set<std::string> suspended_;
  std::map<std::string, std::string> worker_of_peer_;
  std::map<std::string, Heard> heard_;
  std::map<std::string, std::set<uint64_t>> spooled_;
  bool worker_left_ = false;
  std::set<std::string> acknowledged_;
};

}  // namespace muster::sim
