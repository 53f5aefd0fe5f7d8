// Ports of 127.0.0.1 for tests.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "io/file.h"

namespace muster {

// A socket bound to a free port. Nobody answers there: before listen() connections are refused,
// after it they are made and nothing follows.
class BoundSocket {
 public:
  BoundSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  void listen() const { EXPECT_EQ(::listen(fd_.get(), 4), 0); }
  int fd() const { return fd_.get(); }
  const std::string& port() const { return port_; }

 private:
  UniqueFd fd_;
  std::string port_;
};

// A port that nobody has at this moment.
inline std::string free_port() { return BoundSocket().port(); }

// A connection that speaks for itself.
inline UniqueFd dial_loopback(uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// All of it, or as much as the other end takes before it goes.
inline void say(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<size_t>(sent));
  }
}

// Until the other end closes.
inline std::string hear_all(int fd) {
  std::string heard;
  char chunk[4096];
  for (ssize_t size; (size = ::recv(fd, chunk, sizeof chunk, 0)) > 0;) {
    heard.append(chunk, static_cast<size_t>(size));
  }
  return heard;
}

}  // namespace muster
