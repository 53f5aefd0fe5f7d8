// Answers of the ledger over HTTP: what is written is read back.
#include "io/ledger_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/clock.h"
#include "io/event_json.h"
#include "io/measure_where.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

const Instant kTime = parse_rfc3339("2026-11-28T16:00:00.123456Z");

Ending failed() {
  Ending ending;
  ending.outcome = Outcome::fail;
  ending.cause = Cause::test;
  ending.status = StatusCode::failures;
  ending.exit_code = 3;
  ending.message = "3 of 7";
  ending.started = kTime;
  ending.finished = kTime + 5s;
  return ending;
}

TEST(LedgerJson, ATask) {
  LedgerTask task;
  task.seq = 17;
  TaskInfo& info = task.info;
  info.spec.guid = "https://lab.example/1";
  info.spec.name = "smoke";
  info.spec.submitter = "ann@box";
  task.spec_json = task_spec_to_json(info.spec);
  info.spec.work = std::string("\x00\xff\x01", 3);
  info.state = TaskState::ended;
  info.verdict = Verdict::fail;
  info.ending = failed();
  info.submitted = kTime;
  task.started = kTime + 1s;
  info.ended = kTime + 5s;
  info.not_before = kTime + 2s;
  info.cancelling = "why";
  info.attempt_count = 2;
  task.worker = "bench";
  info.attempts = {{1, "bench", {"dut", "relay"}, kTime, "file:///l", failed(), ""},
                   {2, "bench", {}, kTime, "", std::nullopt, ""}};
  const LedgerTask back = task_from_json(task_to_json(task, false));
  EXPECT_EQ(back.seq, 17u);
  EXPECT_EQ(back.info, info);
  EXPECT_EQ(back.started, task.started);
  EXPECT_EQ(back.worker, "bench");
  EXPECT_EQ(json::parse(back.spec_json), json::parse(task.spec_json));
  const LedgerTask brief = task_from_json(task_to_json(task, true));
  EXPECT_TRUE(brief.info.attempts.empty());
  EXPECT_EQ(brief.info.spec.work, "");
}

TEST(LedgerJson, Reports) {
  const LedgerResult result{7, 1, kTime, {"s", "n", Outcome::skip, 1500ms, "m\n\"2\""}};
  const LedgerResult back = result_from_json(result_to_json(result));
  EXPECT_EQ(back.seq, 7u);
  EXPECT_EQ(back.attempt, 1u);
  EXPECT_EQ(back.time, kTime);
  EXPECT_EQ(back.result, result.result);
  const LedgerReport<SourceFetched> source{8, 2, kTime, {"ssh://git@x/y", "main", "3f"}};
  EXPECT_EQ(source_from_json(source_to_json(source)).body, source.body);
  EXPECT_EQ(json::parse(artifact_to_json({9, 1, kTime, {"a/b", "file:///b", 9, "00"}}))["bytes"],
            9);
  EXPECT_EQ(json::parse(measurement_to_json({9, 1, kTime, {"t", {{"r", 0.5}}}}))["row"],
            json({{"r", 0.5}}));
}

TEST(LedgerJson, HistoryOfADevice) {
  DeviceJudged judged{"dut", DeviceHealth::quarantined, "why", "ann", "0194-task", kTime, 3};
  LedgerUse use;
  use.seq = 2;
  use.guid = "0194-task";
  use.kind = TaskKind::repair;
  use.name = "repair dut";
  use.parent = "0194-parent";
  use.attempt.attempt = 4;
  use.attempt.worker = "bench";
  use.attempt.leased = kTime;
  use.attempt.ending = failed();
  const LedgerRepair repair{3, kTime, "0194-task", 4, {"", "restart", Outcome::pass, 2s, "m"}};
  const HistoryEntry entries[] = {{1, kTime, judged}, {2, kTime, use}, {3, kTime, repair}};
  for (const HistoryEntry& entry : entries) {
    const std::string text = history_to_json(entry);
    const HistoryEntry back = history_from_json("dut", text);
    EXPECT_EQ(back.what.index(), entry.what.index()) << text;
    EXPECT_EQ(history_to_json(back), text);
  }
  EXPECT_EQ(std::get<DeviceJudged>(history_from_json("dut", history_to_json(entries[0])).what),
            judged);
}

