#include "io/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "core/duration_text.h"
#include "io/socket.h"

namespace muster {
namespace {

// A worker must be able to miss beats without losing its lease.
constexpr int kBeatsPerLeaseMin = 3;
constexpr Duration kBeatMin = std::chrono::milliseconds(20);

const KeyTable kConfig = {
    "the configuration",
    {"version", "kind", "endpoint", "listen", "worker", "beat", "lease", "log_level"}};
const KeyTable kWorker = {"the worker's configuration",
                          {"name", "slots", "pools", "lab", "listers"}};
const KeyTable kLister = {"a lister", {"name", "command"}};

void check_endpoint(const std::string& endpoint, Mark at, const FileScope& scope) {
  if (const std::optional<std::string> reason = invalid_endpoint(endpoint)) {
    scope.error(at, *reason);
  }
}

void read_endpoints(const ObjectReader& reader, Config& config) {
  if (reader.has("endpoint")) {
    config.endpoint = reader.string("endpoint", Need::required);
    if (!config.endpoint.empty()) {
      check_endpoint(config.endpoint, reader.at("endpoint"), reader.scope());
    }
    config.listen = {config.endpoint};
  }
  const YamlNode* listen = reader.list("listen");
  if (listen == nullptr) return;
  config.listen = read_scalars(*listen, "an endpoint", reader.scope());
  if (listen->items.empty()) reader.error("listen", "the broker must listen somewhere");
  for (const YamlNode& item : listen->items) {
    if (item.kind == YamlNode::Kind::scalar) check_endpoint(item.text, item.at, reader.scope());
  }
}

void read_listers(const ObjectReader& reader, WorkerConfig& worker) {
  const YamlNode* list = reader.list("listers");
  if (list == nullptr) return;
  if (list->items.size() > kListersMax) {
    reader.error("listers", "a worker has at most " + std::to_string(kListersMax) + " listers");
  }
  for (const YamlNode& item : list->items) {
    const ObjectReader part(item, kLister, reader.scope());
    if (item.kind != YamlNode::Kind::map) continue;
    ListerConfig lister;
    lister.name = part.name("name", "lister", Need::required);
    lister.command = resolve_program(part.command("command", Need::required), reader.scope());
    const bool is_known =
        std::any_of(worker.listers.begin(), worker.listers.end(),
                    [&](const ListerConfig& other) { return other.name == lister.name; });
    if (is_known && !lister.name.empty()) {
      part.error("name", "lister \"" + lister.name + "\" is named twice");
    }
    worker.listers.push_back(std::move(lister));
  }
}

void read_worker(const ObjectReader& reader, WorkerConfig& worker) {
  const YamlNode* node = reader.map("worker");
  if (node == nullptr) return;
  const ObjectReader part(*node, kWorker, reader.scope());
  if (part.has("name")) worker.name = part.name("name", "worker", Need::required);
  if (part.has("lab")) worker.lab = part.name("lab", "lab", Need::required);
  worker.slots = static_cast<uint32_t>(part.integer("slots", {1, kSlotsMax}, worker.slots));
  worker.pools = part.names("pools", "pool");
  read_listers(part, worker);
}

void read_times(const ObjectReader& reader, Config& config) {
  config.beat = reader.duration("beat", config.beat);
  config.lease = reader.duration("lease", config.lease);
  if (config.beat < kBeatMin) {
    reader.error("beat", "must be at least " + format_duration(kBeatMin));
  }
  if (config.lease < kLeaseMin) {
    reader.error("lease", "must be at least " + format_duration(kLeaseMin));
  } else if (config.lease < config.beat * kBeatsPerLeaseMin) {
    reader.error("lease", "must be at least " + std::to_string(kBeatsPerLeaseMin) +
                              " beats, which are " + format_duration(config.beat) + " each");
  }
}

// Also where the home is no directory: that is for whoever makes or examines the home to say.
bool is_missing(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

}  // namespace

ConfigFile load_config(const Home& home) {
  ConfigFile file;
  file.config.endpoint = home.default_endpoint();
  file.config.listen = {file.config.endpoint};
  const std::string path = home.config_file();
  if (is_missing(path)) return file;
  const FileScope scope(path, file.problems);
  const std::vector<YamlNode> documents = load_yaml(scope);
  if (documents.size() > 1) scope.error(documents[1].at, "this file holds one document, not more");
  if (documents.empty() || documents.front().kind == YamlNode::Kind::null) return file;
  const ObjectReader reader(documents.front(), kConfig, scope);
  if (reader.has("version") || reader.has("kind")) reader.check_header({"config"});
  read_endpoints(reader, file.config);
  read_worker(reader, file.config.worker);
  read_times(reader, file.config);
  const std::vector<std::string> levels = {"info", "trace", "debug", "warn", "error"};
  file.config.log_level = reader.choice("log_level", levels);
  return file;
}

std::vector<NamedKeyTable> config_keys() {
  return {{"config", &kConfig}, {"worker", &kWorker}, {"lister", &kLister}};
}

}  // namespace muster
