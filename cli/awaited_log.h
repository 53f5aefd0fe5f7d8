// The log of an attempt that may not be there yet: whoever follows an attempt from its beginning is
// often sooner than the archive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/log_tail.h"
#include "cli/output.h"
#include "cli/session.h"
#include "core/messages.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

class AwaitedLog {
 public:
  // From byte `offset` on. The session outlives it.
  AwaitedLog(Session& session, std::string guid, AttemptInfo attempt, uint64_t offset);

  // It cannot come: this version cannot read what is at such a place.
  bool is_hopeless() const { return !tail_ && !may_come_; }
  // Why it is not there; "" once it is.
  const std::string& why() const { return why_; }

  // Prints what has come until now.
  void print_new();
  // The same for all that there is. An error when there is nothing to be read.
  Result<Done> print_all();
  // Prints the rest of an attempt that has ended. False when it is not whole after nothing has come
  // of it for `patience`.
  bool print_rest(Duration patience);

  // Of the next byte to be printed.
  uint64_t offset() const { return tail_ ? tail_->offset() : offset_; }
  // Why nothing comes, or "".
  std::string fault() const { return tail_ ? tail_->fault() : why_; }
  const AttemptInfo& attempt() const { return attempt_; }

 private:
  bool open();

  Session& session_;
  std::string guid_;
  AttemptInfo attempt_;
  uint64_t offset_;
  bool may_come_;
  std::string why_;
  std::optional<LogTail> tail_;
};

}  // namespace muster
