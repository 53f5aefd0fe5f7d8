// The collector as a deciBel, over HTTP.
#include "collectors/decibel_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "collectors/decibel_report.h"
#include "io/http.h"
#include "io/sqlite.h"
#include "tests/collectors/decibel_server.h"
#include "tests/support/decibel_document.h"
#include "tests/support/file_size_limit.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPlace = "";

DecibelDocument small(const std::string& key, const std::string& name, DecibelResult result) {
  DecibelDocument document;
  DecibelRun run;
  run.key = key;
  run.name = name;
  run.team = "radio";
  run.end = from_us(1'790'000'000'000'000);
  document.runs = {run};
  DecibelSuite suite;
  suite.name = "net";
  suite.hw = name + "-phone";
  document.suites = {{suite,
                      {{"p", "dhcp", DecibelResult::passed, 0ms, "", "", ""},
                       {"p", "dns", result, 1500ms, "why", "", ""}}}};
  return document;
}

class DecibelHttpTest : public ::testing::Test {
 protected:
  HttpReply post(const std::string& body, const std::string& key = "",
                 const std::string& token = DecibelServer::kToken) {
    HttpRequest request;
    request.method = "POST";
    request.url = server_.url(kPlace);
    request.token = token;
    request.idempotency_key = key;
    request.body = body;
    request.content_type = "application/xml";
    return client_.ask(std::move(request));
  }
  HttpReply get(const std::string& what) {
    HttpRequest request;
    request.url = server_.url(kPlace) + what;
    return client_.ask(std::move(request));
  }
  json rows(const std::string& query) {
    const HttpReply reply = get("search/?" + query);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body, nullptr, false)["rows"];
  }

  DecibelServer server_;
  HttpClient client_;
};

TEST_F(DecibelHttpTest, TakesADocumentOnce) {
  const std::string xml = write_decibel(small("k1", "a", DecibelResult::failure));
  const HttpReply first = post(xml);
  EXPECT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(json::parse(first.body),
            (json{{"schema", "muster.decibel_receipt/1"}, {"key", "k1"}, {"repeat", false}}));
  const HttpReply second = post(xml);
  EXPECT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(json::parse(second.body)["repeat"], true);
  // The first one counts, whatever else is said by its key.
  EXPECT_EQ(post(write_decibel(small("k1", "other", DecibelResult::passed))).status, 200);
  ASSERT_EQ(rows("").size(), 1u);
  EXPECT_EQ(rows("")[0]["run"]["name"], "a");
  EXPECT_EQ(rows("")[0]["run"]["result"], "failure");  // derived
  EXPECT_EQ(rows("projection=case").size(), 2u);
}

// They were taken in silence. A newer muster's and AVE's own may well be there: no result is lost
// for one.
TEST_F(DecibelHttpTest, WhatNoFieldIsForIsLeftOutAndNamedInTheReceipt) {
  std::string cases;
  for (int i = 0; i < 40; ++i)
    cases += "<case name='c' result='passed' x" + std::to_string(i % 30) + "='1'/>";
  const HttpReply taken =
      post("<run key='k' name='n' tester='ann'><suite>" + cases + "</suite></run>");
  EXPECT_EQ(taken.status, 201);
  const json ignored = json::parse(taken.body)["ignored"];
  EXPECT_EQ(ignored[0], "attribute tester of <run>");
  EXPECT_EQ(ignored[1], "attribute x0 of <case>");
  EXPECT_EQ(ignored.size(), kIgnoredNamed);  // each once, and not without bound
  EXPECT_EQ(rows("projection=case").size(), 40u);
  const HttpReply marionette = post(R"({"test_name": "t", "passed": 1, "device": "x"})");
  EXPECT_EQ(marionette.status, 201);
  EXPECT_EQ(json::parse(marionette.body)["ignored"], json({"key device"}));
}

