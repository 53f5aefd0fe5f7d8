// Health of devices: docs/devices.md as tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/limits.h"
#include "tests/core/chain_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

Inventory inventory_with(const HealthPolicy& policy) {
  Inventory inventory = make_inventory(kDevices);
  inventory.health = policy;
  return inventory;
}

// What so many failed verifications in a row come to, and how long the device is left alone then.
TEST(BrokerHealth, FailuresInARow) {
  struct Row {
    const char* name;
    HealthPolicy policy;
    std::vector<std::pair<DeviceHealth, Duration>> steps;  // 0: no back-off
  };
  using Health = DeviceHealth;
  const Duration none{0};
  const std::vector<Row> rows = {
      {"default",
       {},
       {{Health::bad, 15min},
        {Health::bad, 1h},
        {Health::quarantined, 6h},
        {Health::needs_human, none},
        {Health::needs_human, none}}},
      {"quarantined at once",
       {1, {1min, 2min}, 10min},
       {{Health::quarantined, 1min}, {Health::quarantined, 2min}, {Health::needs_human, none}}},
      {"few steps",
       {4, {1min}, 10min},
       {{Health::bad, 1min},
        {Health::bad, 1min},
        {Health::bad, 1min},
        {Health::quarantined, 1min},
        {Health::needs_human, none}}},
      {"no steps",
       {2, {}, 10min},
       {{Health::bad, none}, {Health::quarantined, none}, {Health::needs_human, none}}},
  };
  for (const Row& row : rows) {
    ChainLab lab(inventory_with(row.policy));
    for (size_t i = 0; i < row.steps.size(); ++i) {
      lab.verify(i, "a", make_fail());
      const DeviceInfo info = lab.device("a");
      EXPECT_EQ(info.health, row.steps[i].first) << row.name << ", failure " << i + 1;
      EXPECT_EQ(info.failures, i + 1) << row.name;
      EXPECT_EQ(info.health_who, "broker") << row.name;
      EXPECT_EQ(info.health_reason, "adb: no answer") << row.name;
      const Duration pause = row.steps[i].second;
      EXPECT_EQ(info.until, pause == none ? kNever : lab.now + pause) << row.name;
    }
    lab.verify(90, "a", make_pass());
    EXPECT_EQ(lab.device("a").health, DeviceHealth::good) << row.name;
    EXPECT_EQ(lab.device("a").failures, 0u) << row.name;
  }
}

// How the end of one attempt changes the health of its device.
TEST(BrokerHealth, EndsOfAttempts) {
  struct Row {
    const char* name;
    TaskKind kind;
    Ending ending;
    DeviceHealth health;
    uint32_t failures;
  };
  using Health = DeviceHealth;
  const std::vector<Row> rows = {
      {"verified", TaskKind::verify, make_pass(), Health::good, 0},
      {"repaired", TaskKind::repair, make_pass(), Health::good, 0},
      {"not verified", TaskKind::verify, make_fail(), Health::bad, 1},
      {"not repaired", TaskKind::repair, make_fail(), Health::bad, 1},
      {"timeout", TaskKind::verify, make_error(Cause::timeout), Health::unknown, 0},
      {"config", TaskKind::verify, make_error(Cause::config), Health::unknown, 0},
      {"worker", TaskKind::repair, make_error(Cause::worker), Health::unknown, 0},
      {"unknown peripheral", TaskKind::verify, make_blame("hub9"), Health::unknown, 0},
      {"job passed", TaskKind::job, make_pass(), Health::unknown, 0},
      {"job failed", TaskKind::job,
       make_ending(Outcome::fail, Cause::test, StatusCode::failures, "", kZero, kZero),
       Health::unknown, 0},
      {"job blames it", TaskKind::job, make_error(Cause::device), Health::unknown, 1},
      {"job hangs", TaskKind::job, make_error(Cause::timeout), Health::unknown, 0},
  };
  for (const Row& row : rows) {
    ChainLab lab(make_inventory(kDevices));
    lab.submit_and_dispatch(lab.check(1, "a", row.kind));
    lab.end_task(guid_of(1), row.ending);
    EXPECT_EQ(lab.device("a").health, row.health) << row.name;
    EXPECT_EQ(lab.device("a").failures, row.failures) << row.name;
    EXPECT_EQ(lab.device("b").health, DeviceHealth::unknown) << row.name;
  }
}

