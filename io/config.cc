#include "io/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "core/duration_text.h"
#include "io/archive_name.h"
#include "io/file.h"
#include "io/host_port.h"
#include "io/sha256.h"
#include "io/socket.h"

namespace muster {
namespace {

// A worker must be able to miss beats without losing its lease.
constexpr int kBeatsPerLeaseMin = 3;
constexpr Duration kArchiveKeepMin = std::chrono::minutes(1);
constexpr size_t kHttpTokenBytesMin = 16;
constexpr size_t kHttpTokenBytesMax = 512;
constexpr std::string_view kDigestMark = "sha256:";
const std::string kHttpTokenFile = "http_token_file in muster.yaml: ";
constexpr Duration kBeatMin = std::chrono::milliseconds(20);

const KeyTable kConfig = {"the configuration",
                          {"version", "kind", "endpoint", "listen", "worker", "archive", "http",
                           "http_token_file", "feed", "couchdb", "decibel", "ledger", "beat",
                           "lease", "log", "event_log", "keys", "insecure", "trace_calls"}};
const KeyTable kArchive = {"the archive's configuration", {"url", "keep", "max"}};
const KeyTable kFeed = {"the feed's configuration", {"publish", "replay"}};
const KeyTable kWorker = {
    "the worker's configuration",
    {"name", "slots", "pools", "lab", "log_max", "disk_reserve", "listers", "git_allow"}};
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

// `fallback` where `key` is not there or no size.
uint64_t read_size(const ObjectReader& reader, const char* key, uint64_t fallback) {
  const std::string text = reader.string(key);
  if (text.empty()) return fallback;
  const Result<uint64_t> size = parse_size(text);
  if (!size) reader.wrong(key, "is wrong: " + size.error());
  return size ? *size : fallback;
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
  worker.log_max = read_size(part, "log_max", worker.log_max);
  if (worker.log_max < kConsoleLogBytesMin) {
    part.wrong("log_max", "must be at least " + format_size(kConsoleLogBytesMin));
  }
  worker.disk_reserve = read_size(part, "disk_reserve", worker.disk_reserve);
  worker.git_allow = part.strings("git_allow");
}

void read_times(const ObjectReader& reader, Config& config) {
  config.beat = reader.duration("beat", config.beat);
  config.lease = reader.duration("lease", config.lease);
  if (config.beat < kBeatMin) {
    reader.wrong("beat", "must be at least " + format_duration(kBeatMin));
  }
  if (config.lease < kLeaseMin) {
    reader.wrong("lease", "must be at least " + format_duration(kLeaseMin));
  } else if (config.lease < config.beat * kBeatsPerLeaseMin) {
    reader.wrong("lease", "must be at least " + std::to_string(kBeatsPerLeaseMin) +
                              " beats, which are " + format_duration(config.beat) + " each");
  }
}

void read_archive(const ObjectReader& reader, ArchiveConfig& archive) {
  const YamlNode* node = reader.map("archive");
  if (node == nullptr) return;
  const ObjectReader part(*node, kArchive, reader.scope());
  if (part.has("url")) {
    const std::string url = part.string("url", Need::required);
    if (const auto reason = invalid_archive_base(url); reason && !url.empty()) {
      part.error("url", *reason);
    } else {
      archive.url = url;
    }
  }
  archive.keep = part.duration("keep", archive.keep, {kArchiveKeepMin, kKeepMax});
  archive.bytes_max = read_size(part, "max", archive.bytes_max);
  if (archive.bytes_max < kArchiveBytesMin) {
    part.wrong("max", "must be at least " + format_size(kArchiveBytesMin));
  }
}

void read_http(const ObjectReader& reader, const Home& home, Config& config) {
  if (reader.has("http")) {
    const std::string text = reader.string("http", Need::required);
    if (text.empty()) return;
    const auto parts = split_host_port(text);
    std::string host = parts ? parts->first : "";
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || (!is_bracketed && host.find(':') != host.npos)) {
      reader.wrong("http", "is not HOST:PORT, e.g. 127.0.0.1:7180 or [::1]:7180");
    } else {
      config.http_host = host;
      config.http_port = parts->second;
    }
  }
  const std::string file = reader.string("http_token_file");
  if (!file.empty()) config.http_token_file = file.front() == '/' ? file : home.dir + "/" + file;
}

void read_feed(const ObjectReader& reader, Config& config) {
  const YamlNode* node = reader.map("feed");
  if (node == nullptr) return;
  const ObjectReader part(*node, kFeed, reader.scope());
  for (const auto& [key, endpoint] :
       {std::pair("publish", &config.feed_publish), std::pair("replay", &config.feed_replay)}) {
    const std::string text = part.string(key);
    if (text.empty()) continue;
    check_endpoint(text, part.at(key), part.scope());
    *endpoint = text;
  }
}

// Also where the home is no directory, or closed to us: that is for whoever makes or examines the
// home to say.
bool is_missing(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 &&
         (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
}

// What is in it, a token or its digest; "" when none is named.
Result<std::string> read_http_token_file(const Config& config) {
  if (config.http_token_file.empty()) return std::string();
  const std::string place = kHttpTokenFile + config.http_token_file;
  struct stat info {};
  if (::stat(config.http_token_file.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0) {
    return Error{place + " holds a secret, and everybody may read it: chmod 600"};
  }
  Result<std::string> token = read_secret(config.http_token_file, kHttpTokenBytesMax);
  if (!token) return Error{kHttpTokenFile + token.error()};
  const bool plain =
      std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (plain && token->size() >= kHttpTokenBytesMin && token->size() <= kHttpTokenBytesMax)
    return token;
  return Error{place +
               " holds no token: it needs 16 to 512 characters without blanks; try: openssl rand "
               "-hex 32"};
}

}  // namespace

ConfigFile load_config(const Home& home) {
  ConfigFile file;
  file.config.endpoint = home.default_endpoint();
  file.config.listen = {file.config.endpoint};
  file.config.feed_publish = "ipc://" + home.run_dir() + "/feed.sock";
  file.config.feed_replay = "ipc://" + home.run_dir() + "/replay.sock";
  file.config.archive.url = "file://" + home.archive_dir();
  file.config.keys = default_keys(home);
  load_panotti(home, file.config.couchdb, file.problems);
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
  read_archive(reader, file.config.archive);
  read_http(reader, home, file.config);
  read_feed(reader, file.config);
  read_couchdb(reader, home, file.config.couchdb);
  read_ledger(reader, home, file.config.ledger);
  read_decibel(reader, home, file.config.decibel);
  read_times(reader, file.config);
  read_log(reader, file.config.log);
  read_event_log(reader, file.config.event_log);
  read_keys(reader, home, file.config.keys);
  file.config.insecure = reader.boolean("insecure", file.config.insecure);
  file.config.trace_calls = reader.boolean("trace_calls", file.config.trace_calls);
  return file;
}

Result<std::string> load_http_token(const Config& config) {
  Result<std::string> text = read_http_token_file(config);
  if (!text || !text->starts_with(kDigestMark)) return text;
  return Error{kHttpTokenFile + config.http_token_file +
               " holds the digest of a token: whoever writes needs the token itself"};
}

Result<std::string> load_http_token_digest(const Config& config) {
  Result<std::string> text = read_http_token_file(config);
  if (!text || text->empty()) return text;
  if (!text->starts_with(kDigestMark)) return sha256_hex(*text);
  std::string digest = text->substr(kDigestMark.size());
  if (is_sha256(digest)) return digest;
  return Error{
      kHttpTokenFile + config.http_token_file +
      " holds no digest after \"sha256:\": it has 64 hexadecimal digits in lower case; try: "
      "printf %s TOKEN | sha256sum"};
}

std::vector<NamedKeyTable> config_keys() {
  return {{"config", &kConfig},         {"worker", &kWorker},
          {"archive", &kArchive},       {"feed", &kFeed},
          {"lister", &kLister},         {"couchdb", &couchdb_keys()},
          {"decibel", &decibel_keys()}, {"ledger", &ledger_keys()},
          {"log", &log_keys()},         {"event_log", &event_log_keys()},
          {"keys", &keys_keys()}};
}

}  // namespace muster
