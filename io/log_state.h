// What there is of an event log and what may go of it, as it is told to people: by the broker that
// writes it, or from its files.
#pragma once

#include <string>
#include <vector>

#include "core/messages.h"
#include "io/event_log.h"

namespace muster {

LogState make_log_state(const LogView& log, const LogKeeping& keeping,
                        std::vector<LogReader> readers);

// What comes of the wish that the events before `before` go (0: all that may).
TrimLogReply plan_trim(LogState state, uint64_t before);

// The readers because of which the log is larger than it is to be, or keeps the room of a disk that
// is low: they need events that could go otherwise.
std::vector<LogReader> log_holders(const LogState& state, bool disk_low);

// What a person can do about a reader: a line of a shell.
std::string forget_line(const LogReader& reader);

}  // namespace muster
