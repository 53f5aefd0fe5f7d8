// What listers find: when declared devices are there, and when others may be used.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/lab_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(Listed, ADeclaredDeviceIsThereWhileItsListerFindsIt) {
  struct Row {
    const char* name;
    std::string serial;  // of the declared device a
    std::vector<std::string> listed;
    bool there;
  };
  const std::vector<Row> rows = {
      {"nothing listed", "", {}, false},
      {"by name", "", {"a usb"}, true},
      {"another name", "", {"b usb"}, false},
      {"another lister", "", {"a adb"}, false},
      {"by serial", "123", {"bus-1 usb 123"}, true},
      {"by serial, not by name", "123", {"a usb 999"}, false},
      {"a serial of another lister", "123", {"bus-1 adb 123"}, false},
      {"one of several", "123", {"bus-1 usb 999", "bus-2 usb 123"}, true},
  };
  for (const Row& row : rows) {
    Inventory inventory = make_inventory({"a handset w1", "r relay w1"}, {"x a r"});
    inventory.devices[0].lister = "usb";
    if (!row.serial.empty()) inventory.devices[0].profile["serial"] = row.serial;
    Lab lab(inventory);
    lab.list(row.listed);
    EXPECT_EQ(lab.lease(1, "a"), row.there ? "a r" : "") << row.name;
    EXPECT_EQ(lab.lease(2, "r"), "") << row.name << ": all or nothing";
    const DeviceInfo a = lab.devices()[0];
    EXPECT_EQ(a.state, row.there ? DeviceState::leased : DeviceState::offline) << row.name;
    EXPECT_THAT(a.stacks, ElementsAre("x"));
    if (!row.there) {
      EXPECT_THAT(lab.explain(1).reasons,
                  ElementsAre(HasSubstr("device a is not plugged in: lister usb of worker w1")));
      lab.list({"a usb " + row.serial});
      EXPECT_EQ(lab.leased(1), "a r") << row.name << ": plugged in";
    }
    lab.list({});
    EXPECT_EQ(lab.leased(1), "a r") << row.name << ": a lease survives that";
    lab.pass_job(1);
    EXPECT_EQ(lab.lease(3, "a"), "") << row.name << ": unplugged";
  }
}

// A mistyped lister looked like a device that is not plugged in, and a broken one too.
TEST(Listed, WhyADeviceIsAbsent) {
  struct Row {
    std::vector<ListerState> listers;
    std::string absent;
  };
  const std::vector<Row> rows = {
      {{}, "worker w1 has no lister ubs (it has none)"},
      {{{"usb", ""}, {"adb", "x"}}, "worker w1 has no lister ubs (it has: usb, adb)"},
      {{{"ubs", "exit 127"}}, "lister ubs of worker w1 fails: exit 127"},
      {{{"ubs", ""}}, "lister ubs of worker w1 does not find it"},
  };
  for (const Row& row : rows) {
    Inventory inventory = make_inventory({"a handset w1"});
    inventory.devices[0].lister = "ubs";
    Lab lab(inventory);
    lab.listers = row.listers;
    lab.list({});
    EXPECT_EQ(lab.devices()[0].absent, row.absent);
    EXPECT_EQ(lab.lease(1, "a"), "");
    EXPECT_THAT(lab.explain(1).reasons, ElementsAre("device a is not plugged in: " + row.absent));
    lab.list({"a ubs"});
    EXPECT_EQ(lab.devices()[0].absent, "");
  }
}

// It was shown like any other.
TEST(Listed, ADeviceThatIsGoneFromTheInventoryDrains) {
  Lab lab(make_inventory({"a handset w1", "b handset w1"}));
  ASSERT_EQ(lab.lease(1, "a"), "a");
  EXPECT_FALSE(lab.devices()[0].draining);
  lab.apply(make_inventory({"b handset w1"}));
  ASSERT_THAT(lab.devices(), SizeIs(2));
  EXPECT_TRUE(lab.devices()[0].draining);
  EXPECT_FALSE(lab.devices()[1].draining);
  lab.pass_job(1);
  EXPECT_THAT(lab.devices(), SizeIs(1));
}

