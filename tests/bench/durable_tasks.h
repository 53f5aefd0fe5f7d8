// The work that muster and its peers are compared by: tasks of 200 bytes that a worker ends at once
// with a result of 200 bytes, every step on disk before anybody is told.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/client.h"
#include "tests/bench/payloads.h"
#include "tests/support/house.h"
#include "tests/support/process_usage.h"

namespace muster::bench {

inline constexpr int kWorkers = 4;
inline constexpr uint32_t kWorkerSlots = 64;
inline constexpr uint64_t kWindow = 4'096;  // tasks in flight
inline constexpr uint64_t kBatchMax = 256;  // tasks of one Submit
inline constexpr uint64_t kLatencyTasks = 2'000;

// Ends the program with what the daemons of `house` have said.
[[noreturn]] void fail(const House& house, const std::string& what);

// Submits such tasks and counts those whose result has come.
class Submitter {
 public:
  // Tasks of a named pool wait for a worker of it, and are not watched.
  Submitter(House& house, std::string pool);

  void submit(uint64_t count);
  // Takes one message from the broker.
  void take_one();

  uint64_t in_flight() const { return submitted_ - ended_; }
  uint64_t ended() const { return ended_; }
  uint64_t accepted() const { return accepted_; }

 private:
  House& house_;
  std::unique_ptr<Client> client_;
  std::string pool_;
  Payloads payloads_;
  uint64_t submitted_ = 0;
  uint64_t accepted_ = 0;
  uint64_t ended_ = 0;
};

// A broker and kWorkers workers at home under `dir`, and one submitter.
class DurableTasks {
 public:
  // The workers have joined when this returns.
  DurableTasks(const std::string& bin_dir, const std::string& dir);

  // Keeps the window full for so long; the number of tasks that ended a second.
  double run_pipelined(double seconds);

  // Microseconds from submit to the news that the task ended, one task at a time: of kLatencyTasks
  // tasks, or as many as fit into so long.
  std::vector<double> run_one_in_flight(double seconds);

  // Milliseconds from kill -9 of the broker, or from SIGTERM, until a broker that was started at
  // once has accepted a task that was on its way meanwhile. Nothing is run here after that.
  double restart_broker(int signal);

  // Resident memory of the broker.
  uint64_t broker_bytes() const;
  double broker_cpu_seconds() const { return cpu_seconds(broker_->pid()); }
  uint64_t ended() const { return submitter_->ended(); }
  // Where it listens.
  std::string endpoint() const { return house_.endpoint(); }

 private:
  House house_;
  std::unique_ptr<Child> broker_;
  std::vector<std::unique_ptr<Child>> workers_;
  std::unique_ptr<Submitter> submitter_;
};

}  // namespace muster::bench
