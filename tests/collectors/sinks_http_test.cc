#include "collectors/sinks_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "io/file.h"
#include "tests/collectors/runner_kit.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class SinksHttpTest : public ::testing::Test {
 protected:
  SinksHttpTest() {
    posts_.push_back(
        std::make_unique<SinkPost>(std::make_unique<MemorySink>(), scratch_.path(), stop_));
    EXPECT_TRUE(post().letters.open().ok());
  }

  SinkPost& post() { return *posts_.front(); }

  HttpAnswer ask(const std::string& method, const std::string& path,
                 std::map<std::string, std::string> query = {}) {
    HttpCall call;
    call.method = method;
    call.path = path;
    call.query = std::move(query);
    return http_.answer(call);
  }

  void bury(uint64_t seq) {
    ASSERT_TRUE(post().letters.bury(kLog, {seq, script_event(seq)}, "no", script_time(seq)).ok());
  }

  // Does the next order as the sink's thread would.
  std::jthread serve(SinkOrderResult result) {
    return std::jthread([this, result] {
      bool done = false;
      while (!done) {
        post().desk.wait_for(60s);
        post().desk.serve([&](const SinkOrder& order) {
          order_ = order;
          done = true;
          return result;
        });
      }
    });
  }

  Scratch scratch_;
  Stop stop_;
  SinkPosts posts_;
  SteppingClock clock_;
  SinksHttp http_{posts_, clock_};
  SinkOrder order_;
};

TEST_F(SinksHttpTest, SaysHowEachSinkIsDoing) {
  post().desk.update([&](SinkStatus& status) {
    status.log_id = "log-a";
    status.cursor = 7;
    status.head = 10;
    status.oldest = clock_.at - 90s;
    status.delivered = 5;
  });
  bury(3);
  const HttpAnswer answer = ask("GET", "/api/v1/sinks");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json::parse(R"({"schema":"muster.sinks/1","sinks":[{
      "name":"memory","place":"memory","state":"behind","log":"log-a","cursor":7,"head":10,
      "lag_events":3,"lag_s":90.0,"delivered":5,"batches":0,"failures":0,"buried":0,
      "dead_letters":1}]})"));
  post().desk.update([&](SinkStatus& status) {
    status.cursor = 10;
    status.failing = 2;
    status.error = "away";
    status.failing_since = clock_.at - 5s;
    status.retry_at = clock_.at + 5s;
  });
  const json sink = json::parse(ask("GET", "/api/v1/sinks").body)["sinks"][0];
  EXPECT_EQ(sink["state"], "failing");
  EXPECT_EQ(sink["lag_s"], 0.0);
  EXPECT_EQ(sink["error"], "away");
  EXPECT_TRUE(sink.contains("retry_at"));
}

// One that hangs has not heard what came since.
TEST_F(SinksHttpTest, TheHeadIsTheNewestThatAnySinkOfTheLogHasHeardOf) {
  const auto add = [&](const std::string& log, uint64_t head) {
    posts_.push_back(std::make_unique<SinkPost>(std::make_unique<MemorySink>(),
                                                scratch_ / std::to_string(posts_.size()), stop_));
    posts_.back()->desk.update([&](SinkStatus& status) {
      status.log_id = log;
      status.head = head;
      status.cursor = head;
    });
  };
  add("log-a", 50);
  add("log-b", 90);
  post().desk.update([&](SinkStatus& status) {
    status.log_id = "log-a";
    status.cursor = status.head = 7;
    status.delivering_since = clock_.at - 90s;
  });
  const json sinks = json::parse(ask("GET", "/api/v1/sinks").body)["sinks"];
  EXPECT_EQ(sinks[0]["state"], "behind");
  EXPECT_EQ(sinks[0]["lag_events"], 43);
  EXPECT_EQ(sinks[0]["delivering_since"], format_rfc3339(clock_.at - 90s));
  EXPECT_EQ(sinks[1]["lag_events"], 0);
  EXPECT_FALSE(sinks[1].contains("delivering_since"));
  EXPECT_EQ(sinks[2]["head"], 90);
}