TEST(Listed, ChangesAreToldOnce) {
  Lab lab(make_inventory({"a handset w1"}));
  const auto told = [&](const std::vector<std::string>& listed) {
    const size_t before = lab.log.size();
    lab.list(listed);
    return lab.log.size() - before;
  };
  EXPECT_EQ(told({"x usb 1", "y usb 2"}), 2u);
  EXPECT_EQ(told({"x usb 1", "y usb 2"}), 0u);
  EXPECT_EQ(told({"x usb 1", "y usb 3"}), 1u) << "a profile changed";
  EXPECT_EQ(told({"w usb 9", "y usb 3", "z usb 4"}), 3u) << "x went, w and z came";
  Sync late = lab.make_sync();
  late.number = 1;
  late.slots = late.credit = 8;
  lab.hear("w1", late);
  EXPECT_EQ(lab.newest, 0u) << "late mail";
  EXPECT_EQ(told({}), 3u);
  EXPECT_EQ(told({}), 0u);
}

// The first full Sync of a worker that was started again, whose listers had only just begun,
// unplugged everything.
TEST(Listed, ListersThatHaveOnlyJustBegunUnplugNothing) {
  struct Row {
    const char* name;
    bool all;
    std::vector<std::string> listed;
    std::vector<std::string> there;
  };
  const std::vector<Row> rows = {
      {"nothing yet", false, {}, {"a", "x"}},
      {"one of them yet", false, {"a usb"}, {"a", "x"}},
      {"something new", false, {"y usb"}, {"a", "x", "y"}},
      {"all, and it is nothing", true, {}, {}},
      {"all", true, {"a usb", "y usb"}, {"a", "y"}},
  };
  for (const Row& row : rows) {
    Inventory inventory = make_inventory({"a handset w1"});
    inventory.devices[0].lister = "usb";
    inventory.allow = {"type=handset"};
    Lab lab(inventory);
    lab.list({"a usb", "x usb"});
    lab.listed_all = row.all;
    lab.list(row.listed);
    std::vector<std::string> there;
    for (const DeviceInfo& device : lab.devices()) {
      if (device.state == DeviceState::idle) there.push_back(device.spec.name);
    }
    EXPECT_EQ(there, row.there) << row.name;
    lab.listed_all = true;
    lab.list({"x usb"});
    EXPECT_EQ(lab.devices()[0].state, DeviceState::offline) << row.name << ": it is known now";
  }
}

