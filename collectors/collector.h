// The collector: every sink in a thread of its own, with its own connection and cursor, so that one
// that is slow or fails delays no other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collectors/sink.h"
#include "core/result.h"
#include "io/home.h"

namespace muster {

// The sinks of an installation: status_log and ledger.
std::vector<std::unique_ptr<Sink>> make_sinks(const Home& home);

// Carries the log of the broker at `endpoint` into the sinks until `stop_fd` is readable. An error
// when a sink must not go on (collectors/sink_runner.h, run); the others are stopped too then.
Result<Done> collect(std::vector<std::unique_ptr<Sink>> sinks, const std::string& endpoint,
                     int stop_fd);

}  // namespace muster
