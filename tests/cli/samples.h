// Things to render, shared by the tests of the CLI.
#pragma once

#include <vector>

#include "cli/history.h"
#include "cli/render_result.h"
#include "cli/trace.h"
#include "core/event.h"
#include "core/messages.h"
#include "core/strategy.h"

namespace muster::samples {

// 2026-11-23 08:15:30 UTC and so many seconds.
Instant at(double seconds);

TaskInfo running_task();
// Ended error/device after a lost worker.
TaskInfo device_error_task();
DeviceInfo bad_device();
// Held, in a stack, found by a lister, in its back-off.
DeviceInfo stacked_device();
WorkerInfo worker(const std::string& name, bool present);
Strategy strategy();
// One good, one bad, one that was not verified.
std::vector<Verification> verifications();
TaskResult failing_result();
// A repair of phone-7 that came to nothing.
std::vector<HistoryEntry> history();
// A job and the verification that it caused.
Trace trace();
// One of each type.
std::vector<Event> every_event();

}  // namespace muster::samples
