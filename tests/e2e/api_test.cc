// The collector's HTTP API: what it answers, to whom, and that nobody brings it down.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "io/archive_name.h"
#include "io/file.h"
#include "io/http.h"
#include "tests/support/expect_run.h"
#include "tests/support/house.h"
#include "tests/support/loopback.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kToken[] = "0123456789abcdef0123456789abcdef";
constexpr char kGuid[] = "https://lab.example/api/1";

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : house_(MUSTER_BIN_DIR) {
    EXPECT_TRUE(make_home(house_.home()).ok());
    configure(house_.home().dir, "http: 127.0.0.1:0\nhttp_token_file: http.token\n");
    EXPECT_TRUE(write_file_atomically(house_.home().dir + "/http.token", kToken).ok());
    broker_ = house_.start_broker();
    worker_ = house_.start_worker("local", 4);
    collector_ = house_.start_collector();
    house_.connect();
    const std::string port_file = house_.home().run_dir() + "/collector.port";
    EXPECT_TRUE(eventually([&] { return read_text(port_file).ends_with('\n'); }))
        << house_.daemon_output();
    port_ = std::stoi(read_text(port_file));
    base_ = "http://127.0.0.1:" + std::to_string(port_);
    // The ledger is made when the collector has reached the broker.
    EXPECT_TRUE(eventually([&] { return ask("GET", "/api/v1/tasks").status == 200; }))
        << house_.daemon_output();
  }

  static void configure(const std::string& home, const std::string& text) {
    EXPECT_TRUE(write_file_atomically(home + "/muster.yaml", text).ok());
  }

  HttpReply ask(const std::string& method, const std::string& path, const std::string& token = "") {
    HttpRequest request;
    request.method = method;
    request.url = base_ + path;
    request.token = token;
    return HttpClient().ask(std::move(request));
  }
  json get(const std::string& path) {
    const HttpReply reply = ask("GET", path);
    EXPECT_EQ(reply.status, 200) << path << " " << reply.fault << reply.body;
    const json answer = json::parse(reply.body, nullptr, false);
    return answer.is_object() ? answer : json::object();
  }

  void run_job() {
    expect_run(
        house_, 0,
        {"run", "--wait", "--guid", kGuid, "--", "/bin/sh", "-c",
         "PATH=" MUSTER_BIN_DIR
         ":$PATH; muster measure boot seconds=1.5 cold=true && muster measure boot seconds=2 &&"
         " muster report --suite smoke --name one pass && muster report --suite smoke --name two "
         "pass"});
    wait_for_ledger();
  }
  // Until it has the whole of kGuid.
  void wait_for_ledger() {
    ASSERT_TRUE(eventually([&] {
      const json broker =
          json::parse(house_.muster({"result", kGuid, "-o", "json"}).out, nullptr, false);
      return broker.is_object() && broker["complete"] == true;
    }));
  }

  UniqueFd dial() const { return dial_loopback(static_cast<uint16_t>(port_)); }
  std::string exchange(const std::string& request) const {
    const UniqueFd fd = dial();
    say(fd.get(), request);
    ::shutdown(fd.get(), SHUT_WR);
    return hear_all(fd.get());
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> worker_;
  std::unique_ptr<Child> collector_;
  int port_ = 0;
  std::string base_;
};

// A thousand rows of 30 kB were one answer, three times in memory.
TEST_F(ApiTest, APageOfLongRowsEndsBefore) {
  constexpr size_t kShouts = 160;
  const std::string script = "PATH=" MUSTER_BIN_DIR
                             ":$PATH; x=$(head -c 30000 /dev/zero | tr '\\0' x); "
                             "for i in $(seq " +
                             std::to_string(kShouts) +
                             R"(); do muster shout "{\"x\": \"$x\"}"; done)";
  expect_run(house_, 0, {"run", "--wait", "--guid", kGuid, "--", "/bin/sh", "-c", script});
  wait_for_ledger();
  size_t pages = 0;
  size_t shouts = 0;
  std::string cursor;
  for (bool more = true; more; ++pages) {
    const json page = get("/api/v1/tasks/" + url_encode(kGuid) + "/events" + cursor);
    EXPECT_LT(page.dump().size(), size_t{5} << 20);
    for (const json& event : page["events"]) shouts += event["type"] == "shout";
    more = page.contains("next");
    if (more) cursor = "?cursor=" + page["next"].dump();
  }
  EXPECT_EQ(shouts, kShouts);
  EXPECT_EQ(pages, 2u);
}