TEST_F(DecibelHttpTest, AKeyOfAnotherTaskIsAConflict) {
  DecibelDocument document = small("k1", "a", DecibelResult::passed);
  document.runs[0].guid = "task-number-1";
  EXPECT_EQ(post(write_decibel(document)).status, 201);
  document.runs[0].guid = "task-number-2";
  const HttpReply other = post(write_decibel(document));
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("that of another task's run: give each run a key"));
}

TEST_F(DecibelHttpTest, WithoutAKeyTheHeadersCountsAndThenTheBytes) {
  DecibelDocument document = small("", "a", DecibelResult::passed);
  const std::string xml = write_decibel(document);
  EXPECT_EQ(json::parse(post(xml, "from the header").body)["key"], "from the header");
  EXPECT_EQ(post(xml, "from the header").status, 200);
  EXPECT_THAT(json::parse(post(xml).body)["key"].get<std::string>(),
              ::testing::StartsWith("sha256:"));
  EXPECT_EQ(post(xml).status, 200);
  EXPECT_EQ(post(xml + "\n").status, 201);
  EXPECT_EQ(rows("").size(), 3u);
}

TEST_F(DecibelHttpTest, TakesAvesJson) {
  const std::string test =
      R"( {"test_name": "test_dial.py", "start": 1381839605, "end": 1381839600, "passed": 4,
           "failed": 1, "failures": ["no tone"], "error": null})";
  EXPECT_EQ(post(test).status, 201);
  EXPECT_EQ(post(test).status, 200);
  const json found = rows("projection=run.name,run.start,run.end,run.result,suite.passed,case");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], (json{{"run",
                             {{"name", "test_dial.py"},
                              {"start", "2013-10-15T12:20:05.000000Z"},
                              {"end", "2013-10-15T12:20:00.000000Z"},
                              {"result", "failure"}}},
                            {"suite", {{"passed", 4}}},
                            {"case",
                             {{"package", "test_dial.py"},
                              {"name", "test_dial.py"},
                              {"result", "failure"},
                              {"time", 0.0},
                              {"info", "no tone"}}}}));
}

TEST_F(DecibelHttpTest, RefusalsSayWhyAndLeaveNothing) {
  EXPECT_EQ(post("<run/>", "", "").status, 401);
  EXPECT_EQ(post("<run/>", "", "wrong").status, 401);
  const std::pair<std::string, std::string> bodies[] = {
      {"", "the document is refused: "},
      {"{}", "the document is refused: it has no test_name"},
      {"[1]", "the document is refused: it is no JSON object; docs/decibel.md has its fields"},
      {"<html/>", "the document is refused: line 1: this is no run of tests"},
      {"<run key='k'><suite><case name='c' result='passed'/><case name='d' "
       "result='x'/></suite></run>",
       "result of <case> is not passed"},
      {"<run key='k'><suite>", "no element found"},
      {"<run/>", "result of <run> is missing, and so is a <suite>"},
      {"{\"test_name\": \"" + std::string(kDecibelJsonBytesMax, 'x') + "\"}", "JSON may have"},
  };
  for (const auto& [body, why] : bodies) {
    const HttpReply reply = post(body);
    EXPECT_EQ(reply.status, 400) << body.substr(0, 60);
    EXPECT_THAT(reply.body, HasSubstr(why)) << body.substr(0, 60);
  }
  EXPECT_EQ(post("<run/>", std::string(257, 'k')).status, 400);
  EXPECT_EQ(get("").status, 405);
  EXPECT_EQ(get("nothing").status, 404);
  EXPECT_EQ(rows("").size(), 0u);
}

TEST_F(DecibelHttpTest, ABodyMayHaveSoManyBytesAndNoMore) {
  std::string xml = "<run key='big' result='passed'><info>x</info>";
  xml += std::string(kDecibelBytesMax - xml.size() - 6, ' ') + "</run>";
  ASSERT_EQ(xml.size(), kDecibelBytesMax);
  EXPECT_EQ(post(xml).status, 201);
  EXPECT_EQ(post(xml + " ").status, 413);
}