TEST(BrokerHealth, JobsThatBlameADeviceQuarantineIt) {
  ChainLab lab(make_inventory(kDevices));
  lab.submit_and_dispatch(lab.check(1, "a", TaskKind::job));
  for (uint32_t failures = 1; failures <= 3; ++failures) {
    lab.end_task(guid_of(1), make_error(Cause::device, "the device is gone"));
    EXPECT_EQ(lab.device("a").failures, failures);
    lab.pass_alive(10s);
  }
  EXPECT_EQ(lab.device("a").health, DeviceHealth::quarantined);
  EXPECT_EQ(lab.task(1).attempt_count, 3u);
}

TEST(BrokerHealth, AJobThatPassesEndsTheFailuresOfADeviceWithoutStrategy) {
  Inventory inventory = make_inventory(kDevices);
  inventory.devices[0].strategy.clear();
  ChainLab lab(inventory);
  for (const std::string name : {"a", "b"}) {
    TaskSpec spec = lab.check(name == "a" ? 1 : 2, name, TaskKind::job);
    lab.submit_and_dispatch(spec);
    lab.end_task(spec.guid, make_error(Cause::device));
    lab.pass_alive(5s);
    lab.end_task(spec.guid, make_pass());
  }
  EXPECT_EQ(lab.device("a").failures, 0u);
  EXPECT_EQ(lab.device("b").failures, 0u);
}

TEST(BrokerHealth, AnEndThatBlamesAnotherDeviceCondemnsThatOne) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1", "r relay w1"}, {"s1 a r"}));
  lab.verify(1, "a", make_blame("r"));
  EXPECT_EQ(lab.device("a").health, DeviceHealth::unknown);
  EXPECT_EQ(lab.device("r").health, DeviceHealth::bad);
  EXPECT_THAT(lab.device("r").health_reason,
              HasSubstr("a was verified: the relay does not answer"));
  EXPECT_EQ(lab.task(1).attempt_count, 1u) << "the same again would be contact before the back-off";
  // The stack is leased as a whole, and worked: so did the relay.
  lab.verify(2, "a", make_pass());
  EXPECT_EQ(lab.device("r").health, DeviceHealth::good);
}

TEST(BrokerHealth, APassDoesNotClearARestOfAStackThatFailedByItself) {
  ChainLab lab(make_inventory({"a handset w1", "r relay w1"}, {"s1 a r"}));
  lab.verify(1, "r", make_fail());
  lab.verify(2, "a", make_pass());
  EXPECT_EQ(lab.device("r").health, DeviceHealth::bad);
}

