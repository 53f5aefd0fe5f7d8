// The collector's archive behind its HTTP server, with clients that behave and clients that do not.
#include "collectors/archive_http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "collectors/token_check.h"
#include "core/guid.h"
#include "io/http.h"
#include "io/sha256.h"
#include "tests/io/scratch.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr char kGuid[] = "https://lab.example/job/1234";
constexpr char kToken[] = "0123456789abcdef0123456789abcdef";

class ArchiveHttpTest : public ScratchFiles {
 protected:
  ArchiveHttpTest() : store_(path("archive"), 0), archive_(store_, clock_) {
    const auto handler = [this](const HttpCall& call) { return archive_.answer(call); };
    HttpListen socket;
    socket.socket = path("collector.http");
    socket.body_max = kArchiveAppendBytesMax;
    socket_server_ = start(socket, handler);
    HttpListen tcp;
    tcp.host = "127.0.0.1";
    tcp.token_digest = sha256_hex(kToken);
    tcp.body_max = kArchiveAppendBytesMax;
    tcp_server_ = start(tcp, handler);
    tcp_base_ = "http://127.0.0.1:" + std::to_string(tcp_server_->port());
  }
  ~ArchiveHttpTest() override { archive_.stop(); }

  static std::unique_ptr<HttpServer> start(const HttpListen& listen,
                                           const HttpServer::Handler& handler) {
    auto server = HttpServer::start(listen, handler);
    if (server.ok()) return std::move(*server);
    ADD_FAILURE() << server.error();
    std::abort();
  }

  std::string socket_base() const { return unix_url(path("collector.http")); }
  std::string url(const std::string& name, const std::string& query = "") const {
    return archive_url(socket_base(), {kGuid, 1, name}) + query;
  }
  std::string tcp_url(const std::string& name, const std::string& query = "") const {
    return archive_url(tcp_base_, {kGuid, 1, name}) + query;
  }
  static HttpReply ask(const std::string& method, const std::string& url,
                       const std::string& body = "", const std::string& token = "") {
    HttpRequest request;
    request.method = method;
    request.url = url;
    request.body = body;
    request.token = token;
    return HttpClient().ask(std::move(request));
  }
  void put_whole(const std::string& name, const std::string& bytes) {
    ASSERT_EQ(ask("PUT", url(name, "?offset=0"), bytes).status, 200);
    ASSERT_EQ(ask("POST", url(name, "?complete&sha256=" + sha256_hex(bytes))).status, 200);
  }

  UniqueFd dial() const { return dial_loopback(tcp_server_->port()); }

  SystemClock clock_;
  ArchiveStore store_;
  ArchiveHttp archive_;
  std::unique_ptr<HttpServer> socket_server_;
  std::unique_ptr<HttpServer> tcp_server_;
  std::string tcp_base_;
};

TEST_F(ArchiveHttpTest, AppendsCompletesAndServes) {
  EXPECT_EQ(ask("PUT", url("log", "?offset=0"), "one ").header("muster-bytes"), "4");
  EXPECT_EQ(ask("PUT", url("log", "?offset=4"), "two").header("muster-bytes"), "7");
  HttpReply reply = ask("GET", url("log", "?offset=4"));
  EXPECT_EQ(reply.status, 200) << reply.fault;
  EXPECT_EQ(reply.body, "two");
  EXPECT_EQ(reply.header("muster-complete"), "false");
  const std::string digest = sha256_hex("one two");
  EXPECT_EQ(ask("POST", url("log", "?complete&bytes=7&sha256=" + digest)).status, 200);
  reply = ask("HEAD", tcp_url("log"));
  EXPECT_EQ(reply.header("muster-complete"), "true");
  EXPECT_EQ(reply.header("muster-sha256"), digest);
  EXPECT_EQ(ask("GET", tcp_url("log")).body, "one two");
}

TEST_F(ArchiveHttpTest, RefusalsSayHowTheFileIs) {
  ask("PUT", url("log", "?offset=0"), "12345");
  HttpReply reply = ask("PUT", url("log", "?offset=3"), "x");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.header("muster-bytes"), "5");
  EXPECT_THAT(reply.body, HasSubstr("it ends at 5, not at 3"));
  reply = ask("POST", url("log", "?complete&sha256=" + sha256_hex("other")));
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.header("muster-bytes"), "0");
  EXPECT_EQ(ask("GET", url("nothing")).status, 404);
  EXPECT_EQ(ask("GET", url("log", "?offset=7")).status, 416);
  put_whole("done", "x");
  reply = ask("PUT", url("done", "?offset=1"), "y");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.header("muster-complete"), "true");
}