// It was 0 events behind, and well, before the broker was ever heard.
TEST_F(SinksHttpTest, OneThatHasNotHeardTheBrokerDoesNotSayHowMuchItLacks) {
  post().desk.update([&](SinkStatus& status) {
    status.log_id = "log-a";
    status.cursor = 7;
  });
  const json sink = json::parse(ask("GET", "/api/v1/sinks").body)["sinks"][0];
  EXPECT_EQ(sink["state"], "starting");
  EXPECT_EQ(sink["cursor"], 7);
  for (const char* key : {"head", "lag_events", "lag_s"}) EXPECT_FALSE(sink.contains(key)) << key;
}

// One that never came to its place was 0 events behind, of 0.
TEST_F(SinksHttpTest, OneThatNeverReachedItsPlaceDoesNotSayHowFarItIs) {
  const auto look = [&] { return json::parse(ask("GET", "/api/v1/sinks").body)["sinks"][0]; };
  EXPECT_EQ(look()["state"], "starting");
  post().desk.update([&](SinkStatus& status) {
    status.failing = 3;
    status.error = "the server is away";
  });
  const json sink = look();
  EXPECT_EQ(sink["state"], "failing");
  for (const char* key : {"log", "cursor", "head", "lag_events", "lag_s"}) {
    EXPECT_FALSE(sink.contains(key)) << key;
  }
}

TEST_F(SinksHttpTest, SaysWhatIsLeftOutAndWhatIsNotKnown) {
  post().desk.update([&](SinkStatus& status) {
    status.unknown = 3;
    status.first_unknown = 17;
  });
  posts_.push_back(
      std::make_unique<SinkPost>(std::make_unique<MemorySink>(), scratch_ / "other", stop_));
  const json sinks = json::parse(ask("GET", "/api/v1/sinks").body)["sinks"];
  EXPECT_EQ(sinks[0]["unknown"], 3);
  EXPECT_EQ(sinks[0]["first_unknown"], 17);
  EXPECT_EQ(sinks[0]["dead_letters"], 0);
  // Its letters are not open yet.
  EXPECT_FALSE(sinks[1].contains("unknown"));
  EXPECT_FALSE(sinks[1].contains("dead_letters"));
}

TEST_F(SinksHttpTest, ARetryOfManyIsAnsweredInParts) {
  for (const uint64_t seq : {3, 5, 8}) bury(seq);
  const auto retry = [&](std::map<std::string, std::string> query) {
    return json::parse(ask("POST", "/api/v1/sinks/memory/dead/retry", std::move(query)).body);
  };
  clock_.step = 20s;  // at each look: time is up after one part
  {
    const std::jthread sink = serve({"", {3}, {}, {5, 8}});
    EXPECT_EQ(retry({{"all", "1"}})["left"], json({5, 8}));
  }
  EXPECT_EQ(order_.seqs, std::vector<uint64_t>());
  {
    const std::jthread sink = serve({"", {5, 8}, {}, {}});
    EXPECT_FALSE(retry({{"all", "1"}, {"after", "4"}}).contains("left"));
  }
  EXPECT_EQ(order_.seqs, (std::vector<uint64_t>{5, 8}));
  {
    const std::jthread sink = serve({"", {8}, {}, {}});
    EXPECT_EQ(retry({{"seq", "3,8"}, {"after", "4"}})["done"], json({8}));
  }
  EXPECT_EQ(order_.seqs, std::vector<uint64_t>{8});
  EXPECT_EQ(retry({{"all", "1"}, {"after", "8"}})["done"], json::array());  // and not all
}

