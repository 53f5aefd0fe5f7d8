#include "cli/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/limits.h"
#include "tests/cli/samples.h"

namespace muster {
namespace {

using samples::at;
using testing::HasSubstr;

DoctorFacts healthy() {
  DoctorFacts facts;
  facts.home = "/h";
  facts.free_bytes = 10ull << 30;
  facts.endpoint = "ipc:///h/run/broker.sock";
  facts.version = "0.1.0";
  facts.broker.version = "0.1.0";
  facts.broker.head = 100;
  facts.broker.started = at(0);
  facts.workers = {samples::worker("bench-1", true)};
  DeviceInfo device;
  device.spec.name = "phone-1";
  device.state = DeviceState::idle;
  device.health = DeviceHealth::good;
  facts.devices = {device};
  facts.collector_runs = true;
  facts.ledger_cursor = 100;
  facts.now = at(100);
  return facts;
}

TEST(Doctor, HealthyInstallationHasNothingToDo) {
  const DoctorFacts facts = healthy();
  for (const Finding& finding : judge(facts)) {
    EXPECT_EQ(finding.condition, Condition::ok) << finding.subject << ": " << finding.text;
    EXPECT_EQ(finding.advice, "");
  }
  EXPECT_EQ(exit_status(facts, judge(facts)), 0);
}

TEST(Doctor, ALogThatNobodyKeepsTooLargeIsNotSpokenOf) {
  DoctorFacts facts = healthy();
  facts.log.emplace();
  facts.log->snapshots = {100, 90};
  facts.log->readers = {{"couchdb@a:/m", 7, at(0)}};
  const auto speaks = [&] {
    const std::vector<Finding> findings = judge(facts);
    return std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
             return finding.subject == "event_log";
           }) != findings.end();
  };
  EXPECT_FALSE(speaks()) << "it is small";
  facts.log->size.bytes = facts.log->keeping.bytes_max + 1;
  EXPECT_TRUE(speaks());
  facts.log->readers[0].needs = 90;
  EXPECT_FALSE(speaks()) << "the snapshot keeps as much";
}

struct SickCase {
  std::string what;
  void (*make_sick)(DoctorFacts&);
  std::string subject;
  Condition condition;
  std::string text;  // part of the finding
  int exit_status;
};

class SickInstallation : public testing::TestWithParam<SickCase> {};

