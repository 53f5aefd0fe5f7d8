#include "io/socket.h"

#include <zmq.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "io/socket_kit.h"

namespace muster {

namespace {

// ZMQ_ZERO_COPY_RECV. The header hides it behind the draft interface, the library has it. Off,
// every received buffer is allocated by itself: 8-byte aligned, and keeping one pins no other.
constexpr int kZeroCopyReceive = 10;

// Malformed messages skipped in one call: a flood of them must not keep the caller here.
constexpr int kMalformedPerCallMax = 256;

}  // namespace

SocketContext::SocketContext() : handle_(::zmq_ctx_new()) {
  if (handle_ == nullptr || ::zmq_ctx_set(handle_, kZeroCopyReceive, 0) != 0) {
    std::perror("muster: cannot set up ZeroMQ");
    std::abort();
  }
}

SocketContext::~SocketContext() {
  while (::zmq_ctx_term(handle_) != 0 && ::zmq_errno() == EINTR) {
  }
}

struct Frame::Impl {
  ZmqMessage message;
  std::unique_ptr<uint64_t[]> aligned;  // a copy, should libzmq ever give an odd address

  std::string_view bytes() {
    const std::string_view view = message.bytes();
    if (!aligned) return view;
    return {reinterpret_cast<const char*>(aligned.get()), view.size()};
  }
  void align() {
    const std::string_view view = message.bytes();
    if (reinterpret_cast<uintptr_t>(view.data()) % alignof(uint64_t) == 0) return;
    aligned = std::make_unique<uint64_t[]>(view.size() / sizeof(uint64_t) + 1);
    std::memcpy(aligned.get(), view.data(), view.size());
  }
};

Frame::Frame() = default;
Frame::~Frame() = default;
Frame::Frame(Frame&&) noexcept = default;
Frame& Frame::operator=(Frame&&) noexcept = default;

std::string_view Frame::bytes() const { return impl_ ? impl_->bytes() : std::string_view(); }

Frame::Impl& Frame::impl() {
  if (!impl_) impl_ = std::make_unique<Impl>();
  return *impl_;
}

namespace {

class ZmqServer final : public ServerSocket {
 public:
  explicit ZmqServer(SocketHandle socket) : socket_(std::move(socket)) {}

  Result<Done> add(const std::string& endpoint) { return listeners_.bind(socket_.get(), endpoint); }

  std::optional<Received> receive() override {
    for (int i = 0; i < kMalformedPerCallMax; ++i) {
      ZmqMessage peer;
      if (!receive_part(socket_.get(), peer)) return std::nullopt;
      Received received;
      ZmqMessage& body = received.frame.impl().message;
      const bool has_body = peer.more() && receive_part(socket_.get(), body);
      if (has_body && !body.more()) {
        received.peer = peer.bytes();
        received.frame.impl().align();
        return received;
      }
      if (has_body) drop_rest(socket_.get());
      ++malformed_;
    }
    return std::nullopt;
  }

  bool send(const std::string& peer, std::string bytes) override {
    // What is small is bounded by its number.
    if (bytes.size() <= kCopyMax) {
      return send_part(socket_.get(), peer, ZMQ_SNDMORE) && send_part(socket_.get(), bytes, 0);
    }
    SendBudget::SharePtr share = budget_.take(peer, bytes.size());
    return share != nullptr && send_part(socket_.get(), peer, ZMQ_SNDMORE) &&
           send_last_large(socket_.get(), std::move(bytes), std::move(share));
  }

  uint64_t malformed() const override { return malformed_; }
  std::vector<std::string> endpoints() const override { return listeners_.endpoints(); }
  void* handle() override { return socket_.get(); }

 private:
  // The socket goes first, then the locks.
  Listeners listeners_;
  SocketHandle socket_;
  SendBudget budget_;
  uint64_t malformed_ = 0;
};

class ZmqClient final : public ClientSocket {
 public:
  explicit ZmqClient(SocketHandle socket) : socket_(std::move(socket)) {}

  std::optional<Frame> receive() override {
    for (int i = 0; i < kMalformedPerCallMax; ++i) {
      Frame frame;
      ZmqMessage& body = frame.impl().message;
      if (!receive_part(socket_.get(), body)) return std::nullopt;
      if (!body.more()) {
        frame.impl().align();
        return frame;
      }
      drop_rest(socket_.get());
    }
    return std::nullopt;
  }

  bool send(std::string bytes) override { return send_last(socket_.get(), std::move(bytes)); }
  void* handle() override { return socket_.get(); }

 private:
  SocketHandle socket_;
};

}  // namespace

Result<std::unique_ptr<ServerSocket>> ServerSocket::bind(
    SocketContext& context, const std::vector<std::string>& endpoints) {
  Result<SocketHandle> socket = open_socket(context, ZMQ_ROUTER);
  if (!socket) return Error{socket.error()};
  if (!set_option(socket->get(), ZMQ_ROUTER_MANDATORY, 1)) {
    return zmq_failure("cannot set up", "a server socket");
  }
  auto server = std::make_unique<ZmqServer>(std::move(*socket));
  for (const std::string& endpoint : endpoints) {
    if (std::optional<std::string> problem = invalid_endpoint(endpoint)) return Error{*problem};
    const Result<Done> added = server->add(endpoint);
    if (!added) return Error{added.error()};
  }
  return std::unique_ptr<ServerSocket>(std::move(server));
}

Result<std::unique_ptr<ClientSocket>> ClientSocket::connect(SocketContext& context,
                                                            const std::string& endpoint) {
  if (std::optional<std::string> problem = invalid_endpoint(endpoint)) return Error{*problem};
  if (endpoint.ends_with(":0") || endpoint.ends_with(":*")) {
    return Error{"cannot connect to " + endpoint + ": it needs the broker's port"};
  }
  Result<SocketHandle> socket = open_socket(context, ZMQ_DEALER);
  if (!socket) return Error{socket.error()};
  if (!use_family_of(socket->get(), endpoint) ||
      ::zmq_connect(socket->get(), endpoint.c_str()) != 0) {
    return zmq_failure("cannot connect to", endpoint);
  }
  return std::unique_ptr<ClientSocket>(std::make_unique<ZmqClient>(std::move(*socket)));
}

}  // namespace muster
