#include "workers/checks/tcp.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "core/guid.h"
#include "io/file.h"

namespace muster {
namespace {

// How much of an unexpected answer is shown.
constexpr size_t kAnswerShownMax = 80;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

// "HOST:PORT", with brackets around an IPv6 address.
std::string name_of(const TcpCheck& check) {
  const bool has_colon = check.host.find(':') != std::string::npos;
  return (has_colon ? "[" + check.host + "]" : check.host) + ":" + check.port;
}

// The first line of what a server said, fit to be shown.
std::string shown(std::string_view answer) {
  std::string text =
      sanitize_utf8(cut_text(answer.substr(0, answer.find_first_of("\r\n")), kAnswerShownMax));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return "\"" + text + "\"";
}

// Connects to the first address that takes the connection. errno tells why none did.
UniqueFd connect_to_any(const addrinfo* addresses) {
  int error_number = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
    UniqueFd fd(
        ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (fd.valid() && ::connect(fd.get(), address->ai_addr, address->ai_addrlen) == 0) return fd;
    error_number = errno;
  }
  errno = error_number;
  return UniqueFd();
}

// Reads until the answer is as long as `expect`, or differs from it, or ends.
std::string read_answer(int fd, const std::string& expect) {
  std::string answer;
  while (answer.size() < expect.size() && expect.starts_with(answer)) {
    char chunk[512];
    const ssize_t size = ::recv(fd, chunk, sizeof chunk, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    answer.append(chunk, static_cast<size_t>(size));
  }
  return answer;
}

}  // namespace

std::vector<std::string> tcp_arguments(const TcpCheck& check) {
  return {"tcp", check.host, check.port, check.expect};
}

std::optional<TcpCheck> parse_tcp_arguments(CheckArguments arguments) {
  if (arguments.size() != 3) return std::nullopt;
  return TcpCheck{arguments[0], arguments[1], arguments[2]};
}

CheckVerdict run_tcp_check(const TcpCheck& check) {
  const std::string name = name_of(check);
  const std::optional<uint64_t> port = parse_argument(check.port);
  if (!port || *port < 1 || *port > 65535) {
    return {false, name + ": \"" + check.port + "\" is not a port from 1 to 65535"};
  }
  say(name + ": looking up the address");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup = ::getaddrinfo(check.host.c_str(), check.port.c_str(), &hints, &found);
  if (lookup != 0) return {false, name + ": " + ::gai_strerror(lookup)};
  const Addresses addresses(found, &::freeaddrinfo);

  say(name + ": connecting");
  const UniqueFd fd = connect_to_any(addresses.get());
  if (!fd.valid()) return {false, name + ": " + errno_text(errno)};
  if (check.expect.empty()) return {true, name + ": accepts connections"};

  say(name + ": connected, waiting for " + shown(check.expect));
  const std::string answer = read_answer(fd.get(), check.expect);
  if (answer.starts_with(check.expect)) return {true, name + ": says " + shown(answer)};
  const std::string instead =
      answer.empty() ? "closed the connection without a word" : "says " + shown(answer);
  return {false, name + ": " + instead + " instead of " + shown(check.expect)};
}

}  // namespace muster
