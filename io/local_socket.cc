#include "io/local_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace muster {

namespace {

constexpr int kBacklog = 512;

struct Address {
  sockaddr_un address{};
  UniqueFd dir;  // through which the address goes
};

// Nothing, with errno, when the directory cannot be opened or the name is too long.
std::optional<Address> make_address(const std::string& dir, const std::string& name) {
  Address result;
  result.dir = UniqueFd(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!result.dir.valid()) return std::nullopt;
  const std::string path = "/proc/self/fd/" + std::to_string(result.dir.get()) + "/" + name;
  if (path.size() >= sizeof result.address.sun_path) {
    errno = ENAMETOOLONG;
    return std::nullopt;
  }
  result.address.sun_family = AF_UNIX;
  std::memcpy(result.address.sun_path, path.c_str(), path.size() + 1);
  return result;
}

UniqueFd make_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

}  // namespace

Result<UniqueFd> listen_local(const std::string& dir, const std::string& name) {
  const std::string path = dir + "/" + name;
  const auto fail = [&] { return Error{"cannot listen at " + path + ": " + errno_text(errno)}; };
  const std::optional<Address> address = make_address(dir, name);
  if (!address) return fail();
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail();
  UniqueFd fd = make_socket();
  if (!fd.valid()) return fail();
  const auto* plain = reinterpret_cast<const sockaddr*>(&address->address);
  if (::bind(fd.get(), plain, sizeof address->address) != 0) return fail();
  if (::listen(fd.get(), kBacklog) != 0) return fail();
  return fd;
}

std::optional<UniqueFd> dial_local(const std::string& dir, const std::string& name) {
  const std::optional<Address> address = make_address(dir, name);
  UniqueFd fd = make_socket();
  if (!address || !fd.valid()) return std::nullopt;
  const auto* plain = reinterpret_cast<const sockaddr*>(&address->address);
  if (::connect(fd.get(), plain, sizeof address->address) != 0) return std::nullopt;
  return fd;
}

std::optional<UniqueFd> accept_local(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  return fd;
}

pid_t peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  return credentials.pid;
}

Passed send_local(int fd, std::string_view message, int passed_fd) {
  iovec part{const_cast<char*>(message.data()), message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (passed_fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &passed_fd, sizeof passed_fd);
  }
  for (;;) {
    if (::sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Passed::done;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS ? Passed::later : Passed::gone;
  }
}

Passed receive_local(int fd, std::string& message, size_t bytes_max, UniqueFd* passed_fd) {
  message.resize(bytes_max);
  iovec part{message.data(), message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  const int error_number = errno;
  message.resize(size > 0 ? static_cast<size_t>(size) : 0);
  if (size < 0) return error_number == EAGAIN ? Passed::later : Passed::gone;
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    int received = -1;
    std::memcpy(&received, CMSG_DATA(each), sizeof received);
    UniqueFd owned(received);
    if (passed_fd != nullptr) *passed_fd = std::move(owned);
  }
  if (size == 0 || (header.msg_flags & MSG_TRUNC) != 0) return Passed::gone;
  return Passed::done;
}

}  // namespace muster
