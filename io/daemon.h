// What the mains of the three daemons have in common: the first flags, the signals, the home, its
// configuration, the pid file and the log.
#pragma once

#include <optional>
#include <string>

#include "io/config.h"
#include "io/curve_setup.h"
#include "io/file.h"
#include "io/flags.h"
#include "io/home.h"
#include "io/log_events.h"

namespace muster {

class Daemon {
 public:
  // `program` is its name, "muster-broker". First in main: signals are blocked from here on.
  explicit Daemon(std::string program);

  // --home, --log-level and --log-json.
  void add_flags(FlagSet& flags);

  // --key and, of who dials, --server-key.
  void add_key_flags(FlagSet& flags, bool dials);

  // After the flags were parsed: finds the home and reads its configuration, over which the flags
  // go. Nothing: go on with home() and config(). Else the exit status, and the reason is said.
  std::optional<int> prepare();

  // After prepare(), and when the endpoints are known: what the tcp:// ones need. `needs` has the
  // configuration's key file; the flags go over it. Says loudly when they are insecure.
  Result<CurveParts> open_curve(CurveNeeds needs) const;

  const Home& home() const { return home_; }
  Config& config() { return config_; }
  // Readable when the daemon is to end.
  int stop_fd() const { return stop_fd_.get(); }

  // Makes the home and the pid file's directory, takes the pid file, and begins the log; may be
  // tried again after an error. `name` names the log's files, "worker-x"; `who` is for the reason
  // when somebody has the pid file, "a muster worker named x".
  Result<Done> begin(const std::string& name, const std::string& pid_path, std::string_view who);

  // Lines on their way to becoming events; null where none do.
  LogEvents* log_events() { return log_events_ ? &*log_events_ : nullptr; }

  // Says why the daemon ends, on stderr or, once that has begun, in its log. Returns `status`.
  int fail(const std::string& reason, int status = 1) const;
  int fail_usage(const std::string& reason) const { return fail(reason, kExitUsage); }

 private:
  struct Flags {
    std::string home;
    std::string log_level;
    bool log_json = false;
    std::string key;
    std::string server_key;
  };

  std::string program_;
  Flags flags_;
  std::string fault_;  // of the signals
  UniqueFd stop_fd_;
  Home home_;
  Config config_;
  std::optional<PidFile> pid_file_;
  std::optional<LogEvents> log_events_;
  bool logs_ = false;
};

}  // namespace muster
