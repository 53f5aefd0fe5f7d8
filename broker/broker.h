// The broker: a thin shell around BrokerCore. It moves frames, keeps the event log, and knows the
// time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/fetches.h"
#include "broker/guard.h"
#include "broker/log_keeper.h"
#include "broker/log_writer.h"
#include "broker/snapshots.h"
#include "core/broker_core.h"
#include "core/result.h"
#include "io/clock.h"
#include "io/event_log.h"
#include "io/log_events.h"
#include "io/socket.h"

namespace muster {

struct BrokerSetup {
  std::string log_dir;
  Duration beat = kBeatDefault;
  Duration lease = kLeaseDefault;
  SnapshotPolicy snapshots;
  LogKeeping keeping;
  LogEvents* log_events = nullptr;  // lines of the broker's own log; null: none become events
  std::shared_ptr<KeyGate> gate;    // of its tcp:// endpoints; null: there is none
};

class Broker {
 public:
  // Takes over the log: recovers what it says. `clock` must not be behind its newest event.
  Broker(const BrokerSetup& config, std::unique_ptr<EventLog> log);

  // Makes the core of the newest snapshot and the log behind it. The error names the block that
  // cannot be read.
  Result<Done> recover();
  // Time of the newest event.
  Instant newest_time() const { return newest_time_; }
  const BrokerCore& core() const { return core_; }

  // Serves until `stop_fd` becomes readable. An error means that the log can no longer be trusted;
  // the process must end.
  Result<Done> serve(ServerSocket& server, Clock& clock, int stop_fd);

 private:
  void receive_some(Instant now);
  bool is_turn_of_log() const;
  void take_frame(const ServerSocket::Received& received, Instant now);
  // True when it is about the log, which the core does not know.
  bool take_log_message(const std::string& peer, const Envelope& envelope, Instant now);
  void take(const Input& input, Instant now);
  void dispatch(Instant now);
  void commit(Instant now);
  void go_on(Instant now);
  std::vector<Send> finish(const Appended& appended);
  void settle(Instant now);
  void keep_log(Instant now);
  void deliver(std::vector<Send> sends);
  void take_own_log(Instant now);
  void look_at_keys();
  void take_refusals(Instant now);
  std::optional<std::string> barred(const ServerSocket::Received& received, Message& message);
  void watch_disk(Instant now);
  Duration time_to_sleep(Instant now) const;

  std::string log_dir_;
  LogEvents* log_events_;
  std::unique_ptr<EventLog> log_;
  BrokerCore core_;
  Fetches fetches_;
  Snapshots snapshots_;
  LogKeeper keeper_;
  std::optional<Guard> guard_;
  ServerSocket* server_ = nullptr;
  std::vector<Event> events_;          // applied, not yet on their way to the log
  std::vector<Send> sends_;            // to go out when they are durable
  std::unique_ptr<LogWriter> writer_;  // has those that went before
  std::vector<Send> waiting_sends_;    // to go out when it has finished
  std::string fault_;                  // why the log failed
  Instant newest_time_;                // of the newest durable event
  Instant next_disk_look_;
  bool disk_low_ = false;
};

}  // namespace muster