TEST_F(ArchiveHttpTest, WhatCannotBeAskedIsSaidSo) {
  for (const char* query : {"?offset=x", "?offset=-1", "?wait=1h", "?offset="}) {
    EXPECT_EQ(ask("GET", url("log", query)).status, 400) << query;
  }
  EXPECT_EQ(ask("PUT", url("log", "?offset=1x"), "b").status, 400);
  EXPECT_EQ(ask("POST", url("log", "?complete")).status, 400);
  // It was a 422, which is for the digest of other bytes.
  for (const std::string& digest : {std::string(), std::string("x"), std::string(64, 'A')}) {
    EXPECT_EQ(ask("POST", url("log", "?complete&sha256=" + digest)).status, 400) << digest;
  }
  EXPECT_EQ(ask("POST", url("log"), "b").status, 400);
  EXPECT_EQ(ask("DELETE", url("log")).status, 405);
  EXPECT_EQ(ask("GET", socket_base() + "/elsewhere").status, 404);
  EXPECT_EQ(ask("GET", socket_base() + "/archive/v1/task-number-1/1/..%2F..%2Fx").status, 400);
  EXPECT_EQ(ask("GET", socket_base() + "/archive/v1/task-number-1/1/../../../x").status, 400);
  EXPECT_EQ(ask("GET", socket_base() + "/archive/v1/task-number-1/1/%2Fetc%2Fpasswd").status, 400);
  EXPECT_EQ(ask("POST", archive_url(socket_base(), {kGuid, 0, ""}) + "?pin=2").status, 400);
}

TEST_F(ArchiveHttpTest, WritingByTcpNeedsTheToken) {
  for (const std::string& token : {std::string(), std::string("wrong"), std::string(kToken) + "0",
                                   std::string(kToken).substr(1)}) {
    EXPECT_EQ(ask("PUT", tcp_url("log", "?offset=0"), "x", token).status, 401) << token;
    EXPECT_EQ(ask("POST", archive_url(tcp_base_, {kGuid, 0, ""}) + "?pin=1", "", token).status,
              401);
  }
  EXPECT_EQ(ask("PUT", tcp_url("log", "?offset=0"), "x", kToken).status, 200);
  EXPECT_EQ(ask("GET", tcp_url("log")).body, "x") << "reading needs none";
}

// Each counted twice, and the eleventh was too many.
TEST_F(ArchiveHttpTest, AWrongTokenCountsOnce) {
  for (uint32_t i = 0; i < kWrongTokensMax; ++i) {
    ASSERT_EQ(ask("PUT", tcp_url("log", "?offset=0"), "x", "wrong").status, 401) << i;
  }
  EXPECT_EQ(ask("PUT", tcp_url("log", "?offset=0"), "x", "wrong").status, 429);
}

TEST_F(ArchiveHttpTest, WithoutATokenNobodyWritesByTcp) {
  HttpListen open;
  open.host = "127.0.0.1";
  const auto server = start(open, [this](const HttpCall& call) { return archive_.answer(call); });
  const std::string base = "http://127.0.0.1:" + std::to_string(server->port());
  EXPECT_EQ(ask("PUT", archive_url(base, {kGuid, 1, "log"}), "x").status, 401);
  EXPECT_EQ(ask("PUT", archive_url(base, {kGuid, 1, "log"}), "x", "anything").status, 401);
}

