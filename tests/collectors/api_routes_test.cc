// The routes of the API, and that their description describes them.
#include "collectors/api_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "collectors/api_http.h"
#include "collectors/archive_http.h"
#include "collectors/decibel_http.h"
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

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// Of an operation of the description, those that are in `where`.
std::set<std::string> parameters_in(const json& operation, const std::string& where) {
  std::set<std::string> names;
  for (const json& parameter : operation.value("parameters", json::array())) {
    if (parameter["in"] == where) names.insert(parameter["name"]);
  }
  return names;
}

class OpenApi : public ::testing::Test {
 protected:
  OpenApi() {
    for (const ApiRoute& route : api_.routes()) add(route);
    for (const HttpRoute& route : archive_routes()) add(route);
    for (const HttpRoute& route : decibel_routes()) add(route);
  }

  void add(const HttpRoute& route) {
    const std::vector<std::string>& words = route.query.words;
    const bool is_new = served_
                            .emplace(std::pair(route.path, route.method),
                                     std::set<std::string>(words.begin(), words.end()))
                            .second;
    EXPECT_TRUE(is_new) << route.method << " " << route.path;
  }

  MemoryLog log_;
  Feed feed_{log_.connect()};
  FeedHttp feed_http_{feed_};
  SinkPosts sinks_;
  SystemClock clock_;
  SinksHttp sinks_http_{sinks_, clock_};
  LedgerHttp ledger_{[] { return Result<Ledger>(Error{"there is none"}); }, "nowhere"};
  const ApiRoutes api_ = make_api({feed_http_, sinks_http_, ledger_});
  // The words of the query, by path and method.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> served_;
};

// They cannot drift: every route is described, and nothing else. Those of the archive and of the
// deciBel were not.
TEST_F(OpenApi, DescribesTheRoutesThatAreServed) {
  const Result<std::string> text =
      read_file(std::string(MUSTER_SOURCE_DIR) + "/schemas/json/openapi.json", 1 << 20);
  ASSERT_TRUE(text.ok()) << text.error();
  const json document = json::parse(*text);
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::map<std::pair<std::string, std::string>, std::set<std::string>> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.emplace(std::pair(path, upper(method)), parameters_in(operation, "query"));
      const json& responses = operation["responses"];
      EXPECT_TRUE(responses.contains("400")) << path << ": a word that it does not take";
      const bool writes = method != "get";
      EXPECT_EQ(responses.contains("401"), writes) << method << " " << path;
      EXPECT_EQ(operation.contains("security"), writes) << method << " " << path;
      const std::set<std::string> named = parameters_in(operation, "path");
      EXPECT_EQ(std::count(path.begin(), path.end(), '{'), static_cast<int>(named.size())) << path;
      for (const std::string& name : named) EXPECT_THAT(path, HasSubstr("{" + name + "}"));
    }
  }
  EXPECT_EQ(described, served_);

  HttpCall call;
  call.method = "GET";
  call.path = "/api/v1/openapi.json";
  EXPECT_EQ(api_.answer(call).body, *text);
}

// Whatever it refers to is there.
TEST_F(OpenApi, RefersToWhatItHas) {
  const std::string text =
      *read_file(std::string(MUSTER_SOURCE_DIR) + "/schemas/json/openapi.json", 1 << 20);
  const json document = json::parse(text);
  const std::string key = "\"$ref\": \"#";
  size_t found = 0;
  for (size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1), ++found) {
    const size_t begin = at + key.size();
    const std::string pointer = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(document.contains(json::json_pointer(pointer))) << pointer;
  }
  EXPECT_GT(found, 100u);
}

TEST(LedgerHttp, ALedgerThatIsNotThereIsSaid) {
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