TEST_F(DecibelHttpTest, AFullDiskIsNoReasonToForgetAnything) {
  const std::string xml = write_decibel(small("k1", "a", DecibelResult::passed));
  EXPECT_EQ(post(write_decibel(small("k0", "z", DecibelResult::passed))).status, 201);
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{100}, rlim_t{3'000}}) {
    const FileSizeLimit limit(bytes);
    EXPECT_GE(post(xml).status, 500) << bytes;
  }
  EXPECT_EQ(post(xml).status, 201);
  EXPECT_EQ(rows("").size(), 2u);
}

TEST_F(DecibelHttpTest, SearchesByFieldsOfEveryPart) {
  post(write_decibel(small("k1", "a", DecibelResult::failure)));
  post(write_decibel(small("k2", "b", DecibelResult::error)));
  post(write_decibel(small("k3", "c[1]?", DecibelResult::passed)));
  const std::pair<std::string, size_t> questions[] = {
      {"", 3},
      {"run.name=a", 1},
      {"run.name=A", 0},
      {"run.team=radio", 3},
      {"run.team=rad*", 3},
      {"run.name=c%5B1%5D?", 1},
      {"run.name=c%5B1%5D*", 1},
      {"run.name=?", 0},
      {"run.result=failure", 1},
      {"run.iterations=1", 3},
      {"suite.hw=b-*", 1},
      {"case.result=failure", 1},
      {"case.result=passed", 3},
      {"case.name=dhcp&case.result=failure", 0},  // of one and the same case
      {"suite.name=net&case.name=dns&case.result=error", 1},
      {"suite.name=gross", 0},
      {"projection=suite", 3},
      {"projection=suite&case.result=error", 1},
      {"projection=suite.hw&run.name=a", 1},
      {"projection=case", 6},
      {"projection=case&run.name=a&suite.name=net&case.result=passed", 1},
      {"projection=run.name,case.result&case.name=d*", 6},
      {"from=2026-09-21T14:13:20Z", 3},
      {"from=2026-09-21T14:13:21Z", 0},
      {"to=2026-09-21T14:13:20Z", 0},
      {"to=2026-09-21T16:13:20.1%2B02:00", 3},
      {"run.name=x'%20OR%20'1'='1", 0},
  };
  for (const auto& [query, count] : questions) EXPECT_EQ(rows(query).size(), count) << query;
}

TEST_F(DecibelHttpTest, AProjectionHasWhatItAsksForAndNothingElse) {
  post(write_decibel(small("k1", "a", DecibelResult::failure)));
  EXPECT_EQ(rows("projection=case.name,run.team&case.name=dns"),
            (json::array({{{"run", {{"team", "radio"}}}, {"case", {{"name", "dns"}}}}})));
  EXPECT_EQ(rows("projection=case&case.name=dns")[0], (json{{"case",
                                                             {{"package", "p"},
                                                              {"name", "dns"},
                                                              {"result", "failure"},
                                                              {"time", 1.5},
                                                              {"info", "why"}}}}));
}

TEST_F(DecibelHttpTest, PagesGoOnWhereTheOneBeforeEnded) {
  for (int i = 0; i < 7; ++i) {
    post(write_decibel(small("k" + std::to_string(i), std::to_string(i), DecibelResult::passed)));
  }
  std::string names;
  std::string before;
  for (int pages = 0; pages < 4; ++pages) {
    const HttpReply reply = get("search/?projection=run.name&limit=3" + before);
    const json page = json::parse(reply.body);
    for (const json& row : page["rows"]) names += row["run"]["name"].get<std::string>();
    if (!page.contains("next")) break;
    before = "&before=" + std::to_string(page["next"].get<int64_t>());
  }
  EXPECT_EQ(names, "6543210");
}

