#include "io/socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/limits.h"
#include "io/file.h"

namespace muster {

namespace {

// ZMQ_ZERO_COPY_RECV. The header hides it behind the draft interface, the library has it. Off,
// every received buffer is allocated by itself: 8-byte aligned, and keeping one pins no other.
constexpr int kZeroCopyReceive = 10;

constexpr int kLingerMs = 1'000;
constexpr int kHandshakeMs = 2'000;  // a mute peer costs a descriptor for this long
constexpr int kReconnectMs = 50;     // doubles up to
constexpr int kReconnectMaxMs = 1'000;
constexpr int kBacklog = 1'024;
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveCount = 3;

// Bytes up to here are copied into the message; more are handed over as they are.
constexpr size_t kCopyMax = 1'024;

// Malformed messages skipped in one call: a flood of them must not keep the caller here.
constexpr int kMalformedPerCallMax = 256;

constexpr std::string_view kIpc = "ipc://";

struct CloseSocket {
  void operator()(void* socket) const { ::zmq_close(socket); }
};
using SocketHandle = std::unique_ptr<void, CloseSocket>;

Error zmq_failure(std::string_view doing, const std::string& endpoint) {
  return Error{std::string(doing) + " " + endpoint + ": " + ::zmq_strerror(::zmq_errno())};
}

bool set_option(void* socket, int option, int value) {
  return ::zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

// Every option of both kinds of socket. False never happens with a sound library.
bool set_options(void* socket) {
  const int64_t message_max = kMessageBytesMax;
  return set_option(socket, ZMQ_LINGER, kLingerMs) &&
         set_option(socket, ZMQ_SNDHWM, kSocketQueueMax) &&
         set_option(socket, ZMQ_RCVHWM, kSocketQueueMax) &&
         set_option(socket, ZMQ_BACKLOG, kBacklog) &&
         set_option(socket, ZMQ_HANDSHAKE_IVL, kHandshakeMs) &&
         set_option(socket, ZMQ_RECONNECT_IVL, kReconnectMs) &&
         set_option(socket, ZMQ_RECONNECT_IVL_MAX, kReconnectMaxMs) &&
         set_option(socket, ZMQ_TCP_KEEPALIVE, 1) &&
         set_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, kKeepaliveIdleS) &&
         set_option(socket, ZMQ_TCP_KEEPALIVE_INTVL, kKeepaliveIntervalS) &&
         set_option(socket, ZMQ_TCP_KEEPALIVE_CNT, kKeepaliveCount) &&
         ::zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) == 0;
}

Result<SocketHandle> open_socket(SocketContext& context, int type) {
  SocketHandle socket(::zmq_socket(context.handle(), type));
  if (!socket || !set_options(socket.get())) return zmq_failure("cannot open", "a socket");
  return socket;
}

// For the next bind or connect. Not for all of them: an IPv4 address would become a mapped one.
bool use_family_of(void* socket, std::string_view endpoint) {
  return set_option(socket, ZMQ_IPV6, endpoint.find('[') != std::string_view::npos ? 1 : 0);
}

bool is_ipc(std::string_view endpoint) { return endpoint.starts_with(kIpc); }

std::string ipc_path(std::string_view endpoint) {
  return std::string(endpoint.substr(kIpc.size()));
}

// A socket of ours that nobody serves any more. Must only be called under the endpoint's lock.
Result<Done> remove_stale_socket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return Done{};
    return Error{"cannot listen on " + path + ": " + errno_text(errno)};
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Error{"cannot listen on " + path +
                 ": a file of that name is in the way; remove it or choose another path"};
  }
  if (::unlink(path.c_str()) != 0) {
    return Error{"cannot remove the old socket " + path + ": " + errno_text(errno)};
  }
  return Done{};
}

