#include "tests/sim/sim_network.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/limits.h"
#include "tests/sim/sim_codec.h"
#include "tests/transcripts/describe.h"

namespace muster::sim {
namespace {

constexpr Duration kLatencyMin = 100us;
constexpr Duration kLatencyMax = 5ms;
constexpr Duration kReconnectMax = 2s;

}  // namespace

void SimNetwork::broker_up(ToBroker receive) {
  broker_ = std::move(receive);
  for (const auto& [id, socket] : sockets_) connect_later(id);
}

void SimNetwork::broker_down() {
  broker_ = nullptr;
  for (auto& [id, connection] : connections_) {
    if (connection.alive) disconnect(id);
  }
}

bool SimNetwork::send_to_peer(const std::string& peer, const Envelope& envelope) {
  uint64_t id = 0;
  std::from_chars(peer.data() + 1, peer.data() + peer.size(), id);
  const Connection& connection = connections_.at(id);
  if (connection.alive) post(id, false, envelope);
  return !connection.known_dead;
}

uint64_t SimNetwork::open_socket(const std::string& host, ToClient receive) {
  const uint64_t id = next_id_++;
  sockets_[id] = {host, std::move(receive), 0, {}};
  connect_later(id);
  return id;
}

void SimNetwork::close_socket(uint64_t id) {
  const uint64_t connection = sockets_.at(id).connection;
  sockets_.erase(id);
  if (connection != 0) disconnect(connection);
}

void SimNetwork::send(uint64_t id, const Envelope& envelope) {
  Socket& socket = sockets_.at(id);
  if (socket.connection != 0) {
    post(socket.connection, true, envelope);
  } else if (socket.queue.size() < static_cast<size_t>(kSocketQueueMax)) {
    socket.queue.push_back(envelope);
  }
}

void SimNetwork::cut(const std::string& host, bool from_host, bool to_host, Duration until) {
  Cut& cut = cuts_[host];
  if (from_host) cut.up_until = until;
  if (to_host) cut.down_until = until;
}

void SimNetwork::reconnect(const std::string& host) {
  for (auto& [id, connection] : connections_) {
    if (connection.alive && connection.host == host) disconnect(id);
  }
}

void SimNetwork::connect_later(uint64_t id) {
  sim_.after(sim_.random().heavy_tail(1ms, kReconnectMax), [this, id] {
    const auto socket = sockets_.find(id);
    if (socket != sockets_.end() && socket->second.connection == 0 && broker_) connect(id);
  });
}

void SimNetwork::connect(uint64_t id) {
  Socket& socket = sockets_.at(id);
  socket.connection = next_id_++;
  connections_[socket.connection] = {id, socket.host, true, false, {}, {}};
  for (const Envelope& envelope : std::exchange(socket.queue, {})) {
    post(socket.connection, true, envelope);
  }
}

void SimNetwork::disconnect(uint64_t id) {
  Connection& connection = connections_.at(id);
  connection.alive = false;
  connection.known_dead = sim_.random().chance(500);
  const auto socket = sockets_.find(connection.socket);
  if (socket == sockets_.end() || socket->second.connection != id) return;
  socket->second.connection = 0;
  if (broker_) connect_later(connection.socket);
}

void SimNetwork::post(uint64_t id, bool up, const Envelope& envelope) {
  Result<Carried> carried = carry(envelope);
  if (!carried.ok()) {
    checkers_.fail("the codec does not carry " + describe(envelope, kNever) + ": " +
                   carried.error());
    return;
  }
  Random& random = sim_.random();
  if (random.chance(faults_.loss)) return;
  Duration latency = random.between(kLatencyMin, kLatencyMax);
  if (random.chance(faults_.late)) latency += random.heavy_tail(1ms, faults_.late_max);
  Mail mail{id, up, std::move(carried->envelope), std::move(carried->frame)};
  if (random.chance(faults_.doubling)) {
    travel(mail, latency + random.heavy_tail(1ms, faults_.late_max), false);
  }
  travel(std::move(mail), latency, !random.chance(faults_.reorder));
}

void SimNetwork::travel(Mail mail, Duration latency, bool in_order) {
  Connection& connection = connections_.at(mail.connection);
  Duration& newest = (mail.up ? connection.up : connection.down).newest;
  Duration due = sim_.now() + latency;
  if (in_order) newest = due = std::max(due, newest);
  sim_.after(due - sim_.now(),
             [this, mail = std::move(mail)]() mutable { arrive(std::move(mail)); });
}

Duration SimNetwork::cut_until(const std::string& host, bool up) const {
  const auto found = cuts_.find(host);
  if (found == cuts_.end()) return Duration(0);
  return up ? found->second.up_until : found->second.down_until;
}

void SimNetwork::arrive(Mail mail) {
  const Duration until = cut_until(connections_.at(mail.connection).host, mail.up);
  if (until > sim_.now()) {
    travel(std::move(mail), until - sim_.now() + kLatencyMin, true);
  } else if (mail.up) {
    arrive_at_broker(std::move(mail));
  } else {
    arrive_at_client(std::move(mail));
  }
}

void SimNetwork::arrive_at_broker(Mail mail) {
  const Connection& connection = connections_.at(mail.connection);
  std::string peer = peer_name(mail.connection);
  if (!connection.alive) {
    if (!sim_.random().chance(faults_.old_mail)) return;
    if (!broker_) {
      sim_.after(sim_.random().heavy_tail(100ms, 10s),
                 [this, mail = std::move(mail)]() mutable { arrive(std::move(mail)); });
      return;
    }
    // What the client's socket had not sent yet goes out over its new connection.
    const auto socket = sockets_.find(connection.socket);
    if (socket != sockets_.end() && socket->second.connection != 0 && sim_.random().chance(500)) {
      peer = peer_name(socket->second.connection);
    }
    checkers_.marks().hit(Mark::old_mail);
  }
  sim_.note(peer, mail.frame);
  if (sim_.tracing()) sim_.trace(connection.host, peer + " -> " + describe(mail.envelope, kNever));
  broker_(peer, std::move(mail.envelope));
}

void SimNetwork::arrive_at_client(Mail mail) {
  const Connection& connection = connections_.at(mail.connection);
  const auto socket = sockets_.find(connection.socket);
  if (socket == sockets_.end()) return;
  if (!connection.alive) {
    if (!sim_.random().chance(faults_.old_mail)) return;
    checkers_.marks().hit(Mark::old_mail);
  }
  sim_.note(connection.host, mail.frame);
  if (sim_.tracing()) {
    sim_.trace(connection.host,
               peer_name(mail.connection) + " <- " + describe(mail.envelope, kNever));
  }
  socket->second.receive(std::move(mail.envelope));
}

}  // namespace muster::sim