TEST_F(ArchiveHttpTest, TheSocketIsItsOwnersOnly) {
  struct stat info {};
  ASSERT_EQ(::stat(path("collector.http").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ArchiveHttpTest, StartsOverWhatIsNotComplete) {
  ask("PUT", url("log", "?offset=0"), "12345");
  EXPECT_EQ(ask("POST", url("log", "?restart")).header("muster-bytes"), "0");
  put_whole("log", "anew");
  EXPECT_EQ(ask("POST", url("log", "?restart")).status, 409);
  EXPECT_EQ(ask("GET", url("log")).body, "anew");
  EXPECT_EQ(ask("POST", url("nothing", "?restart")).status, 404);
}

TEST_F(ArchiveHttpTest, ListsAndPins) {
  put_whole("out/report.xml", "<xml/>");
  const std::string folder = archive_url(socket_base(), {kGuid, 0, ""});
  auto json = nlohmann::json::parse(ask("GET", folder).body, nullptr, false);
  EXPECT_EQ(json["schema"], "muster.archive_folder/1");
  EXPECT_EQ(json["guid"], kGuid);
  EXPECT_EQ(json["pinned"], false);
  EXPECT_EQ(json["files"][0]["name"], "out/report.xml");
  EXPECT_EQ(json["files"][0]["complete"], true);
  json = nlohmann::json::parse(ask("POST", folder + "?pin=1").body, nullptr, false);
  EXPECT_EQ(json["pinned"], true);
  EXPECT_TRUE((*store_.list(kGuid))->pinned);
  EXPECT_EQ(ask("GET", archive_url(socket_base(), {"nobody-knows-it", 0, ""})).status, 404);
}

TEST_F(ArchiveHttpTest, AFollowerIsAnsweredWhenTheFileGrows) {
  ask("PUT", url("log", "?offset=0"), "begin");
  auto follower = std::async(std::launch::async,
                             [this] { return ask("GET", tcp_url("log", "?offset=5&wait=30")); });
  ask("PUT", url("log", "?offset=5"), " more");
  EXPECT_EQ(follower.get().body, " more");
}

TEST_F(ArchiveHttpTest, AFollowerMayComeBeforeTheFile) {
  auto follower = std::async(std::launch::async,
                             [this] { return ask("GET", url("log", "?offset=0&wait=30")); });
  ask("PUT", url("log"), "first");
  EXPECT_EQ(follower.get().body, "first");
}

TEST_F(ArchiveHttpTest, AFollowerSeesWhatAnotherProcessWrote) {
  auto follower = std::async(std::launch::async,
                             [this] { return ask("GET", url("log", "?offset=0&wait=30")); });
  const ArchiveStore other(path("archive"), 0);
  other.append({kGuid, 1, "log"}, 0, "by hand", clock_.now());
  EXPECT_EQ(follower.get().body, "by hand");
}

TEST_F(ArchiveHttpTest, AFollowerIsToldOfTheEndAtOnce) {
  ask("PUT", url("log", "?offset=0"), "all");
  auto follower = std::async(std::launch::async,
                             [this] { return ask("GET", url("log", "?offset=3&wait=30")); });
  ask("POST", url("log", "?complete&sha256=" + sha256_hex("all")));
  const HttpReply reply = follower.get();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.header("muster-complete"), "true");
}

TEST_F(ArchiveHttpTest, ManyFollowersHoldUpNobody) {
  constexpr int kFollowers = 60;
  std::vector<std::future<HttpReply>> followers;
  for (int i = 0; i < kFollowers; ++i) {
    followers.push_back(std::async(
        std::launch::async, [this] { return ask("GET", tcp_url("log", "?offset=0&wait=30")); }));
  }
  EXPECT_EQ(ask("PUT", url("other", "?offset=0"), "x").status, 200);
  EXPECT_EQ(ask("PUT", url("log", "?offset=0"), "for all").status, 200);
  for (std::future<HttpReply>& follower : followers) EXPECT_EQ(follower.get().body, "for all");
}

TEST_F(ArchiveHttpTest, TwoHundredAppendersAtOnceKeepTwoHundred) {
  constexpr int kAppenders = 200;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAppenders; ++i) {
    threads.emplace_back([this, i] {
      const std::string line = "line " + std::to_string(1000 + i) + "\n";
      const HttpReply reply = ask("PUT", url("log"), line);
      EXPECT_EQ(reply.status, 200) << reply.fault << reply.body;
    });
  }
  threads.clear();  // joins
  const std::string text = ask("GET", url("log")).body;
  ASSERT_EQ(text.size(), kAppenders * 10u);
  for (int i = 0; i < kAppenders; ++i) {
    EXPECT_THAT(text, HasSubstr("line " + std::to_string(1000 + i) + "\n"));
  }
}

TEST_F(ArchiveHttpTest, ABodyThatIsTooLongIsRefused) {
  EXPECT_EQ(ask("PUT", url("log"), std::string(kArchiveAppendBytesMax, 'x')).status, 200);
  EXPECT_EQ(ask("PUT", url("more"), std::string(kArchiveAppendBytesMax + 1, 'x')).status, 413);
  EXPECT_EQ(ask("GET", url("more")).status, 404);
}

