// Which inventories the broker takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/lab_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

TEST(Inventory, WhatMakesNoSenseIsRefusedWithASentence) {
  struct Row {
    const char* name;
    std::function<void(Inventory&)> set;
    std::string reason;  // "": taken
  };
  const std::vector<Row> rows = {
      {"a stack", [](Inventory& i) { i.stacks = {make_stack("x a r")}; }, ""},
      {"one member", [](Inventory& i) { i.stacks = {make_stack("x a")}; },
       "stack x: has fewer than two members"},
      {"a member twice", [](Inventory& i) { i.stacks = {make_stack("x a a")}; },
       "stack x: a is a member twice"},
      {"no such member", [](Inventory& i) { i.stacks = {make_stack("x a rr")}; },
       "stack x: no device of the inventory is named \"rr\""},
      {"two workers", [](Inventory& i) { i.stacks = {make_stack("x a d")}; },
       "stack x: a is on worker w1 and d on worker w2"},
      {"a stack twice",
       [](Inventory& i) {
         i.stacks = {make_stack("x a r"), make_stack("x b s")};
       },
       "two stacks are named x"},
      {"a stack's name", [](Inventory& i) { i.stacks = {make_stack("x/y a r")}; },
       "stack name \"x/y\""},
      {"an allowed selector", [](Inventory& i) { i.allow = {"type in (handset)"}; }, ""},
      {"no selector", [](Inventory& i) { i.allow = {"type="}; }, ""},
      {"a broken selector", [](Inventory& i) { i.allow = {"type in ("}; }, "allow: selector"},
      {"a lister", [](Inventory& i) { i.devices[0].lister = "usb"; }, ""},
      {"a lister's name", [](Inventory& i) { i.devices[0].lister = "u/b"; },
       "device a: lister name \"u/b\""},
      {"quarantine at once", [](Inventory& i) { i.health.quarantine_after = 1; }, ""},
      {"quarantine before", [](Inventory& i) { i.health.quarantine_after = 0; },
       "health: a device is quarantined after 1 to 100"},
      {"quarantine last", [](Inventory& i) { i.health.quarantine_after = kQuarantineAfterMax; },
       ""},
      {"quarantine never",
       [](Inventory& i) { i.health.quarantine_after = kQuarantineAfterMax + 1; },
       "health: a device is quarantined after 1 to 100"},
      {"no back-off", [](Inventory& i) { i.health.reverify.clear(); }, ""},
      {"most back-offs", [](Inventory& i) { i.health.reverify.assign(kReverifyStepsMax, 1h); }, ""},
      {"too many back-offs",
       [](Inventory& i) { i.health.reverify.assign(kReverifyStepsMax + 1, 1h); },
       "health: reverify has at most 16 back-offs"},
      {"no time", [](Inventory& i) { i.health.reverify = {0s}; }, "health: a back-off"},
      {"the longest", [](Inventory& i) { i.health.reverify = {kTimeoutMax}; }, ""},
      {"too long", [](Inventory& i) { i.health.reverify = {kTimeoutMax + 1us}; },
       "health: a back-off"},
      {"never fresh", [](Inventory& i) { i.health.fresh = 0s; }, ""},
      {"fresh before", [](Inventory& i) { i.health.fresh = -1s; }, "health: fresh is negative"},
      {"fresh too long", [](Inventory& i) { i.health.fresh = kTimeoutMax + 1us; }, "health: fresh"},
      {"two serials",
       [](Inventory& i) {
         i.devices[0].profile["serial"] = "77";
         i.devices[1].profile["serial"] = "78";
       },
       ""},
      {"a serial twice",
       [](Inventory& i) { i.devices[0].profile["serial"] = i.devices[1].profile["serial"] = "77"; },
       "device b has the serial 77 of device a"},
      {"not sorted", [](Inventory& i) { std::swap(i.devices[0], i.devices[1]); },
       "devices must be sorted by name and unique: a"},
  };
  for (const Row& row : rows) {
    Lab lab(make_inventory(kDevices));
    Inventory inventory = make_inventory(kDevices);
    row.set(inventory);
    const std::string refused = lab.refusal_of(inventory);
    if (row.reason.empty()) {
      EXPECT_EQ(refused, "") << row.name;
    } else {
      EXPECT_THAT(refused, HasSubstr(row.reason)) << row.name;
      EXPECT_EQ(lab.newest, 0u) << row.name;
    }
  }
}

TEST(Inventory, AStackHasABoundedNumberOfMembers) {
  std::vector<std::string> devices;
  std::string stack = "x";
  for (size_t i = 0; i <= kStackMembersMax; ++i) {
    devices.push_back("d" + std::to_string(100 + i) + " relay w1");
    if (i < kStackMembersMax) stack += " d" + std::to_string(100 + i);
  }
  Lab lab(make_inventory(devices, {stack}));
  EXPECT_THAT(lab.refusal_of(
                  make_inventory(devices, {stack + " d" + std::to_string(100 + kStackMembersMax)})),
              HasSubstr("stack x: has more than 16 members"));
}

// One that only an earlier inventory named stayed lost for ever.
TEST(Inventory, AWorkerThatNoInventoryNamesIsForgotten) {
  Inventory inventory = make_inventory({"a handset w1"});
  inventory.workers = {{"w1", {}}, {"w2", {}}, {"planned", {}}};
  Lab lab(inventory);
  const auto workers = [&] {
    lab.hello("p", Role::submitter, "ann");
    lab.hear("p", ListWorkers{});
    std::string names;
    for (const WorkerInfo& worker : lab.answer<WorkerList>().workers) names += worker.name + " ";
    return names;
  };
  EXPECT_EQ(workers(), "planned w1 w2 ");
  lab.apply(make_inventory({"a handset w1"}));
  EXPECT_EQ(workers(), "w1 w2 ") << "w2 is there";
  lab.pass(1h);
  EXPECT_EQ(workers(), "w1 w2 ") << "w2 was lost not long ago";
  lab.pass(24h);
  EXPECT_EQ(workers(), "w1 ") << "the inventory names w1";
}

}  // namespace
}  // namespace muster
