// The daemons' own logs, through spdlog: after begin_log everybody calls spdlog::info and friends.
//
//   HOME/logs/NAME.log, NAME.1.log, ...   the log, bounded in size and number; each line is in the
//                                         file when the call returns. Times are UTC.
//   HOME/logs/NAME.err, NAME.1.err        what the process, a library in it or a child of it prints
//                                         on stdout or stderr: the last words of a crash. Each
//                                         start begins with a line of "--- ".
//
// As text a line is `TIME LEVEL MESSAGE`, with control characters of the message escaped, so that
// what a peer said cannot forge a line. With `json` it is one object: time, level, daemon, pid,
// message. A message of more than kLogLineBytesMax is cut.
//
// A log that cannot be written (the disk is full) stops nobody: the lines are counted, and the next
// one that can be written is preceded by one that says how many were lost.
#pragma once

#include <string>

#include "core/limits.h"
#include "core/result.h"
#include "io/log_events.h"

namespace muster {

struct LogOptions {
  std::string daemon;  // names the files
  std::string dir;     // made if missing
  std::string level = "info";
  bool json = false;
  uint64_t file_bytes = kLogFileBytesDefault;
  uint32_t files = kLogFilesDefault;  // of NAME.log, the one that is written included
  bool to_console = true;             // also to what stderr was when the log began
  bool capture = true;                // stdout and stderr, into NAME.err
  // Lines at or above this level go there too; null: none do. As `level`, or "critical".
  std::string events_level = "error";
  LogEvents* events = nullptr;  // outlives the process's threads
};

// Replaces the process's default logger, and its stdout and stderr. Once in a process, before it
// has threads. What NAME.err has of an earlier run that did not end well is said in the log.
// Nothing is changed on error: an unknown level (the reason lists the known ones), a directory that
// cannot be made, a file that cannot be written; but that there is no room is no error.
Result<Done> begin_log(const LogOptions& options);

}  // namespace muster