// What people may say of a device in each health.
TEST(BrokerHealth, ChangesByPeople) {
  using Health = DeviceHealth;
  using Change = DeviceChange;
  struct Row {
    const char* before;
    Change change;
    const char* refused;  // part of it; empty: done
    Health after;
    size_t events;
  };
  const std::vector<Row> rows = {
      {"unknown", Change::lock, "", Health::locked, 1},
      {"unknown", Change::unlock, "device a is not locked", Health::unknown, 0},
      {"unknown", Change::quarantine, "", Health::quarantined, 1},
      {"unknown", Change::release, "neither quarantined nor bad", Health::unknown, 0},
      {"good", Change::lock, "", Health::locked, 1},
      {"good", Change::unlock, "device a is not locked", Health::good, 0},
      {"good", Change::quarantine, "", Health::quarantined, 1},
      {"good", Change::release, "neither quarantined nor bad", Health::good, 0},
      {"bad", Change::lock, "", Health::locked, 1},
      {"bad", Change::unlock, "device a is not locked", Health::bad, 0},
      {"bad", Change::quarantine, "", Health::quarantined, 1},
      {"bad", Change::release, "", Health::unknown, 1},
      {"quarantined by the broker", Change::quarantine, "", Health::quarantined, 1},
      {"quarantined by the broker", Change::release, "", Health::unknown, 1},
      {"quarantined", Change::lock, "", Health::locked, 1},
      {"quarantined", Change::quarantine, "", Health::quarantined, 0},
      {"quarantined", Change::release, "", Health::unknown, 1},
      {"needs_human", Change::unlock, "device a is not locked", Health::needs_human, 0},
      {"needs_human", Change::release, "", Health::unknown, 1},
      {"locked", Change::lock, "", Health::locked, 0},
      {"locked", Change::unlock, "", Health::unknown, 1},
      {"locked", Change::quarantine, "unlock it first", Health::locked, 0},
      {"locked", Change::release, "muster device unlock a", Health::locked, 0},
  };
  for (const Row& row : rows) {
    ChainLab lab(make_inventory(kDevices));
    const std::string before = row.before;
    if (before == "good") lab.verify(1, "a", make_pass());
    size_t failures = 0;
    if (before == "bad") failures = 1;
    if (before == "quarantined by the broker") failures = 3;
    if (before == "needs_human") failures = 4;
    for (size_t i = 0; i < failures; ++i) lab.verify(i, "a", make_fail());
    if (before == "quarantined") lab.changed("a", Change::quarantine);
    if (before == "locked") lab.changed("a", Change::lock);
    const size_t events = lab.log.size();
    const std::string refused = lab.changed("a", row.change);
    const std::string name = before + ", " + std::string(to_string(row.change));
    EXPECT_EQ(refused.empty(), *row.refused == '\0') << name << ": " << refused;
    EXPECT_THAT(refused, HasSubstr(row.refused)) << name;
    EXPECT_EQ(lab.device("a").health, row.after) << name;
    EXPECT_EQ(lab.log.size() - events, row.events) << name;
    if (row.events == 0) continue;
    EXPECT_EQ(lab.device("a").health_who, "kim") << name;
    EXPECT_EQ(lab.device("a").until, kNever) << name;
    if (row.after == Health::unknown) {
      EXPECT_EQ(lab.device("a").failures, 0u) << name;
    }
  }
}

// It was unknown, and had jobs, although nobody had said that it was well.
TEST(BrokerHealth, UnlockReturnsToWhatWasSaidBeforeTheLock) {
  struct Row {
    size_t failures;
    bool quarantine;  // by a person
    DeviceHealth health;
    const char* who;
  };
  const std::vector<Row> rows = {{1, false, DeviceHealth::bad, "broker"},
                                 {3, false, DeviceHealth::quarantined, "broker"},
                                 {4, false, DeviceHealth::needs_human, "broker"},
                                 {0, true, DeviceHealth::quarantined, "kim"}};
  for (const Row& row : rows) {
    ChainLab lab(make_inventory(kDevices));
    for (size_t i = 0; i < row.failures; ++i) lab.verify(i, "a", make_fail());
    if (row.quarantine) lab.changed("a", DeviceChange::quarantine);
    const DeviceInfo before = lab.device("a");
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(lab.changed("a", DeviceChange::lock), "");
      EXPECT_EQ(lab.device("a").health, DeviceHealth::locked);
      ASSERT_EQ(lab.changed("a", DeviceChange::unlock), "");
      const DeviceInfo after = lab.device("a");
      EXPECT_EQ(after.health, row.health);
      EXPECT_EQ(after.health_who, row.who);
      EXPECT_EQ(after.health_reason, before.health_reason + "; unlocked by kim");
      EXPECT_EQ(after.until, before.until);
      EXPECT_EQ(after.failures, before.failures);
    }
    EXPECT_EQ(lab.changed("a", DeviceChange::release), "");
    EXPECT_EQ(lab.device("a").health, DeviceHealth::unknown);
  }
}

