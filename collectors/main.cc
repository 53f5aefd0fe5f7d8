// muster-collector: reads the broker's event log and turns it into status.log files and the ledger,
// and keeps the archive of what attempts leave.
#include <spdlog/spdlog.h>

#include <optional>
#include <string>

#include "collectors/collector.h"
#include "collectors/front.h"
#include "collectors/http_service.h"
#include "collectors/log_feed.h"
#include "io/daemon.h"
#include "io/socket.h"

int main(int argc, char** argv) {
  muster::Daemon daemon("muster-collector");
  std::string endpoint;
  muster::FlagSet flags(
      "muster-collector",
      "The collector: reads the broker's event log and turns it into status.log "
      "files, the ledger and, where it is configured, documents of CouchDB, and keeps the archive. "
      "Flags go before HOME/muster.yaml.");
  daemon.add_flags(flags);
  flags.text("endpoint", "URL", "where the broker listens: ipc:///PATH or tcp://HOST:PORT",
             &endpoint);
  daemon.add_key_flags(flags, true);
  if (const std::optional<int> status = flags.parse_or_exit_status(argc, argv)) return *status;
  if (const std::optional<int> status = daemon.prepare()) return *status;
  muster::Config& config = daemon.config();
  if (!endpoint.empty()) config.endpoint = endpoint;
  if (const std::optional<std::string> reason = muster::invalid_endpoint(config.endpoint)) {
    return daemon.fail_usage(*reason);
  }
  const muster::Home& home = daemon.home();
  if (const std::optional<std::string> reason = muster::invalid_http(home, config)) {
    return daemon.fail_usage(*reason);
  }
  const auto begun =
      daemon.begin("collector", home.run_dir() + "/collector.pid", "a muster collector");
  if (!begun.ok()) return daemon.fail(begun.error());

  const auto curve = daemon.open_curve({"the collector",
                                        config.keys.collector,
                                        "",
                                        config.endpoint,
                                        {config.feed_publish, config.feed_replay},
                                        muster::kFeedReaders});
  if (!curve.ok()) return daemon.fail_usage(curve.error());
  if (curve->gate) {
    curve->gate->tell_with([](const muster::AccessRefused& refused) {
      spdlog::warn("refused {} from {}, {}: {} ({} times)",
                   refused.name.empty() ? refused.key : refused.name, refused.address, refused.what,
                   refused.reason, refused.count);
    });
  }
  muster::Stop stop;
  muster::Result<muster::SinkPosts> sinks = muster::make_sinks(home, config, stop);
  if (!sinks.ok()) return daemon.fail_usage(sinks.error());
  muster::SocketContext sockets(curve->curve);
  const auto front = muster::Front::open(home, config, *sinks, sockets);
  if (!front.ok()) return daemon.fail(front.error());
  std::optional<muster::LogFeed> log_feed;
  if (daemon.log_events()) log_feed.emplace(sockets, config.endpoint, *daemon.log_events(), stop);
  spdlog::info("collecting from {} into {}", config.endpoint, home.dir);
  muster::collect(*sinks, sockets, config.endpoint, stop, daemon.stop_fd());
  spdlog::info("stopped");
  return 0;
}
