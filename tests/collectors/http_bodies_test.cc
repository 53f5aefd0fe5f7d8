// Bodies of requests: those of some paths go to a file and may be large, those of the others stay
// in memory and may not, whatever is said of their length.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include "collectors/http_server.h"
#include "io/sha256.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr size_t kSmallMax = 1'000;
constexpr size_t kLargeMax = 100'000;
constexpr const char* kToken = "0123456789abcdef";

class HttpBodiesTest : public ::testing::Test {
 protected:
  HttpBodiesTest() {
    HttpListen listen;
    listen.host = "127.0.0.1";
    listen.token_digest = sha256_hex(kToken);
    listen.body_max = kSmallMax;
    listen.spools = [](const std::string& path) { return path == "/large"; };
    listen.spool_max = kLargeMax;
    listen.spool_dir = scratch_.path();
    auto server = HttpServer::start(listen, [this](const HttpCall& call) { return take(call); });
    EXPECT_TRUE(server.ok()) << server.error();
    server_ = std::move(*server);
  }

  HttpAnswer take(const HttpCall& call) {
    ++calls_;
    in_file_ = call.body_file >= 0;
    body_ = call.body;
    std::array<char, 4096> piece;
    off_t at = 0;
    while (in_file_) {
      const ssize_t size = ::pread(call.body_file, piece.data(), piece.size(), at);
      if (size <= 0) break;
      body_.append(piece.data(), static_cast<size_t>(size));
      at += size;
    }
    return {};
  }

  // The status line of the answer to a request with these headers and this body as it is.
  std::string send(const std::string& what, const std::string& headers, const std::string& body) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server_->port());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request = what + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
                                "Authorization: Bearer " + kToken + "\r\n" + headers + "\r\n" +
                                body;
    // The server may have answered and gone before all of it was sent.
    for (size_t sent = 0; sent < request.size();) {
      const ssize_t more =
          ::send(fd.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) break;
      sent += static_cast<size_t>(more);
    }
    std::string answer;
    std::array<char, 4096> piece;
    for (ssize_t size = 1; size > 0;) {
      size = ::recv(fd.get(), piece.data(), piece.size(), 0);
      if (size > 0) answer.append(piece.data(), static_cast<size_t>(size));
    }
    return answer.substr(0, answer.find("\r\n"));
  }

  std::string send_whole(const std::string& what, const std::string& body) {
    return send(what, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  }
  // In two pieces, without a length.
  std::string send_chunked(const std::string& what, const std::string& body) {
    std::string chunks;
    const size_t half = body.size() / 2;
    for (const std::string& part : {body.substr(0, half), body.substr(half)}) {
      std::array<char, 32> size;
      std::snprintf(size.data(), size.size(), "%zx\r\n", part.size());
      chunks += size.data() + part + "\r\n";
    }
    return send(what, "Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n");
  }

  Scratch scratch_;
  std::atomic<int> calls_ = 0;
  bool in_file_ = false;
  std::string body_;
  std::unique_ptr<HttpServer> server_;  // last: ends first
};

TEST_F(HttpBodiesTest, SmallOnesStayInMemoryUpToTheirBound) {
  const std::string most(kSmallMax, 'x');
  for (const char* what : {"PUT /small", "POST /small", "POST /small?path=/large"}) {
    EXPECT_THAT(send_whole(what, most), HasSubstr(" 200 ")) << what;
    EXPECT_EQ(body_, most);
    EXPECT_FALSE(in_file_);
    EXPECT_THAT(send_chunked(what, most), HasSubstr(" 200 ")) << what;
    EXPECT_EQ(body_, most);
    const int calls = calls_;
    EXPECT_THAT(send_whole(what, most + "x"), HasSubstr(" 413 ")) << what;
    EXPECT_THAT(send_chunked(what, most + "x"), HasSubstr(" 413 ")) << what;
    EXPECT_EQ(calls_, calls) << what;
  }
  EXPECT_THAT(send_whole("DELETE /small", most), HasSubstr(" 200 "));
  EXPECT_THAT(send_whole("DELETE /small", most + "x"), HasSubstr(" 413 "));
  EXPECT_THAT(send("DELETE /small", "", ""), HasSubstr(" 200 "));
}

TEST_F(HttpBodiesTest, LargeOnesGoToAFileUpToTheirBound) {
  std::string most;
  while (most.size() < kLargeMax) most += std::to_string(most.size()) + ",";
  most.resize(kLargeMax);
  EXPECT_THAT(send_whole("POST /large", most), HasSubstr(" 200 "));
  EXPECT_EQ(body_, most);
  EXPECT_TRUE(in_file_);
  EXPECT_THAT(send_chunked("POST /large", most), HasSubstr(" 200 "));
  EXPECT_EQ(body_, most);
  const int calls = calls_;
  EXPECT_THAT(send_whole("POST /large", most + "x"), HasSubstr(" 413 "));
  EXPECT_THAT(send_chunked("POST /large", most + "x"), HasSubstr(" 413 "));
  EXPECT_EQ(calls_, calls);
  EXPECT_THAT(send("POST /large", "", ""), HasSubstr(" 200 "));
  EXPECT_EQ(body_, "");
  // Nothing is left of any.
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
}

TEST_F(HttpBodiesTest, WithoutAPlaceForItsFileABodyIsNotTaken) {
  std::filesystem::remove_all(scratch_.path());
  EXPECT_THAT(send_whole("POST /large", "some"), HasSubstr(" 507 "));
  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(send_whole("POST /small", "some"), HasSubstr(" 200 "));
}

}  // namespace
}  // namespace muster
