// Keeps the event log from growing for ever: knows its readers, trims what nobody needs, a little
// at a time, and answers who asks about it. What may go says core/log_keeping.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/log_keeping.h"
#include "core/messages.h"
#include "io/event_log.h"

namespace muster {

class LogKeeper {
 public:
  // `log` outlives it.
  LogKeeper(EventLog& log, LogKeeping keeping);

  // Reads who is registered.
  Result<Done> open();

  // A reader that has a name, by what it asks for: it is registered, durably, before it gets
  // anything. Why it gets nothing instead, or nothing.
  std::optional<Refused> note_fetch(const Fetch& fetch, Instant now);
  // Why `from` cannot be read any more, and from where on it can; or nothing.
  std::optional<Refused> trimmed(uint64_t from) const;

  LogState state() const;
  Message take(const TrimLog& order, Instant now);
  Message take(const ForgetReader& order);

  // Does a bit of what is due. On a disk that is nearly full all that may go is due. A reader that
  // keeps the log too large is named in the broker's log, once.
  void step(bool disk_low, Instant now);
  // When there is something to do again.
  Instant next_step() const { return next_step_; }
  // Notes durably how far readers have come.
  void save_readers(Instant now);

  // Bytes that the log can take without any from the disk.
  uint64_t room() const;

 private:
  std::vector<LogReader> readers() const;
  void tell_holders(const LogState& state, bool disk_low);
  uint64_t due_before(const LogState& state, bool disk_low, Instant now);
  uint64_t old_before(uint64_t limit, Instant horizon) const;

  EventLog& log_;
  LogKeeping keeping_;
  std::map<std::string, LogReader, std::less<>> readers_;
  std::set<std::string> told_holders_;  // that the broker's log has named
  bool unsaved_ = false;
  Instant next_save_;
  Instant next_step_;
  uint64_t ordered_ = 0;  // a person wants the events before it gone
  uint64_t old_ = 0;      // those before it are older than is wanted, as was last seen
  Instant next_age_look_;
  uint64_t trimmed_from_ = 0;  // where the trimming that is under way began; 0: none is
};

}  // namespace muster
