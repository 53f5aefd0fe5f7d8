#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
      {result_json(samples::failing_result()), "muster.result/1"},
      {verification_json("d", samples::failing_result()), "muster.verification/1"},
      {device_json(samples::bad_device()), "muster.device/1"},
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
      {error_json("what", "next", 64), "muster.error/1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(row.text.find('\n'), std::string::npos) << row.text;
    const json document = json::parse(row.text, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << row.text;
    EXPECT_EQ(document["schema"], row.schema);
  }
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
