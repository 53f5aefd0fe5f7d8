// Things to render, shared by the tests of the CLI.
#pragma once

#include <vector>

#include "cli/render_result.h"
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
WorkerInfo worker(const std::string& name, bool present);
Strategy strategy();
// One good, one bad, one that was not verified.
std::vector<Verification> verifications();
TaskResult failing_result();
// One of each type.
std::vector<Event> every_event();

}  // namespace muster::samples
