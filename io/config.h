// HOME/muster.yaml: the configuration of the daemons of one installation. Every key is optional,
// and so is the file.
//
//   endpoint: ipc:///run/muster/broker.sock      # where workers, collectors and people dial
//   listen: [ipc:///run/muster/broker.sock]      # where the broker listens; endpoint otherwise
//   worker: { name: local, slots: 8, pools: [general], lab: home, listers: [...] }
//   beat: 2s                                     # how often each peer is heard
//   lease: 20s                                   # how long a silent worker keeps its attempts
//   log_level: info                              # trace, debug, info, warn, error
#pragma once

#include <string>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
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
  std::vector<ListerConfig> listers;  // names unique
};

struct Config {
  std::string endpoint;             // never empty
  std::vector<std::string> listen;  // never empty
  WorkerConfig worker;
  Duration beat = kBeatDefault;
  Duration lease = kLeaseDefault;
  std::string log_level = "info";
};

struct ConfigFile {
  Config config;  // the defaults where the file says nothing
  FileProblems problems;
};

ConfigFile load_config(const Home& home);

std::vector<NamedKeyTable> config_keys();

}  // namespace muster