TEST_F(DecibelHttpTest, WhatIsSupersededIsShownWhenItIsAskedFor) {
  DecibelDocument second = small("k2", "a", DecibelResult::passed);
  second.runs[0].supersedes = "k1";
  post(write_decibel(second));  // the later one came first
  post(write_decibel(small("k1", "a", DecibelResult::failure)));
  ASSERT_EQ(rows("").size(), 1u);
  EXPECT_EQ(rows("")[0]["run"]["key"], "k2");
  EXPECT_EQ(rows("superseded=1").size(), 2u);
  EXPECT_EQ(rows("projection=case").size(), 2u);
}

TEST_F(DecibelHttpTest, QuestionsThatAreNoneAreAnsweredWithWhatThereIs) {
  const std::pair<std::string, std::string> questions[] = {
      {"projection=", "projection has no"},
      {"projection=run.nme", "did you mean \\\"run.name\\\"?"},
      {"projection=run,,case", "projection has no"},
      {"run.nam=x", "did you mean \\\"run.name\\\"?"},
      {"name=x", "there is no"},
      {"limit=0", "limit is a number from 1 to 10000"},
      {"limit=10001", "limit is a number"},
      {"before=x", "before is the next of an answer"},
      {"superseded=yes", "superseded is 1 or 0"},
      {"from=monday", "from is no time"},
      {"run.start=2026-09-21T14:13:20Z", "say from and to"},
      {"suite.passed=many", "suite.passed is a number"},
      // Words that jobs say had no rows and no complaint.
      {"case.result=fail", "did you mean \\\"failure\\\"?"},
      {"run.result=pass", "did you mean \\\"passed\\\"?"},
      {"suite.result=failed", "suite.result is passed, failure or error"},
      {"case.result=skipped", "is none"},
      {"run.result=", "is none"},
  };
  for (const auto& [query, why] : questions) {
    const HttpReply reply = get("search/?" + query);
    EXPECT_EQ(reply.status, 400) << query;
    EXPECT_THAT(reply.body, HasSubstr(why)) << query;
  }
  EXPECT_EQ(get("search/?run.result=pass*").status, 200);  // a pattern may stand for anything
}

TEST_F(DecibelHttpTest, ARunsResultIsDerivedFromItsLastIteration) {
  DecibelDocument document = small("k1", "a", DecibelResult::failure);
  document.suites[0].first.iteration = 1;
  DecibelSuite second;
  second.iteration = 2;
  second.totals.passed = 5;
  document.suites.push_back({second, {}});
  second.totals.error = 1;
  post(write_decibel(document));
  EXPECT_EQ(rows("")[0]["run"]["result"], "passed");
  document.runs[0].key = "k2";
  document.suites.push_back({second, {}});
  post(write_decibel(document));
  EXPECT_EQ(rows("")[0]["run"]["result"], "error");
}

TEST(DecibelStore, ANewerStoreIsNotTouched) {
  const Scratch scratch;
  const std::string file = scratch / "test_results.db";
  ASSERT_TRUE(DecibelStore::open(file).ok());
  {
    std::variant<Database, DbStatus> db = Database::open(file);
    ASSERT_TRUE(std::get<Database>(db).execute("INSERT INTO schema_version VALUES (99)").ok());
  }
  const auto refused = DecibelStore::open(file);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error(), HasSubstr("newer muster (schema 99"));
}