TEST_P(SickInstallation, IsNamedWithAdvice) {
  const SickCase& row = GetParam();
  DoctorFacts facts = healthy();
  row.make_sick(facts);
  const std::vector<Finding> findings = judge(facts);
  bool found = false;
  for (const Finding& finding : findings) {
    if (finding.subject != row.subject) continue;
    found = true;
    EXPECT_EQ(finding.condition, row.condition) << finding.text;
    EXPECT_THAT(finding.text, HasSubstr(row.text));
    EXPECT_NE(finding.advice, "");
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(exit_status(facts, findings), row.exit_status);
}

INSTANTIATE_TEST_SUITE_P(
    Table, SickInstallation,
    testing::Values(
        SickCase{"home", [](DoctorFacts& f) { f.home_fault = "cannot write in /h"; }, "home",
                 Condition::fail, "cannot write", 1},
        SickCase{"disk_low", [](DoctorFacts& f) { f.free_bytes = kDiskReserveBytes - 1; }, "disk",
                 Condition::fail, "refused", 1},
        SickCase{"disk_low_broker", [](DoctorFacts& f) { f.broker.disk_low = true; }, "disk",
                 Condition::fail, "refused", 1},
        SickCase{"disk_tight", [](DoctorFacts& f) { f.free_bytes = kDiskReserveBytes; }, "disk",
                 Condition::warn, "64MiB free", 0},
        SickCase{"logs", [](DoctorFacts& f) { f.logs_fault = "cannot write in /h/logs"; }, "logs",
                 Condition::warn, "cannot write in /h/logs", 0},
        SickCase{"disk_unknown", [](DoctorFacts& f) { f.free_fault = "no such file"; }, "disk",
                 Condition::warn, "no such file", 0},
        // A worker that refused all work was fine.
        SickCase{"worker_refusing",
                 [](DoctorFacts& f) { f.workers[0].refusing = "its disk has 1KiB free"; },
                 "workers", Condition::fail, "taken by bench-1: its disk has 1KiB free", 1},
        // Nobody but the worker's log knew.
        SickCase{"lister_failing",
                 [](DoctorFacts& f) {
                   f.workers[0].listers = {{"usb", "exit 127"}, {"adb", ""}};
                 },
                 "listers", Condition::fail, "lister usb of worker bench-1 fails: exit 127", 1},
        SickCase{"lister_missing",
                 [](DoctorFacts& f) { f.devices[0].absent = "worker bench-1 has no lister ubs"; },
                 "listers", Condition::fail, "worker bench-1 has no lister ubs", 1},
        SickCase{"broker", [](DoctorFacts& f) { f.broker_fault = "nobody answers"; }, "broker",
                 Condition::fail, "nobody answers", 69},
        SickCase{"endpoint", [](DoctorFacts& f) { f.endpoint_fault = "path too long"; }, "broker",
                 Condition::fail, "path too long", 69},
        SickCase{"version", [](DoctorFacts& f) { f.broker.version = "0.2.0"; }, "broker",
                 Condition::warn, "0.2.0", 0},
        // Only muster broker log status knew.
        SickCase{"log_held",
                 [](DoctorFacts& f) {
                   f.log.emplace();
                   f.log->size.bytes = 9ull << 30;
                   f.log->snapshots = {100, 90};
                   f.log->readers = {{"couchdb@a:/m", 7, at(0)}, {"ledger@a:/m", 101, at(9)}};
                 },
                 "event_log", Condition::warn, "kept for couchdb@a:/m (event 7)", 0},
        SickCase{"log_held_on_a_low_disk",
                 [](DoctorFacts& f) {
                   f.broker.disk_low = true;
                   f.log.emplace();
                   f.log->snapshots = {100, 90};
                   f.log->readers = {{"couchdb@a:/m", 7, at(0)}};
                 },
                 "event_log", Condition::warn, "couchdb@a:/m", 1},
        SickCase{"no_workers", [](DoctorFacts& f) { f.workers.clear(); }, "workers",
                 Condition::fail, "nothing can run", 1},
        SickCase{"all_lost", [](DoctorFacts& f) { f.workers[0].present = false; }, "workers",
                 Condition::fail, "nothing can run", 1},
        SickCase{"one_lost",
                 [](DoctorFacts& f) { f.workers.push_back(samples::worker("b2", false)); },
                 "workers", Condition::warn, "lost: b2", 0},
        SickCase{"no_devices", [](DoctorFacts& f) { f.devices.clear(); }, "devices",
                 Condition::warn, "no devices", 0},
        SickCase{"bad_device", [](DoctorFacts& f) { f.devices[0].health = DeviceHealth::bad; },
                 "devices", Condition::warn, "bad: phone-1", 0},
        SickCase{"quarantined",
                 [](DoctorFacts& f) { f.devices[0].health = DeviceHealth::quarantined; }, "devices",
                 Condition::warn, "quarantined: phone-1", 0},
        SickCase{"needs_human",
                 [](DoctorFacts& f) { f.devices[0].health = DeviceHealth::needs_human; }, "devices",
                 Condition::warn, "needs_human: phone-1", 0},
        SickCase{"locked", [](DoctorFacts& f) { f.devices[0].health = DeviceHealth::locked; },
                 "devices", Condition::warn, "locked: phone-1", 0},
        SickCase{"offline", [](DoctorFacts& f) { f.devices[0].state = DeviceState::offline; },
                 "devices", Condition::warn, "offline: phone-1", 0},
        SickCase{"no_collector", [](DoctorFacts& f) { f.collector_runs = false; }, "collector",
                 Condition::fail, "no collector runs", 1},
        SickCase{"a_sink_fails", [](DoctorFacts& f) { f.sink_faults = {"decibel: HTTP 401"}; },
                 "collector", Condition::fail, "decibel: HTTP 401", 1},
        SickCase{"no_ledger", [](DoctorFacts& f) { f.ledger_fault = "no ledger yet"; }, "collector",
                 Condition::fail, "no ledger yet", 1},
        // All was well.
        SickCase{"dead_letters", [](DoctorFacts& f) { f.dead_letters = {"couchdb (2)"}; },
                 "collector", Condition::warn, "dead letters of couchdb (2)", 0},
        SickCase{"broker_drained",
                 [](DoctorFacts& f) {
                   f.broker.draining = Draining{"kim", "upgrade", at(0)};
                 },
                 "broker", Condition::warn, "drained by kim: upgrade", 0},
        SickCase{"worker_drained",
                 [](DoctorFacts& f) {
                   f.workers[0].draining = Draining{"kim", "disk", at(0)};
                 },
                 "workers", Condition::warn, "drained: bench-1", 0},
        SickCase{"lag", [](DoctorFacts& f) { f.broker.head = 5'000; }, "collector", Condition::warn,
                 "4900 events behind", 0},
        SickCase{"clock_unset", [](DoctorFacts& f) { f.now = from_us(1); }, "clock",
                 Condition::fail, "cannot be right", 1},
        SickCase{"clock_off", [](DoctorFacts& f) { f.broker.started = at(200); }, "clock",
                 Condition::warn, "started at", 0},
        SickCase{"clock_free", [](DoctorFacts& f) { f.clock_synchronised = false; }, "clock",
                 Condition::warn, "not synchronised", 0}),
    [](const testing::TestParamInfo<SickCase>& row) { return row.param.what; });

TEST(Doctor, LagOfAMomentIsNoLag) {
  DoctorFacts facts = healthy();
  facts.broker.head = 1'100;
  EXPECT_EQ(judge(facts).back().condition, Condition::ok);
  EXPECT_EQ(judge(facts).back().text, "1000 events behind");
  facts.broker.head = 1'101;
  EXPECT_EQ(judge(facts).back().condition, Condition::warn);
  facts.broker.head = 0;  // the broker was asked before the ledger
  EXPECT_EQ(judge(facts).back().text, "has everything");
}

// An attempt's upload held up all others for minutes, and nothing was said.
TEST(Doctor, WhatWaitsForTheArchiveIsCounted) {
  DoctorFacts facts = healthy();
  const auto finding = [&] {
    const std::vector<Finding> findings = judge(facts);
    return *std::find_if(findings.begin(), findings.end(),
                         [](const Finding& each) { return each.subject == "uploads"; });
  };
  facts.uploads = UploadBacklog{};
  EXPECT_EQ(finding(), (Finding{"uploads", Condition::ok, "the archive has everything", ""}));
  facts.uploads = UploadBacklog{2, facts.now - 59s};
  EXPECT_EQ(finding().condition, Condition::ok);
  EXPECT_THAT(finding().text, HasSubstr("2 attempts left is not in the archive yet, for 59s"));
  facts.uploads = UploadBacklog{1, facts.now - 60s};
  EXPECT_EQ(finding().condition, Condition::warn);
  EXPECT_THAT(finding().text, HasSubstr("1 attempt left is not in the archive yet, for 1m"));
  EXPECT_THAT(finding().advice, HasSubstr("/h/logs"));
}

TEST(Doctor, UnreachableBrokerLeavesNothingElseToSay) {
  DoctorFacts facts = healthy();
  facts.broker_fault = "nobody answers";
  EXPECT_EQ(judge(facts).back().subject, "broker");
}

TEST(Doctor, CollectorOfAnotherHomeIsNotJudged) {
  DoctorFacts facts = healthy();
  facts.collector_expected = false;
  facts.collector_runs = false;
  EXPECT_EQ(judge(facts).back().subject, "devices");
}

}  // namespace
}  // namespace muster
