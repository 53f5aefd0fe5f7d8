// Events of one wake-up as blocks for the log.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/event.h"
#include "io/event_log.h"

namespace muster {

// As few blocks as is simple, each of which a reader takes (kBlockEventsMax, kBlockBytesMax), the
// first event with number `first`. A single event always fits: kTaskBytesMax, kReportBytesMax and
// what the broker refuses as too large see to it. To be appended in one go.
std::vector<StoredBlock> make_blocks(std::span<const Event> events, uint64_t first);

}  // namespace muster
