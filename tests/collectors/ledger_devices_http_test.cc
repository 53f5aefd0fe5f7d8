// The devices that the ledger knows, over HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "collectors/ledger_http.h"
#include "tests/collectors/ledger_http_kit.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kJob = "0194-job";
constexpr const char* kRepair = "0194-repair";

DeviceSpec device(const std::string& name, const std::string& model, const std::string& strategy) {
  return {name, {{"type", "handset"}, {"model", model}}, "bench", {}, strategy, "", ""};
}

class LedgerDevicesHttpTest : public ::testing::TestWithParam<LedgerKind> {
 protected:
  LedgerDevicesHttpTest() {
    DeviceListed found;
    found.worker = "bench-2";
    found.device.name = "found-1";
    ledger_.deliver(number_events({
        applied({device("dut-1", "yuga", "phone"), device("dut-2", "yuga", "phone"),
                 device("gone-1", "togari", "tablet")}),
        applied({device("dut-1", "yuga", "phone"), device("dut-2", "togari", "")}),
        found,
        submitted(kJob),
        leased(kJob, 1, {"dut-1"}),
        attempt_ended(kJob, 1, Outcome::fail, Cause::test, Verdict::fail),
        DeviceJudged{"dut-1", DeviceHealth::bad, "no adb", "broker", kJob, script_time(99), 2},
        submitted(kRepair, TaskKind::repair),
        leased(kRepair, 1, {"dut-1", "dut-2"}),
    }));
  }

  std::vector<std::string> names(std::map<std::string, std::string> query) {
    std::vector<std::string> names;
    const json page = api_.get("/api/v1/devices", std::move(query));
    for (const json& row : page["devices"]) names.push_back(row["name"]);
    return names;
  }

  NewLedger ledger_{GetParam()};
  LedgerApi api_{[this] { return Ledger::open(ledger_.place()); }};
};

// There was a history of a device, and no way to learn its name.
TEST_P(LedgerDevicesHttpTest, EveryDeviceIsListed) {
  const json page = api_.get("/api/v1/devices");
  EXPECT_EQ(page["schema"], "muster.devices/1");
  EXPECT_FALSE(page.contains("next"));
  ASSERT_EQ(page["devices"].size(), 4u) << page;
  const json& first = page["devices"][0];
  EXPECT_EQ(first["name"], "dut-1");
  EXPECT_EQ(first["declared"], true);
  EXPECT_EQ(first["strategy"], "phone");
  EXPECT_EQ(first["model"], "yuga");
  EXPECT_EQ(first["health"], "bad");
  EXPECT_EQ(first["health_reason"], "no adb");
  EXPECT_EQ(first["health_who"], "broker");
  EXPECT_EQ(first["health_guid"], kJob);
  EXPECT_TRUE(first.contains("health_since"));
  EXPECT_TRUE(first.contains("until"));
  EXPECT_EQ(first["failures"], 2);
  EXPECT_EQ(first["attempts"], 2);
  EXPECT_EQ(first["last"]["guid"], kRepair);
  EXPECT_EQ(first["last"]["kind"], "repair");
  EXPECT_EQ(first["last"]["attempt"], 1);
  EXPECT_FALSE(first["last"].contains("ending"));  // it holds it
  const json& second = page["devices"][1];
  EXPECT_EQ(second["health"], "unknown");
  EXPECT_EQ(second["model"], "togari");
  EXPECT_FALSE(second.contains("strategy"));
  EXPECT_EQ(second["attempts"], 1);
  const json& third = page["devices"][2];
  EXPECT_EQ(third["name"], "found-1");
  EXPECT_EQ(third["declared"], false);
  EXPECT_EQ(third["workers"], json::array({"bench-2"}));
  EXPECT_FALSE(third.contains("last"));
  EXPECT_EQ(page["devices"][3]["name"], "gone-1");
  EXPECT_EQ(page["devices"][3]["declared"], false);
}

