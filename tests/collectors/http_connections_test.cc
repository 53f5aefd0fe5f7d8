// What clients cannot do to the server: hold a connection by taking its answer drop by drop, hold
// up its end, or open more connections than it has room for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "collectors/http_server.h"
#include "io/clock.h"
#include "io/sha256.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr char kAsk[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
// Far below what a request and an idle connection may take.
constexpr Duration kSoon = std::chrono::seconds(10);

std::unique_ptr<HttpServer> start(HttpListen listen, HttpServer::Handler handler) {
  listen.host = "127.0.0.1";
  auto server = HttpServer::start(std::move(listen), std::move(handler));
  EXPECT_TRUE(server.ok()) << server.error();
  return std::move(*server);
}

// An answer without an end, and whether its sender was told to stop.
class Endless {
 public:
  HttpAnswer answer() {
    HttpAnswer answer;
    answer.stream = [this](const HttpSend& send) {
      const std::string piece(256 << 10, 'x');
      while (send(piece)) {
        begun_ = true;
        begun_.notify_all();
      }
      ended_ = true;
      ended_.notify_all();
    };
    return answer;
  }
  void await_begin() { begun_.wait(false); }
  void await_end() { ended_.wait(false); }

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<bool> ended_ = false;
};

// Each wait was for a while again, however little was taken before it.
TEST(HttpConnections, WhoTakesAnAnswerDropByDropIsDropped) {
  HttpListen listen;
  listen.pace.patience = 200ms;
  listen.pace.bytes_per_second = int64_t{1} << 40;
  Endless endless;
  const auto server = start(listen, [&](const HttpCall&) { return endless.answer(); });
  const UniqueFd client = dial_loopback(server->port());
  say(client.get(), kAsk);
  std::jthread taker([&](const std::stop_token& stop) {
    std::array<char, 4096> piece;
    pollfd wait{-1, 0, 0};
    while (!stop.stop_requested() && ::recv(client.get(), piece.data(), piece.size(), 0) > 0) {
      ::poll(&wait, 1, 1);
    }
  });
  endless.await_end();
}

TEST(HttpConnections, WhoTakesAnAnswerInGoodTimeIsNot) {
  HttpListen listen;
  listen.pace.patience = 1s;
  listen.pace.bytes_per_second = 1;
  Endless endless;
  auto server = start(listen, [&](const HttpCall&) { return endless.answer(); });
  const UniqueFd client = dial_loopback(server->port());
  say(client.get(), kAsk);
  size_t taken = 0;
  std::array<char, 64 << 10> piece;
  const int64_t begin_us = boot_us();
  while (boot_us() - begin_us < Duration(3 * listen.pace.patience / 2).count()) {
    const ssize_t size = ::recv(client.get(), piece.data(), piece.size(), 0);
    ASSERT_GT(size, 0) << taken;
    taken += static_cast<size_t>(size);
  }
}

// A request that was half there, and a client that takes all that it can get, held up the end: for
// a minute, and for as long as the answer was.
TEST(HttpConnections, TheEndWaitsForNoClient) {
  Endless endless;
  HttpListen listen;
  const std::string token = "0123456789abcdef";
  listen.token_digest = sha256_hex(token);
  auto server = start(listen, [&](const HttpCall&) { return endless.answer(); });
  const UniqueFd half_head = dial_loopback(server->port());
  say(half_head.get(), "GET /x HTTP/1.1\r\nHo");
  const UniqueFd half_body = dial_loopback(server->port());
  say(half_body.get(), "PUT /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token +
                           "\r\nContent-Length: 100\r\n\r\nhalf");
  const UniqueFd taking = dial_loopback(server->port());
  say(taking.get(), kAsk);
  std::jthread taker([&] {
    std::array<char, 64 << 10> piece;
    while (::recv(taking.get(), piece.data(), piece.size(), 0) > 0) {
    }
  });
  endless.await_begin();
  const int64_t begin_us = boot_us();
  server.reset();
  EXPECT_LT(Duration(boot_us() - begin_us), kSoon);
}

// Those that were accepted waited in a queue without a bound.
TEST(HttpConnections, OneTooManyIsToldToComeBack) {
  HttpListen listen;
  listen.crowd.connections_max = 1;
  listen.crowd.waiting_max = 1;
  std::atomic<bool> is_served = false;
  std::atomic<bool> may_end = false;
  const auto server = start(listen, [&](const HttpCall&) {
    is_served = true;
    is_served.notify_all();
    may_end.wait(false);
    return HttpAnswer{};
  });
  const std::string ask_once = "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const UniqueFd served = dial_loopback(server->port());
  say(served.get(), ask_once);
  is_served.wait(false);
  const UniqueFd waiting = dial_loopback(server->port());
  say(waiting.get(), ask_once);
  // It is the third that the server accepts.
  const UniqueFd third = dial_loopback(server->port());
  say(third.get(), ask_once);
  const std::string refusal = hear_all(third.get());
  EXPECT_THAT(refusal, HasSubstr("HTTP/1.1 503 "));
  EXPECT_THAT(refusal, HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(refusal, HasSubstr("muster.error/1"));
  may_end = true;
  may_end.notify_all();
  EXPECT_THAT(hear_all(served.get()), HasSubstr("HTTP/1.1 200 "));
  EXPECT_THAT(hear_all(waiting.get()), HasSubstr("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace muster