TEST(LedgerJson, ActionStats) {
  for (const ActionStat& stat : {ActionStat{"phone", "restart", "x", 3, 2, 1, 1500ms},
                                 ActionStat{"", "restart", "", 0, 0, 4, std::nullopt}}) {
    EXPECT_EQ(action_stat_from_json(action_stat_to_json(stat)), stat);
  }
}

TEST(LedgerJson, Measurements) {
  MeasureAnswer answer;
  answer.columns = {"cold", "count", "seconds", "who"};
  answer.more = true;
  answer.rows = {{3, "0194-task", 1, kTime, {true, int64_t{-1} << 60, 0.1, std::string("1")}},
                 {4, "0194-task", 2, kTime, {std::nullopt, int64_t{2}, 2.0, std::nullopt}}};
  const Result<MeasureAnswer> back = measurements_from_json(measurements_to_json("boot", answer));
  ASSERT_TRUE(back.ok()) << back.error();
  EXPECT_EQ(back->columns, answer.columns);
  EXPECT_TRUE(back->more);
  ASSERT_EQ(back->rows.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back->rows[i].seq, answer.rows[i].seq);
    EXPECT_EQ(back->rows[i].time, kTime);
    EXPECT_EQ(back->rows[i].cells, answer.rows[i].cells) << i;
  }
}

TEST(LedgerJson, Pages) {
  const Result<JsonPage> page =
      page_from_json("results", page_to_json("results", {R"({"a":1})", R"({"a":2.0})"}, 17));
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(page->rows, ElementsAre(R"({"a":1})", R"({"a":2.0})"));
  EXPECT_EQ(page->next, 17u);
  EXPECT_EQ(page_from_json("results", page_to_json("results", {}))->next, std::nullopt);
}

// A server may be anything.
TEST(LedgerJson, WhatIsNoSuchDocument) {
  for (const char* text : {"", "[]", "7", "{", "{}", R"({"schema":"muster.tasks/1"})",
                           R"({"schema":"muster.results/1","results":{}})",
                           R"({"schema":"muster.results/2","results":[]})",
                           R"({"schema":"muster.measure_rows/1","rows":7})"}) {
    EXPECT_FALSE(page_from_json("results", text).ok()) << text;
    EXPECT_FALSE(measurements_from_json(text).ok()) << text;
    EXPECT_EQ(task_from_json(text).info.spec.guid, "") << text;
    EXPECT_EQ(action_stat_from_json(text), ActionStat{}) << text;
    history_from_json("dut", text);
    result_from_json(text);
    ledger_event_from_json(text);
  }
  EXPECT_TRUE(
      page_from_json("results", R"({"schema":"muster.results/1","results":[7],"next":"x"})").ok());
  EXPECT_TRUE(task_from_json(R"({"attempts":7,"ending":7,"seq":{}})").info.attempts.empty());
  EXPECT_TRUE(measurements_from_json(
                  R"({"schema":"muster.measure_rows/1","columns":7,"rows":[7,{"row":{"a":1}}]})")
                  .ok());
}

TEST(LedgerJson, ConditionsOfMeasurements) {
  for (const char* text : {R"(seconds>"12.5",cold="true")", R"(who!="a,b",x<="1",y>="2")",
                           R"(q="say ""hi""",t<"7")"}) {
    const Result<std::vector<MeasureCondition>> conditions = parse_measure_where(text);
    ASSERT_TRUE(conditions.ok()) << conditions.error();
    EXPECT_EQ(format_measure_where(*conditions), text);
  }
}

}  // namespace
}  // namespace muster
