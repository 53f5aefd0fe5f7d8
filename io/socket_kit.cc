#include "io/socket_kit.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/limits.h"
#include "io/socket_curve.h"

namespace muster {

namespace {

constexpr int kLingerMs = 1'000;
constexpr int kHandshakeMs = 2'000;  // a mute peer costs a descriptor for this long
constexpr int kReconnectMs = 50;     // doubles up to
constexpr int kReconnectMaxMs = 1'000;
constexpr int kBacklog = 1'024;
constexpr int kKeepaliveIdleS = 30;
constexpr int kKeepaliveIntervalS = 10;
constexpr int kKeepaliveCount = 3;

constexpr std::string_view kIpc = "ipc://";

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

// What libzmq is lent, and gives back when it has left.
struct Lent {
  std::string bytes;
  SendBudget::SharePtr share;
};
void take_back(void*, void* hint) { delete static_cast<Lent*>(hint); }

}  // namespace

Error zmq_failure(std::string_view doing, const std::string& endpoint) {
  return Error{std::string(doing) + " " + endpoint + ": " + ::zmq_strerror(::zmq_errno())};
}

bool set_option(void* socket, int option, int value) {
  return ::zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

Result<SocketHandle> open_socket(SocketContext& context, int type) {
  SocketHandle socket(::zmq_socket(context.handle(), type));
  if (!socket || !set_options(socket.get())) return zmq_failure("cannot open", "a socket");
  return socket;
}

bool use_family_of(void* socket, std::string_view endpoint) {
  return set_option(socket, ZMQ_IPV6, endpoint.find('[') != std::string_view::npos ? 1 : 0);
}

bool receive_part(void* socket, ZmqMessage& part) {
  while (::zmq_msg_recv(&part.raw, socket, ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return true;
}

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
  return send_last_large(socket, std::move(bytes), nullptr);
}

bool send_last_large(void* socket, std::string bytes, SendBudget::SharePtr share) {
  ZmqMessage message;
  auto* lent = new Lent{std::move(bytes), std::move(share)};
  ::zmq_msg_close(&message.raw);
  if (::zmq_msg_init_data(&message.raw, lent->bytes.data(), lent->bytes.size(), take_back, lent) !=
      0) {
    delete lent;
    ::zmq_msg_init(&message.raw);
    return false;
  }
  while (::zmq_msg_send(&message.raw, socket, ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return true;
}

Listeners::~Listeners() {
  // While the locks are held: nobody else can have bound these paths.
  for (const Listener& listener : listeners_) ::unlink(listener.path.c_str());
}

Result<Done> Listeners::bind(void* socket, const std::string& endpoint) {
  return is_ipc(endpoint) ? bind_ipc(socket, endpoint) : bind_tcp(socket, endpoint);
}

Result<Done> Listeners::bind_ipc(void* socket, const std::string& endpoint) {
  const std::string path = ipc_path(endpoint);
  Result<PidFile> lock = PidFile::acquire(path + ".lock", "a server of " + endpoint);
  if (!lock) return Error{lock.error()};
  const Result<Done> removed = remove_stale_socket(path);
  if (!removed) return removed;
  Result<UniqueFd> fd = listen_on(path);
  if (!fd) return Error{fd.error()};
  listeners_.push_back({path, std::move(*lock)});
  if (!set_curve_server(socket, nullptr) || !set_option(socket, ZMQ_USE_FD, fd->get()) ||
      ::zmq_bind(socket, endpoint.c_str()) != 0) {
    return zmq_failure("cannot listen on", endpoint);
  }
  fd->release();  // libzmq closes it
  endpoints_.push_back(endpoint);
  return Done{};
}

Result<Done> Listeners::bind_tcp(void* socket, const std::string& endpoint) {
  if (!set_curve_server(socket, curve_) || !set_option(socket, ZMQ_USE_FD, -1) ||
      !use_family_of(socket, endpoint) || ::zmq_bind(socket, endpoint.c_str()) != 0) {
    return zmq_failure("cannot listen on", endpoint);
  }
  char bound[256];
  size_t size = sizeof bound;
  if (::zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size) != 0) {
    return zmq_failure("cannot tell the address of", endpoint);
  }
  endpoints_.emplace_back(bound);
  return Done{};
}

}  // namespace muster
