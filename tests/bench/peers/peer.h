// The brokers that muster is compared with, and how each is used: as its own documentation advises.
// One list for the runner, which prints it, and for the clients, which keep to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::bench {

enum class PeerKind : uint8_t { redis, rabbitmq, nats, beanstalkd };

// How much of the work is under way at once.
struct Load {
  size_t window = 1;  // tasks in flight
  size_t batch = 1;   // tasks that the producer sends together
  size_t credit = 1;  // tasks that a worker takes together
};
inline constexpr Load kOneInFlight = {1, 1, 1};

struct Peer {
  PeerKind kind;
  std::string_view key;     // "redis_always": names its figures, peer_KEY_...
  std::string_view title;   // "Redis streams, appendfsync always"
  std::string_view served;  // how the server is started, and what its acknowledgement means
  std::string_view used;    // what the client does
  Load load;                // while the producer pipelines
  bool synced = false;      // the server is given a directory where every write is synced
};

const std::vector<Peer>& all_peers();

// Every peer that `name` means: the one with that key, else those whose key begins with it and "_".
std::vector<const Peer*> find_peers(std::string_view name);

}  // namespace muster::bench
