// The story of docs/repair-story.md with real processes: a device breaks, a job that needs it has
// it verified, repair mends it, the job runs; and everything that tells about it tells the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/status_record.h"
#include "tests/e2e/audit.h"
#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

constexpr char kJob[] = "story-job-0001";

// The device is well while its marker is there.
constexpr char kStrategy[] = R"(version: 1
kind: strategy
name: bench
verify:
  - { tag: power, description: It has power, check: { noop: {} } }
  - { tag: marker, description: Its marker is there, check: { file: { path: "{device.marker}" } }, deps: [power] }
repair:
  - { tag: knock, description: Knock on it, run: { noop: {} }, triggers: [marker] }
  - { tag: mend, description: Put the marker back, run: { command: [touch, "{device.marker}"] }, triggers: [marker] }
)";

class RepairStoryTest : public testing::Test {
 protected:
  RepairStoryTest() : house_(MUSTER_BIN_DIR) {
    house_.write("bench.yaml", kStrategy);
    marker_ = house_.write("marker", "");
    const std::string inventory =
        house_.write("inventory.yaml",
                     "version: 1\nkind: inventory\nlab: story\nstrategies: [bench.yaml]\n"
                     "workers: { local: {} }\ndevices:\n"
                     "  dut-1: { type: bench, model: b1, strategy: bench, marker: \"" +
                         marker_ + "\" }\n");
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
    expect(0, {"inventory", "apply", inventory});
  }

  // Runs a command and returns what it printed; its exit status must be `status`.
  std::string expect(int status, const std::vector<std::string>& arguments) {
    return expect_run(house_, status, arguments).out;
  }

  json expect_json(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-o", "json"});
    json document = json::parse(expect(0, arguments), nullptr, false);
    EXPECT_FALSE(document.is_discarded()) << testing::PrintToString(arguments);
    return document;
  }

  // "START verify", "FAIL verify.marker", ... of the task's status.log; INFO lines have no name.
  std::vector<std::string> status_log(const std::string& guid) {
    expect_status_logs_complete(house_, {guid});
    std::vector<std::string> words;
    for (const StatusLine& line :
         parse_status_log(expect(0, {"result", guid, "--format", "status-log"})).lines) {
      if (line.status != "INFO") words.push_back(line.status + " " + line.operation);
    }
    return words;
  }

  // The same from the records in a trace.
  static std::vector<std::string> records_of(const json& trace, const std::string& guid) {
    std::vector<std::string> words;
    for (const json& event : trace["events"]) {
      if (event["type"] != "record" || event["guid"] != guid || event["status"] == "INFO") continue;
      words.push_back(event["status"].get<std::string>() + " " + event.value("operation", ""));
    }
    return words;
  }

  // "submitted job", "good", ...: what a trace says, in short.
  static std::vector<std::string> plot_of(const json& trace) {
    std::map<std::string, std::string> kinds;
    for (const json& task : trace["tasks"]) kinds[task["guid"]] = task["kind"];
    std::vector<std::string> plot;
    for (const json& event : trace["events"]) {
      const std::string kind = kinds[event["guid"]];
      if (event["type"] == "task_submitted") plot.push_back(kind + " submitted");
      if (event["type"] == "attempt_leased") plot.push_back(kind + " leased");
      if (event["type"] == "attempt_ended") {
        plot.push_back(kind + " " + event["verdict"].get<std::string>());
      }
      if (event["type"] == "device_judged") plot.push_back(event["health"]);
    }
    return plot;
  }

  House house_;
  std::string marker_;
  std::unique_ptr<Child> up_;
};

