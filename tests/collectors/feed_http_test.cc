// The feed behind the collector's HTTP server.
#include "collectors/feed_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "io/archive_name.h"
#include "io/http.h"
#include "tests/collectors/feed_kit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Duration kBeat = 20ms;

class FeedHttpTest : public ::testing::Test {
 protected:
  FeedHttpTest() { begin({}); }
  ~FeedHttpTest() override {
    feed_->stop();
    server_.reset();
  }

  void begin(FeedLimits limits) {
    server_.reset();
    http_.reset();
    feed_.emplace(log_.connect(), limits);
    http_.emplace(*feed_, kBeat);
    HttpListen listen;
    listen.socket = scratch_.path() + "/http";
    auto server = HttpServer::start(listen, [this](const HttpCall& call) {
      return call.path == kFeedPath ? http_->status(call) : http_->events(call);
    });
    ASSERT_TRUE(server.ok()) << server.error();
    server_ = std::move(*server);
  }

  std::string url(const std::string& query) const {
    return unix_url(scratch_.path() + "/http") + std::string(kEventsPath) + query;
  }
  HttpReply ask(const std::string& query) { return HttpClient().ask({.url = url(query)}); }

  // A stream, read until `enough` says so of what it has said.
  std::string stream(const std::string& query,
                     const std::function<bool(const std::string&)>& enough) {
    std::string said;
    HttpRequest request;
    request.url = url(query);
    request.take = [&](std::string_view bytes) {
      said += bytes;
      return !enough(said);
    };
    HttpClient().ask(std::move(request));
    return said;
  }
  static std::function<bool(const std::string&)> has(const std::string& text) {
    return [text](const std::string& said) { return said.find(text) != said.npos; };
  }

  Scratch scratch_;
  MemoryLog log_;
  std::optional<Feed> feed_;
  std::optional<FeedHttp> http_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(FeedHttpTest, ServerSentEvents) {
  log_.append(2);
  const std::string said = stream("?from=1&format=sse", has(": beat"));
  EXPECT_THAT(said,
              StartsWith("retry: 1000\n\nid: 1@log-a\nevent: cancel_requested\ndata: {\"seq\":1,"));
  EXPECT_THAT(said, HasSubstr("}\n\nid: 2@log-a\nevent: cancel_requested\n"));
  // Whoever comes back after this need not have it looked at again.
  EXPECT_THAT(said, HasSubstr(": beat\nid: 2@log-a\n\n"));
}

TEST_F(FeedHttpTest, LinesOfJsonToThePresentEnd) {
  log_.append(3);
  std::istringstream lines(ask("?from=2&format=ndjson&follow=0").body);
  std::vector<uint64_t> numbers;
  for (std::string line; std::getline(lines, line);)
    numbers.push_back(json::parse(line)["seq"].get<uint64_t>());
  EXPECT_THAT(numbers, ElementsAre(2, 3));
}

TEST_F(FeedHttpTest, FollowsWhatHappensLater) {
  log_.append(1);
  int round = 0;
  const std::string said = stream("?from=1&format=ndjson", [&](const std::string& so_far) {
    if (++round == 1) log_.append(1);
    return so_far.find("\"seq\":2") != so_far.npos;
  });
  EXPECT_THAT(said, HasSubstr("\"seq\":2"));
}

TEST_F(FeedHttpTest, Pages) {
  log_.append(25);
  uint64_t from = 1;
  std::vector<uint64_t> numbers;
  for (uint64_t head = 25; from <= head;) {
    const json page = json::parse(ask("?max=4&from=" + std::to_string(from)).body);
    EXPECT_EQ(page["schema"], "muster.events/1");
    EXPECT_LE(page["events"].size(), 4u);
    for (const json& event : page["events"]) numbers.push_back(event["seq"].get<uint64_t>());
    head = page["head"].get<uint64_t>();
    from = page["next"].get<uint64_t>();
  }
  EXPECT_EQ(numbers.size(), 25u);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(ask("?from=26").status, 200);  // what comes next
}

// It was empty, with the number that was asked for as the next one.
TEST_F(FeedHttpTest, APageBeyondTheNewestEventIsRefusedAsAStreamIs) {
  log_.append(25);
  const HttpReply page = ask("?from=27");
  EXPECT_EQ(page.status, 409);
  const std::string why = "there is no event 27 to begin with: the newest is 25";
  EXPECT_THAT(page.body, HasSubstr(why));
  EXPECT_THAT(ask("?from=27&format=ndjson&follow=0").body, HasSubstr(why));
}

// The numbers of one log mean other events of another, longer one: nobody noticed.
TEST_F(FeedHttpTest, WhoComesWithANumberOfAnotherLogIsTold) {
  log_.append(3);
  json page = json::parse(ask("?from=2&log=log-a").body);
  EXPECT_EQ(page["log"], "log-a");
  EXPECT_EQ(page["events"].size(), 2u);
  std::istringstream lines(ask("?from=3&log=log-a&format=ndjson&follow=0").body);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["log"], "log-a");
  log_.replace("log-b");
  log_.append(9);
  const HttpReply refusal = ask("?from=4&log=log-a");
  EXPECT_EQ(refusal.status, 409);
  page = json::parse(refusal.body);
  EXPECT_THAT(page["error"], HasSubstr("another log"));
  EXPECT_EQ(page["log"], "log-b");
  const json end = json::parse(ask("?from=4&log=log-a&format=ndjson").body);
  EXPECT_EQ(end["schema"], "muster.feed_end/1");
  EXPECT_THAT(end["reason"], HasSubstr("another log"));
  EXPECT_EQ(end["log"], "log-b");
  EXPECT_FALSE(end.contains("next"));
  EXPECT_EQ(json::parse(ask("?from=4&log=log-b").body)["events"].size(), 6u);
}

