// Events of the broker's log as one line each.
#pragma once

#include <string>

#include "cli/text.h"
#include "core/event.h"

namespace muster {

// "2026-11-23 08:15:30Z     17  attempt_ended      0193a5...  attempt 1: pass", with a line feed.
std::string render_event(uint64_t seq, const Event& event, const Look& look);

// What happened, in words, without time, type and GUID. Not made printable.
std::string event_text(const Event& event);
Color event_color(const Event& event);

}  // namespace muster
