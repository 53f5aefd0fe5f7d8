// Pieces of ZeroMQ sockets, for the files that make them. Not for others: it includes zmq.
#pragma once

#include <zmq.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "io/file.h"
#include "io/send_budget.h"
#include "io/socket.h"

namespace muster {

struct CloseSocket {
  void operator()(void* socket) const { ::zmq_close(socket); }
};
using SocketHandle = std::unique_ptr<void, CloseSocket>;

Error zmq_failure(std::string_view doing, const std::string& endpoint);
bool set_option(void* socket, int option, int value);

// A socket with every option that all of ours have.
Result<SocketHandle> open_socket(SocketContext& context, int type);

// For the next bind or connect. Not for all of them: an IPv4 address would become a mapped one.
bool use_family_of(void* socket, std::string_view endpoint);

struct ZmqMessage {
  ZmqMessage() { ::zmq_msg_init(&raw); }
  ~ZmqMessage() { ::zmq_msg_close(&raw); }
  ZmqMessage(const ZmqMessage&) = delete;
  ZmqMessage& operator=(const ZmqMessage&) = delete;
  std::string_view bytes() {
    return {static_cast<const char*>(::zmq_msg_data(&raw)), ::zmq_msg_size(&raw)};
  }
  bool more() { return ::zmq_msg_more(&raw) != 0; }
  zmq_msg_t raw;
};

// False when nothing waits.
bool receive_part(void* socket, ZmqMessage& part);

// The parts of a message arrive together, so the ones after the first are there.
void drop_rest(void* socket);

bool send_part(void* socket, std::string_view bytes, int flags);
bool send_last(void* socket, std::string bytes);

// Bytes up to here are copied into a message; more are handed over as they are.
inline constexpr size_t kCopyMax = 1'024;
// The same for more than that; `share` is kept until they have left.
bool send_last_large(void* socket, std::string bytes, SendBudget::SharePtr share);

// Where a socket listens. A Unix socket is bound under a lock beside it, and removed at the end;
// the ZeroMQ socket must have been closed before.
class Listeners {
 public:
  // `curve` is for tcp:// endpoints, and must outlive this; null: they are open.
  explicit Listeners(const Curve* curve) : curve_(curve) {}
  ~Listeners();
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  Result<Done> bind(void* socket, const std::string& endpoint);
  // As bound: with the port when tcp port 0 or * was asked for.
  const std::vector<std::string>& endpoints() const { return endpoints_; }

 private:
  struct Listener {
    std::string path;
    PidFile lock;
  };

  Result<Done> bind_ipc(void* socket, const std::string& endpoint);
  Result<Done> bind_tcp(void* socket, const std::string& endpoint);

  const Curve* curve_;
  std::vector<Listener> listeners_;
  std::vector<std::string> endpoints_;
};

}  // namespace muster