TEST_P(LedgerDevicesHttpTest, OneDeviceHasWhatBecameOfItsAttempts) {
  const json one = api_.get("/api/v1/devices/dut-1");
  EXPECT_EQ(one["name"], "dut-1");
  EXPECT_EQ(one["counts"], json::parse(R"([{"kind": "job", "outcome": "fail", "attempts": 1},
                            {"kind": "repair", "attempts": 1}])"));
  EXPECT_THAT(api_.get("/api/v1/devices/gone-1")["counts"], IsEmpty());
  const HttpAnswer missing = api_.ask("/api/v1/devices/dut-3");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("knows no device \\\"dut-3\\\""));
}

// It was an empty page, as of one to which nothing has happened.
TEST_P(LedgerDevicesHttpTest, ADeviceThatNobodyKnowsHasNoHistory) {
  EXPECT_EQ(api_.get("/api/v1/devices/dut-1/history")["device_history"].size(), 3u);
  EXPECT_THAT(api_.get("/api/v1/devices/gone-1/history")["device_history"], IsEmpty());
  EXPECT_THAT(api_.get("/api/v1/devices/dut-1/history", {{"cursor", "1"}})["device_history"],
              IsEmpty());
  const HttpAnswer missing = api_.ask("/api/v1/devices/dut-3/history");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("knows no device \\\"dut-3\\\""));
}

TEST_P(LedgerDevicesHttpTest, PagesOfAnySizeHaveEachDeviceOnce) {
  for (const char* max : {"1", "2", "3", "4", "5"}) {
    std::vector<std::string> seen;
    std::map<std::string, std::string> query = {{"max", max}};
    for (bool more = true; more;) {
      const json page = api_.get("/api/v1/devices", query);
      EXPECT_LE(page["devices"].size(), std::stoul(max));
      for (const json& row : page["devices"]) seen.push_back(row["name"]);
      more = page.contains("next");
      if (more) query["cursor"] = page["next"];
    }
    EXPECT_THAT(seen, ElementsAre("dut-1", "dut-2", "found-1", "gone-1")) << max;
  }
  EXPECT_THAT(names({{"cursor", "zzz"}}), IsEmpty());
}

TEST_P(LedgerDevicesHttpTest, DevicesAreChosen) {
  EXPECT_THAT(names({{"health", "bad"}}), ElementsAre("dut-1"));
  EXPECT_THAT(names({{"health", "unknown"}}), ElementsAre("dut-2", "found-1", "gone-1"));
  EXPECT_THAT(names({{"declared", "1"}}), ElementsAre("dut-1", "dut-2"));
  EXPECT_THAT(names({{"declared", "0"}}), ElementsAre("found-1", "gone-1"));
  EXPECT_THAT(names({{"strategy", "tablet"}}), ElementsAre("gone-1"));
  EXPECT_THAT(names({{"model", "togari"}, {"declared", "1"}}), ElementsAre("dut-2"));
  EXPECT_THAT(names({{"model", "none"}}), IsEmpty());
}

TEST_P(LedgerDevicesHttpTest, WhatCannotBeAskedIsRefused) {
  const struct {
    std::string word, value, reason;
  } rows[] = {{"health", "quarantine", "did you mean quarantined?"},
              {"declared", "2", "declared is 0 or 1"},
              {"declared", "", "declared is 0 or 1"},
              {"max", "0", "max is a number"},
              {"max", "1001", "max is a number"},
              {"max", "-1", "max is a number"},
              {"cursor", "\xff", "cursor is no text"},
              {"healt", "bad", "health"}};
  for (const auto& row : rows) {
    const HttpAnswer answer = api_.ask("/api/v1/devices", {{row.word, row.value}});
    EXPECT_EQ(answer.status, 400) << row.word << "=" << row.value;
    EXPECT_THAT(answer.body, HasSubstr(row.reason));
  }
}

INSTANTIATE_TEST_SUITE_P(Both, LedgerDevicesHttpTest,
                         ::testing::Values(LedgerKind::sqlite, LedgerKind::mariadb), kind_name);

}  // namespace
}  // namespace muster
