// What there is of an event log and what may go of it, as it is told to people: by the broker that
// writes it, or from its files.
#pragma once

#include <vector>

#include "core/messages.h"
#include "io/event_log.h"

namespace muster {

LogState make_log_state(const LogView& log, const LogKeeping& keeping,
                        std::vector<LogReader> readers);

// What comes of the wish that the events before `before` go (0: all that may).
TrimLogReply plan_trim(LogState state, uint64_t before);

}  // namespace muster
