// Console logs, read while they grow: a file of this machine, or the archive's over HTTP or FTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cli/output.h"
#include "core/result.h"

namespace muster {

// Prints what is appended to a log.
class LogTail {
 public:
  // Begins at byte `offset`. There need not be anything at the address yet, unless nothing can be
  // read from it here at all, which is the error.
  static Result<LogTail> open(const std::string& url, uint64_t offset = 0);

  LogTail(LogTail&&) noexcept;
  LogTail& operator=(LogTail&&) noexcept;
  ~LogTail();

  // Prints what has come since, waiting for nothing.
  void print_new(Output& output);

  // Prints what there is now, all of it. An error when there is nothing to be read.
  Result<Done> print_all(Output& output);

  // Prints on until the log is complete, but gives up when nothing has come for `patience`. True
  // when it is complete, as far as anybody can tell: a log outside of an archive always is.
  bool print_rest(Output& output, Duration patience);

  // Where the next byte will be.
  uint64_t offset() const;
  // Why nothing can be read at present, or empty.
  std::string fault() const;

  class Reader;

 private:
  explicit LogTail(std::unique_ptr<Reader> reader);
  std::unique_ptr<Reader> reader_;
};

}  // namespace muster
