// The transport as it is at its worst. A live connection keeps messages whole, in order and once,
// unless this run's faults say otherwise; what happens to mail when a connection or a process dies
// is anybody's guess: gone, late, or under another connection's name.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/messages.h"
#include "tests/sim/checkers.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim.h"

namespace muster::sim {

class SimNetwork {
 public:
  using ToBroker = std::function<void(const std::string& peer, Envelope envelope)>;
  using ToClient = std::function<void(Envelope envelope)>;

  // `faults` outlives the network and may change while it runs.
  SimNetwork(Sim& sim, const Faults& faults, Checkers& checkers)
      : sim_(sim), faults_(faults), checkers_(checkers) {}

  // The broker's side. Clients connect by themselves, some time after it is up.
  void broker_up(ToBroker receive);
  void broker_down();
  // False when the peer is known to be gone.
  bool send_to_peer(const std::string& peer, const Envelope& envelope);

  // The side of everybody else. A socket lives as long as its process; `host` is its machine.
  uint64_t open_socket(const std::string& host, ToClient receive);
  void close_socket(uint64_t socket);
  void send(uint64_t socket, const Envelope& envelope);

  // Nothing from the host arrives, or nothing reaches it, until then. It is late, not lost.
  void cut(const std::string& host, bool from_host, bool to_host, Duration until);
  void heal_all() { cuts_.clear(); }
  // Every connection of the host breaks and is made anew.
  void reconnect(const std::string& host);

 private:
  struct Way {
    Duration newest{0};  // when the last message arrives
  };
  struct Connection {
    uint64_t socket = 0;
    std::string host;
    bool alive = true;
    bool known_dead = false;  // to the broker
    Way up;
    Way down;
  };
  struct Socket {
    std::string host;
    ToClient receive;
    uint64_t connection = 0;     // 0: not connected
    std::deque<Envelope> queue;  // until it is
  };
  struct Cut {
    Duration up_until{0};
    Duration down_until{0};
  };
  struct Mail {
    uint64_t connection = 0;
    bool up = false;
    Envelope envelope;
    std::string frame;
  };

  void connect(uint64_t socket);
  void disconnect(uint64_t connection);
  void connect_later(uint64_t socket);
  void post(uint64_t connection, bool up, const Envelope& envelope);
  void travel(Mail mail, Duration latency, bool in_order);
  void arrive(Mail mail);
  void arrive_at_broker(Mail mail);
  void arrive_at_client(Mail mail);
  Duration cut_until(const std::string& host, bool up) const;
  static std::string peer_name(uint64_t connection) { return "c" + std::to_string(connection); }

  Sim& sim_;
  const Faults& faults_;
  Checkers& checkers_;
  ToBroker broker_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Connection> connections_;
  std::map<uint64_t, Socket> sockets_;
  std::map<std::string, Cut> cuts_;
};

}  // namespace muster::sim
