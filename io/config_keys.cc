#include "io/config_keys.h"

#include <utility>

#include "core/access.h"

namespace muster {
namespace {

const KeyTable kKeys = {"the configuration of keys",
                        {"broker", "worker", "collector", "user", "server", "allowed"}};

std::string absolute(const Home& home, const std::string& path) {
  return path.starts_with('/') ? path : home.dir + "/" + path;
}

}  // namespace

KeysConfig default_keys(const Home& home) {
  KeysConfig keys;
  keys.broker = key_file(home, "broker");
  keys.collector = key_file(home, "collector");
  keys.user = key_file(home, "admin");
  keys.server = home.keys_dir() + "/broker.pub";
  keys.allowed = home.keys_dir() + "/allowed";
  return keys;
}

std::string key_file(const Home& home, const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos) return absolute(home, name_or_path);
  return home.keys_dir() + "/" + name_or_path + ".key";
}

void read_keys(const ObjectReader& reader, const Home& home, KeysConfig& keys) {
  const YamlNode* node = reader.map("keys");
  if (node == nullptr) return;
  const ObjectReader part(*node, kKeys, reader.scope());
  for (const auto& [key, file] :
       {std::pair("broker", &keys.broker), std::pair("worker", &keys.worker),
        std::pair("collector", &keys.collector), std::pair("user", &keys.user)}) {
    const std::string text = part.string(key);
    if (text.empty()) continue;
    const bool is_path = text.find('/') != std::string::npos;
    if (const auto reason = invalid_key_name(text); reason && !is_path) part.error(key, *reason);
    *file = key_file(home, text);
  }
  if (const std::string text = part.string("server"); !text.empty()) {
    keys.server = invalid_public_key(text) ? absolute(home, text) : text;
  }
  if (const std::string text = part.string("allowed"); !text.empty()) {
    keys.allowed = absolute(home, text);
  }
}

const KeyTable& keys_keys() { return kKeys; }

}  // namespace muster
