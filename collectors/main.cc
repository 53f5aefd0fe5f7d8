// muster-collector: reads the broker's event log and turns it into status.log files and the ledger,
// and keeps the archive of what attempts leave.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <optional>
#include <string>

#include "collectors/archive_service.h"
#include "collectors/collector.h"
#include "collectors/decibel_http.h"
#include "collectors/sinks_http.h"
#include "io/config.h"
#include "io/file.h"
#include "io/flags.h"
#include "io/home.h"
#include "io/logging.h"
#include "io/socket.h"
#include "io/stop_signal.h"

namespace {

int fail(const std::string& message, int status = 1) {
  std::fprintf(stderr, "muster-collector: %s\n", message.c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::string home_flag, endpoint, log_level;
  muster::FlagSet flags(
      "muster-collector",
      "The collector: reads the broker's event log and turns it into status.log "
      "files, the ledger and, where it is configured, documents of CouchDB, and keeps the archive. "
      "Flags go before HOME/muster.yaml.");
  flags.text("home", "DIR", "where everything of this installation lies", &home_flag);
  flags.text("endpoint", "URL", "where the broker listens: ipc:///PATH or tcp://LOOPBACK:PORT",
             &endpoint);
  flags.choice("log-level", {"trace", "debug", "info", "warn", "error"}, "least level of the log",
               &log_level);
  if (const std::optional<int> status = flags.parse_or_exit_status(argc, argv)) return *status;

  const muster::Result<muster::UniqueFd> stop_fd = muster::make_stop_fd();
  if (!stop_fd.ok()) return fail(stop_fd.error());
  const muster::Result<muster::Home> home = muster::resolve_home(home_flag);
  if (!home.ok()) return fail(home.error(), muster::kExitUsage);
  if (const auto made = muster::make_home(*home); !made.ok()) return fail(made.error());
  muster::ConfigFile file = muster::load_config(*home);
  if (file.problems.has_errors()) return fail("\n" + file.problems.to_text(), muster::kExitUsage);
  muster::Config& config = file.config;
  if (!endpoint.empty()) config.endpoint = endpoint;
  if (!log_level.empty()) config.log_level = log_level;
  if (const std::optional<std::string> reason = muster::invalid_endpoint(config.endpoint)) {
    return fail(*reason, muster::kExitUsage);
  }

  const muster::Result<muster::PidFile> pid_file =
      muster::PidFile::acquire(home->run_dir() + "/collector.pid", "a muster collector");
  if (!pid_file.ok()) return fail(pid_file.error());
  muster::LogOptions log;
  log.daemon = "collector";
  log.logs_dir = home->logs_dir();
  log.level = config.log_level;
  if (const auto ready = muster::setup_logging(log); !ready.ok()) return fail(ready.error());

  muster::Stop stop;
  muster::SystemClock clock;
  muster::Result<muster::SinkPosts> sinks = muster::make_sinks(*home, config, stop);
  if (!sinks.ok()) {
    spdlog::critical("{}", sinks.error());
    return 1;
  }
  muster::SinksHttp sinks_http(*sinks, clock);
  const auto results = muster::open_decibel_store(*home, config.decibel);
  if (!results.ok()) {
    spdlog::critical("{}", results.error());
    return 1;
  }
  muster::DecibelHttp decibel_http(results->get(), clock);
  const auto api = [&](const muster::HttpCall& call) {
    const bool is_decibel = call.path.starts_with(muster::kDecibelPath);
    return is_decibel ? decibel_http.answer(call) : sinks_http.answer(call);
  };
  const auto archive = muster::ArchiveService::start(*home, config, api);
  if (!archive.ok()) {
    spdlog::critical("{}", archive.error());
    return 1;
  }
  spdlog::info("collecting from {} into {}", config.endpoint, home->dir);
  const auto collected = muster::collect(*sinks, config.endpoint, stop, stop_fd->get());
  if (!collected.ok()) {
    spdlog::critical("{}", collected.error());
    return 1;
  }
  spdlog::info("stopped");
  return 0;
}
