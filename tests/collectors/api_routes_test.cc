// The routes of the API, and that their description describes them.
#include "collectors/api_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "collectors/api_http.h"
#include "io/file.h"
#include "tests/collectors/feed_kit.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ApiRoutesTest : public ::testing::Test {
 protected:
  ApiRoutesTest() {
    const auto say = [](const HttpCall&, const std::vector<std::string>& parameters) {
      HttpAnswer answer;
      for (const std::string& parameter : parameters) answer.body += "[" + parameter + "]";
      return answer;
    };
    api_.add("GET", "/api/v1/tasks", {"state", "kind", "max"}, say);
    api_.add("GET", "/api/v1/tasks/{guid}/results", {}, say);
    api_.add("POST", "/api/v1/sinks/{name}/replay", {"from"}, say);
  }

  HttpAnswer ask(const std::string& method, const std::string& path) {
    HttpCall call;
    call.method = method;
    call.path = path;
    return api_.answer(call);
  }

  ApiRoutes api_;
};

TEST_F(ApiRoutesTest, ParametersAreDecoded) {
  EXPECT_EQ(ask("GET", "/api/v1/tasks").status, 200);
  EXPECT_EQ(ask("HEAD", "/api/v1/tasks").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/tasks/https%3A%2F%2Fx%2F1/results").body, "[https://x/1]");
  EXPECT_EQ(ask("GET", "/api/v1/tasks/%E6%BC%A2/results").body, "[漢]");
  EXPECT_EQ(ask("GET", "/api/v1/tasks/../results").body, "[..]");  // a name like any other
}

TEST_F(ApiRoutesTest, WhatIsNoRoute) {
  const struct {
    std::string method;
    std::string path;
    int status;
  } rows[] = {
      {"GET", "", 404},
      {"GET", "/", 404},
      {"GET", "/api/v1", 404},
      {"GET", "/api/v1/", 404},
      {"GET", "/api/v1/tasks/", 404},
      {"GET", "//api/v1/tasks", 404},
      {"GET", "/api//v1/tasks", 404},
      {"GET", "/api/v1/tasks//results", 404},
      {"GET", "/api/v1/tasks/x", 404},
      {"GET", "/api/v1/tasks/x/results/", 404},
      {"GET", "/api/v1/tasks/x/y/results", 404},
      {"GET", "/api/v1/%74asks", 404},
      {"POST", "/api/v1/tasks", 405},
      {"DELETE", "/api/v1/tasks/x/results", 405},
      {"GET", "/api/v1/sinks/x/replay", 405},
      {"GET", "/api/v1/tasks/%/results", 400},
      {"GET", "/api/v1/tasks/%zz/results", 400},
      {"GET", "/api/v1/tasks/%ff%fe/results", 400},
      {"GET", "/api/v1/tasks/a%00b/results", 400},
      {"GET", "/api/v1/tasks/" + std::string("\xc3") + "/results", 400},
  };
  for (const auto& row : rows) {
    const HttpAnswer answer = ask(row.method, row.path);
    EXPECT_EQ(answer.status, row.status) << row.method << " " << row.path;
    EXPECT_THAT(answer.body, HasSubstr("\"error\":")) << row.path;
  }
}

TEST_F(ApiRoutesTest, AMethodThatIsNoneNamesThoseThatAre) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const HttpAnswer answer = ask(method, "/api/v1/tasks");
    EXPECT_EQ(answer.status, 405) << method;
    const std::pair<std::string, std::string> allow = {"Allow", "GET, HEAD"};
    EXPECT_THAT(answer.headers, ::testing::Contains(allow)) << method;
  }
  const std::pair<std::string, std::string> allow = {"Allow", "POST"};
  EXPECT_THAT(ask("OPTIONS", "/api/v1/sinks/x/replay").headers, ::testing::Contains(allow));
}

// They cannot drift: every route is described, and nothing else.
TEST(OpenApi, DescribesTheRoutesThatAreServed) {
  MemoryLog log;
  Feed feed(log.connect());
  FeedHttp feed_http(feed);
  SinkPosts sinks;
  SystemClock clock;
  SinksHttp sinks_http(sinks, clock);
  LedgerHttp ledger([] { return Result<Ledger>(Error{"there is none"}); }, "nowhere");
  const ApiRoutes api = make_api({feed_http, sinks_http, ledger});
  std::set<std::pair<std::string, std::string>> served;
  for (const ApiRoute& route : api.routes()) served.emplace(route.path, route.method);
  EXPECT_EQ(served.size(), api.routes().size());

  const Result<std::string> text =
      read_file(std::string(MUSTER_SOURCE_DIR) + "/schemas/json/openapi.json", 1 << 20);
  ASSERT_TRUE(text.ok()) << text.error();
  const json document = json::parse(*text);
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::pair<std::string, std::string>> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.emplace(path, method == "get" ? "GET" : "POST");
      std::set<std::string> named;  // parameters of the path
      std::set<std::string> words;  // of the query
      for (const json& parameter : operation.value("parameters", json::array())) {
        if (parameter["in"] == "path")
          named.insert("{" + parameter["name"].get<std::string>() + "}");
        if (parameter["in"] == "query") words.insert(parameter["name"]);
      }
      for (const ApiRoute& route : api.routes()) {
        if (route.path != path || (route.method == "GET") != (method == "get")) continue;
        const std::vector<std::string>& taken = route.query.words;
        EXPECT_EQ(words, std::set<std::string>(taken.begin(), taken.end())) << method << path;
      }
      const json& responses = operation["responses"];
      EXPECT_TRUE(responses.contains("400")) << path << ": a word that it does not take";
      EXPECT_EQ(std::count(path.begin(), path.end(), '{'), static_cast<int>(named.size())) << path;
      for (const std::string& name : named) EXPECT_THAT(path, HasSubstr(name));
    }
  }
  EXPECT_EQ(described, served);

  HttpCall call;
  call.method = "GET";
  call.path = "/api/v1/openapi.json";
  EXPECT_EQ(api.answer(call).body, *text);
}

TEST(OpenApi, ALedgerThatIsNotThereIsSaid) {
  LedgerHttp ledger([] { return Result<Ledger>(Error{"nothing was collected yet"}); }, "nowhere");
  ApiRoutes api;
  ledger.add_routes(api);
  HttpCall call;
  call.method = "GET";
  call.path = "/api/v1/tasks";
  const HttpAnswer answer = api.answer(call);
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("nothing was collected yet"));
}

}  // namespace
}  // namespace muster