// Documents were kept for ever.
TEST(DecibelStore, WhatIsTooOldOrTooMuchGoesOldestFirst) {
  const Scratch scratch;
  const Instant start = parse_rfc3339("2026-11-23T08:00:00Z");
  auto store = DecibelStore::open(scratch / "test_results.db", {24h, 3});
  ASSERT_TRUE(store.ok());
  const auto receive = [&](const std::string& key, Instant now) {
    const auto read = [&](DecibelHandler& handler) {
      DecibelXmlReader reader(handler);
      Result<Done> done = reader.feed(write_decibel(small(key, key, DecibelResult::passed)));
      return done.ok() ? reader.finish() : done;
    };
    EXPECT_EQ((*store)->receive(read, key, now).fault, DecibelFault::none);
  };
  const auto left = [&](const std::string& projection) {
    const DecibelQuery query = *parse_decibel_query({{"projection", projection}});
    std::vector<std::string> names;
    const json found = json::parse(*(*store)->search(query));
    for (const json& row : found["rows"]) names.push_back(row["run"]["name"]);
    return names;
  };
  for (int i = 0; i < 5; ++i) receive("k" + std::to_string(i), start + i * 1h);
  EXPECT_THAT(left("run.name"), ElementsAre("k4", "k3", "k2"));
  receive("k5", start + 27h);  // k2 is 25 hours old, k3 24
  EXPECT_THAT(left("run.name"), ElementsAre("k5", "k4"));
  EXPECT_EQ(left("run.name,case.name").size(), 4u);  // nothing is left of the others
  // After a start it knows how many there are.
  store = DecibelStore::open(scratch / "test_results.db", {24h, 1});
  receive("k6", start + 27h);
  EXPECT_THAT(left("run.name"), ElementsAre("k6"));
  receive("k7", start + 9'999h);
  EXPECT_THAT(left("run.name"), ElementsAre("k7"));
}

// One search held up all others, without end, and with them a stop.
class SlowDecibel : public ::testing::Test {
 protected:
  // With so much in it that a search for nothing takes long.
  SlowDecibel() {
    const std::string file = scratch_ / "test_results.db";
    EXPECT_TRUE(DecibelStore::open(file).ok());
    std::variant<Database, DbStatus> db = Database::open(file, {.durable = false});
    const DbStatus filled = std::get<Database>(db).execute(
        "INSERT INTO runs (key, guid, supersedes, sw, team, framework, name, start_us, end_us,"
        " iterations, user, origin, info, comment, git_url, git_sha1, result, received_us)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " SELECT 'k' || i, '', '', '', '', '', 'n' || i, 0, 0, 0, '', '', '', '', '', '',"
        " 'passed', 0 FROM n;"
        "INSERT INTO suites (run, hw, name, iteration, start_us, end_us, log_link, comment,"
        " passed, failure, error, skipped, result)"
        " SELECT id, '', '', 0, 0, 0, '', '', 0, 0, 0, 0, 'passed' FROM runs");
    EXPECT_TRUE(filled.ok()) << filled.reason;
  }
  std::unique_ptr<DecibelStore> open(Duration question_max) {
    auto store = DecibelStore::open(scratch_ / "test_results.db", {}, question_max);
    EXPECT_TRUE(store.ok()) << store.error();
    return std::move(*store);
  }

  const DecibelQuery query_ =
      *parse_decibel_query({{"projection", "run"}, {"suite.name", "x*x*x"}, {"superseded", "1"}});
  Scratch scratch_;
};

TEST_F(SlowDecibel, ASearchHasItsTimeAndNoMore) {
  const auto store = open(std::chrono::microseconds(1));
  const Result<std::string> late = store->search(query_);
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error(), HasSubstr("it took longer than"));
  EXPECT_TRUE(open(kQuestionTimeMax)->search(query_).ok());
}

TEST_F(SlowDecibel, ASearchEndsWithAStop) {
  const auto store = open(kQuestionTimeMax);
  EXPECT_TRUE(store->search(query_).ok());
  store->stop();
  const Result<std::string> refused = store->search(query_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error(), HasSubstr("stopping"));
}

TEST(DecibelHttp, ACollectorThatTakesNothingSaysSo) {
  SystemClock clock;
  DecibelHttp http(nullptr, clock);
  HttpCall call;
  call.method = "POST";
  call.path = std::string(kDecibelPath) + "/";
  EXPECT_EQ(http.answer(call).status, 404);
  EXPECT_THAT(http.answer(call).body, HasSubstr("receive: true"));
}

}  // namespace
}  // namespace muster
