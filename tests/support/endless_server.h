// A server whose answers to some requests never end; to the others it says something short.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "io/file.h"
#include "tests/support/loopback.h"

namespace muster {

class EndlessServer {
 public:
  // `answer` gives the whole answer to a head, or nothing: then it never ends.
  using Answer = std::function<std::string(const std::string& head)>;

  explicit EndlessServer(Answer answer) : answer_(std::move(answer)) {
    listener_.listen();
    thread_ = std::thread([this] { serve(); });
  }
  ~EndlessServer() {
    ::shutdown(listener_.fd(), SHUT_RDWR);  // wakes the accept
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + listener_.port(); }

 private:
  void serve() {
    for (;;) {
      const UniqueFd peer(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      const std::string answer = answer_(hear_head(peer.get()));
      if (!answer.empty()) {
        say(peer.get(), answer);
        hear_rest(peer.get());
        continue;
      }
      say(peer.get(), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
      const std::string more(64 << 10, ' ');
      while (::send(peer.get(), more.data(), more.size(), MSG_NOSIGNAL) > 0) {
      }
    }
  }

  static std::string hear_head(int fd) {
    std::string head;
    char byte = 0;
    while (head.find("\r\n\r\n") == head.npos && ::recv(fd, &byte, 1, 0) == 1) head += byte;
    return head;
  }
  // The body, so that the end of the connection takes no answer with it.
  static void hear_rest(int fd) {
    ::shutdown(fd, SHUT_WR);
    hear_all(fd);
  }

  BoundSocket listener_;
  Answer answer_;
  std::thread thread_;
};

}  // namespace muster