// Whoever locked it again was told that it was done, by another word than the one that holds.
TEST(BrokerHealth, WhatIsSoAlreadySaysByWhomAndWhy) {
  ChainLab lab(make_inventory(kDevices));
  const auto already = [&](DeviceChange change) {
    lab.hear("a", ChangeDevices{{"a"}, change, "mine", "ann"});
    return lab.answer<ChangeDevicesReply>().results.at(0).already;
  };
  ASSERT_EQ(lab.changed("a", DeviceChange::quarantine), "");
  EXPECT_EQ(already(DeviceChange::quarantine), "was quarantined already by kim: no charge");
  ASSERT_EQ(lab.changed("a", DeviceChange::lock), "");
  EXPECT_EQ(already(DeviceChange::lock), "was locked already by kim: no charge");
  EXPECT_EQ(lab.device("a").health_who, "kim");
  EXPECT_EQ(already(DeviceChange::unlock), "");
}

TEST(BrokerHealth, ChangesThatMakeNoSense) {
  ChainLab lab(make_inventory(kDevices));
  const auto refusal = [&](const ChangeDevices& change) {
    lab.hear("a", change);
    return lab.answers<Refused>() == 0 ? "" : lab.answer<Refused>().reason;
  };
  EXPECT_THAT(refusal({{"a"}, DeviceChange::lock, "", "kim"}), HasSubstr("--reason"));
  EXPECT_THAT(refusal({{"a"}, DeviceChange::quarantine, "", "kim"}), HasSubstr("--reason"));
  EXPECT_THAT(refusal({{"a"}, DeviceChange::lock, "why", ""}), HasSubstr("who"));
  EXPECT_THAT(refusal({{"a"}, DeviceChange::lock, "why", "broker"}), HasSubstr("who"));
  EXPECT_EQ(lab.changed("aa", DeviceChange::lock), "no device is named \"aa\"");
  ChangeDevices many{std::vector<std::string>(kGuidsPerRequestMax, "a"), DeviceChange::lock, "why",
                     "kim"};
  const size_t events = lab.log.size();
  EXPECT_EQ(refusal(many), "");
  EXPECT_EQ(lab.log.size() - events, 1u) << "named twice, locked once";
  many.names.push_back("a");
  EXPECT_THAT(refusal(many), HasSubstr("at most"));
}

// Who is leased a device in each health.
TEST(BrokerHealth, WhoMayUseADevice) {
  struct Row {
    const char* health;
    bool job;
    bool named;     // a verification by name
    bool selected;  // a verification by selector
  };
  const std::vector<Row> rows = {
      {"unknown", true, true, true},       {"good", true, true, true},
      {"bad", false, true, true},          {"quarantined by the broker", false, true, true},
      {"quarantined", false, true, false}, {"needs_human", false, true, false},
      {"locked", false, false, false},
  };
  for (const Row& row : rows) {
    const std::string health = row.health;
    const auto leases = [&](const std::string& request, TaskKind kind) {
      ChainLab lab(make_inventory({"a handset w1"}));
      if (health == "good") lab.verify(1, "a", make_pass());
      size_t failures = 0;
      if (health == "bad") failures = 1;
      if (health == "quarantined by the broker") failures = 3;
      if (health == "needs_human") failures = 4;
      for (size_t i = 0; i < failures; ++i) lab.verify(i, "a", make_fail());
      if (health == "quarantined") lab.changed("a", DeviceChange::quarantine);
      if (health == "locked") lab.changed("a", DeviceChange::lock);
      lab.submit_and_dispatch(lab.check(10, request, kind));
      return lab.leased(10) == "a";
    };
    EXPECT_EQ(leases("a", TaskKind::job), row.job) << health;
    EXPECT_EQ(leases("type=handset", TaskKind::job), row.job) << health;
    EXPECT_EQ(leases("a", TaskKind::verify), row.named) << health;
    EXPECT_EQ(leases("a", TaskKind::repair), row.named) << health;
    EXPECT_EQ(leases("type=handset", TaskKind::verify), row.selected) << health;
  }
}

TEST(BrokerHealth, APersonsWordIsNotTakenBackByACheck) {
  for (const DeviceChange change : {DeviceChange::quarantine, DeviceChange::lock}) {
    for (const Ending& ending : {make_pass(), make_fail(), make_blame("a")}) {
      ChainLab lab(make_inventory(kDevices));
      lab.submit_and_dispatch(lab.check(1, "a"));
      lab.changed("a", change);
      const DeviceInfo before = lab.device("a");
      lab.end_task(guid_of(1), ending);
      EXPECT_EQ(lab.device("a").health, before.health);
      EXPECT_EQ(lab.device("a").health_who, "kim");
    }
  }
}

TEST(BrokerHealth, AFailedDeviceIsVerifiedAgainAfterItsBackOff) {
  ChainLab lab(make_inventory(kDevices));
  const auto verifications = [&] {
    std::vector<TaskSpecPtr> found;
    for (const Event& event : lab.log) {
      const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
      if (submitted && submitted->spec->submitter == "broker") found.push_back(submitted->spec);
    }
    return found;
  };
  lab.verify(1, "a", make_fail());
  lab.pass_alive(15min - 1s);
  EXPECT_EQ(verifications().size(), 0u);
  lab.pass_alive(1s);
  ASSERT_EQ(verifications().size(), 1u);
  const TaskSpec spec = *verifications()[0];
  EXPECT_EQ(spec.kind, TaskKind::verify);
  EXPECT_EQ(spec.name, "reverify a");
  EXPECT_EQ(spec.priority, 50u);
  lab.pass_alive(2h);
  EXPECT_EQ(verifications().size(), 1u) << "one is on its way";
  // It comes to no result: the same back-off again.
  lab.end_task(spec.guid, make_error(Cause::config));
  EXPECT_EQ(lab.device("a").health, DeviceHealth::bad);
  EXPECT_EQ(lab.device("a").until, lab.now + 15min);
  lab.pass_alive(15min);
  ASSERT_EQ(verifications().size(), 2u);
  lab.cancel(verifications()[1]->guid);
  lab.end_task(verifications()[1]->guid, make_error(Cause::user));
  EXPECT_EQ(lab.device("a").until, lab.now + 15min);
  lab.pass_alive(15min);
  ASSERT_EQ(verifications().size(), 3u);
  lab.end_task(verifications()[2]->guid, make_pass());
  EXPECT_EQ(lab.device("a").health, DeviceHealth::good);
  lab.pass_alive(24h);
  EXPECT_EQ(verifications().size(), 3u);
}

// Seed 7348822 of the simulation: a verification that waited for a slot was leased on a device that
// had been blamed meanwhile.
TEST(BrokerHealth, AVerificationOnAJobsBehalfHeedsABackOffThatBeganWhileItWaited) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1", "c handset w1"}), 2);
  lab.submit_and_dispatch(lab.check(9, "b"));
  lab.submit_and_dispatch(lab.job(1, "one:a two:c", VerifyFirst::always));
  ASSERT_EQ(lab.child_words(1), (std::vector<std::string>{"verify a", "verify c"}));
  const std::string waiting = lab.children(1)[1]->guid;
  ASSERT_TRUE(lab.core.task_info(waiting)->attempts.empty()) << "both slots are taken";
  lab.end_task(guid_of(9), make_blame("c"));
  EXPECT_TRUE(lab.core.task_info(waiting)->attempts.empty());
}

