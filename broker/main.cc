// muster-broker: accepts tasks, leases them to workers, and records every fact in its event log.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "core/duration_text.h"
#include "io/config.h"
#include "io/event_log_sqlite.h"
#include "io/file.h"
#include "io/flags.h"
#include "io/home.h"
#include "io/logging.h"
#include "io/stop_signal.h"

namespace {

using namespace std::chrono_literals;

struct Flags {
  std::string home;
  std::vector<std::string> endpoints;
  std::string lease;
  std::string beat;
  std::string log_level;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "muster-broker: %s\n", message.c_str());
  return 1;
}

int fail_usage(const std::string& message) {
  fail(message);
  return muster::kExitUsage;
}

// Flags before what HOME/muster.yaml says. The error is for people.
muster::Result<muster::Done> override_config(const Flags& flags, muster::Config& config) {
  if (!flags.endpoints.empty()) config.listen = flags.endpoints;
  if (!flags.log_level.empty()) config.log_level = flags.log_level;
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
  Flags flags;
  muster::FlagSet set(
      "muster-broker",
      "The broker: accepts tasks, leases them to workers, and records every fact in its event "
      "log. Flags go before HOME/muster.yaml.");
  set.text("home", "DIR", "where everything of this installation lies", &flags.home);
  set.list("endpoint", "URL",
           "where to listen: ipc:///PATH or tcp://LOOPBACK:PORT; may be given again",
           &flags.endpoints);
  set.text("lease", "DURATION", "how long a worker may be silent before its work is given away",
           &flags.lease);
  set.text("beat", "DURATION", "how often peers should be heard from", &flags.beat);
  set.choice("log-level", {"trace", "debug", "info", "warn", "error"}, "least level of the log",
             &flags.log_level);
  if (const std::optional<int> status = set.parse_or_exit_status(argc, argv)) return *status;

  muster::Result<muster::UniqueFd> stop = muster::make_stop_fd();
  if (!stop.ok()) return fail(stop.error());
  const muster::Result<muster::Home> home = muster::resolve_home(flags.home);
  if (!home.ok()) return fail_usage(home.error());
  if (const auto made = muster::make_home(*home); !made.ok()) return fail(made.error());
  muster::raise_descriptor_limit();

  muster::ConfigFile file = muster::load_config(*home);
  if (file.problems.has_errors()) return fail_usage("\n" + file.problems.to_text());
  muster::Config& config = file.config;
  if (const auto overridden = override_config(flags, config); !overridden.ok()) {
    return fail_usage(overridden.error());
  }

  const auto pid_file =
      muster::PidFile::acquire(home->run_dir() + "/broker.pid", "a muster broker");
  if (!pid_file.ok()) return fail(pid_file.error());
  muster::LogOptions log_options;
  log_options.daemon = "broker";
  log_options.logs_dir = home->logs_dir();
  log_options.level = config.log_level;
  if (const auto ready = muster::setup_logging(log_options); !ready.ok())
    return fail(ready.error());
  muster::Result<std::unique_ptr<muster::EventLog>> log =
      muster::open_event_log_sqlite(home->broker_dir());
  if (!log.ok()) return fail(log.error());

  muster::Broker broker({home->broker_dir(), config.beat, config.lease}, std::move(*log));
  if (const auto recovered = broker.recover(); !recovered.ok()) return fail(recovered.error());
  muster::SystemClock clock(broker.recovered_time());
  muster::SocketContext sockets;
  auto server = muster::ServerSocket::bind(sockets, config.listen);
  if (!server.ok()) return fail(server.error());
  for (const std::string& endpoint : (*server)->endpoints())
    spdlog::info("listening on {}", endpoint);
  spdlog::info("recovered {} events: {} tasks queued, {} leased", broker.core().head(),
               broker.core().queued_count(), broker.core().held_count());
  const auto served = broker.serve(**server, clock, stop->get());
  if (!served.ok()) {
    spdlog::critical("the event log failed, so the broker ends: {}", served.error());
    return 1;
  }
  spdlog::info("stopped");
  return 0;
}
