// A file of lines that is bounded: when it is full it is set aside, and the oldest of those that
// were set aside goes. DIR/NAME.log is the newest, DIR/NAME.1.log the one before, and so on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "io/file.h"

namespace muster {

struct RotatingFileOptions {
  std::string stem;    // DIR/NAME
  std::string suffix;  // ".log"
  uint64_t bytes_max = 0;
  uint32_t files = 1;  // the one that is written included
};

// For one thread at a time.
class RotatingFile {
 public:
  // Opens, or makes, the newest file, and removes those that are set aside beyond `files`: there
  // may have been more. A disk without room is no error: it is tried again with each line.
  static Result<RotatingFile> open(RotatingFileOptions options);

  // Appends one line or several, which stay together in one file and are there whole or not at all.
  // False: they are not, and fault() says why.
  bool append(std::string_view lines);
  const std::string& fault() const { return fault_; }

  // Sets the file aside if it is full: for one that others write too (append looks by itself). One
  // that somebody has removed or moved away is made anew; and one that was set aside and has grown
  // on since, because a child still has it, is emptied when it is twice as large as it may be.
  void look();

  std::string path() const { return path_of(0); }
  // Of the newest file; -1: it could not be made.
  int fd() const { return fd_.get(); }

 private:
  explicit RotatingFile(RotatingFileOptions options) : options_(std::move(options)) {}

  std::string path_of(uint32_t age) const;
  bool reopen();
  void remove_surplus() const;
  bool set_aside();
  bool fail(const char* what);

  RotatingFileOptions options_;
  UniqueFd fd_;
  uint64_t aside_bytes_ = 0;  // of the newest that was set aside, as it was then
  std::string fault_;
};

}  // namespace muster
