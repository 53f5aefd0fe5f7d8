// The parts `keys` and `insecure` of muster.yaml: how tcp:// endpoints are kept (docs/security.md).
//
//   keys: { broker: NAME, worker: NAME, collector: NAME, user: NAME, server: HEX, allowed: FILE }
//   insecure: false
#pragma once

#include <string>

#include "io/home.h"
#include "io/object_reader.h"

namespace muster {

// Files are absolute.
struct KeysConfig {
  // Files of key pairs: of the broker, the worker, the collector and whoever types commands.
  std::string broker;
  std::string worker;  // empty: HOME/keys/NAME.key, by the worker's name
  std::string collector;
  std::string user;
  std::string server;   // the broker's public key, or a file that has it
  std::string allowed;  // the file of grants (core/access.h)
};

// Where nothing is said.
KeysConfig default_keys(const Home& home);

void read_keys(const ObjectReader& reader, const Home& home, KeysConfig& keys);

// HOME/keys/NAME.key, for a name; a path is one already.
std::string key_file(const Home& home, const std::string& name_or_path);

const KeyTable& keys_keys();

}  // namespace muster
