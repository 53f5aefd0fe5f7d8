#include "tests/bench/peers/options.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace muster::bench {
namespace {

std::optional<int> read_count(const std::string& text, int max) {
  int count = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (fault != std::errc() || end != text.data() + text.size() || count < 1 || count > max) {
    return std::nullopt;
  }
  return count;
}

std::string known_keys() {
  std::string keys;
  for (const Peer& peer : all_peers()) keys += (keys.empty() ? "" : ", ") + std::string(peer.key);
  return keys;
}

// A comma between each.
Result<std::vector<const Peer*>> read_peers(const std::string& text) {
  std::set<const Peer*> chosen;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string name = text.substr(at, comma - at);
    const std::vector<const Peer*> found = find_peers(name);
    if (found.empty()) {
      return Error{"--only: no peer is called \"" + name + "\"; there are " + known_keys()};
    }
    chosen.insert(found.begin(), found.end());
    at = comma + 1;
  }
  std::vector<const Peer*> peers;
  for (const Peer& peer : all_peers()) {
    if (chosen.contains(&peer)) peers.push_back(&peer);
  }
  return peers;
}

}  // namespace

Result<PeersOptions> parse_peers_options(const std::vector<std::string>& arguments) {
  static const std::map<std::string, PeersOutput> kOutputs = {{"human", PeersOutput::human},
                                                              {"markdown", PeersOutput::markdown},
                                                              {"json", PeersOutput::json}};
  PeersOptions options;
  for (const Peer& peer : all_peers()) options.peers.push_back(&peer);
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& name = arguments[i];
    if (name != "-o" && name != "--runs" && name != "--seconds" && name != "--only") {
      return Error{"there is no argument \"" + name + "\""};
    }
    if (i + 1 == arguments.size()) return Error{name + " needs a value"};
    const std::string& value = arguments[i + 1];
    if (name == "-o") {
      const auto output = kOutputs.find(value);
      if (output == kOutputs.end()) return Error{"-o is human, markdown or json"};
      options.output = output->second;
    } else if (name == "--only") {
      Result<std::vector<const Peer*>> peers = read_peers(value);
      if (!peers.ok()) return Error{peers.error()};
      options.peers = std::move(*peers);
    } else {
      const bool runs = name == "--runs";
      const int max = runs ? kPeerRunsMax : kPeerSecondsMax;
      const std::optional<int> count = read_count(value, max);
      if (!count) return Error{name + " is a whole number from 1 to " + std::to_string(max)};
      if (runs) {
        options.runs = *count;
      } else {
        options.seconds = *count;
      }
    }
  }
  return options;
}

}  // namespace muster::bench
