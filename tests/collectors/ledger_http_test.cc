// The ledger over HTTP: what is read for an answer, and how its pages fit together.
#include "collectors/ledger_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/ledger_place.h"
#include "tests/collectors/ledger_http_kit.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/watched_store.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kJob = "0194-job";

class LedgerHttpTest : public ::testing::TestWithParam<LedgerKind> {
 protected:
  Result<Ledger> open() {
    Result<std::unique_ptr<SqlStore>> store = open_ledger_store_read_only(ledger_.place());
    if (!store.ok()) return Error{store.error()};
    return Ledger::open(std::make_unique<WatchedStore>(std::move(*store), watch_));
  }

  // The numbers of all rows, page by page, in the order of the answers.
  std::vector<uint64_t> all(const std::string& path, const std::string& rows,
                            const std::string& max) {
    std::vector<uint64_t> seqs;
    std::map<std::string, std::string> query = {{"max", max}};
    for (size_t pages = 0; pages < 1'000; ++pages) {
      const json page = api_.get(path, query);
      EXPECT_LE(page[rows].size(), std::stoul(max));
      for (const json& row : page[rows]) seqs.push_back(row["seq"]);
      if (!page.contains("next")) return seqs;
      query["cursor"] = std::to_string(page["next"].get<uint64_t>());
    }
    return seqs;
  }
  void deliver(std::vector<EventBody> bodies) { ledger_.deliver(number_events(std::move(bodies))); }

  NewLedger ledger_{GetParam()};
  StoreWatch watch_;
  LedgerApi api_{[this] { return open(); }};
};

