#include "io/socket_curve.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file.h"

namespace muster {
namespace {

constexpr char kZapEndpoint[] = "inproc://zeromq.zap.01";
constexpr size_t kZ85Bytes = 41;  // of a key, with its NUL

// How the address of a peer at a Unix socket begins: user, group and process follow.
constexpr std::string_view kLocal = "localhost:";

// Parts of a request: version, number, domain, address, identity, mechanism, public key.
constexpr size_t kZapParts = 7;
constexpr size_t kZapNumber = 1;
constexpr size_t kZapAddress = 3;
constexpr size_t kZapMechanism = 5;
constexpr size_t kZapKey = 6;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

// False when the context ends.
bool receive_request(void* socket, std::vector<std::string>& parts) {
  parts.clear();
  for (bool more = true; more;) {
    ZmqMessage part;
    while (::zmq_msg_recv(&part.raw, socket, 0) < 0) {
      if (::zmq_errno() == ETERM) return false;
      if (::zmq_errno() != EINTR) give_up("muster: cannot tell who may connect");
    }
    parts.emplace_back(part.bytes());
    more = part.more();
  }
  return true;
}

// False when the context ends.
bool send_answer(void* socket, const std::vector<std::string>& parts) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const int flags = i + 1 < parts.size() ? ZMQ_SNDMORE : 0;
    while (::zmq_send(socket, parts[i].data(), parts[i].size(), flags) < 0) {
      if (::zmq_errno() == ETERM) return false;
      if (::zmq_errno() != EINTR) give_up("muster: cannot tell who may connect");
    }
  }
  return true;
}

std::string hex_of(std::string_view bytes) {
  SecretKey::Bytes key{};
  std::memcpy(key.data(), bytes.data(), key.size());
  return to_hex(key);
}

bool set_bytes(void* socket, int option, const SecretKey::Bytes& bytes) {
  return ::zmq_setsockopt(socket, option, bytes.data(), bytes.size()) == 0;
}

// The event and its value, as ZMQ_PAIR sockets of a monitor give them.
std::optional<std::pair<uint16_t, uint32_t>> receive_event(void* watch) {
  ZmqMessage head;
  if (!receive_part(watch, head)) return std::nullopt;
  if (head.more()) drop_rest(watch);
  const std::string_view bytes = head.bytes();
  uint16_t event = 0;
  uint32_t value = 0;
  if (bytes.size() < sizeof event + sizeof value) return std::nullopt;
  std::memcpy(&event, bytes.data(), sizeof event);
  std::memcpy(&value, bytes.data() + sizeof event, sizeof value);
  return std::pair(event, value);
}

}  // namespace

KeyPair make_key_pair(std::string name) {
  hide_memory();
  char public_text[kZ85Bytes];
  char secret_text[kZ85Bytes];
  SecretKey::Bytes bytes{};
  if (::zmq_curve_keypair(public_text, secret_text) != 0 ||
      ::zmq_z85_decode(bytes.data(), secret_text) == nullptr) {
    give_up("muster: this libzmq cannot do CURVE");
  }
  KeyPair pair;
  pair.name = std::move(name);
  pair.secret = SecretKey(bytes);
  ::explicit_bzero(secret_text, sizeof secret_text);
  ::explicit_bzero(bytes.data(), bytes.size());
  pair.public_key = public_key_of(pair.secret);
  return pair;
}

std::string public_key_of(const SecretKey& secret) {
  char secret_text[kZ85Bytes];
  char public_text[kZ85Bytes];
  SecretKey::Bytes bytes{};
  const bool done =
      ::zmq_z85_encode(secret_text, secret.bytes().data(), secret.bytes().size()) != nullptr &&
      ::zmq_curve_public(public_text, secret_text) == 0 &&
      ::zmq_z85_decode(bytes.data(), public_text) != nullptr;
  ::explicit_bzero(secret_text, sizeof secret_text);
  if (!done) give_up("muster: this libzmq cannot do CURVE");
  return to_hex(bytes);
}

ZapServer::ZapServer(void* context, std::shared_ptr<Gate> gate)
    : socket_(::zmq_socket(context, ZMQ_REP)), gate_(std::move(gate)) {
  if (socket_ == nullptr || ::zmq_bind(socket_, kZapEndpoint) != 0) {
    give_up("muster: cannot tell who may connect");
  }
  thread_ = std::thread([this] { run(); });
}

void ZapServer::run() {
  std::vector<std::string> request;
  while (receive_request(socket_, request)) {
    const bool is_curve = request.size() == kZapParts && request[kZapMechanism] == "CURVE" &&
                          request[kZapKey].size() == sizeof(SecretKey::Bytes);
    const std::string key = is_curve ? hex_of(request[kZapKey]) : "";
    const bool admitted = is_curve && gate_->admits(key, request[kZapAddress]);
    const std::string number = request.size() > kZapNumber ? request[kZapNumber] : "";
    // The key becomes the "User-Id" of every message of the connection.
    if (!send_answer(socket_, {"1.0", number, admitted ? "200" : "400",
                               admitted ? "OK" : "not allowed", admitted ? key : "", ""})) {
      break;
    }
  }
  ::zmq_close(socket_);
}

bool set_curve_server(void* socket, const Curve* curve) {
  if (curve == nullptr) return set_option(socket, ZMQ_CURVE_SERVER, 0);
  return set_option(socket, ZMQ_CURVE_SERVER, 1) &&
         set_bytes(socket, ZMQ_CURVE_SECRETKEY, curve->own.secret.bytes());
}

bool set_curve_client(void* socket, const Curve& curve) {
  return set_bytes(socket, ZMQ_CURVE_SERVERKEY, from_hex(curve.server_key)) &&
         set_bytes(socket, ZMQ_CURVE_PUBLICKEY, from_hex(curve.own.public_key)) &&
         set_bytes(socket, ZMQ_CURVE_SECRETKEY, curve.own.secret.bytes());
}

std::string peer_address(ZmqMessage& message) {
  const char* address = ::zmq_msg_gets(&message.raw, "Peer-Address");
  return address == nullptr ? "" : address;
}

PeerKey peer_key(ZmqMessage& message) {
  PeerKey peer;
  peer.address = peer_address(message);
  if (const char* key = ::zmq_msg_gets(&message.raw, "User-Id")) peer.key = key;
  peer.local = peer.key.empty() && peer.address.starts_with(kLocal);
  return peer;
}

HandshakeWatch::HandshakeWatch(SocketContext& context, void* socket, Side side)
    : socket_(socket), watch_(::zmq_socket(context.handle(), ZMQ_PAIR)) {
  static std::atomic<uint64_t> made{0};
  const std::string endpoint = "inproc://muster.handshakes." + std::to_string(++made);
  constexpr int kAll = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  const int events = side == Side::dials ? kAll : ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  if (!watch_ || ::zmq_socket_monitor(socket, endpoint.c_str(), events) != 0 ||
      ::zmq_connect(watch_.get(), endpoint.c_str()) != 0) {
    give_up("muster: cannot watch a socket");
  }
}

HandshakeWatch::~HandshakeWatch() { ::zmq_socket_monitor(socket_, nullptr, 0); }

std::optional<Handshake> HandshakeWatch::next() {
  const auto event = receive_event(watch_.get());
  if (!event) return std::nullopt;
  switch (event->first) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return Handshake::not_allowed;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return event->second == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? Handshake::other_security
                                                                         : Handshake::garbled;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return event->second == EAGAIN ? Handshake::silent : Handshake::broken_off;
    default:
      return Handshake::done;
  }
}

}  // namespace muster