TEST_F(ApiTest, WhatATaskHasLeft) {
  run_job();
  const std::string task = "/api/v1/tasks/" + url_encode(kGuid);
  EXPECT_EQ(get(task)["state"], "ended");
  EXPECT_EQ(get(task)["attempts"].size(), 1u);
  EXPECT_EQ(get("/api/v1/tasks?state=ended")["tasks"][0]["guid"], kGuid);
  EXPECT_EQ(get("/api/v1/tasks?prefix=last")["tasks"][0]["guid"], kGuid);
  EXPECT_TRUE(get("/api/v1/tasks?state=running")["tasks"].empty());

  // In pages of one.
  std::vector<std::string> names;
  std::string cursor;
  for (bool more = true; more;) {
    const json page = get(task + "/results?max=1" + cursor);
    EXPECT_LE(page["results"].size(), 1u);
    for (const json& result : page["results"]) names.push_back(result["name"].get<std::string>());
    more = page.contains("next");
    if (more) cursor = "&cursor=" + page["next"].dump();
  }
  EXPECT_THAT(names, ::testing::IsSupersetOf({"one", "two"}));

  const json rows = get("/api/v1/measurements/boot?where=" + url_encode("seconds>1.7"));
  ASSERT_EQ(rows["rows"].size(), 1u) << rows;
  EXPECT_EQ(rows["rows"][0]["row"]["seconds"], 2);
  EXPECT_EQ(get(task + "/measurements")["measurements"].size(), 2u);
  EXPECT_EQ(get("/api/v1/measurements")["measure_tables"][0]["name"], "boot");
  const json events = get(task + "/events");
  EXPECT_EQ(events["events"][0]["type"], "task_submitted");
  EXPECT_EQ(get("/api/v1/ledger")["schema"], "muster.ledger/1");
  EXPECT_EQ(get("/api/v1/openapi.json")["openapi"], "3.1.0");
}

// Every subject has its place: what is described is there.
TEST_F(ApiTest, WhatIsDescribedIsServed) {
  run_job();
  const json paths = get("/api/v1/openapi.json")["paths"];
  for (const char* subject :
       {"/api/v1/tasks", "/api/v1/tasks/{guid}/results", "/api/v1/measurements", "/api/v1/devices",
        "/api/v1/events", "/api/v1/tasks/{guid}/artifacts", "/api/v1/sinks", "/archive/v1/{guid}/",
        "/api/test-results/v1/search/"}) {
    EXPECT_TRUE(paths.contains(subject)) << subject;
  }
  for (const auto& [path, operations] : paths.items()) {
    std::string asked = path;
    for (const auto& [part, value] : {std::pair{"{guid}", url_encode(kGuid)},
                                      {"{attempt}", "1"},
                                      {"{table}", "boot"},
                                      {"{name}", "log"}}) {
      if (const size_t at = asked.find(part); at != asked.npos) {
        asked.replace(at, std::string(part).size(), value);
      }
    }
    for (const auto& [method, operation] : operations.items()) {
      if (method != "get") continue;
      const HttpReply reply = ask("GET", asked);
      EXPECT_THAT(reply.status, ::testing::AnyOf(200, 404)) << asked << " " << reply.body;
      EXPECT_THAT(reply.body, ::testing::Not(HasSubstr("there is no such thing here"))) << asked;
      EXPECT_TRUE(operation["responses"].contains(std::to_string(reply.status))) << asked;
    }
  }
  EXPECT_EQ(ask("GET", "/api/v1/devises").status, 404);
}

// Another home, as on another machine: it has no ledger, and knows where a collector is.
TEST_F(ApiTest, TheCommandsAskItFromAnywhere) {
  run_job();
  const ScratchDir elsewhere;
  configure(elsewhere.path(),
            "endpoint: '" + house_.endpoint() + "'\narchive: { url: '" + base_ + "' }\n");
  const auto there = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--home", elsewhere.path()});
    return expect_run(house_, 0, arguments).out;
  };
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"result", kGuid},
        {"result", kGuid, "--format", "json"},
        {"measure", "query", "boot"},
        {"measure", "query", "boot", "-o", "json", "--where", "seconds>1.7"},
        {"measure", "query", "boot", "-n", "1"},
        {"task", "trace", kGuid, "-o", "json"},
        {"strategy", "stats"}}) {
    EXPECT_EQ(there(arguments), expect_run(house_, 0, arguments).out);
  }
  // And what it says is what the ledger says itself.
  const std::string by_api = expect_run(house_, 0, {"measure", "query", "boot"}).out;
  EXPECT_THAT(by_api, HasSubstr("1.5"));
  collector_->stop();
  EXPECT_EQ(expect_run(house_, 0, {"measure", "query", "boot"}).out, by_api);
}

TEST_F(ApiTest, MeasurementsAreListedAndAskedForByTask) {
  run_job();
  EXPECT_EQ(expect_run(house_, 0, {"measure", "ls", "-o", "quiet"}).out, "boot\n");
  EXPECT_THAT(expect_run(house_, 0, {"measure", "ls"}).out,
              HasSubstr("cold boolean, seconds real"));
  const std::string all = expect_run(house_, 0, {"measure", "query", "boot"}).out;
  for (const char* guid : {"guid=last", "guid=https://lab", "guid=https://lab.example/api/1"}) {
    EXPECT_EQ(expect_run(house_, 0, {"measure", "query", "boot", "--where", guid}).out, all);
  }
  EXPECT_THAT(expect_run(house_, 64, {"measure", "query", "boot", "--where", "guid=no"}).err,
              HasSubstr("no task \"no\""));
  EXPECT_THAT(expect_run(house_, 64, {"measure", "query", ""}).err, HasSubstr("which table?"));
  EXPECT_THAT(expect_run(house_, 64, {"measure", "query", "bot"}).err,
              HasSubstr("did you mean boot?"));
}

