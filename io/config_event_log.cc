#include "io/config_event_log.h"

#include "core/duration_text.h"

namespace muster {
namespace {

// Less than a few snapshots of a busy lab would only make the disk busy.
constexpr uint64_t kLogBytesMin = 16 << 20;
constexpr Duration kKeepMin = std::chrono::minutes(1);
constexpr uint64_t kSnapshotEventsMin = 1'000;
constexpr uint64_t kSnapshotEventsMax = 1'000'000'000;

const KeyTable kEventLog = {"the configuration of the event log",
                            {"keep", "max", "snapshot_every"}};

}  // namespace

void read_event_log(const ObjectReader& reader, EventLogConfig& config) {
  const YamlNode* node = reader.map("event_log");
  if (node == nullptr) return;
  const ObjectReader part(*node, kEventLog, reader.scope());
  config.keeping.age = part.duration("keep", config.keeping.age);
  if (config.keeping.age < kKeepMin) part.wrong("keep", "must be at least 1m");
  if (const std::string text = part.string("max"); !text.empty()) {
    const Result<uint64_t> size = parse_size(text);
    if (!size) {
      part.wrong("max", "is wrong: " + size.error());
    } else if (*size < kLogBytesMin) {
      part.wrong("max", "must be at least " + format_size(kLogBytesMin));
    } else {
      config.keeping.bytes_max = *size;
    }
  }
  config.snapshot_events = part.integer("snapshot_every", {kSnapshotEventsMin, kSnapshotEventsMax},
                                        config.snapshot_events);
}

const KeyTable& event_log_keys() { return kEventLog; }

}  // namespace muster