TEST_F(ArchiveHttpTest, AHeadThatDoesNotEndIsCutOff) {
  const UniqueFd fd = dial();
  say(fd.get(), "GET /archive/v1/task-number-1/1/log HTTP/1.1\r\n");
  const std::string line = "X-More: " + std::string(4000, 'x') + "\r\n";
  // Far past head and body together: the connection is closed instead of read on.
  for (int i = 0; i < 1000; ++i) say(fd.get(), line);
  hear_all(fd.get());
  EXPECT_EQ(ask("PUT", url("log"), "x").status, 200);
}

TEST_F(ArchiveHttpTest, TooManyHeadersAreRefused) {
  const UniqueFd fd = dial();
  std::string text = "GET /archive/v1/task-number-1/1/log HTTP/1.1\r\nConnection: close\r\n";
  for (size_t i = 0; i < kHttpHeadersMax; ++i) text += "X-" + std::to_string(i) + ": x\r\n";
  say(fd.get(), text + "\r\n");
  EXPECT_THAT(hear_all(fd.get()), HasSubstr(" 431 "));
}

TEST_F(ArchiveHttpTest, HalfABodyIsNotAppended) {
  {
    const UniqueFd fd = dial();
    say(fd.get(),
        "PUT /archive/v1/task-number-1/1/log?offset=0 HTTP/1.1\r\nAuthorization: Bearer " +
            std::string(kToken) + "\r\nContent-Length: 100\r\n\r\nhalf of it");
    ::shutdown(fd.get(), SHUT_WR);
    hear_all(fd.get());
  }
  EXPECT_EQ(store_.look({"task-number-1", 1, "log"}).fault, ArchiveFault::absent);
}

TEST_F(ArchiveHttpTest, ClientsThatStallHoldUpNobody) {
  std::vector<UniqueFd> stalled;
  for (int i = 0; i < 60; ++i) {
    stalled.push_back(dial());
    say(stalled.back().get(), i % 2 == 0 ? "GET /archive/v1/task-nu"
                                         : "PUT /archive/v1/task-number-1/1/x "
                                           "HTTP/1.1\r\nContent-Length: 9\r\n\r\nx");
  }
  EXPECT_EQ(ask("PUT", tcp_url("log"), "x", kToken).status, 200);
}

TEST_F(ArchiveHttpTest, AFullDiskIsSaidSo) {
  const ArchiveStore full(path("archive"), UINT64_MAX / 2);
  ArchiveHttp archive(full, clock_);
  HttpCall call;
  call.method = "PUT";
  call.path = "/archive/v1/task-number-1/1/log";
  call.body = "x";
  EXPECT_EQ(archive.answer(call).status, 507);
}

TEST_F(ArchiveHttpTest, AServerThatEndsLetsItsFollowersGo) {
  HttpListen tcp;
  tcp.host = "127.0.0.1";
  ArchiveHttp archive(store_, clock_);
  auto server = start(tcp, [&](const HttpCall& call) { return archive.answer(call); });
  const std::string base = "http://127.0.0.1:" + std::to_string(server->port());
  const int64_t before_us = boot_us();
  auto follower = std::async(std::launch::async, [&] {
    return ask("GET", archive_url(base, {kGuid, 1, "log"}) + "?wait=30");
  });
  archive.stop();
  follower.get();
  server.reset();
  EXPECT_LT(boot_us() - before_us, Duration(15s).count());
}

// --- what is refused before its body is there ---

constexpr char kLogPath[] = "/archive/v1/task-number-1/1/log";

class EarlyAnswerTest : public ArchiveHttpTest {
 protected:
  // What comes on a connection that says this much and no more; the server ends it.
  std::string hear_after(const std::string& text) const {
    const UniqueFd fd = dial();
    const timeval patience{20, 0};
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    say(fd.get(), text);
    const int64_t before_us = boot_us();
    std::string heard = hear_all(fd.get());
    EXPECT_LT(boot_us() - before_us, Duration(15s).count()) << "the connection was left open";
    return heard;
  }
  static std::string head(const std::string& start, const std::string& headers) {
    return start + " HTTP/1.1\r\nAuthorization: Bearer " + kToken + "\r\n" + headers + "\r\n";
  }
  static std::string put_head(const std::string& headers) {
    return head("PUT " + std::string(kLogPath) + "?offset=0", headers);
  }
  static nlohmann::json body_of(const std::string& answer) {
    const size_t end = answer.find("\r\n\r\n");
    return nlohmann::json::parse(answer.substr(std::min(end, answer.size())), nullptr, false);
  }
};