TEST_F(ApiTest, WritingNeedsTheToken) {
  const std::string path = "/api/v1/sinks/ledger/replay?from=1";
  EXPECT_EQ(ask("POST", path).status, 401);
  EXPECT_EQ(ask("POST", path, std::string(sizeof kToken - 1, 'x')).status, 401);
  EXPECT_EQ(ask("POST", path, kToken).status, 200);
  EXPECT_EQ(ask("DELETE", "/api/v1/tasks", kToken).status, 405);
}

TEST_F(ApiTest, ACollectorIsNotOpenToOthersWithoutAToken) {
  collector_->stop();
  configure(house_.home().dir, "http: 0.0.0.0:0\n");
  EXPECT_EQ(house_.start_collector()->wait(std::chrono::seconds(20)), 64);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("there is no token: name a file with one"));
  configure(house_.home().dir, "http: no.such.host.invalid:0\nhttp_token_file: http.token\n");
  EXPECT_EQ(house_.start_collector()->wait(std::chrono::seconds(20)), 64);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("no address is known of such a host"));
  configure(house_.home().dir, "http: 127.0.0.1:0\nhttp_token_file: http.token\n");
  ASSERT_EQ(::chmod((house_.home().dir + "/http.token").c_str(), 0644), 0);
  EXPECT_EQ(house_.start_collector()->wait(std::chrono::seconds(20)), 64);
  EXPECT_THAT(house_.daemon_output(), HasSubstr("everybody may read it: chmod 600"));
}

TEST_F(ApiTest, NobodyBringsItDown) {
  const auto head = [](const std::string& path, const std::string& headers = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
  };
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  std::string deep = "/api/v1/tasks?";
  for (int i = 0; i < 1'000; ++i) deep += "a[" + std::to_string(i) + "][b]=1&";
  const std::pair<std::string, std::string> rows[] = {
      {head("/api/v1/tasks", many), "HTTP/1.1 431"},
      {head(deep), "HTTP/1.1 414"},
      {head("/api/v1/tasks?" + std::string(60, '&') + "max=1"), "HTTP/1.1 200"},
      {head("/api/v1/tasks?max=%"), "HTTP/1.1 400"},
      {head("/api/v1/tasks?max=99999999999999999999"), "HTTP/1.1 400"},
      {head("/api/v1/tasks?cursor=-1"), "HTTP/1.1 400"},
      {head("/api/v1/tasks/%ff%fe"), "HTTP/1.1 400"},
      {head("/api/v1/tasks/a%00b"), "HTTP/1.1 400"},
      {head("/api/v1/tasks/" + std::string("\xff\xfe")), "HTTP/1.1 400"},
      {head("/api/v1/tasks/.."), "HTTP/1.1 404"},
      {head("/api/v1/../../etc/passwd"), "HTTP/1.1 404"},
      {head("/../etc/passwd"), "HTTP/1.1 404"},
      {head("/api/v1/tasks/..%2f..%2fetc%2fpasswd"), "HTTP/1.1 404"},
      {head("/archive/v1/..%2f..%2fetc/1/passwd"), "HTTP/1.1 400"},
      {head("/api/v1/measurements/" + url_encode("x'; DROP TABLE tasks; --")), "HTTP/1.1 404"},
      {head("/api/v1/tasks?prefix=" + url_encode("' OR 1=1 --")), "HTTP/1.1 200"},
      {"GET /api/v1/tasks SPDY/9\r\n\r\n", "HTTP/1.1 400"},
      {"\r\n\r\n\r\n", "HTTP/1.1 400"},
  };
  for (const auto& [request, status] : rows) {
    EXPECT_THAT(exchange(request), StartsWith(status)) << request.substr(0, 200);
  }
  // A head without end is cut off.
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nX: " + std::string(200 << 10, 'y')),
              ::testing::Not(HasSubstr(" 200 ")));
  // Heads that come byte by byte hold up nobody else.
  std::vector<UniqueFd> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(dial());
    say(slow.back().get(), "GET /api/v1/tasks HTTP/1.1\r\nHost:");
  }
  EXPECT_EQ(ask("GET", "/api/v1/tasks").status, 200);
  EXPECT_EQ(ask("HEAD", "/api/v1/events?format=sse").status, 200);
  EXPECT_EQ(collector_->wait(Duration(0)), std::nullopt);
}

}  // namespace
}  // namespace muster