CaseResult long_case(int i) {
  return {"suite", "case " + std::to_string(i), Outcome::fail, Duration(0),
          std::string(40'000, 'x')};
}

// A thousand rows of 60 kB were read for a page of 70, by four readers at once.
TEST_P(LedgerHttpTest, APageOfLongRowsReadsLittleMoreThanItHas) {
  constexpr int kRows = 300;
  std::vector<EventBody> bodies = {submitted(kJob), leased(kJob, 1)};
  for (int i = 0; i < kRows; ++i) bodies.push_back(reported(kJob, 1, long_case(i)));
  deliver(std::move(bodies));
  const std::string path = "/api/v1/tasks/" + std::string(kJob) + "/results";
  const json page = api_.get(path);
  const size_t shown = page["results"].size();
  EXPECT_GT(shown * 40'000, kApiPageBytes - 100'000);
  EXPECT_LT(shown * 40'000, kApiPageBytes + 100'000);
  EXPECT_TRUE(page.contains("next"));
  EXPECT_LE(watch_.rows, shown + 70);
  std::vector<uint64_t> expected;
  for (uint64_t seq = 3; seq < 3 + kRows; ++seq) expected.push_back(seq);
  EXPECT_EQ(all(path, "results", "1000"), expected);
}

TEST_P(LedgerHttpTest, ThePagesOfMeasurementsEndToo) {
  std::vector<EventBody> bodies = {submitted(kJob), leased(kJob, 1)};
  std::vector<uint64_t> expected;
  for (int64_t i = 0; i < 1'500; ++i) {
    const std::string column = i < 700 ? "early" : "late";
    bodies.push_back(
        reported(kJob, 1, Measurement{"boot", {{"n", i}, {column, std::string(4'000, 'y')}}}));
    expected.push_back(static_cast<uint64_t>(i) + 3);
  }
  deliver(std::move(bodies));
  std::vector<uint64_t> seqs;
  std::map<std::string, std::string> query;
  size_t pages = 0;
  for (bool more = true; more && pages < 10; ++pages) {
    const HttpAnswer answer = api_.ask("/api/v1/measurements/boot", query);
    EXPECT_LT(answer.body.size(), kApiPageBytes + 100'000);
    const json page = json::parse(answer.body);
    std::vector<uint64_t> part;
    for (const json& row : page["rows"]) {
      part.push_back(row["seq"]);
      const int64_t n = row["row"]["n"];
      EXPECT_EQ(row["row"].contains(n < 700 ? "early" : "late"), true);
    }
    seqs.insert(seqs.begin(), part.begin(), part.end());
    more = page["more"];
    EXPECT_EQ(page.contains("next"), more);
    if (more) query["cursor"] = std::to_string(page["next"].get<uint64_t>());
  }
  EXPECT_EQ(seqs, expected);
  EXPECT_EQ(pages, 2u);
}

TEST_P(LedgerHttpTest, PagesOfAnySizeHaveEachRowOnce) {
  std::vector<EventBody> bodies;
  for (int i = 0; i < 130; ++i) bodies.push_back(submitted("task-" + std::to_string(i)));
  deliver(std::move(bodies));
  for (const char* max : {"1", "63", "64", "65", "129", "130", "131", "1000"}) {
    const std::vector<uint64_t> seqs = all("/api/v1/tasks", "tasks", max);
    ASSERT_EQ(seqs.size(), 130u) << max;
    for (size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], 130 - i) << max;
  }
}

// The work of each was read for a list that does not show it.
TEST_P(LedgerHttpTest, AListOfTasksIsReadWithoutTheirWork) {
  deliver({submitted(kJob)});
  watch_.statements.clear();
  EXPECT_EQ(api_.get("/api/v1/tasks")["tasks"].size(), 1u);
  for (const std::string& sql : watch_.statements) EXPECT_THAT(sql, Not(HasSubstr(", work ")));
  api_.get("/api/v1/tasks/" + std::string(kJob));
  EXPECT_THAT(watch_.statements, ::testing::Contains(HasSubstr(", work ")));
}

// A misspelt word gave everything, as if nothing had been asked.
TEST_P(LedgerHttpTest, AMisspeltWordIsRefusedWithTheOneThatIsMeant) {
  deliver({submitted(kJob)});
  const std::string task = "/api/v1/tasks/" + std::string(kJob);
  const struct {
    std::string path, word, meant;
  } rows[] = {{"/api/v1/tasks", "stat", "state"},
              {"/api/v1/tasks", "Kind", "kind"},
              {task + "/results", "cursors", "cursor"},
              {task + "/events", "mx", "max"},
              {"/api/v1/measurements/boot", "wher", "where"},
              {"/api/v1/strategies/stats", "strategies", "strategy"}};
  for (const auto& row : rows) {
    const HttpAnswer answer = api_.ask(row.path, {{row.word, "1"}});
    EXPECT_EQ(answer.status, 400) << row.path;
    EXPECT_THAT(answer.body, HasSubstr("did you mean \\\"" + row.meant + "\\\"?")) << row.word;
  }
  EXPECT_EQ(api_.ask(task, {{"max", "1"}}).status, 400);
  // Whatever its state was, it was given.
  EXPECT_EQ(api_.ask("/api/v1/tasks", {{"prefix", "0194"}, {"state", "queued"}}).status, 400);
  EXPECT_EQ(api_.ask("/api/v1/ledger", {{"x", ""}}).status, 400);
}

TEST_P(LedgerHttpTest, AWordThatIsNoTextIsRefused) {
  deliver({submitted(kJob)});
  for (const char* word : {"parent", "prefix", "state"}) {
    EXPECT_EQ(api_.ask("/api/v1/tasks", {{word, "\xff\xfe"}}).status, 400) << word;
    EXPECT_EQ(api_.ask("/api/v1/tasks", {{word, std::string("a\0b", 3)}}).status, 400) << word;
  }
  EXPECT_EQ(api_.ask("/api/v1/strategies/stats", {{"strategy", "\xc3"}}).status, 400);
  EXPECT_EQ(api_.ask("/api/v1/tasks", {{"parent", "漢"}}).status, 200);
}

// It was compared as it stood: no rows, as if the task had measured nothing.
TEST_P(LedgerHttpTest, TheBeginningOfAGuidWillDoForMeasurements) {
  const auto measured = [](const std::string& guid) {
    return reported(guid, 1, Measurement{"boot", {{"seconds", 1.5}}});
  };
  deliver({submitted("alpha-1"), submitted("alpha-12"), submitted("beta-1"), leased("alpha-1", 1),
           measured("alpha-1"), leased("alpha-12", 1), measured("alpha-12"), leased("beta-1", 1),
           measured("beta-1")});
  const auto guids = [&](const std::string& where) {
    std::vector<std::string> found;
    const json page = api_.get("/api/v1/measurements/boot", {{"where", where}});
    for (const json& row : page["rows"]) found.push_back(row["guid"]);
    return found;
  };
  EXPECT_THAT(guids("guid=be"), ElementsAre("beta-1"));
  EXPECT_THAT(guids("guid=alpha-1"), ElementsAre("alpha-1"));
  EXPECT_THAT(guids("guid!=be"), ElementsAre("alpha-1", "alpha-12"));
  EXPECT_THAT(guids("guid=last"), ElementsAre("beta-1"));
  const auto status = [&](const std::string& where) {
    return api_.ask("/api/v1/measurements/boot", {{"where", where}}).status;
  };
  EXPECT_EQ(status("guid=alpha"), 400);
  EXPECT_EQ(status("guid=gamma"), 404);
}

TEST_P(LedgerHttpTest, SaysWhichTablesOfMeasurementsThereAre) {
  EXPECT_EQ(api_.ask("/api/v1/measurements").status, 503);  // nothing was collected yet
  deliver({submitted(kJob), leased(kJob, 1),
           reported(kJob, 1, Measurement{"boot", {{"seconds", 1.5}, {"cold", true}}}),
           reported(kJob, 1, Measurement{"a b", {{"n", int64_t{1}}}})});
  const json tables = api_.get("/api/v1/measurements")["measure_tables"];
  const json expected = json::parse(R"([
      {"name":"a b","columns":[{"name":"n","type":"integer"}]},
      {"name":"boot","columns":[{"name":"seconds","type":"real"},
                                {"name":"cold","type":"boolean"}]}])");
  EXPECT_EQ(tables, expected);
  EXPECT_EQ(api_.ask("/api/v1/measurements/bot").status, 404);
  EXPECT_EQ(api_.ask("/api/v1/measurements/boot", {{"where", "second>1"}}).status, 400);
  EXPECT_EQ(api_.ask("/api/v1/measurements/boot", {{"where", "seconds>x"}}).status, 400);
  EXPECT_EQ(api_.ask("/api/v1/tasks/nobody/events").status, 404);
}

INSTANTIATE_TEST_SUITE_P(Both, LedgerHttpTest,
                         ::testing::Values(LedgerKind::sqlite, LedgerKind::mariadb), kind_name);

}  // namespace
}  // namespace muster
