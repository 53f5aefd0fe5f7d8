#include "workers/checks/connect.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "core/guid.h"
#include "workers/checks/arguments.h"

namespace muster {
namespace {

// How much of an unexpected answer is shown.
constexpr size_t kAnswerShownMax = 80;

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

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

}  // namespace

std::string endpoint_name(const std::string& host, const std::string& port) {
  const bool has_colon = host.find(':') != std::string::npos;
  return (has_colon ? "[" + host + "]" : host) + ":" + port;
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string shown_answer(std::string_view answer) {
  std::string text =
      sanitize_utf8(cut_text(answer.substr(0, answer.find_first_of("\r\n")), kAnswerShownMax));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return "\"" + text + "\"";
}

Result<UniqueFd> connect_to(const std::string& host, const std::string& port) {
  const std::string name = endpoint_name(host, port);
  const std::optional<uint64_t> number = parse_argument(port);
  if (!number || *number < 1 || *number > 65535) {
    return Error{name + ": \"" + port + "\" is not a port from 1 to 65535"};
  }
  say(name + ": looking up the address");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int lookup = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (lookup != 0) return Error{name + ": " + ::gai_strerror(lookup)};
  const Addresses addresses(found, &::freeaddrinfo);

  say(name + ": connecting");
  UniqueFd fd = connect_to_any(addresses.get());
  if (!fd.valid()) return Error{name + ": " + errno_text(errno)};
  return fd;
}

}  // namespace muster
