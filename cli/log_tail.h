// Console logs: files that a worker on this machine writes while an attempt runs.
#pragma once

#include <optional>
#include <string>

#include "cli/output.h"
#include "core/result.h"
#include "io/file.h"

namespace muster {

// The path of a file:// URL, or why there is none on this machine.
Result<std::string> local_log_path(const std::string& url);

// Prints what is appended to a log.
class LogTail {
 public:
  static Result<LogTail> open(const std::string& url);

  // Prints everything that was not printed yet. False when the file cannot be read any more.
  bool print_new(Output& output);

 private:
  explicit LogTail(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace muster