// 970 KB that inflate to a gigabyte took a gigabyte of the collector's memory, of anybody.
TEST_F(EarlyAnswerTest, ACompressedBodyIsRefusedBeforeItComes) {
  const std::string long_body = "Content-Length: 970000\r\n";
  for (const std::string coding : {"gzip", "deflate", "br", "identity"}) {
    const std::string answer =
        hear_after(put_head(long_body + "Content-Encoding: " + coding + "\r\n"));
    EXPECT_THAT(answer, HasSubstr(" 415 ")) << coding;
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
    EXPECT_EQ(body_of(answer)["schema"], "muster.error/1") << answer;
  }
  EXPECT_EQ(ask("GET", url("log")).status, 404);
}

TEST_F(EarlyAnswerTest, AStrangerIsRefusedBeforeTheBodyComes) {
  for (const char* method : {"PUT", "POST", "DELETE"}) {
    const std::string answer = hear_after(std::string(method) + " " + kLogPath +
                                          " HTTP/1.1\r\nContent-Length: 970000\r\n"
                                          "Content-Encoding: gzip\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr(" 401 ")) << method;
    EXPECT_EQ(body_of(answer)["schema"], "muster.error/1") << answer;
  }
}

TEST_F(EarlyAnswerTest, NobodyIsToldToGoOnOnlyToBeRefused) {
  const std::string answer = hear_after(
      put_head("Content-Length: 9\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\n"));
  EXPECT_THAT(answer, ::testing::StartsWith("HTTP/1.1 415 "));
}

TEST_F(EarlyAnswerTest, FormsAreNoBodies) {
  for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                           "Application/X-WWW-Form-Urlencoded; charset=utf-8"}) {
    const std::string answer = hear_after(
        put_head("Content-Length: 970000\r\nContent-Type: " + std::string(type) + "\r\n"));
    EXPECT_THAT(answer, HasSubstr(" 415 ")) << type;
  }
}

TEST_F(EarlyAnswerTest, ABodyThatIsTooLongIsRefusedBeforeItComes) {
  EXPECT_THAT(hear_after(put_head("Content-Length: 1048577\r\n")), HasSubstr(" 413 "));
  EXPECT_THAT(hear_after(put_head("Content-Length: 99999999999999999999\r\n")), HasSubstr(" 400 "));
  EXPECT_THAT(hear_after(put_head("Content-Length: some\r\n")), HasSubstr(" 400 "));
  EXPECT_THAT(hear_after(put_head("Transfer-Encoding: gzip, chunked\r\n")), HasSubstr(" 400 "));
}

// They hung for a minute.
TEST_F(EarlyAnswerTest, ABodyWithoutALengthIsNotWaitedFor) {
  EXPECT_THAT(hear_after(put_head("")), HasSubstr(" 411 "));
  put_whole("done", "x");
  const std::string pin = head("POST /archive/v1/task-number-1/?pin=1", "Connection: close\r\n");
  EXPECT_THAT(hear_after(pin), HasSubstr(" 200 "));
  EXPECT_TRUE((*store_.list("task-number-1"))->pinned);
  EXPECT_THAT(hear_after(head("DELETE " + std::string(kLogPath), "Connection: close\r\n")),
              HasSubstr(" 405 "));
}

