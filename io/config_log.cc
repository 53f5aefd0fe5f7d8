#include "io/config_log.h"

#include "core/duration_text.h"

namespace muster {
namespace {

const KeyTable kLog = {"the configuration of logs", {"level", "json", "size", "files", "events"}};

}  // namespace

// The default comes first.
const std::vector<std::string>& log_levels() {
  static const std::vector<std::string> levels = {"info", "trace", "debug", "warn", "error"};
  return levels;
}

const std::vector<std::string>& log_event_levels() {
  static const std::vector<std::string> levels = {"off", "info", "warn", "error", "critical"};
  return levels;
}

void read_log(const ObjectReader& reader, LogConfig& log) {
  const YamlNode* node = reader.map("log");
  if (node == nullptr) return;
  const ObjectReader part(*node, kLog, reader.scope());
  log.level = part.choice("level", log_levels());
  log.json = part.boolean("json", log.json);
  if (const std::string text = part.string("size"); !text.empty()) {
    const Result<uint64_t> size = parse_size(text);
    if (!size) {
      part.wrong("size", "is wrong: " + size.error());
    } else if (*size < kLogFileBytesMin || *size > kLogFileBytesMax) {
      part.wrong("size", "must be " + format_size(kLogFileBytesMin) + " to " +
                             format_size(kLogFileBytesMax));
    } else {
      log.size = *size;
    }
  }
  log.files = static_cast<uint32_t>(part.integer("files", {1, kLogFilesMax}, log.files));
  log.events = part.choice("events", log_event_levels());
}

const KeyTable& log_keys() { return kLog; }

}  // namespace muster
