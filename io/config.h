// HOME/muster.yaml: the configuration of the daemons of one installation. Every key is optional,
// and so is the file.
//
//   endpoint: ipc:///run/muster/broker.sock      # where workers, collectors and people dial
//   listen: [ipc:///run/muster/broker.sock]      # where the broker listens; endpoint otherwise
//   worker: { name: local, slots: 8, pools: [general], lab: home, log_max: 1GiB,
//             disk_reserve: 72MiB, listers: [...],
//             git_allow: ["ssh://git@host/*"] }
//   beat: 2s                                     # how often each peer is heard
//   lease: 20s                                   # how long a silent worker keeps its attempts
//   archive: { url: file:///srv/archive, keep: 30d, max: 50GiB }
//   http: 127.0.0.1:7180                         # where the collector listens beside its socket
//   http_token_file: http.token                  # holds the token of those who may write there
//   feed: { publish: "tcp://127.0.0.1:7181", replay: "tcp://127.0.0.1:7182" }   # docs/feed.md
//   couchdb: { url: "https://db:6984", db: events, ... }   # io/config_couchdb.h
//   decibel: { url: "https://decibel/...", ... }           # io/config_decibel.h
//   ledger: { server: db:3306, ... }                       # io/config_ledger.h
//   log: { level: info, ... }                    # io/config_log.h
//   event_log: { keep: 30d, max: 8GiB, ... }     # io/config_event_log.h
//   keys: { server: HEX, ... }                   # io/config_keys.h
//   insecure: false                              # tcp:// without keys
//   trace_calls: false                           # calls of tasks that go well are events too
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "io/config_couchdb.h"
#include "io/config_decibel.h"
#include "io/config_event_log.h"
#include "io/config_keys.h"
#include "io/config_ledger.h"
#include "io/config_log.h"
#include "io/home.h"
#include "io/object_reader.h"

namespace muster {

// A command that tells which devices are plugged in (docs/inventory.md).
struct ListerConfig {
  std::string name;
  std::vector<std::string> command;
  bool operator==(const ListerConfig&) const = default;
};

struct WorkerConfig {
  std::string name = "local";
  uint32_t slots = 8;
  std::vector<std::string> pools;
  std::string lab = "local";
  uint64_t log_max = kConsoleLogBytesMax;       // bytes of one attempt's console log
  uint64_t disk_reserve = kWorkerReserveBytes;  // bytes that its attempts leave free
  std::vector<std::string> git_allow;           // URLs that it fetches from (core/git_url.h)
  std::vector<ListerConfig> listers;            // names unique
};

struct ArchiveConfig {
  std::string url;  // where workers take what attempts leave (io/archive_name.h); never empty
  Duration keep = kArchiveKeepDefault;  // of the collector's: since a task last left something
  uint64_t bytes_max = kArchiveBytesDefault;  // likewise, of everything
};

struct Config {
  std::string endpoint;             // never empty
  std::vector<std::string> listen;  // never empty
  WorkerConfig worker;
  ArchiveConfig archive;
  std::string http_host;        // of the collector's TCP port; empty: it has none
  uint16_t http_port = 0;       // 0: any that is free
  std::string http_token_file;  // absolute; empty: nobody may write by TCP
  std::string feed_publish;     // where the feed's ZeroMQ sockets listen; never empty
  std::string feed_replay;      // likewise
  CouchDbConfig couchdb;
  DecibelConfig decibel;
  std::optional<LedgerServer> ledger;  // nothing: HOME/collector/ledger.db
  Duration beat = kBeatDefault;
  Duration lease = kLeaseDefault;
  LogConfig log;
  EventLogConfig event_log;
  KeysConfig keys;
  bool insecure = false;  // tcp:// endpoints have no keys: whoever reaches them may do everything
  bool trace_calls = false;
};

struct ConfigFile {
  Config config;  // the defaults where the file says nothing
  FileProblems problems;
};

ConfigFile load_config(const Home& home);

// For who writes: the token in the configuration's http_token_file, or "" when none is named.
// Errors: the file cannot be read, or what is in it is no token (16 to 512 characters without
// blanks) but, perhaps, the digest of one.
Result<std::string> load_http_token(const Config& config);

// For who listens: the SHA-256 of that token, or "" when none is named. The file may have it
// instead of the token, as "sha256:" and 64 hexadecimal digits.
Result<std::string> load_http_token_digest(const Config& config);

std::vector<NamedKeyTable> config_keys();

}  // namespace muster
