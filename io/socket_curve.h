// CURVE on ZeroMQ sockets, for the files that make them. Not for others: it includes zmq.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "io/curve.h"
#include "io/socket_kit.h"

namespace muster {

// Answers libzmq's questions who may connect, in a thread of its own: without it every key may
// (libzmq 4.3.4 lets in whoever nobody asks about). If it cannot go on the process ends.
class ZapServer {
 public:
  ZapServer(void* context, std::shared_ptr<Gate> gate);
  // After zmq_ctx_shutdown, which ends the thread.
  ~ZapServer() { thread_.join(); }
  ZapServer(const ZapServer&) = delete;
  ZapServer& operator=(const ZapServer&) = delete;

 private:
  void run();

  void* socket_;
  std::shared_ptr<Gate> gate_;
  std::thread thread_;
};

// For the next bind. Null: without CURVE.
bool set_curve_server(void* socket, const Curve* curve);
// For the next connect.
bool set_curve_client(void* socket, const Curve& curve);

// Whose message it is. With CURVE whoever comes by tcp:// has a key; should libzmq ever give none,
// it is nobody: not local, and without a key.
struct PeerKey {
  bool local = false;  // by a Unix socket
  std::string key;     // public
  std::string address;
};
PeerKey peer_key(ZmqMessage& message);
std::string peer_address(ZmqMessage& message);

// How a handshake of a socket ended.
enum class Handshake : uint8_t {
  done,
  not_allowed,     // by the gate of who listens
  other_security,  // one side has CURVE and the other has not
  garbled,         // meant for another key, or no ZeroMQ at all
  broken_off,      // the other side closed the connection without a word
  silent,          // it said nothing in time
};

// libzmq tells of handshakes in its own thread, and waits there while nobody takes what it tells:
// so it must be told to stop before nobody does, and what it tells must be taken.
class HandshakeWatch {
 public:
  enum class Side : uint8_t { listens, dials };  // who listens is told of what is garbled only
  // Before the socket binds or connects; ends before it.
  HandshakeWatch(SocketContext& context, void* socket, Side side);
  ~HandshakeWatch();
  HandshakeWatch(const HandshakeWatch&) = delete;
  HandshakeWatch& operator=(const HandshakeWatch&) = delete;
  // The next one, or nothing.
  std::optional<Handshake> next();
  void* handle() { return watch_.get(); }

 private:
  void* socket_;
  SocketHandle watch_;
};

}  // namespace muster
