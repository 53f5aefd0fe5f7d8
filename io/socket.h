// All of ZeroMQ: only files named io/socket* include zmq. Frames are opaque bytes; io/codec.h gives
// them meaning.
//
// Endpoints: `ipc:///path` (file permissions 0600, path at most 107 bytes, a lock file beside it
// because a second bind would silently steal the first) and `tcp://HOST:PORT`, with CURVE when the
// context has keys (io/curve_setup.h sees to it that it does). TCP keepalive is on, ZMTP heartbeats
// are off (they can abort the process in libzmq 4.3.4), queues are bounded by kSocketQueueMax,
// frames by kMessageBytesMax, LINGER is short.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "io/curve.h"

namespace muster {

class ZapServer;

// Owns the ZeroMQ context; outlives its sockets. One per process.
class SocketContext {
 public:
  // With `curve` what is bound and connected by tcp:// is encrypted; without it is open to all.
  explicit SocketContext(CurvePtr curve = nullptr);
  ~SocketContext();
  SocketContext(const SocketContext&) = delete;
  SocketContext& operator=(const SocketContext&) = delete;
  void* handle() const { return handle_; }
  const Curve* curve() const { return curve_.get(); }

 private:
  CurvePtr curve_;
  void* handle_;
  std::unique_ptr<ZapServer> zap_;
};

// Why `endpoint` may not be used (syntax, path too long), or nothing.
std::optional<std::string> invalid_endpoint(std::string_view endpoint);
bool is_tcp(std::string_view endpoint);

// A frame received. Its bytes are 8-byte aligned and live as long as the Frame.
class Frame {
 public:
  Frame();
  ~Frame();
  Frame(Frame&&) noexcept;
  Frame& operator=(Frame&&) noexcept;
  std::string_view bytes() const;
  // The host that it came from, as libzmq says it; "" when that is not known.
  std::string sender_address() const;
  struct Impl;
  Impl& impl();  // for io/socket.cc only; made when first asked for

 private:
  std::unique_ptr<Impl> impl_;
};

// The broker's side (ROUTER).
class ServerSocket {
 public:
  static Result<std::unique_ptr<ServerSocket>> bind(SocketContext& context,
                                                    const std::vector<std::string>& endpoints);
  virtual ~ServerSocket() = default;

  struct Received {
    std::string peer;  // opaque; of a connection, and of one key only
    Frame frame;
  };
  // The public key that a peer has shown; empty: it came by ipc://, or there is no CURVE.
  static std::string_view key_of(std::string_view peer);

  // The next message, or nothing when none waits. Multipart messages of the wrong shape are dropped
  // and counted in malformed().
  virtual std::optional<Received> receive() = 0;

  // False when the peer is gone, or its queue is full, or too many bytes are on their way to it
  // (io/send_budget.h): the message is dropped (peers repair by asking again).
  virtual bool send(const std::string& peer, std::string bytes) = 0;

  virtual uint64_t malformed() const = 0;
  // Connections since the last call that came to nothing because they had no CURVE, or another
  // server's key.
  struct Strangers {
    uint64_t without_curve = 0;
    uint64_t garbled = 0;
  };
  virtual Strangers take_strangers() = 0;
  // Ready when there are some: they must be taken, or nobody else is heard in the end. Null: never.
  virtual void* strangers_handle() = 0;
  // Endpoints as bound: with the port when tcp port 0 or * was asked for.
  virtual std::vector<std::string> endpoints() const = 0;
  virtual void* handle() = 0;  // for Poller only
};

// The side of workers, collectors and people (DEALER).
class ClientSocket {
 public:
  // Connecting is asynchronous and repeats with back-off; an absent broker is not an error here.
  // What is sent while there is no connection waits in the queue, so do not pile it up: one Hello
  // is enough to be heard when the broker is back.
  static Result<std::unique_ptr<ClientSocket>> connect(SocketContext& context,
                                                       const std::string& endpoint);
  virtual ~ClientSocket() = default;
  virtual std::optional<Frame> receive() = 0;
  virtual bool send(std::string bytes) = 0;  // false when the queue is full
  virtual void* handle() = 0;

  // Why the two cannot speak: the other side does not let this key in, or is another than it should
  // be. For people; "": nothing is known. libzmq does not try again after some of these: who wants
  // to makes another socket.
  virtual std::string handshake_fault() = 0;
  // True once after each time that the connection was made anew, by libzmq itself: whoever listens
  // there may have been started again, and does not know us.
  virtual bool take_reconnected() = 0;
  // Ready when handshake_fault() or take_reconnected() may have something new.
  virtual void* handshake_handle() = 0;
};

// Waits for sockets and file descriptors. Not thread-safe.
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void add_socket(void* handle, uint64_t key);      // ready when a message waits
  void add_fd(int fd, short events, uint64_t key);  // POLLIN, POLLOUT of poll(2); also on hang-up
  void clear();
  // Keys that are ready, after at most `timeout` (negative: no limit; rounded up to a millisecond).
  // Interrupted by a signal: returns early, possibly with nothing.
  const std::vector<uint64_t>& wait(Duration timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster
