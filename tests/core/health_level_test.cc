// Health: verifications of a level, jobs that blame devices, and devices that are replaced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/chain_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

Inventory one_handset() { return make_inventory({"a handset w1"}); }

// What was found before, of which level, and whether a job that wants a fresh verification of its
// own level has another one done.
TEST(HealthLevel, AGoodVerificationCountsForItsLevelOrWhole) {
  struct Row {
    const char* name;
    std::vector<const char*> verified;
    const char* wanted;
    bool again;
  };
  const std::vector<Row> rows = {
      {"whole for whole", {""}, "", false},
      {"whole for a part", {""}, "quick", false},
      {"a part for the same part", {"quick"}, "quick", false},
      {"a part for the whole", {"quick"}, "", true},
      {"a part for another part", {"quick"}, "radio", true},
      {"the whole, and a part since", {"", "quick"}, "", false},
      {"two parts", {"quick", "radio"}, "quick", false},
  };
  for (const Row& row : rows) {
    ChainLab lab(one_handset());
    size_t number = 1;
    for (const char* level : row.verified) lab.verify(number++, "a", make_pass(), level);
    TaskSpec job = lab.job(10, "a", VerifyFirst::fresh);
    job.before.level = row.wanted;
    lab.submit_and_dispatch(job);
    EXPECT_EQ(lab.children(10).size(), row.again ? 1u : 0u) << row.name;
  }
}

TEST(HealthLevel, APartDoesNotClearTheFailureOfTheWhole) {
  struct Row {
    const char* name;
    std::vector<const char*> failed;
    const char* passed;
    DeviceHealth health;
    uint32_t failures;
  };
  using Health = DeviceHealth;
  const std::vector<Row> rows = {
      {"whole by whole", {""}, "", Health::good, 0},
      {"whole by a part", {""}, "quick", Health::bad, 1},
      {"a part by itself", {"quick"}, "quick", Health::good, 1},
      {"a part by the whole", {"quick"}, "", Health::good, 0},
      {"a part by another", {"quick"}, "radio", Health::bad, 1},
      {"two parts by one of them", {"quick", "radio"}, "radio", Health::bad, 2},
      {"two parts by the whole", {"quick", "radio"}, "", Health::good, 0},
      {"quarantined by a part", {"", "", ""}, "quick", Health::quarantined, 3},
  };
  for (const Row& row : rows) {
    ChainLab lab(one_handset());
    size_t number = 1;
    for (const char* level : row.failed) lab.verify(number++, "a", make_fail(), level);
    const DeviceInfo before = lab.device("a");
    lab.verify(9, "a", make_pass(), row.passed);
    const DeviceInfo info = lab.device("a");
    EXPECT_EQ(info.health, row.health) << row.name;
    EXPECT_EQ(info.failures, row.failures) << row.name;
    EXPECT_EQ(info.until, row.health == Health::good ? kNever : before.until) << row.name;
  }
}

// Simulation, seed 900004872: the judgement was left out where the decision had said the same
// before, and without one a log says that what passed is good.
TEST(HealthLevel, APartDoesNotClearAFailureOfTheWholeThatIsToldWithIt) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1"}));
  TaskSpec whole = lab.check(1, "a");
  whole.work = ChainLab::make_work(VerifyWork{});
  TaskSpec part = lab.check(2, "b");
  part.work = ChainLab::make_work(VerifyWork{"quick"});
  lab.submit_and_dispatch(whole);
  lab.submit_and_dispatch(part);
  const AttemptToken of_whole{guid_of(1), 1};
  const AttemptToken of_part{guid_of(2), 1};
  lab.report_all("w1", {{of_whole, AttemptStarted{}},
                        {of_part, AttemptStarted{}},
                        {of_whole, make_blame("b")},
                        {of_part, make_pass()}});
  lab.check_fold();
  EXPECT_EQ(lab.device("b").health, DeviceHealth::bad);
  EXPECT_EQ(lab.device("b").failures, 1u);
}

// A verification by the job's child says what the job asked for, and no more.
TEST(HealthLevel, AJobRunsOnAPartThatItAskedFor) {
  ChainLab lab(one_handset());
  TaskSpec job = lab.job(1, "a", VerifyFirst::always);
  job.before.level = "quick";
  lab.submit_and_dispatch(job);
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(1), "a");
  lab.end_task(guid_of(1), make_pass());
  lab.submit_and_dispatch(lab.job(2, "a", VerifyFirst::fresh));
  EXPECT_EQ(lab.children(2).size(), 1u);
}

// A job on a, b and c, or on a alone, ends error/device.
TEST(HealthLevel, WhichDeviceAJobBlames) {
  struct Row {
    const char* name;
    const char* devices;
    const char* blame;
    std::vector<uint32_t> failures;  // of a and b
    DeviceHealth health_of_b;
  };
  const std::vector<Row> rows = {
      {"the only one", "a", "", {1, 0}, DeviceHealth::good},
      {"one of several", "x:a y:b", "", {0, 0}, DeviceHealth::unknown},
      {"the one that it names", "x:a y:b", "b", {0, 1}, DeviceHealth::unknown},
      {"the other one", "x:a y:b", "a", {1, 0}, DeviceHealth::good},
      {"something else", "x:a y:b", "hub9", {0, 0}, DeviceHealth::unknown},
  };
  for (const Row& row : rows) {
    ChainLab lab(make_inventory({"a handset w1", "b handset w1"}));
    lab.verify(1, "a", make_pass());
    lab.verify(2, "b", make_pass());
    TaskSpec spec = make_task(3, row.devices);
    spec.retry.infra = 0;
    lab.submit_and_dispatch(spec);
    Ending ending = make_error(Cause::device);
    ending.blame = row.blame;
    lab.end_task(guid_of(3), ending);
    EXPECT_EQ(lab.device("a").failures, row.failures[0]) << row.name;
    EXPECT_EQ(lab.device("b").failures, row.failures[1]) << row.name;
    EXPECT_EQ(lab.device("b").health, row.health_of_b) << row.name;
  }
}

// Its checks pass each time, and each job ends error/device all the same.
TEST(HealthLevel, JobsThatBlameADeviceQuarantineItThoughItsChecksPass) {
  for (const bool one_passes : {false, true}) {
    ChainLab lab(one_handset());
    for (size_t number = 1; number <= 3; ++number) {
      TaskSpec job = lab.job(number, "a", VerifyFirst::fresh, true);
      job.retry.infra = 0;
      lab.submit_and_dispatch(job);
      if (!lab.children(number).empty()) lab.end_child(number, make_pass());
      ASSERT_EQ(lab.leased(number), "a");
      const bool passes = one_passes && number == 2;
      lab.end_task(guid_of(number), passes ? make_pass() : make_error(Cause::device, "it hangs"));
    }
    const DeviceInfo info = lab.device("a");
    EXPECT_EQ(info.health, one_passes ? DeviceHealth::unknown : DeviceHealth::quarantined);
    EXPECT_EQ(info.failures, one_passes ? 1u : 3u);
    if (one_passes) continue;
    EXPECT_GT(info.until, lab.now);
    lab.changed("a", DeviceChange::release);
    EXPECT_EQ(lab.device("a").failures, 0u);
  }
}

TEST(HealthLevel, APassedJobDoesNotMakeAVerificationYounger) {
  ChainLab lab(one_handset());
  TaskSpec blames = lab.job(1, "a", VerifyFirst::none);
  blames.retry.infra = 0;
  lab.submit_and_dispatch(blames);
  lab.end_task(guid_of(1), make_error(Cause::device));
  lab.verify(2, "a", make_pass());
  lab.pass_alive(9min);
  lab.submit_and_dispatch(lab.job(3, "a", VerifyFirst::fresh));
  lab.end_task(guid_of(3), make_pass());
  EXPECT_EQ(lab.device("a").failures, 0u);
  lab.pass_alive(2min);
  lab.submit_and_dispatch(lab.job(4, "a", VerifyFirst::fresh));
  EXPECT_EQ(lab.children(4).size(), 1u);
}

TEST(HealthLevel, WhatIsKnownOfAReplacedDeviceCountsNoMore) {
  struct Row {
    const char* name;
    std::function<void(ChainLab&)> before;
    std::function<void(Inventory&)> change;
    DeviceHealth health;
  };
  using Health = DeviceHealth;
  const auto good = [](ChainLab& lab) { lab.verify(1, "a", make_pass()); };
  const auto failed = [](size_t times) {
    return [times](ChainLab& lab) {
      for (size_t i = 0; i < times; ++i) lab.verify(i, "a", make_fail());
    };
  };
  const auto by_person = [](DeviceChange change) {
    return [change](ChainLab& lab) { lab.changed("a", change); };
  };
  const auto serial = [](Inventory& inventory) { inventory.devices[0].profile["serial"] = "78"; };
  const std::vector<Row> rows = {
      {"serial", good, serial, Health::unknown},
      {"strategy", good, [](Inventory& all) { all.devices[0].strategy = "other"; },
       Health::unknown},
      {"content of its strategy", good, [](Inventory& all) { all.strategies[0].bytes = "kind"; },
       Health::unknown},
      {"something else", good, [](Inventory& all) { all.devices[0].owner = "kim"; }, Health::good},
      {"of a bad one", failed(1), serial, Health::unknown},
      {"of one that the broker quarantined", failed(3), serial, Health::unknown},
      {"of one that needs a person", failed(4), serial, Health::needs_human},
      {"of one that a person quarantined", by_person(DeviceChange::quarantine), serial,
       Health::quarantined},
      {"of a locked one", by_person(DeviceChange::lock), serial, Health::locked},
  };
  for (const Row& row : rows) {
    Inventory inventory = one_handset();
    inventory.devices[0].profile["serial"] = "77";
    ChainLab lab(inventory);
    row.before(lab);
    row.change(inventory);
    lab.apply(inventory);
    lab.check_fold();
    const DeviceInfo info = lab.device("a");
    EXPECT_EQ(info.health, row.health) << row.name;
    if (row.health != Health::unknown) continue;
    EXPECT_EQ(info.failures, 0u) << row.name;
    EXPECT_EQ(info.until, kNever) << row.name;
    EXPECT_THAT(info.health_reason, HasSubstr("the inventory gives it another")) << row.name;
  }
}

}  // namespace
}  // namespace muster
