#include "io/socket.h"

#include <zmq.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/access.h"
#include "io/socket_curve.h"
#include "io/socket_kit.h"

namespace muster {

namespace {

// ZMQ_ZERO_COPY_RECV. The header hides it behind the draft interface, the library has it. Off,
// every received buffer is allocated by itself: 8-byte aligned, and keeping one pins no other.
constexpr int kZeroCopyReceive = 10;

// Malformed messages skipped in one call: a flood of them must not keep the caller here.
constexpr int kMalformedPerCallMax = 256;
// Ends of handshakes, likewise.
constexpr int kHandshakesPerCallMax = 1'024;

// Before key and routing id in the name of a peer that has shown a key. libzmq's own routing ids
// begin with a NUL too, and have 5 bytes; peers cannot choose such.
constexpr char kKeyMark = '\0';
constexpr size_t kKeyedPeerMin = 1 + kPublicKeyDigits;

// Handshakes that end without a word, one after the other: one may be a broker that just ends.
constexpr int kBrokenOffMax = 2;

}  // namespace

SocketContext::SocketContext(CurvePtr curve) : curve_(std::move(curve)), handle_(::zmq_ctx_new()) {
  if (handle_ == nullptr || ::zmq_ctx_set(handle_, kZeroCopyReceive, 0) != 0) {
    std::perror("muster: cannot set up ZeroMQ");
    std::abort();
  }
  if (curve_ && curve_->gate) zap_ = std::make_unique<ZapServer>(handle_, curve_->gate);
}

SocketContext::~SocketContext() {
  if (zap_) {
    ::zmq_ctx_shutdown(handle_);
    zap_.reset();
  }
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

std::string Frame::sender_address() const { return impl_ ? peer_address(impl_->message) : ""; }

Frame::Impl& Frame::impl() {
  if (!impl_) impl_ = std::make_unique<Impl>();
  return *impl_;
}

namespace {

class ZmqServer final : public ServerSocket {
 public:
  ZmqServer(SocketContext& context, SocketHandle socket)
      : listeners_(context.curve()), socket_(std::move(socket)) {
    if (context.curve() != nullptr)
      watch_.emplace(context, socket_.get(), HandshakeWatch::Side::listens);
  }

  Result<Done> add(const std::string& endpoint) { return listeners_.bind(socket_.get(), endpoint); }

  std::optional<Received> receive() override {
    for (int i = 0; i < kMalformedPerCallMax; ++i) {
      ZmqMessage peer;
      if (!receive_part(socket_.get(), peer)) return std::nullopt;
      Received received;
      ZmqMessage& body = received.frame.impl().message;
      const bool has_body = peer.more() && receive_part(socket_.get(), body);
      if (has_body && !body.more() && name_peer(peer, body, received.peer)) {
        received.frame.impl().align();
        return received;
      }
      if (has_body && body.more()) drop_rest(socket_.get());
      ++malformed_;
    }
    return std::nullopt;
  }

  bool send(const std::string& peer, std::string bytes) override {
    const bool keyed = !key_of(peer).empty();
    const std::string_view id = std::string_view(peer).substr(keyed ? kKeyedPeerMin : 0);
    // What is small is bounded by its number.
    if (bytes.size() <= kCopyMax) {
      return send_part(socket_.get(), id, ZMQ_SNDMORE) && send_part(socket_.get(), bytes, 0);
    }
    SendBudget::SharePtr share = budget_.take(peer, bytes.size());
    return share != nullptr && send_part(socket_.get(), id, ZMQ_SNDMORE) &&
           send_last_large(socket_.get(), std::move(bytes), std::move(share));
  }

  uint64_t malformed() const override { return malformed_; }

  void* strangers_handle() override { return watch_ ? watch_->handle() : nullptr; }

  Strangers take_strangers() override {
    Strangers strangers;
    for (int i = 0; watch_ && i < kHandshakesPerCallMax; ++i) {
      const std::optional<Handshake> ended = watch_->next();
      if (!ended) break;
      if (*ended == Handshake::other_security) ++strangers.without_curve;
      if (*ended == Handshake::garbled) ++strangers.garbled;
    }
    return strangers;
  }

  std::vector<std::string> endpoints() const override { return listeners_.endpoints(); }
  void* handle() override { return socket_.get(); }

 private:
  // False for whoever has no name: neither a key nor a Unix socket.
  bool name_peer(ZmqMessage& id, ZmqMessage& body, std::string& peer) {
    if (watch_) {
      const PeerKey sender = peer_key(body);
      if (!sender.local && sender.key.empty()) return false;
      if (!sender.local) peer = kKeyMark + sender.key;
    }
    peer.append(id.bytes());
    return true;
  }

  // The watch goes first, then the socket, then the locks.
  Listeners listeners_;
  SocketHandle socket_;
  SendBudget budget_;
  std::optional<HandshakeWatch> watch_;  // with CURVE
  uint64_t malformed_ = 0;
};

class ZmqClient final : public ClientSocket {
 public:
  ZmqClient(SocketContext& context, SocketHandle socket, const std::string& endpoint)
      : curve_(context.curve()),
        endpoint_(endpoint),
        socket_(std::move(socket)),
        watch_(context, socket_.get(), HandshakeWatch::Side::dials) {}

  bool connect() {
    const bool is_encrypted = curve_ != nullptr && is_tcp(endpoint_);
    return (!is_encrypted || set_curve_client(socket_.get(), *curve_)) &&
           use_family_of(socket_.get(), endpoint_) &&
           ::zmq_connect(socket_.get(), endpoint_.c_str()) == 0;
  }

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
  void* handshake_handle() override { return watch_.handle(); }

  std::string handshake_fault() override {
    take_handshakes();
    return fault_;
  }

  bool take_reconnected() override {
    take_handshakes();
    return std::exchange(is_reconnected_, false);
  }

 private:
  void take_handshakes() {
    while (const std::optional<Handshake> ended = watch_.next()) {
      if (*ended == Handshake::done) is_reconnected_ |= std::exchange(was_connected_, true);
      // By ipc:// there are no keys that could be wrong.
      if (*ended == Handshake::silent || !is_tcp(endpoint_)) continue;
      if (*ended != Handshake::broken_off) broken_off_ = 0;
      fault_ = describe(*ended);
    }
  }

  std::string describe(Handshake ended) {
    const std::string broker = "the broker at " + endpoint_;
    switch (ended) {
      case Handshake::done:
        return "";
      case Handshake::not_allowed:
        return broker + " does not let in " +
               (curve_ == nullptr
                    ? "whoever has no key"
                    : "key " + curve_->own.name + " (" + curve_->own.public_key +
                          "): ask an administrator for: muster key allow " +
                          curve_->own.public_key + " --name " + curve_->own.name + " --role ROLE");
      case Handshake::other_security:
        return curve_ == nullptr
                   ? broker +
                         " wants keys: take `insecure: true` out of the configuration, and "
                         "see: muster key --help"
                   : broker +
                         " has no keys (`insecure: true`), or is no broker: see whose "
                         "endpoint it is";
      case Handshake::garbled:
      case Handshake::broken_off:
      case Handshake::silent:
        break;
    }
    if (++broken_off_ < kBrokenOffMax && ended == Handshake::broken_off) return fault_;
    // Who hangs up first does not say what it did not like.
    if (curve_ == nullptr) {
      return "what listens at " + endpoint_ +
             " ends every connection: it wants keys (take `insecure: true` out of the "
             "configuration, and see: muster key --help), or is no broker";
    }
    return broker + " is not the one that it should be: its public key is another than " +
           curve_->server_key +
           ", or it has no keys (`insecure: true`). See HOME/keys/broker.pub where it runs, and "
           "--server-key, MUSTER_SERVER_KEY and `keys: { server }` here";
  }

  const Curve* curve_;
  std::string endpoint_;
  SocketHandle socket_;
  HandshakeWatch watch_;
  bool was_connected_ = false;
  bool is_reconnected_ = false;  // and nobody has taken it
  std::string fault_;
  int broken_off_ = 0;  // handshakes in a row
};

}  // namespace

std::string_view ServerSocket::key_of(std::string_view peer) {
  if (peer.size() <= kKeyedPeerMin || peer[0] != kKeyMark) return {};
  return peer.substr(1, kPublicKeyDigits);
}

Result<std::unique_ptr<ServerSocket>> ServerSocket::bind(
    SocketContext& context, const std::vector<std::string>& endpoints) {
  Result<SocketHandle> socket = open_socket(context, ZMQ_ROUTER);
  if (!socket) return Error{socket.error()};
  if (!set_option(socket->get(), ZMQ_ROUTER_MANDATORY, 1)) {
    return zmq_failure("cannot set up", "a server socket");
  }
  auto server = std::make_unique<ZmqServer>(context, std::move(*socket));
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
  auto client = std::make_unique<ZmqClient>(context, std::move(*socket), endpoint);
  if (!client->connect()) return zmq_failure("cannot connect to", endpoint);
  return std::unique_ptr<ClientSocket>(std::move(client));
}

}  // namespace muster