// A browser says what the newest `id` was, and forgets it with an empty one.
TEST_F(FeedHttpTest, WhoComesBackByItselfSaysOfWhichLog) {
  log_.append(3);
  const auto come_back = [&](const std::string& id) {
    std::string said;
    HttpCall call{.method = "GET", .path = std::string(kEventsPath)};
    call.query = {{"format", "sse"}, {"follow", "0"}};
    call.headers = {{"last-event-id", id}};
    const HttpAnswer answer = http_->events(call);
    if (!answer.stream) return std::to_string(answer.status) + " " + answer.body;
    answer.stream([&](std::string_view bytes) {
      said += bytes;
      return true;
    });
    return said;
  };
  EXPECT_THAT(come_back("2@log-a"), HasSubstr("id: 3@log-a\nevent: cancel"));
  EXPECT_THAT(come_back("2"), HasSubstr("id: 3@log-a\nevent: cancel"));
  EXPECT_THAT(come_back("2@log-z"), HasSubstr("id\nevent: end\n"));
  EXPECT_THAT(come_back("2@log-z"), HasSubstr("\"log\":\"log-a\""));
  EXPECT_THAT(come_back("x@log-a"), StartsWith("400 "));
}

TEST_F(FeedHttpTest, WhatCannotBeAsked) {
  const std::pair<std::string, std::string> rows[] = {
      {"?from=0", "from is not"},
      {"?from=x", "from is not"},
      {"?from=", "from is not"},
      {"?from=18446744073709551615", "from is not"},
      {"?type=splendid", "no event has the type"},
      {"?type=task_endet", "did you mean"},
      {"?guid=x", "guid: "},
      {"?format=xml", "format is"},
      {"?follow=2", "follow is"},
      {"?max=0", "max is"},
      {"?max=1001", "max is"},
      {"?format=ndjson&max=1&from=1&follow=0", "max is of format=json"},
  };
  for (const auto& [query, reason] : rows) {
    const HttpReply reply = ask(query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_THAT(reply.body, HasSubstr(reason)) << query;
  }
}

TEST_F(FeedHttpTest, TooManyAreToldToComeBack) {
  FeedLimits limits;
  limits.subscribers = 1;
  begin(limits);
  log_.append(1);
  HttpReply second;
  stream("?from=1&format=sse", [&](const std::string&) {
    second = ask("?from=1&format=sse");
    return true;
  });
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(second.header("retry-after"), "5");
  EXPECT_THAT(second.body, HasSubstr("1 subscribers"));
}

TEST_F(FeedHttpTest, WhoComesFromElsewhereDoesNotGetTheLastPlaces) {
  FeedLimits limits;
  limits.subscribers = 2;
  limits.local_subscribers = 1;
  begin(limits);
  HttpCall call{.method = "GET", .path = std::string(kEventsPath)};
  call.query["format"] = "sse";
  call.is_local = false;
  const HttpAnswer first = http_->events(call);
  EXPECT_EQ(first.status, 200);
  const HttpAnswer second = http_->events(call);
  EXPECT_EQ(second.status, 503);
  EXPECT_THAT(second.body, HasSubstr("1 subscribers"));
  call.is_local = true;
  EXPECT_EQ(http_->events(call).status, 200);
}

// The time since its begin was counted, and not since the broker was away.
TEST_F(FeedHttpTest, AStreamToThePresentEndOutlastsAPassingFault) {
  constexpr Duration kEndPatience = 300ms;
  log_.append(40);
  begin({});
  FeedHttp http(*feed_, kBeat, kEndPatience);
  HttpCall call{.method = "GET", .path = std::string(kEventsPath)};
  call.query = {{"format", "ndjson"}, {"follow", "0"}, {"from", "1"}};
  std::string said;
  std::string said_meanwhile;
  const auto hear = [&](std::string_view bytes) {
    const bool is_first = said.empty();
    said += bytes;
    if (is_first) {
      // The fault begins, and another stream has waited for as long as it may.
      log_.set_away("the broker restarts");
      http.events(call).stream([&](std::string_view other) {
        said_meanwhile += other;
        return true;
      });
    } else if (bytes == "\n") {
      log_.set_away("");
    }
    return true;
  };
  http.events(call).stream(hear);
  EXPECT_THAT(said_meanwhile, HasSubstr("the broker restarts"));
  EXPECT_THAT(said, HasSubstr("\"seq\":40"));
  EXPECT_THAT(said, ::testing::Not(HasSubstr("feed_end")));
}

TEST_F(FeedHttpTest, SaysWhyItEnds) {
  log_.append(3);
  EXPECT_THAT(
      stream("?from=7&format=sse", has("event: end")),
      HasSubstr("event: end\ndata: {\"schema\":\"muster.feed_end/1\",\"reason\":\"there is no "
                "event 7"));
  EXPECT_THAT(ask("?from=7&format=ndjson").body,
              StartsWith("{\"schema\":\"muster.feed_end/1\",\"reason\":"));
}

TEST_F(FeedHttpTest, WhatWasTrimmedIsSaidWithWhereTheLogBegins) {
  log_.append(40);
  log_.trim(21);
  const std::string said = stream("?from=1&format=sse", has("event: end"));
  EXPECT_THAT(said, HasSubstr("\nid: 20@log-a\nevent: end\n"));  // where a browser goes on
  EXPECT_THAT(said, HasSubstr("events 1 to 20 were trimmed"));
  const json end = json::parse(ask("?from=1&format=ndjson").body);
  EXPECT_EQ(end["schema"], "muster.feed_end/1");
  EXPECT_EQ(end["tail"], 21);
  EXPECT_EQ(end["next"], 21);
  const HttpReply page = ask("?from=1");
  EXPECT_EQ(page.status, 410);
  EXPECT_EQ(json::parse(page.body)["schema"], "muster.error/1");
  EXPECT_EQ(json::parse(page.body)["tail"], 21);
  EXPECT_FALSE(json::parse(ask("?from=47&format=ndjson").body).contains("next"));
}

// A comment: what is read aloud by no client.
TEST_F(FeedHttpTest, SaysThatTheBrokerIsAway) {
  log_.append(1);
  log_.set_away("nobody answers\r\nat all");
  EXPECT_THAT(stream("?from=1&format=sse", has(": away")),
              HasSubstr(": away: nobody answers  at all"));
}

}  // namespace
}  // namespace muster