TEST_F(EarlyAnswerTest, ABodyInPiecesIsTaken) {
  const std::string answer = hear_after(
      put_head("Transfer-Encoding: chunked\r\nConnection: close\r\n") + "3\r\nabc\r\n0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr(" 200 "));
  EXPECT_EQ(store_.look({"task-number-1", 1, "log"}).bytes, 3u);
}

TEST_F(EarlyAnswerTest, TheBodyOfAGetIsNoRequest) {
  const std::string hidden = "GET /archive/v1/task-number-2/1/log HTTP/1.1\r\n\r\n";
  const std::string answer =
      hear_after(head("GET " + std::string(kLogPath),
                      "Content-Length: " + std::to_string(hidden.size()) + "\r\n") +
                 hidden);
  EXPECT_EQ(answer.find("HTTP/1.1"), answer.rfind("HTTP/1.1")) << "two answers: " << answer;
}

TEST_F(EarlyAnswerTest, ANameWithALineBreakIsABadNameLikeOthers) {
  for (const char* name : {"a%0Ab", "a%0D", "%0D%0A"}) {
    for (const char* method : {"GET", "PUT"}) {
      const HttpReply reply = ask(method, socket_base() + "/archive/v1/task-number-1/1/" + name);
      EXPECT_EQ(reply.status, 400) << name;
      EXPECT_EQ(nlohmann::json::parse(reply.body, nullptr, false)["schema"], "muster.error/1")
          << method << " " << name << ": " << reply.body;
    }
  }
}

TEST_F(EarlyAnswerTest, RangesAreNotHeeded) {
  put_whole("log", "0123456789");
  for (const char* range : {"bytes=2-4", "bytes=-3", "bytes=0-1,4-5", "bytes=50-60"}) {
    const std::string path = tcp_url("log");
    const std::string answer =
        hear_after("GET " + path.substr(tcp_base_.size()) +
                   "?offset=1 HTTP/1.1\r\nConnection: close\r\nRange: " + range + "\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr(" 200 ")) << range;
    EXPECT_THAT(answer, HasSubstr("\r\n\r\n123456789")) << range;
  }
}

TEST_F(EarlyAnswerTest, WhatHttplibRefusesHasABodyToo) {
  for (const char* text :
       {"NONSENSE\r\n\r\n", "GET /x HTTP/1.1\r\nConnection: close\r\nRange: x\r\n\r\n"}) {
    const UniqueFd fd = dial();
    say(fd.get(), text);
    ::shutdown(fd.get(), SHUT_WR);
    const std::string answer = hear_all(fd.get());
    ASSERT_TRUE(body_of(answer).is_object()) << answer;
    EXPECT_EQ(body_of(answer)["schema"], "muster.error/1");
  }
}

TEST_F(ArchiveHttpTest, TheQueryIsOfTheTargetOnlyAndDecoded) {
  std::map<std::string, std::string> seen;
  HttpListen tcp;
  tcp.host = "127.0.0.1";
  const auto server = start(tcp, [&](const HttpCall& call) {
    seen = call.query;
    return HttpAnswer{};
  });
  const std::string base = "http://127.0.0.1:" + std::to_string(server->port());
  EXPECT_EQ(ask("GET", base + "/x?a=1&&b&c=%3D%26+&=d").status, 200);
  const std::map<std::string, std::string> expected = {
      {"a", "1"}, {"b", ""}, {"c", "=&+"}, {"", "d"}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(ask("GET", base + "/x?a=%zz").status, 400);
  EXPECT_EQ(ask("GET", base + "/x?a=1&a=2").status, 400);
}

// ?ofset=3 appended at the end, as if nothing had been said.
TEST_F(ArchiveHttpTest, AMisspeltWordIsRefused) {
  put_whole("done", "0123456789");
  const HttpReply reply = ask("GET", url("done", "?ofset=3"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("did you mean \\\"offset\\\"?"));
  EXPECT_EQ(ask("PUT", url("log", "?ofset=0"), "x").status, 400);
  EXPECT_EQ(ask("POST", url("done", "?complet&sha256=x")).status, 400);
  EXPECT_EQ(ask("POST", url("", "?pinn=1")).status, 400);
  EXPECT_EQ(ask("GET", url("", "?pin=1")).status, 400);
}

// Allow was missing.
TEST_F(ArchiveHttpTest, AMethodThatIsNoneNamesThoseThatAre) {
  const auto allow = [](const std::string& method, const std::string& url) {
    const HttpReply reply = ask(method, url);
    EXPECT_EQ(reply.status, 405) << method;
    return reply.header("allow");
  };
  EXPECT_EQ(allow("DELETE", url("log")), "GET, HEAD, PUT, POST");
  EXPECT_EQ(allow("PATCH", url("log")), "GET, HEAD, PUT, POST");
  EXPECT_EQ(allow("OPTIONS", url("")), "GET, HEAD, POST");
}

TEST(ConstantTime, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  for (const char* other : {"", "ab", "abd", "abcd", "abcabc"}) {
    EXPECT_FALSE(equal_in_constant_time("abc", other)) << other;
    EXPECT_FALSE(equal_in_constant_time(other, "abc")) << other;
  }
}

}  // namespace
}  // namespace muster
