#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/render_archive.h"
#include "cli/render_json.h"
#include "tests/cli/samples.h"

namespace muster {
namespace {

using nlohmann::json;
using samples::at;

TEST(Json, Task) {
  const json task = json::parse(task_json(samples::device_error_task(), "/h/status.log"));
  EXPECT_EQ(task["schema"], "muster.task/1");
  EXPECT_EQ(task["guid"], "lab/nightly/0043");
  EXPECT_EQ(task["state"], "ended");
  EXPECT_EQ(task["verdict"], "error");
  EXPECT_EQ(task["exit_status"], 10);
  EXPECT_EQ(task["submitted"], "2026-11-23T08:15:30.000000Z");
  EXPECT_EQ(task["status_log"], "/h/status.log");
  EXPECT_EQ(task["ending"]["cause"], "device");
  EXPECT_EQ(task["spec"]["timeouts"]["run_s"], 2400.0);
  EXPECT_EQ(task["attempts"][1]["log_url"], "file:///w/log");
  EXPECT_EQ(task["attempts"][1]["ending"]["exit_code"], 3);
  EXPECT_FALSE(task["attempts"][0].contains("log_url"));
}

TEST(Json, TaskWithoutVerdictSaysNothingAboutIt) {
  const json task = json::parse(task_json(samples::running_task(), ""));
  for (const char* key : {"verdict", "exit_status", "ending", "ended", "status_log", "attempts"}) {
    EXPECT_FALSE(task.contains(key)) << key;
  }
}

TEST(Json, EveryDocumentNamesItsSchemaAndIsOneLine) {
  FileProblems problems;
  problems.add({"f.yaml", {3, 7}, "unknown key", false});
  problems.add({"f.yaml", {}, "is odd", true});
  const struct {
    std::string text;
    std::string schema;
  } rows[] = {
      {task_json(samples::running_task(), ""), "muster.task/1"},
      {change_json(TaskChange{}), "muster.task_change/1"},
      {explanation_json(Explanation{}), "muster.explanation/1"},
      {submission_json(SubmitResult{"g", true, ""}), "muster.submission/1"},
      {cancellation_json(CancelResult{"g", "no"}), "muster.cancellation/1"},
      {retry_json(RetryTasksResult{"g", "no"}), "muster.retry/1"},
      {result_json(samples::failing_result()), "muster.result/1"},
      {verification_json("d", samples::failing_result()), "muster.verification/1"},
      {repair_json("d", samples::failing_result()), "muster.repair/1"},
      {device_json(samples::bad_device()), "muster.device/1"},
      {device_change_json({"d", "no"}, DeviceChange::lock), "muster.device_change/1"},
      {device_record_json("d", {7, at(0), LedgerUse{}}), "muster.device_record/1"},
      {action_stat_json(ActionStat{}), "muster.action_stat/1"},
      {trace_json(samples::trace()), "muster.trace/1"},
      {worker_json(samples::worker("w", true)), "muster.worker/1"},
      {event_json(7, samples::every_event().front()), "muster.event/1"},
      {finding_json({"home", Condition::fail, "t", "a"}), "muster.finding/1"},
      {file_json("f.yaml", problems), "muster.file/1"},
      {inventory_diff_json(InventoryPlan{"f.yaml", {}, {}}), "muster.inventory_diff/1"},
      {inventory_json("f.yaml", InventoryReply{1, 2, 3}), "muster.inventory/1"},
      {strategy_json(samples::strategy()), "muster.strategy/1"},
      {forecast_json(samples::strategy(),
                     forecast_repair(samples::strategy(), {.failing = {"adb"}})),
       "muster.forecast/1"},
      {up_json("/h", "ipc:///x", "local", 42), "muster.up/1"},
      {version_json(), "muster.version/1"},
      {artifact_json({"task-number-1", {1, "log", 5, false, "", kNever}, "file:///a/log", ""}),
       "muster.artifact/1"},
      {pin_json("task-number-1", true), "muster.artifact_pin/1"},
      {error_json("what", "next", 64), "muster.error/1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(row.text.find('\n'), std::string::npos) << row.text;
    const json document = json::parse(row.text, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << row.text;
    EXPECT_EQ(document["schema"], row.schema);
  }
}

TEST(Json, TaskNamesItsChildren) {
  TaskInfo child = samples::device_error_task();
  child.spec.kind = TaskKind::repair;
  child.spec.name = "repair phone-7 for smoke";
  const json task = json::parse(task_json(samples::running_task(), "", {child}));
  EXPECT_EQ(task["children"], json::parse(R"([{"guid":"lab/nightly/0043","kind":"repair",)"
                                          R"("name":"repair phone-7 for smoke","state":"ended",)"
                                          R"("verdict":"error"}])"));
}

TEST(Json, DeviceTellsWhoJudgedItAndUntilWhen) {
  const json device = json::parse(device_json(samples::stacked_device()));
  EXPECT_EQ(device["health_who"], "broker");
  EXPECT_EQ(device["until"], "2026-11-23T08:46:30.000000Z");
  EXPECT_EQ(device["failures"], 2);
  EXPECT_EQ(device["stacks"], json({"bench-c"}));
  EXPECT_EQ(device["undeclared"], true);
  EXPECT_EQ(device["progress"], "checked 3 of 9");
  const json plain = json::parse(device_json(samples::bad_device()));
  for (const char* key : {"health_who", "until", "failures", "stacks", "undeclared", "progress"}) {
    EXPECT_FALSE(plain.contains(key)) << key;
  }
}

TEST(Json, DeviceRecordsTellWhatTheyAre) {
  const json health = json::parse(device_record_json("phone-7", samples::history()[2]));
  EXPECT_EQ(health["what"], "health");
  EXPECT_EQ(health["health"], "bad");
  EXPECT_EQ(health["who"], "broker");
  EXPECT_EQ(health["failures"], 1);
  const json attempt = json::parse(device_record_json("phone-7", samples::history()[0]));
  EXPECT_EQ(attempt["what"], "attempt");
  EXPECT_EQ(attempt["kind"], "repair");
  EXPECT_EQ(attempt["ending"]["cause"], "device");
  const json action = json::parse(device_record_json("phone-7", samples::history()[1]));
  EXPECT_EQ(action["what"], "action");
  EXPECT_EQ(action["action"], "restart");
  EXPECT_EQ(action["outcome"], "fail");
  EXPECT_EQ(action["duration_s"], 2.0);
}

TEST(Json, ActionStats) {
  ActionStat stat{"phone", "restart", "yuga", 3, 1, 2, Duration(1500ms)};
  const json document = json::parse(action_stat_json(stat));
  EXPECT_EQ(document["tried"], 4);
  EXPECT_EQ(document["repaired"], 3);
  EXPECT_EQ(document["not_tried"], 2);
  EXPECT_EQ(document["median_s"], 1.5);
  stat.median.reset();
  EXPECT_FALSE(json::parse(action_stat_json(stat)).contains("median_s"));
}

TEST(Json, TraceHasTheTasksAndTheWholeEvents) {
  const json trace = json::parse(trace_json(samples::trace()));
  EXPECT_EQ(trace["guid"], "lab/nightly/0042");
  ASSERT_EQ(trace["tasks"].size(), 2u);
  EXPECT_EQ(trace["tasks"][1]["parent"], "lab/nightly/0042");
  EXPECT_EQ(trace["tasks"][1]["depth"], 1);
  EXPECT_EQ(trace["tasks"][1]["devices"], json({"phone-7"}));
  EXPECT_EQ(trace["events"].size(), samples::trace().events.size());
  EXPECT_EQ(trace["events"][0]["type"], "task_submitted");
}

TEST(Json, ExplanationHasAnEstimateOnlyWhenThereIsOne) {
  Explanation explanation;
  EXPECT_FALSE(json::parse(explanation_json(explanation)).contains("estimate_s"));
  explanation.estimate = 90s;
  EXPECT_EQ(json::parse(explanation_json(explanation))["estimate_s"], 90.0);
}

TEST(Json, HostileTextStaysJson) {
  TaskInfo task = samples::device_error_task();
  for (const std::string& text : {std::string("\xff\xc3\x28"), std::string("\"}\n{\x00\x1f", 7)}) {
    task.spec.guid = text;
    task.spec.name = text;
    task.cancelling = text;
    task.ending->message = text;
    TaskResult result = samples::failing_result();
    result.cases[0].message = text;
    EXPECT_FALSE(json::parse(task_json(task, text), nullptr, false).is_discarded());
    EXPECT_FALSE(json::parse(result_json(result), nullptr, false).is_discarded());
    EXPECT_FALSE(json::parse(error_json(text, text, 1), nullptr, false).is_discarded());
  }
}

TEST(Json, Problems) {
  FileProblems problems;
  problems.add({"f.yaml", {3, 7}, "unknown key", false});
  problems.add({"f.yaml", {}, "is odd", true});
  const json file = json::parse(file_json("f.yaml", problems));
  EXPECT_EQ(file["ok"], false);
  EXPECT_EQ(file["problems"][0]["line"], 3);
  EXPECT_EQ(file["problems"][0]["column"], 7);
  EXPECT_EQ(file["problems"][0]["warning"], false);
  EXPECT_FALSE(file["problems"][1].contains("line"));
  EXPECT_EQ(json::parse(file_json("f.yaml", FileProblems{}))["ok"], true);
}

TEST(Json, Lists) {
  EXPECT_EQ(list_json("task", {}, "\"total\":0"),
            "{\"schema\":\"muster.task_list/1\",\"total\":0,\"tasks\":[]}");
  EXPECT_EQ(list_json("device", {"{}", "{}"}),
            "{\"schema\":\"muster.device_list/1\",\"devices\":[\n{},\n{}\n]}");
}

}  // namespace
}  // namespace muster