TEST_F(SinksHttpTest, WhatCannotBeAsked) {
  struct Row {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;
    int status;
    std::string reason;
  };
  const Row rows[] = {
      {"PUT", "/api/v1/sinks/memory", {}, 405, "PUT"},
      {"DELETE", "/api/v1/sinks", {}, 405, "DELETE"},
      {"POST", "/api/v1/sinks", {}, 405, "POST"},
      {"GET", "/api/v1/other", {}, 404, "no such thing"},
      {"GET", "/api/v1/sinksful", {}, 404, "no such thing"},
      {"GET", "/api/v1/sinks/other", {}, 404, "no sink \"other\" here; there are: memory"},
      {"GET", "/api/v1/sinks/memory", {}, 404, "to be read"},
      {"GET", "/api/v1/sinks/memory/replay", {}, 404, "to be read"},
      {"POST", "/api/v1/sinks/memory/dead", {}, 404, "can do nothing"},
      {"POST", "/api/v1/sinks/memory/replay", {{"from", "0"}}, 400, "from"},
      {"POST", "/api/v1/sinks/memory/replay", {{"from", "x"}}, 400, "from"},
      {"POST", "/api/v1/sinks/memory/dead/retry", {{"seq", "1,"}}, 400, "list of numbers"},
      {"POST", "/api/v1/sinks/memory/dead/retry", {{"after", "x"}}, 400, "after"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"seq", ""}}, 400, "list of numbers"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {}, 400, "which letters"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"seq", "8"}, {"after", "x"}}, 400, "after"},
      {"POST", "/api/v1/sinks/memory/dead/retry", {{"seq", "8"}}, 400, "no dead letter 8"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"seq", "8"}}, 400, "no dead letter 8"},
      // Whatever it said, all were dropped.
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"all", "0"}}, 400, "all=1"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"all", ""}}, 400, "all=1"},
      {"POST", "/api/v1/sinks/memory/dead/drop", {{"all", "1"}, {"seq", "8"}}, 400, "all=1"},
      {"POST", "/api/v1/sinks/memory/dead/retry", {{"all", "no"}}, 400, "all=1"},
  };
  for (const Row& row : rows) {
    const HttpAnswer answer = ask(row.method, row.path, row.query);
    EXPECT_EQ(answer.status, row.status) << row.method << " " << row.path;
    EXPECT_THAT(answer.body, HasSubstr("\"error\":"));
    EXPECT_THAT(json::parse(answer.body)["error"], HasSubstr(row.reason));
  }
}

// {"from": 30} replayed everything.
TEST_F(SinksHttpTest, AnOrderWithABodyIsRefused) {
  HttpCall call;
  call.method = "POST";
  call.path = "/api/v1/sinks/memory/replay";
  call.body = R"({"from":30})";
  const HttpAnswer answer = http_.answer(call);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("replay?from=SEQ"));
}

TEST_F(SinksHttpTest, GivesTheLettersAndHasThemDropped) {
  EXPECT_EQ(ask("GET", "/api/v1/sinks/memory/dead").file_bytes, 0u);
  for (const uint64_t seq : {3, 5, 8}) bury(seq);
  const HttpAnswer answer = ask("GET", "/api/v1/sinks/memory/dead");
  EXPECT_EQ(answer.type, "application/x-ndjson");
  EXPECT_TRUE(answer.file.valid());
  EXPECT_EQ(answer.file_bytes, read_file(post().letters.file(), 1 << 20)->size());
  {
    const std::jthread sink = serve({"", {3, 8}, {}, {}});
    const HttpAnswer dropped = ask("POST", "/api/v1/sinks/memory/dead/drop", {{"seq", "8,3"}});
    EXPECT_EQ(json::parse(dropped.body)["done"], json({3, 8}));
  }
  EXPECT_EQ(order_.kind, SinkOrder::Kind::drop);
  EXPECT_EQ(order_.seqs, (std::vector<uint64_t>{8, 3}));
  {
    const std::jthread sink = serve({"", {5}, {}, {}});
    EXPECT_EQ(ask("POST", "/api/v1/sinks/memory/dead/drop", {{"all", "1"}}).status, 200);
  }
  EXPECT_EQ(order_.seqs, std::vector<uint64_t>());
}

TEST_F(SinksHttpTest, OrdersGoToTheSinksThread) {
  for (const uint64_t seq : {3, 5}) bury(seq);
  {
    const std::jthread sink = serve({"", {3}, {{5, "still no"}}, {}});
    const HttpAnswer answer = ask("POST", "/api/v1/sinks/memory/dead/retry", {{"seq", "3,5"}});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json::parse(answer.body), json::parse(R"({"schema":"muster.sink_order/1","done":[3],
        "refused":[{"seq":5,"answer":"still no"}]})"));
  }
  EXPECT_EQ(order_.kind, SinkOrder::Kind::retry);
  EXPECT_EQ(order_.seqs, (std::vector<uint64_t>{3, 5}));
  {
    const std::jthread sink = serve({"not now", {}, {}, {}});
    const HttpAnswer answer = ask("POST", "/api/v1/sinks/memory/replay", {{"from", "17"}});
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(json::parse(answer.body)["error"], "not now");
  }
  EXPECT_EQ(order_.kind, SinkOrder::Kind::replay);
  EXPECT_EQ(order_.from, 17u);
}

}  // namespace
}  // namespace muster
