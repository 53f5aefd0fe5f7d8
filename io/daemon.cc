#include "io/daemon.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <utility>

#include "io/clock.h"
#include "io/logging.h"
#include "io/stop_signal.h"

namespace muster {

Daemon::Daemon(std::string program) : program_(std::move(program)) {
  Result<UniqueFd> stop = make_stop_fd();
  if (stop) {
    stop_fd_ = std::move(*stop);
  } else {
    fault_ = stop.error();
  }
}

void Daemon::add_flags(FlagSet& flags) {
  flags.text("home", "DIR", "where everything of this installation lies", &flags_.home);
  flags.choice("log-level", log_levels(), "least level of the log", &flags_.log_level);
  flags.enable("log-json", "log one JSON object a line", &flags_.log_json);
}

void Daemon::add_key_flags(FlagSet& flags, bool dials) {
  flags.text("key", "FILE", "its key pair, for tcp:// (default: as HOME/keys has it)", &flags_.key);
  if (!dials) return;
  flags.text("server-key", "KEY", "the broker's public key, or a file that has it",
             &flags_.server_key);
}

Result<CurveParts> Daemon::open_curve(CurveNeeds needs) const {
  if (!flags_.key.empty()) needs.key = flags_.key;
  needs.server = flags_.server_key.empty() ? config_.keys.server : flags_.server_key;
  Result<CurveParts> parts = muster::open_curve(config_, needs);
  if (parts.ok() && parts->insecure) spdlog::warn("{}", insecure_warning());
  return parts;
}

std::optional<int> Daemon::prepare() {
  if (!fault_.empty()) return fail(fault_);
  Result<Home> home = resolve_home(flags_.home);
  if (!home) return fail_usage(home.error());
  home_ = std::move(*home);
  raise_descriptor_limit();
  ConfigFile file = load_config(home_);
  if (file.problems.has_errors()) return fail_usage("\n" + file.problems.to_text());
  config_ = std::move(file.config);
  if (!flags_.log_level.empty()) config_.log.level = flags_.log_level;
  config_.log.json = config_.log.json || flags_.log_json;
  return std::nullopt;
}

Result<Done> Daemon::begin(const std::string& name, const std::string& pid_path,
                           std::string_view who) {
  if (const Result<Done> made = make_home(home_); !made) return made;
  if (!pid_file_) {
    const Result<Done> made = make_dirs(pid_path.substr(0, pid_path.rfind('/')));
    if (!made) return made;
    Result<PidFile> pid_file = PidFile::acquire(pid_path, who);
    if (!pid_file) return Error{pid_file.error()};
    pid_file_ = std::move(*pid_file);
  }
  if (logs_) return Done{};
  LogOptions options;
  options.daemon = name;
  options.dir = home_.logs_dir();
  options.level = config_.log.level;
  options.json = config_.log.json;
  options.file_bytes = config_.log.size;
  options.files = config_.log.files;
  if (config_.log.events != "off") {
    if (!log_events_) log_events_.emplace(SystemClock().now());
    options.events_level = config_.log.events;
    options.events = &*log_events_;
  }
  if (const Result<Done> begun = begin_log(options); !begun) return begun;
  logs_ = true;
  return Done{};
}

int Daemon::fail(const std::string& reason, int status) const {
  if (logs_) {
    spdlog::critical("{}", reason);
  } else {
    std::fprintf(stderr, "%s: %s\n", program_.c_str(), reason.c_str());
  }
  return status;
}

}  // namespace muster
