// Which endpoints may be used: the only part of io/socket.h that needs no ZeroMQ.
#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "io/socket.h"

namespace muster {

namespace {

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
constexpr size_t kIpcPathMax = sizeof(sockaddr_un{}.sun_path) - 1;

bool is_host_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

// A name or IPv4 address, an IPv6 address in brackets, or * for all of this machine's.
bool is_host(std::string_view host) {
  if (host == "*") return true;
  if (!host.starts_with('[') || !host.ends_with(']')) return is_host_name(host);
  const std::string literal(host.substr(1, host.size() - 2));
  in6_addr six{};
  return ::inet_pton(AF_INET6, literal.c_str(), &six) == 1;
}

// Nothing when `text` is no port; 0 for 0 and *, which ask for any.
std::optional<uint16_t> parse_port(std::string_view text) {
  if (text == "*") return 0;
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<std::string> invalid_ipc(const std::string& path) {
  if (!path.starts_with('/')) return "its path must be absolute: ipc:///dir/name.sock";
  if (path.ends_with('/')) return "its path must name a socket, not a directory";
  if (path.find('\0') != std::string::npos) return "its path holds a NUL byte";
  if (path.size() > kIpcPathMax) {
    return "its path has " + std::to_string(path.size()) + " bytes and a socket's may have " +
           std::to_string(kIpcPathMax) + "; choose a shorter directory (--home)";
  }
  return std::nullopt;
}

std::optional<std::string> invalid_tcp(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return "it needs a host and a port: tcp://127.0.0.1:5599";
  }
  if (!parse_port(address.substr(colon + 1))) {
    return "its port must be a number from 0 to 65535, or * for any";
  }
  const std::string_view host = address.substr(0, colon);
  if (!is_host(host)) {
    return "\"" + std::string(host) +
           "\" is no host: use a name, an IPv4 address, an IPv6 address in brackets, or * to "
           "listen "
           "on all addresses";
  }
  return std::nullopt;
}

}  // namespace

bool is_tcp(std::string_view endpoint) { return endpoint.starts_with(kTcp); }

std::optional<std::string> invalid_endpoint(std::string_view endpoint) {
  std::optional<std::string> problem = "it must begin with ipc:// or tcp://";
  if (endpoint.starts_with(kIpc)) {
    problem = invalid_ipc(std::string(endpoint.substr(kIpc.size())));
  }
  if (endpoint.starts_with(kTcp)) problem = invalid_tcp(endpoint.substr(kTcp.size()));
  if (!problem) return std::nullopt;
  return "cannot use the endpoint \"" + std::string(endpoint) + "\": " + *problem;
}

}  // namespace muster