TEST_F(RepairStoryTest, ABrokenDeviceIsMendedForTheJobThatNeedsIt) {
  expect(0, {"verify", "dut-1"});
  std::filesystem::remove(marker_);  // it breaks
  expect(0, {"run", "--wait", "--guid", kJob, "--name", "smoke", "-d", "dut-1", "--verify",
             "always", "--", "test", "-e", marker_});

  const json trace = expect_json({"task", "trace", kJob});
  ASSERT_EQ(trace["tasks"].size(), 3u) << trace;
  const std::string verify = trace["tasks"][1]["guid"];
  const std::string repair = trace["tasks"][2]["guid"];
  for (const size_t child : {1, 2}) {
    EXPECT_EQ(trace["tasks"][child]["parent"], kJob);
    EXPECT_EQ(trace["tasks"][child]["depth"], 1);
    EXPECT_EQ(trace["tasks"][child]["devices"], json({"dut-1"}));
  }
  EXPECT_THAT(plot_of(trace), ElementsAre("job submitted", "verify submitted", "verify leased",
                                          "verify fail", "bad", "repair submitted", "repair leased",
                                          "repair pass", "good", "job leased", "job pass"));
  for (size_t i = 1; i < trace["events"].size(); ++i) {
    EXPECT_LT(trace["events"][i - 1]["seq"], trace["events"][i]["seq"]);
  }
  // Whoever asks about one of them is told the same.
  EXPECT_EQ(expect_json({"task", "trace", repair})["events"], trace["events"]);

  EXPECT_THAT(status_log(verify), ElementsAre("START verify", "GOOD verify.power",
                                              "FAIL verify.marker", "END FAIL verify"));
  EXPECT_THAT(status_log(repair),
              IsSupersetOf({"START repair", "FAIL verify.marker", "START repair.knock",
                            "END FAIL repair.knock", "START repair.mend", "GOOD verify.marker",
                            "END GOOD repair.mend", "END GOOD repair"}));
  EXPECT_THAT(status_log(kJob), Contains(HasSubstr("END GOOD")));
  for (const std::string& guid : {verify, repair, std::string(kJob)}) {
    EXPECT_EQ(records_of(trace, guid), status_log(guid)) << guid;
  }

  std::vector<std::string> history;
  const json records = expect_json({"device", "history", "dut-1"});
  for (const json& record : records["device_records"]) {
    if (record["what"] == "health") history.push_back(record["health"]);
    if (record["what"] == "action") {
      history.push_back(record["action"].get<std::string>() + " " +
                        record["outcome"].get<std::string>());
    }
    if (record["what"] == "attempt") {
      history.push_back(record["kind"].get<std::string>() + " " +
                        record["ending"]["outcome"].get<std::string>());
    }
  }
  EXPECT_THAT(history, ElementsAre("verify pass", "good", "verify fail", "bad", "repair pass",
                                   "knock fail", "mend pass", "good", "job pass"));

  const json task = expect_json({"task", "show", kJob});
  ASSERT_EQ(task["children"].size(), 2u);
  EXPECT_EQ(task["children"][0]["guid"], verify);
  EXPECT_EQ(expect_json({"device", "show", "dut-1"})["health"], "good");
  const json stats = expect_json({"strategy", "stats", "bench"});
  ASSERT_EQ(stats["action_stats"].size(), 2u) << stats;
  EXPECT_EQ(stats["action_stats"][1]["action"], "mend");
  EXPECT_EQ(stats["action_stats"][1]["model"], "b1");
  EXPECT_EQ(stats["action_stats"][1]["repaired"], 1);
}

TEST_F(RepairStoryTest, AJobWhoseDeviceCannotBeMendedEndsWithItsName) {
  std::filesystem::remove(marker_);
  // Nothing can be made in its place.
  std::filesystem::create_directory_symlink("/nowhere/at/all", marker_);
  expect(10, {"run", "--wait", "--guid", kJob, "-d", "dut-1", "--", "true"});
  const std::string shown = expect(0, {"task", "show", kJob});
  EXPECT_THAT(shown, HasSubstr("error (device)"));
  EXPECT_THAT(shown, HasSubstr("dut-1"));
  const json trace = expect_json({"task", "trace", kJob});
  EXPECT_THAT(plot_of(trace), Contains("repair fail"));
  EXPECT_EQ(trace["tasks"][0]["verdict"], "error");
  EXPECT_EQ(expect_json({"device", "show", "dut-1"})["health"], "bad");
  EXPECT_THAT(expect(0, {"device", "ls"}), HasSubstr("left alone for"));
}

// The ledger is not needed for it.
TEST_F(RepairStoryTest, TheBrokersLogTellsTheSameTraceAsTheLedger) {
  std::filesystem::remove(marker_);
  expect(0, {"run", "--wait", "--guid", kJob, "-d", "dut-1", "--", "true"});
  const json from_ledger = expect_json({"task", "trace", kJob});
  EXPECT_THAT(plot_of(from_ledger), Contains("repair pass"));
  const std::string elsewhere = house_.home().dir + "-of-somebody-else";
  std::filesystem::create_directory(elsewhere);
  const json from_log =
      expect_json({"task", "trace", kJob, "--home", elsewhere, "--endpoint", house_.endpoint()});
  std::filesystem::remove_all(elsewhere);
  EXPECT_EQ(from_log, from_ledger);
}

}  // namespace
}  // namespace muster
