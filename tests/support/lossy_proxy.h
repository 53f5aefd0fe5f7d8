// Stands between an HTTP client and its server on loopback, and now and then throws an answer away
// and the connection with it: the server has done what it was asked for, and nobody knows.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "io/file.h"
#include "tests/support/loopback.h"

namespace muster {

class LossyProxy {
 public:
  // Of the port that is listened on, or will be.
  explicit LossyProxy(const std::string& server_port) : server_port_(server_port) {
    listener_.listen();
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }

  std::string url() const { return "http://127.0.0.1:" + listener_.port(); }
  size_t lost() const { return lost_; }

 private:
  static constexpr size_t kLosesOneOf = 5;
  static constexpr int kLookAgainMs = 50;

  struct Pair {
    UniqueFd client;
    UniqueFd server;
  };

  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> fds = {{listener_.fd(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        fds.push_back({pair.client.get(), POLLIN, 0});
        fds.push_back({pair.server.get(), POLLIN, 0});
      }
      if (::poll(fds.data(), fds.size(), kLookAgainMs) <= 0) continue;
      size_t at = 1;
      for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
        const bool asked = fds[at].revents == 0 || move(pair->client, pair->server, false);
        const bool kept =
            asked && (fds[at + 1].revents == 0 || move(pair->server, pair->client, true));
        pair = kept ? std::next(pair) : pairs_.erase(pair);
      }
      if (fds[0].revents != 0) accept();
    }
  }

  void accept() {
    Pair pair;
    pair.client = UniqueFd(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    pair.server = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(server_port_)));
    const bool connected =
        ::connect(pair.server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (connected && pair.client.valid()) pairs_.push_back(std::move(pair));
  }

  // False when the connection is over.
  bool move(const UniqueFd& from, const UniqueFd& to, bool is_answer) {
    const ssize_t size = ::recv(from.get(), buffer_.data(), buffer_.size(), 0);
    if (size <= 0) return false;
    if (is_answer && ++answers_ % kLosesOneOf == 0) {
      ++lost_;
      return false;
    }
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t more =
          ::send(to.get(), buffer_.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += more;
    }
    return true;
  }

  const std::string server_port_;
  BoundSocket listener_;
  std::list<Pair> pairs_;
  std::array<char, 64 << 10> buffer_;
  size_t answers_ = 0;
  std::atomic<size_t> lost_ = 0;
  std::jthread thread_;  // last: ends first
};

}  // namespace muster
