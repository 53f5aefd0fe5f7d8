// The part `event_log` of muster.yaml: how much of it the broker keeps (core/log_keeping.h), and
// how often it takes a snapshot.
#pragma once

#include <cstdint>

#include "core/log_keeping.h"
#include "io/object_reader.h"

namespace muster {

struct EventLogConfig {
  LogKeeping keeping;
  uint64_t snapshot_events = 1'000'000;  // after so many events there is another one
  bool operator==(const EventLogConfig&) const = default;
};

void read_event_log(const ObjectReader& reader, EventLogConfig& config);

const KeyTable& event_log_keys();

}  // namespace muster
