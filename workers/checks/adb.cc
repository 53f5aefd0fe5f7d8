#include "workers/checks/adb.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "core/guid.h"
#include "workers/checks/connect.h"

namespace muster {
namespace {

constexpr const char* kServerDefault = "127.0.0.1:5037";
constexpr size_t kRequestMax = 1024;  // what adb servers take

struct Server {
  std::string host;
  std::string port;
};

// "HOST:PORT", "[::1]:5037".
std::optional<Server> parse_server(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return std::nullopt;
  Server server{text.substr(0, colon), text.substr(colon + 1)};
  if (server.host.front() == '[' && server.host.back() == ']') {
    server.host = server.host.substr(1, server.host.size() - 2);
  }
  return server;
}

// Up to `size` bytes; fewer when the other side closes first.
std::string receive(int fd, size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t more = ::recv(fd, bytes.data() + have, size - have, 0);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) break;
    have += static_cast<size_t>(more);
  }
  bytes.resize(have);
  return bytes;
}

bool send_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

// A text with its length in four hexadecimal digits before it. Nothing when that is not what comes.
std::optional<std::string> receive_text(int fd) {
  const std::string digits = receive(fd, 4);
  size_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) return std::nullopt;
  std::string text = receive(fd, size);
  return text.size() == size ? std::optional(std::move(text)) : std::nullopt;
}

// A request, or an answer, of the protocol.
std::string with_length(const std::string& text) {
  std::array<char, 5> digits;
  std::snprintf(digits.data(), digits.size(), "%04zx", text.size());
  return digits.data() + text;
}

}  // namespace

std::vector<std::string> adb_arguments(const AdbCheck& check) {
  return {"adb", check.serial, check.state, check.server};
}

std::optional<AdbCheck> parse_adb_arguments(CheckArguments arguments) {
  if (arguments.size() != 3) return std::nullopt;
  return AdbCheck{arguments[0], arguments[1], arguments[2]};
}

CheckVerdict run_adb_check(const AdbCheck& check) {
  const std::string address = check.server.empty() ? kServerDefault : check.server;
  const std::optional<Server> server = parse_server(address);
  if (!server) return {false, "\"" + address + "\" is not the HOST:PORT of an adb server"};
  const std::string request = "host-serial:" + check.serial + ":get-state";
  if (request.size() > kRequestMax) return {false, "the serial is too long for adb"};
  const Result<UniqueFd> fd = connect_to(server->host, server->port);
  if (!fd) return {false, fd.error() + " (does the adb server run?)"};
  const std::string name = "adb server " + endpoint_name(server->host, server->port);
  say(name + ": asking for the state of " + check.serial);
  std::string status;
  if (send_whole(fd->get(), with_length(request))) status = receive(fd->get(), 4);
  if (status != "OKAY" && status != "FAIL") {
    return {false, name + (status.empty() ? " closed the connection without a word"
                                          : " says " + shown_answer(status) +
                                                ", which is not adb's protocol")};
  }
  const std::optional<std::string> text = receive_text(fd->get());
  if (!text) return {false, name + " breaks off its answer"};
  if (status == "FAIL") return {false, check.serial + ": " + shown_answer(*text)};
  if (*text == check.state) return {true, check.serial + ": " + check.state};
  return {false,
          check.serial + ": is " + shown_answer(*text) + " instead of \"" + check.state + "\""};
}

}  // namespace muster