// Seed 586274031 of the simulation: it was judged twice for one end, by what the check found and as
// if that had found nothing.
TEST(BrokerHealth, AVerificationThatBlamesItsOwnDeviceHasAResult) {
  ChainLab lab(inventory_with({1, {1min, 10min}, 10min}));
  for (size_t number = 1; number <= 2; ++number) {
    lab.submit_and_dispatch(lab.check(number, "a", TaskKind::job));
    lab.end_task(guid_of(number), make_error(Cause::device));
    if (number == 1) lab.verify(9, "a", make_pass());
  }
  ASSERT_EQ(lab.device("a").health, DeviceHealth::quarantined);
  lab.pass_alive(10min + 1s);
  std::string reverification;
  for (const Event& event : lab.log) {
    const auto* leased = std::get_if<AttemptLeased>(&event.body);
    if (leased && leased->token.guid.starts_with("reverify-a-"))
      reverification = leased->token.guid;
  }
  ASSERT_NE(reverification, "");
  lab.end_task(reverification, make_blame("a"));
  EXPECT_EQ(lab.device("a").until, lab.now + 1min) << "the first failure of a check, in a row";
}

TEST(BrokerHealth, ADeviceWithoutStrategyIsUnknownAfterItsBackOff) {
  Inventory inventory = inventory_with({1, {1min}, 10min});
  inventory.devices[0].strategy.clear();
  ChainLab lab(inventory);
  lab.submit_and_dispatch(lab.check(1, "a", TaskKind::job));
  lab.end_task(guid_of(1), make_error(Cause::device));
  EXPECT_EQ(lab.device("a").health, DeviceHealth::quarantined);
  lab.pass_alive(1min + 1s);
  EXPECT_EQ(lab.device("a").health, DeviceHealth::unknown);
  EXPECT_EQ(lab.device("a").failures, 1u);
  EXPECT_EQ(lab.leased(1), "a");
}

// Seed 295 of the simulation: a verification that waited out its time in the queue left a back-off
// behind that was long over, and the broker would have woken without a pause.
TEST(BrokerHealth, NoBackOffIsLeftInThePast) {
  ChainLab lab(inventory_with({3, {1s}, 10min}));
  lab.verify(1, "a", make_fail());
  lab.changed("b", DeviceChange::lock);
  TaskSpec waits = lab.check(2, "a");
  waits.devices.push_back(make_request("b"));
  lab.submit_and_dispatch(lab.check(3, "a", TaskKind::repair));
  lab.cancel(guid_of(3));
  lab.pass_alive(10s);
  lab.end_task(guid_of(3), make_error(Cause::user));
  ASSERT_TRUE(lab.core.next_deadline());
  EXPECT_GT(*lab.core.next_deadline(), lab.now);
}

TEST(BrokerHealth, RepairActionsAreCountedForADay) {
  ChainLab lab(make_inventory(kDevices));
  const auto act = [&](size_t number, const std::string& operation, size_t times) {
    lab.submit_and_dispatch(lab.check(number, "a", TaskKind::repair));
    for (size_t i = 0; i < times; ++i) {
      lab.report("w1", {guid_of(number), 1}, Record{"START", "", operation, {}, ""});
    }
    lab.end_task(guid_of(number), make_fail());
  };
  const auto used = [&](size_t number) {
    lab.submit({lab.check(number, "a", TaskKind::repair)});
    while (lab.core.dispatch_due()) lab.take(Dispatch{});
    lab.sends = lab.core.drain_sends(lab.now);
    const std::vector<ActionUse> uses = lab.answer<Desired>().run.at(0).used;
    lab.end_task(guid_of(number), make_fail());
    return uses;
  };
  act(1, "repair.reboot", 2);
  act(2, "repair.power", 1);
  act(3, "verify.adb", 1);
  EXPECT_EQ(used(4), (std::vector<ActionUse>{{"power", 1}, {"reboot", 2}}));
  lab.now += 23h;
  act(5, "repair.reboot", 1);
  lab.now += 1h;
  EXPECT_EQ(used(6), (std::vector<ActionUse>{{"reboot", 1}}));
  act(7, "repair.power", kActionUsesKept + 1);
  EXPECT_EQ(used(8), (std::vector<ActionUse>{{"power", kActionUsesKept}, {"reboot", 1}}))
      << "each has a count of its own";
  for (size_t i = 0; i < kActionTagsKept - 1; ++i) {
    act(10 + i, "repair.tag" + std::to_string(100 + i), 1);
  }
  const std::vector<ActionUse> uses = used(9);
  EXPECT_EQ(uses.size(), kActionTagsKept);
  EXPECT_EQ(uses[0], (ActionUse{"power", kActionUsesKept}));
  EXPECT_EQ(uses[1].tag, "tag100") << "what was used longest ago is dropped";
}