// A list of many devices was larger than a frame may be.
TEST(Listed, ALongListOfDevicesComesInParts) {
  Inventory inventory;
  for (size_t i = 0; i < 12'000; ++i) {
    inventory.devices.push_back(make_device("d" + std::to_string(100'000 + i) + " handset w1"));
    inventory.devices.back().where = std::string(500, 'x');
  }
  Lab lab(inventory);
  for (const std::string worker : {"w1", "w2"}) {  // one name on both
    Sync sync = lab.make_sync();
    sync.slots = sync.credit = 8;
    sync.listed = {{"usb", "d100000-new", {{"type", "relay"}}}};
    lab.hear(worker, sync);
  }
  struct Row {
    ListDevices question;
    size_t devices;
    bool parts;
  };
  const std::vector<Row> rows = {
      {{"", "", ""}, 12'002, true},
      {{"type=handset", "", ""}, 12'000, true},
      {{"type=relay", "", ""}, 2, false},
      {{"type=cart", "", ""}, 0, false},
      {{"", "d100007", ""}, 1, false},
      {{"", "d100000-new", ""}, 2, false},
      {{"", "e", ""}, 0, false},
      {{"", "", "d111997"}, 2, false},
      {{"", "d100007", "d100007"}, 0, false},
  };
  for (const Row& row : rows) {
    std::vector<std::string> names;
    size_t parts = 0;
    ListDevices question = row.question;
    for (bool more = true; more;) {
      lab.hear("p", question);
      const DeviceList part = lab.answer<DeviceList>();
      for (const DeviceInfo& device : part.devices) names.push_back(device.spec.name);
      EXPECT_LT(part.devices.size(), kListBytesMax / 500) << "as many as fit";
      more = part.more;
      if (more) {
        ASSERT_FALSE(part.devices.empty());
        question.after = names.back();
      }
      ++parts;
    }
    const std::string what = question.selector + " " + question.name + " " + row.question.after;
    EXPECT_EQ(names.size(), row.devices) << what;
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end())) << what;
    EXPECT_EQ(parts > 1, row.parts) << what;
  }
}

// Each new name took a place for ever.
TEST(Listed, WhatIsPluggedInUnderEverNewNamesTakesNoMorePlaces) {
  Inventory inventory = make_inventory({"a handset w1"});
  inventory.allow = {"type=handset"};
  Lab lab(inventory);
  lab.list({"x0 usb", "y usb"});
  ASSERT_EQ(lab.lease(1, "x0"), "x0");
  const size_t before = lab.core.device_slots();
  for (size_t i = 1; i <= 100; ++i) {
    lab.list({"x" + std::to_string(i) + " usb", "y usb"});
    // The new one may be found before the old one is missed.
    ASSERT_LE(lab.core.device_slots(), before + 2) << i;
  }
  EXPECT_EQ(lab.leased(1), "x0") << "what is held keeps its place";
  lab.pass_job(1);
  EXPECT_EQ(lab.lease(2, "y"), "y");
  lab.list({"z usb", "y usb"});
  lab.list({"x0 usb", "y usb"});
  EXPECT_LE(lab.core.device_slots(), before + 2);
  EXPECT_EQ(lab.lease(3, "x0"), "x0") << "it is found again";
}

// What failed once is remembered, but not of more devices than that.
TEST(Listed, OfDevicesThatAreGoneOnlySoManyAreRemembered) {
  Inventory inventory = make_inventory({"a handset w1"});
  inventory.allow = {"type=handset"};
  BrokerCore core(Broker::options());
  const auto tell = [&](EventBody body) { core.apply(Event{kZero, std::move(body)}); };
  tell(InventoryApplied{std::make_shared<const Inventory>(inventory), "ann"});
  tell(WorkerJoined{"w1", 1, "", {}, 1, ""});
  const auto plug = [&](const std::string& name, DeviceHealth health, const std::string& who) {
    tell(DeviceListed{"w1", {"usb", name, {{"type", "handset"}}}});
    tell(DeviceJudged{name, health, "broken", who, "", kNever, 1, "", 0});
    tell(DeviceUnlisted{"w1", name});
  };
  plug("locked", DeviceHealth::locked, "kim");
  const size_t before = core.device_slots();
  for (size_t i = 0; i < kGoneDevicesKept; ++i) {
    plug("x" + std::to_string(i), DeviceHealth::needs_human, "broker");
  }
  EXPECT_EQ(core.device_slots(), before + kGoneDevicesKept);
  plug("y0", DeviceHealth::needs_human, "broker");
  plug("y1", DeviceHealth::needs_human, "broker");
  EXPECT_EQ(core.device_slots(), before + kGoneDevicesKept) << "instead of the oldest";
  for (const std::string name : {"x0", "x1", "x2", "locked"}) {
    tell(DeviceListed{"w1", {"usb", name, {{"type", "handset"}}}});
  }
  FromPeer hello{"p", Envelope{1, Hello{}}};
  core.note(hello, kZero);
  const auto health_of = [&](const std::string& name) {
    const Decision decision =
        core.decide(FromPeer{"p", Envelope{1, ListDevices{"", name, ""}}}, kZero);
    return std::get<DeviceList>(decision.sends.at(0).envelope.message).devices.at(0).health;
  };
  EXPECT_EQ(health_of("x0"), DeviceHealth::unknown) << "forgotten";
  EXPECT_EQ(health_of("locked"), DeviceHealth::locked) << "a person's word stands";
}

TEST(Listed, WhyAnUndeclaredDeviceIsNotUsed) {
  Inventory inventory = make_inventory({"a handset w1", "b handset w1"});
  Lab lab(inventory);
  lab.list({"x usb"});
  lab.apply(make_inventory({"a handset w1"}));
  struct Row {
    const char* device;
    const char* reason;
  };
  const std::vector<Row> rows = {
      {"x",
       "device x is plugged in but undeclared: declare it in the inventory, or add a selector to "
       "allow"},
      {"b", "device b is not in the inventory any more"},
      {"aa", "no device is named \"aa\""},
  };
  size_t number = 0;
  for (const Row& row : rows) {
    EXPECT_THAT(lab.refusal(make_task(++number, row.device)), StartsWith(row.reason));
    TaskSpec patient = make_task(++number, row.device);
    patient.wait_for_capacity = true;
    EXPECT_EQ(lab.refusal(patient), "");
    EXPECT_THAT(lab.explain(number).reasons, ElementsAre(StartsWith(row.reason)));
  }
  EXPECT_TRUE(lab.devices().back().undeclared);
  EXPECT_FALSE(lab.devices().back().allowed);
  inventory.allow = {"type=handset"};
  lab.apply(inventory);
  EXPECT_TRUE(lab.devices().back().undeclared);
  EXPECT_TRUE(lab.devices().back().allowed);
  EXPECT_FALSE(lab.devices().front().allowed) << "it is declared";
}

TEST(Listed, LimitsOnBothSides) {
  struct Row {
    const char* name;
    std::vector<ListedDevice> listed;
    bool taken;
  };
  const auto many = [](size_t count) {
    std::vector<ListedDevice> listed;
    for (size_t i = 0; i < count; ++i) {
      listed.push_back({"usb", "d" + std::to_string(100'000 + i), {}});
    }
    return listed;
  };
  const std::vector<Row> rows = {
      {"most", many(kListedDevicesMax), true},
      {"too many", many(kListedDevicesMax + 1), false},
      {"not sorted", {{"usb", "b", {}}, {"usb", "a", {}}}, false},
      {"twice", {{"usb", "a", {}}, {"adb", "a", {}}}, false},
      {"no name", {{"usb", "", {}}}, false},
      {"a path", {{"usb", "../up", {}}}, false},
      {"no lister", {{"", "a", {}}}, false},
  };
  for (const Row& row : rows) {
    Lab lab(make_inventory({"a handset w1"}));
    Sync sync = lab.make_sync();
    sync.listed = row.listed;
    lab.hear("w1", sync);
    EXPECT_EQ(lab.answers<Refused>(), row.taken ? 0u : 1u) << row.name;
    if (row.taken) continue;
    EXPECT_EQ(lab.newest, 0u) << row.name;
  }
}

TEST(Listed, UndeclaredOnesAreShownAndUsedOnlyWhenAllowed) {
  Inventory inventory = make_inventory({"a handset w1"});
  inventory.strategies = {{"relays", "type=relay"}, {"phones", "type=handset"}, {"any", "type"}};
  Lab lab(inventory);
  lab.list({"a usb", "new usb 77"});
  std::vector<DeviceInfo> devices = lab.devices();
  ASSERT_THAT(devices, SizeIs(2));
  EXPECT_FALSE(devices[0].undeclared) << "a is the inventory's, whether it has a lister or not";
  EXPECT_EQ(devices[1].spec.name, "new");
  EXPECT_TRUE(devices[1].undeclared);
  EXPECT_THAT(lab.refusal(make_task(1, "new")),
              HasSubstr("device new is plugged in but undeclared: declare it in the inventory, or "
                        "add a selector to allow"));
  TaskSpec patient = make_task(2, "serial=77");
  patient.wait_for_capacity = true;
  lab.submit({patient});
  lab.dispatch();
  EXPECT_EQ(lab.leased(2), "");

  inventory.allow = {"type=relay", "type=handset"};
  lab.apply(inventory);
  lab.dispatch();
  EXPECT_EQ(lab.leased(2), "new");
  devices = lab.devices();
  ASSERT_THAT(devices, SizeIs(2));
  EXPECT_TRUE(devices[1].undeclared);
  EXPECT_EQ(devices[1].state, DeviceState::leased);
  EXPECT_EQ(devices[1].spec.worker, "w1");
  EXPECT_EQ(devices[1].spec.strategy, "phones") << "the first that it matches";

  lab.list({"a usb"});
  EXPECT_THAT(lab.devices(), SizeIs(2)) << "unplugged, but held";
  lab.pass_job(2);
  EXPECT_THAT(lab.devices(), SizeIs(1));
  EXPECT_THAT(lab.refusal(make_task(3, "serial=77")), HasSubstr("no known device matches"));
  lab.list({"a usb", "new usb 77"});
  EXPECT_EQ(lab.lease(4, "serial=77"), "new");
}

// The same thing under two names is one thing.
TEST(Listed, OneSerialIsNotLeasedUnderTwoNames) {
  Inventory inventory = make_inventory({"a handset w1", "b handset w1"});
  inventory.devices[0].profile["serial"] = "77";
  inventory.allow = {"type=handset"};
  Lab lab(inventory);
  lab.list({"bus-1 usb 77"});
  EXPECT_THAT(lab.devices(), SizeIs(2)) << "bus-1 is a";
  EXPECT_EQ(lab.lease(1, "serial=77"), "a");

  Inventory without = make_inventory({"b handset w1"});
  without.allow = inventory.allow;
  lab.apply(without);
  EXPECT_EQ(lab.lease(2, "bus-1"), "") << "a was removed, but its lease goes on";
  EXPECT_THAT(lab.explain(2).reasons, ElementsAre(HasSubstr("under the name a")));
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(2), "bus-1");

  lab.apply(inventory);
  EXPECT_EQ(lab.lease(3, "a"), "") << "declared again, while bus-1 is leased";
  lab.pass_job(2);
  EXPECT_EQ(lab.leased(3), "a");

  lab.apply(without);
  lab.list({"bus-1 usb 78", "bus-2 adb 78"});
  EXPECT_EQ(lab.lease(4, "bus-1"), "bus-1");
  EXPECT_EQ(lab.lease(5, "bus-2"), "") << "two listers found one device";
  lab.pass_job(4);
  EXPECT_EQ(lab.leased(5), "bus-2");
}

TEST(Listed, OneThingIsNotLeasedTwiceInOneLease) {
  struct Row {
    const char* name;
    std::vector<std::string> listed;
    const char* requests;
    const char* leased;
  };
  const std::vector<Row> rows = {
      {"one thing", {"bus-1 usb 78", "bus-2 adb 78"}, "x:type=handset y:type=handset", ""},
      {"by name", {"bus-1 usb 78", "bus-2 adb 78"}, "x:bus-1 y:bus-2", ""},
      {"two things",
       {"bus-1 usb 78", "bus-2 adb 78", "bus-3 usb 79"},
       "x:type=handset y:type=handset",
       "bus-1 bus-3"},
      {"one of them by name",
       {"bus-1 usb 78", "bus-2 adb 78", "bus-3 usb 79"},
       "x:type=handset y:bus-2",
       "bus-3 bus-2"},
  };
  for (const Row& row : rows) {
    Inventory inventory = make_inventory({"r relay w1"});
    inventory.allow = {"type=handset"};
    Lab lab(inventory);
    lab.list(row.listed);
    TaskSpec spec = make_task(1, row.requests);
    spec.wait_for_capacity = true;
    lab.submit({spec});
    lab.dispatch();
    EXPECT_EQ(lab.leased(1), row.leased) << row.name;
  }
}

TEST(Listed, ANameThatTwoWorkersListIsTheFirstOnes) {
  Inventory inventory = make_inventory({"a handset w1"});
  inventory.allow = {"type=handset"};
  Lab lab(inventory);
  Sync sync = lab.make_sync();
  sync.listed = {{"usb", "new", {{"type", "handset"}}}};
  lab.hear("w2", sync);
  lab.list({"new usb"});
  EXPECT_EQ(lab.lease(1, "new"), "new");
  EXPECT_EQ(lab.core.task_info(guid_of(1))->attempts[0].worker, "w2");
  EXPECT_THAT(lab.devices(), SizeIs(3)) << "the other one is shown too";
  sync = lab.make_sync();
  sync.held = {{{guid_of(1), 1}, true}};
  lab.hear("w2", sync);
  EXPECT_EQ(lab.lease(2, "new"), "") << "the name is held on w2";
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(2), "new");
  EXPECT_EQ(lab.core.task_info(guid_of(2))->attempts[0].worker, "w1");
}

}  // namespace
}  // namespace muster
