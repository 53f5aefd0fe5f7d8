// The daemons' own log, through spdlog: after setup_logging everybody calls spdlog::info and
// friends. HOME/logs/NAME.log is rotated and bounded (5 files of 10 MiB); times are UTC; control
// characters in a message are escaped, so that what a peer said cannot forge a line. Lines are
// flushed at once from `warning` on, and every few seconds otherwise.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster {

struct LogOptions {
  std::string daemon;    // names the file: NAME.log, NAME.err
  std::string logs_dir;  // made if missing; empty: no file
  std::string level = "info";
  bool json = false;      // one object a line: time, level, daemon, pid, message
  bool to_stderr = true;  // also to stderr, for a daemon in the foreground
};

// Replaces the process's default logger. Nothing is changed on error: an unknown level (the reason
// lists the known ones), a directory that cannot be made, a file that cannot be opened.
Result<Done> setup_logging(const LogOptions& options);

// Appends the process's stderr to LOGS_DIR/NAME.err: what a crash or a library says when nobody
// watches. A file of more than 10 MiB is set aside as NAME.err.1 first.
Result<Done> capture_stderr(const std::string& logs_dir, std::string_view daemon);

}  // namespace muster
