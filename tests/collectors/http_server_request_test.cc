// Heads of requests and their bounds.
#include "collectors/http_server_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/sha256.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kStart[] = "GET /x HTTP/1.1\r\n";

class HttpRequestTest : public ::testing::Test {
 protected:
  HttpRequestTest() {
    HttpListen listen;
    listen.host = "127.0.0.1";
    listen.token_digest = sha256_hex("0123456789abcdef");
    auto server = HttpServer::start(listen, [](const HttpCall& call) {
      HttpAnswer answer;
      answer.body = "[" + call.method + " " + call.path + "]";
      return answer;
    });
    EXPECT_TRUE(server.ok());
    if (server.ok()) server_ = std::move(*server);
  }
  // All that comes for `text`, after which nothing is said.
  std::string exchange(const std::string& text) const {
    const UniqueFd fd = dial_loopback(server_->port());
    say(fd.get(), text);
    ::shutdown(fd.get(), SHUT_WR);
    return hear_all(fd.get());
  }

  std::unique_ptr<HttpServer> server_;
};

// One of 8,191 was 400, "no request that is understood".
TEST_F(HttpRequestTest, AHeaderHasItsBound) {
  const auto with = [](size_t bytes) {
    return kStart + ("X: " + std::string(bytes - 5, 'y') + "\r\n") + "Connection: close\r\n\r\n";
  };
  EXPECT_THAT(exchange(with(kHeaderBytesMax)), StartsWith("HTTP/1.1 200 "));
  const std::string refused = exchange(with(kHeaderBytesMax + 1));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
  EXPECT_THAT(refused, HasSubstr("\"muster.error/1\""));
  EXPECT_THAT(refused, Not(HasSubstr("HTTP/1.1 400")));
}

// So many lines as the body's bound had room for were read.
TEST_F(HttpRequestTest, AHeadHasItsBound) {
  const auto with = [](size_t bytes) {
    std::string head = kStart + std::string("Connection: close\r\n");
    while (bytes - head.size() - 2 > 4'000) head += "X: " + std::string(1'995, 'y') + "\r\n";
    return head + "X: " + std::string(bytes - head.size() - 7, 'y') + "\r\n\r\n";
  };
  ASSERT_EQ(with(kHeadBytesMax).size(), kHeadBytesMax);
  EXPECT_THAT(exchange(with(kHeadBytesMax)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(exchange(with(kHeadBytesMax + 1)), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(exchange("GET /" + std::string(kHeadBytesMax, 'x')), StartsWith("HTTP/1.1 414 "));
}

// What comes after a head is a body, or the next request: it has bounds of its own.
TEST_F(HttpRequestTest, TheBoundsAreThoseOfOneHead) {
  std::string many;
  for (int i = 0; i < 40; ++i) {
    many += kStart + ("X: " + std::string(4'000, 'y')) + "\r\n\r\n";
  }
  const std::string answers = exchange(many + kStart + "Connection: close\r\n\r\n");
  size_t count = 0;
  for (size_t at = answers.find(" 200 "); at != answers.npos; at = answers.find(" 200 ", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 41u);
}

// max=18446744073709551615 was promised.
TEST_F(HttpRequestTest, KeepAliveSaysWhatIsSo) {
  const std::string answer = exchange(kStart + std::string("\r\n"));
  EXPECT_THAT(answer, HasSubstr("Keep-Alive: timeout=30\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("max=")));
}

// 64 were refused: httplib adds some of its own.
TEST_F(HttpRequestTest, ARequestHasSoManyHeadersAndNoMore) {
  const auto with = [](size_t count) {
    std::string head = kStart + std::string("Connection: close\r\n");
    for (size_t i = 1; i < count; ++i) head += "X-" + std::to_string(i) + ": y\r\n";
    return head + "\r\n";
  };
  EXPECT_THAT(exchange(with(kHttpHeadersMax)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(exchange(with(kHttpHeadersMax + 1)), StartsWith("HTTP/1.1 431 "));
}

// Keep-Alive was promised by answers that end the connection, and what followed a body whose end
// nobody knows was taken for a request.
TEST_F(HttpRequestTest, AnAnswerThatEndsTheConnectionSaysSo) {
  const std::string next = "GET /hidden HTTP/1.1\r\n\r\n";
  const std::string token = "Authorization: Bearer 0123456789abcdef\r\n";
  for (const std::string& text :
       {std::string("NONSENSE\r\n\r\n"), "GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\n\r\n",
        std::string("GET /x HTTP/1.0\r\n\r\n"),
        "POST /x HTTP/1.1\r\n" + token + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const std::string answer = exchange(text + next);
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n")) << text;
    EXPECT_THAT(answer, Not(HasSubstr("Keep-Alive"))) << text;
    EXPECT_EQ(answer.find("HTTP/1.1 "), answer.rfind("HTTP/1.1 ")) << text << answer;
  }
}

TEST_F(HttpRequestTest, ATargetMayNameTheHost) {
  EXPECT_THAT(exchange("GET http://box:7180/x?a=1 HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("[GET /x]"));
}

TEST_F(HttpRequestTest, EveryMethodHasAnAnswer) {
  const std::string rest = " /x HTTP/1.1\r\nConnection: close\r\n";
  const std::string token = "Authorization: Bearer 0123456789abcdef\r\n";
  EXPECT_THAT(exchange("OPTIONS" + rest + "\r\n"), HasSubstr("[OPTIONS /x]"));
  EXPECT_THAT(exchange("PATCH" + rest + "\r\n"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(exchange("PATCH" + rest + token + "\r\n"), HasSubstr("[PATCH /x]"));
  EXPECT_THAT(exchange("DELETE" + rest + token + "\r\n"), HasSubstr("[DELETE /x]"));
  EXPECT_THAT(exchange("TRACE" + rest + "\r\n"), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(exchange("CONNECT" + rest + "\r\n"), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(exchange("PRI" + rest + token + "\r\n"), StartsWith("HTTP/1.1 501 "));
}

TEST(HttpQuery, AWordIsSaidOnce) {
  EXPECT_EQ((*parse_query("/x?a=1&&b&c=%3D%26+&=d")),
            (std::map<std::string, std::string>{{"a", "1"}, {"b", ""}, {"c", "=&+"}, {"", "d"}}));
  EXPECT_EQ(parse_query("/x?a=1&a=2").error(), "the query says \"a\" twice");
  EXPECT_EQ(parse_query("/x?a=%zz").error(), "the query has a broken % escape");
  EXPECT_TRUE(parse_query("/x")->empty());
}

}  // namespace
}  // namespace muster
