// The server of a peer: its own process, on a loopback port, with its data in a directory of its
// own. Nothing of an installation of it on this machine is used but the program.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "tests/bench/peers/peer.h"
#include "tests/support/child.h"

namespace muster::bench {

class PeerServer {
 public:
  // Started under `parent`, and listening. An error says which program is missing, or what the
  // server has said.
  static Result<std::unique_ptr<PeerServer>> start(const Peer& peer, const std::string& parent);
  ~PeerServer();
  PeerServer(const PeerServer&) = delete;
  PeerServer& operator=(const PeerServer&) = delete;

  uint16_t port() const { return port_; }
  const std::string& dir() const { return scratch_.path(); }
  // Resident memory.
  uint64_t bytes() const;
  // The end of what it has said.
  std::string words() const;

 private:
  explicit PeerServer(const std::string& parent);

  // What to start for `peer`, after the files are there that it needs.
  Result<ChildSpec> make_spec(const Peer& peer);
  ChildSpec make_rabbitmq_spec();

  ScratchDir scratch_;
  uint16_t port_;
  std::unique_ptr<Child> epmd_;  // Erlang's port mapper, for RabbitMQ
  std::unique_ptr<Child> server_;
};

}  // namespace muster::bench
