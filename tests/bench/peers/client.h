// What the clients of all peers share: the work, the window and the clock. One producer, some
// workers, and a collector that receives the results; the client of a peer gives each a connection.
//
// A client is a process of its own. It ends, with all its threads, when the time is over; the
// server is left with what is in flight.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/peers/peer.h"

namespace muster::bench {

inline constexpr int kPeerWorkers = 4;
inline constexpr size_t kPeerTaskBytes = 200;  // and those of a result

struct ClientOptions {
  const Peer* peer = nullptr;
  uint16_t port = 0;  // of 127.0.0.1
  bool one_in_flight = false;
  double warm_up_seconds = 0;
  double seconds = 0;

  Load load() const { return one_in_flight ? kOneInFlight : peer->load; }
};

// Says it on stderr and ends the process.
[[noreturn]] void fail_client(const std::string& what);

// The result of a task: as long, and named like it. Any thread may call it.
void make_result(std::string_view task, std::string& result);

// Counts what is in flight and times what comes back.
class Work {
 public:
  explicit Work(const ClientOptions& options);

  // Producer: how many tasks may go now, at most a batch. 0: a batch does not fit into the window.
  size_t room() const;
  // The same, after waiting until there is room.
  size_t wait_for_room();
  // The next task's bytes, until the next call.
  std::string_view next_task();

  // Collector: notes a result. Ends the process when it is not the only one of a task of ours.
  void take(std::string_view result);
  // After the last of some results that came together: tells the producer. When the time is over,
  // prints "TASKS_PER_S P50_US P99_US" and ends the process.
  void end_batch();

 private:
  void print_and_exit(int64_t now_ns);

  const Load load_;
  const bool one_in_flight_;
  const int64_t measure_from_ns_;
  const int64_t measure_until_ns_;
  uint64_t sent_ = 0;               // producer's
  std::string task_;                // producer's
  std::atomic<uint64_t> done_ = 0;  // as the producer knows it
  uint64_t taken_ = 0;              // collector's, as all below
  std::vector<bool> seen_;
  int64_t measured_from_ns_ = 0;
  uint64_t measured_from_taken_ = 0;
  std::vector<double> times_us_;
};

// Each runs until Work ends the process.
[[noreturn]] void run_redis(const ClientOptions& options, Work& work);
[[noreturn]] void run_rabbitmq(const ClientOptions& options, Work& work);
[[noreturn]] void run_nats(const ClientOptions& options, Work& work);
[[noreturn]] void run_beanstalkd(const ClientOptions& options, Work& work);

}  // namespace muster::bench