// Before version 0.2 the end of a verification was all that the log said of a device.
TEST(BrokerHealth, OldLogsJudgeByTheEndOfAVerification) {
  ChainLab lab(make_inventory(kDevices));
  lab.verify(1, "a", make_fail());
  std::vector<Event> old;
  for (const Event& event : lab.log) {
    if (!std::holds_alternative<DeviceJudged>(event.body)) old.push_back(event);
  }
  Broker broker(old, lab.now);
  broker.hello("p", Role::submitter, "ann");
  broker.hear("p", ListDevices{"", "a"});
  EXPECT_EQ(broker.answer<DeviceList>().devices.at(0).health, DeviceHealth::bad);
  broker.now += 1h;  // after the pause between two verifications
  broker.take(Tick{});
  EXPECT_TRUE(std::any_of(broker.log.begin(), broker.log.end(), [](const Event& event) {
    const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
    return submitted && submitted->spec->guid.starts_with("reverify-a-");
  }));
}

// An unplugged device was verified again and again until it needed a person.
TEST(BrokerHealth, TheBrokerVerifiesAgainOnlyWhatIsPluggedIn) {
  enum class Unplugged : uint8_t { before, while_queued };
  for (const Unplugged when : {Unplugged::before, Unplugged::while_queued}) {
    Inventory inventory = make_inventory({"a handset w1", "b handset w1"});
    inventory.devices[0].lister = "usb";
    ChainLab lab(inventory);
    const auto asked_for = [&] {
      return std::count_if(lab.log.begin(), lab.log.end(), [](const Event& event) {
        const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
        return submitted && submitted->spec->submitter == "broker";
      });
    };
    const auto leased = [&] {
      return std::count_if(lab.log.begin(), lab.log.end(), [](const Event& event) {
        const auto* lease = std::get_if<AttemptLeased>(&event.body);
        return lease && lease->token.guid.starts_with("reverify");
      });
    };
    lab.list({"a usb"});
    lab.verify(1, "a", make_fail());
    if (when == Unplugged::before) {
      lab.list({});
      lab.pass_alive(8h);
      EXPECT_EQ(asked_for(), 0);
    } else {
      lab.pass_alive(15min - 1s);
      lab.now += 1s;
      lab.take(Tick{});  // and no Dispatch yet
      ASSERT_EQ(asked_for(), 1) << "it waits for its turn";
      lab.list({});
      lab.take(Tick{});
      lab.pass_alive(8h);
      EXPECT_EQ(asked_for(), 1);
      EXPECT_EQ(leased(), 0);
    }
    EXPECT_EQ(lab.device("a").health, DeviceHealth::bad);
    EXPECT_EQ(lab.device("a").failures, 1u);
    const auto before = asked_for();
    lab.list({"a usb"});
    lab.take(Tick{});
    lab.dispatch();
    EXPECT_EQ(asked_for(), before + 1) << "at once: its back-off is over";
    EXPECT_EQ(leased(), 1);
    lab.check_fold();
  }
}

TEST(BrokerHealth, TheInventoryCanBeAskedFor) {
  const Inventory inventory = make_inventory(kDevices);
  ChainLab lab(inventory);
  lab.hear("p", AskInventory{});
  EXPECT_EQ(*lab.answer<CurrentInventory>().inventory, inventory);
}

}  // namespace
}  // namespace muster
