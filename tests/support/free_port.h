#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "io/file.h"

namespace muster {

// A port of 127.0.0.1 that nobody has at this moment, for a server that cannot choose one itself.
// Aborts when there is none.
inline uint16_t find_free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) {
    std::perror("no port of 127.0.0.1 is free");
    std::abort();
  }
  return ntohs(address.sin_port);
}

}  // namespace muster
