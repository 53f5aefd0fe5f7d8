// The broker's process: the real BrokerCore in a shell that follows broker/broker.cc, with a log
// that takes its time and may forget, and a power switch.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/broker_core.h"
#include "tests/sim/checkers.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_log.h"
#include "tests/sim/sim_network.h"

namespace muster::sim {

class SimBroker {
 public:
  SimBroker(Sim& sim, SimNetwork& network, SimLog& log, Checkers& checkers, const Faults& faults,
            Plant plant, BrokerOptions options);

  // Recovers from the log, or from a snapshot and the rest of the log, and begins to serve.
  void start();
  // Dies at the next of the places where dying matters, and starts again after `away`.
  void crash_soon(Duration away);
  // Does nothing for so long, as a stopped process.
  void stall(Duration length);

  bool up() const { return core_ != nullptr; }
  const BrokerCore* core() const { return core_.get(); }
  // Asks S5 of the living broker.
  void check_state();

 private:
  // Where in a wake-up a crash falls.
  enum class CrashPoint : uint8_t { none, before_sync, after_sync, between_sends };
  struct WaitingFetch {
    std::string peer;
    uint64_t request = 0;
    Fetch fetch;
    Instant deadline;
  };

  void recover();
  void wake();
  void wake_later(Duration delay);
  void take_message(FromPeer input, Instant now);
  Event plant_in(const Event& event) const;
  void take(const Input& input, Instant now);
  void commit();
  void made_durable();
  void deliver();
  void answer_fetches();
  void set_timer();
  void crash();
  void set_clock();
  // Runs `action` after `delay` unless the process has died by then.
  void after(Duration delay, std::function<void()> action);
  Instant now() const { return clock_.at(sim_.now()); }

  Sim& sim_;
  SimNetwork& network_;
  SimLog& log_;
  Checkers& checkers_;
  const Faults& faults_;
  Plant plant_;
  BrokerOptions options_;

  SimClock clock_;
  uint64_t life_ = 0;  // grows at each crash
  std::unique_ptr<BrokerCore> core_;
  std::deque<FromPeer> inbox_;
  std::vector<Event> events_;        // applied, not yet on their way to the log
  std::vector<Send> sends_;          // to go out when they are durable
  std::vector<Send> waiting_sends_;  // to go out when what is on its way is durable
  std::vector<WaitingFetch> fetches_;
  bool syncing_ = false;   // events are on their way to the log
  bool busy_ = false;      // waits for that, or is stalled
  bool wake_due_ = false;  // while busy
  Instant last_woken_;
  uint64_t timer_ = 0;  // the newest; older ones do nothing
  CrashPoint crash_point_ = CrashPoint::none;
  Duration away_{0};
};

}  // namespace muster::sim
