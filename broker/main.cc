// muster-broker: accepts tasks, leases them to workers, and records every fact in its event log.
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "core/duration_text.h"
#include "io/daemon.h"
#include "io/event_log_sqlite.h"

namespace {

struct Flags {
  std::vector<std::string> endpoints;
  std::string lease;
  std::string beat;
};

// Flags before what HOME/muster.yaml says. The error is for people.
muster::Result<muster::Done> override_config(const Flags& flags, muster::Config& config) {
  if (!flags.endpoints.empty()) config.listen = flags.endpoints;
  for (const auto& [text, target] :
       {std::pair(&flags.lease, &config.lease), {&flags.beat, &config.beat}}) {
    if (text->empty()) continue;
    const muster::Result<muster::Duration> parsed = muster::parse_duration(*text);
    if (!parsed.ok()) return muster::Error{parsed.error()};
    *target = *parsed;
  }
  if (config.lease < muster::kLeaseMin || config.beat <= muster::Duration{0} ||
      config.beat * 3 > config.lease) {
    return muster::Error{"the lease must be at least 200ms and three times the beat"};
  }
  return muster::Done{};
}

}  // namespace

int main(int argc, char** argv) {
  muster::Daemon daemon("muster-broker");
  Flags flags;
  muster::FlagSet set(
      "muster-broker",
      "The broker: accepts tasks, leases them to workers, and records every fact in its event "
      "log. Flags go before HOME/muster.yaml.");
  daemon.add_flags(set);
  set.list("endpoint", "URL", "where to listen: ipc:///PATH or tcp://HOST:PORT; may be given again",
           &flags.endpoints);
  set.text("lease", "DURATION", "how long a worker may be silent before its work is given away",
           &flags.lease);
  set.text("beat", "DURATION", "how often peers should be heard from", &flags.beat);
  daemon.add_key_flags(set, false);
  if (const std::optional<int> status = set.parse_or_exit_status(argc, argv)) return *status;
  if (const std::optional<int> status = daemon.prepare()) return *status;
  muster::Config& config = daemon.config();
  if (const auto overridden = override_config(flags, config); !overridden.ok()) {
    return daemon.fail_usage(overridden.error());
  }
  const muster::Home& home = daemon.home();
  const auto begun = daemon.begin("broker", home.run_dir() + "/broker.pid", "a muster broker");
  if (!begun.ok()) return daemon.fail(begun.error());

  const auto curve = daemon.open_curve(
      {"the broker", config.keys.broker, "", "", config.listen, muster::kEveryRole});
  if (!curve.ok()) return daemon.fail_usage(curve.error());
  muster::Result<std::unique_ptr<muster::EventLog>> log =
      muster::open_event_log_sqlite(home.broker_dir());
  if (!log.ok()) return daemon.fail(log.error());
  muster::SnapshotPolicy snapshots;
  snapshots.events = config.event_log.snapshot_events;
  muster::Broker broker({home.broker_dir(), config.beat, config.lease, snapshots,
                         config.event_log.keeping, daemon.log_events(), curve->gate},
                        std::move(*log));
  if (const auto recovered = broker.recover(); !recovered.ok())
    return daemon.fail(recovered.error());
  muster::SystemClock clock(broker.newest_time());
  muster::SocketContext sockets(curve->curve);
  auto server = muster::ServerSocket::bind(sockets, config.listen);
  if (!server.ok()) return daemon.fail(server.error());
  for (const std::string& endpoint : (*server)->endpoints())
    spdlog::info("listening on {}", endpoint);
  spdlog::info("recovered {} events: {} tasks queued, {} leased", broker.core().head(),
               broker.core().queued_count(), broker.core().held_count());
  const auto served = broker.serve(**server, clock, daemon.stop_fd());
  if (!served.ok()) {
    return daemon.fail("the event log failed, so the broker ends: " + served.error());
  }
  spdlog::info("stopped");
  return 0;
}