// A listening Unix socket, made here and not by libzmq: libzmq would unlink the path when its own
// thread gets round to closing, which may be after the next server has bound it.
Result<UniqueFd> listen_on(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const mode_t before = ::umask(0177);
  const bool bound = fd.valid() && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                                          sizeof address) == 0;
  const int error_number = errno;
  ::umask(before);
  if (!bound) return Error{"cannot listen on " + path + ": " + errno_text(error_number)};
  if (::listen(fd.get(), kBacklog) != 0) {
    return Error{"cannot listen on " + path + ": " + errno_text(errno)};
  }
  return fd;
}

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
bool receive_part(void* socket, ZmqMessage& part) {
  while (::zmq_msg_recv(&part.raw, socket, ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return true;
}

void free_string(void*, void* hint) { delete static_cast<std::string*>(hint); }

// The parts of a message arrive together, so the ones after the first are there.
void drop_rest(void* socket) {
  for (bool more = true; more;) {
    ZmqMessage part;
    more = receive_part(socket, part) && part.more();
  }
}

bool send_part(void* socket, std::string_view bytes, int flags) {
  while (::zmq_send(socket, bytes.data(), bytes.size(), flags | ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return true;
}

bool send_last(void* socket, std::string bytes) {
  if (bytes.size() <= kCopyMax) return send_part(socket, bytes, 0);
  ZmqMessage message;
  auto* kept = new std::string(std::move(bytes));
  ::zmq_msg_close(&message.raw);
  if (::zmq_msg_init_data(&message.raw, kept->data(), kept->size(), free_string, kept) != 0) {
    delete kept;
    ::zmq_msg_init(&message.raw);
    return false;
  }
  while (::zmq_msg_send(&message.raw, socket, ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return true;
}

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

  ~ZmqServer() override {
    // While the locks are held: nobody else can have bound these paths.
    for (const Listener& listener : listeners_) ::unlink(listener.path.c_str());
  }

  Result<Done> add(const std::string& endpoint) {
    return is_ipc(endpoint) ? add_ipc(endpoint) : add_tcp(endpoint);
  }

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
    return send_part(socket_.get(), peer, ZMQ_SNDMORE) &&
           send_last(socket_.get(), std::move(bytes));
  }

  uint64_t malformed() const override { return malformed_; }
  std::vector<std::string> endpoints() const override { return endpoints_; }
  void* handle() override { return socket_.get(); }

 private:
  struct Listener {
    std::string path;
    PidFile lock;
  };

  Result<Done> add_ipc(const std::string& endpoint) {
    const std::string path = ipc_path(endpoint);
    Result<PidFile> lock = PidFile::acquire(path + ".lock", "a server of " + endpoint);
    if (!lock) return Error{lock.error()};
    const Result<Done> removed = remove_stale_socket(path);
    if (!removed) return removed;
    Result<UniqueFd> fd = listen_on(path);
    if (!fd) return Error{fd.error()};
    listeners_.push_back({path, std::move(*lock)});
    if (!set_option(socket_.get(), ZMQ_USE_FD, fd->get()) ||
        ::zmq_bind(socket_.get(), endpoint.c_str()) != 0) {
      return zmq_failure("cannot listen on", endpoint);
    }
    fd->release();  // libzmq closes it
    endpoints_.push_back(endpoint);
    return Done{};
  }

  Result<Done> add_tcp(const std::string& endpoint) {
    if (!set_option(socket_.get(), ZMQ_USE_FD, -1) || !use_family_of(socket_.get(), endpoint) ||
        ::zmq_bind(socket_.get(), endpoint.c_str()) != 0) {
      return zmq_failure("cannot listen on", endpoint);
    }
    char bound[256];
    size_t size = sizeof bound;
    if (::zmq_getsockopt(socket_.get(), ZMQ_LAST_ENDPOINT, bound, &size) != 0) {
      return zmq_failure("cannot tell the address of", endpoint);
    }
    endpoints_.emplace_back(bound);
    return Done{};
  }

  // The socket goes first, then the locks.
  std::vector<Listener> listeners_;
  SocketHandle socket_;
  std::vector<std::string> endpoints_;
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
