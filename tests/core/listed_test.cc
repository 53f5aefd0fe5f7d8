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
  EXPECT_THAT(lab.refusal(make_task(1, "new")), HasSubstr("no device is named new"));
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
