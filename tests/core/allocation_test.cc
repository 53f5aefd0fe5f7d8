// Who gets which devices: stacks, roles, and changes of the inventory under leases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/core/lab_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Allocation, StacksAreLeasedWholeOrNotAtAll) {
  struct Row {
    const char* name;
    std::vector<std::string> stacks;
    std::vector<std::string> held;  // tasks before it, each leased
    std::string requests;
    std::string devices;  // "": waits
  };
  const std::vector<Row> rows = {
      {"no stack", {}, {}, "a", "a"},
      {"collateral follows", {"x a r"}, {}, "a", "a r"},
      {"both ways", {"x a r"}, {}, "r", "r a"},
      {"collateral by name", {"x a s r"}, {}, "a", "a r s"},
      {"overlapping stacks", {"x a r", "y a s"}, {}, "a", "a r s"},
      {"a closure is one step, not a chain", {"x a r", "y r b"}, {}, "a", "a r"},
      {"the shared relay takes both sides", {"x a r", "y b r"}, {}, "r", "r a b"},
      {"the relay is busy", {"x a r"}, {"r"}, "a", ""},
      {"the relay is busy with another stack", {"x a r", "y b r"}, {"a"}, "b", ""},
      {"another stack is free", {"x a r", "y b s"}, {"a"}, "b", "b s"},
      {"any handset: the free stack", {"x a r", "y b s"}, {"a"}, "type=handset", "b s"},
      {"any handset: one without a stack", {"x a r", "y b r"}, {"a"}, "type=handset", "c"},
      {"any handset: on another worker", {"x a r", "y b r", "z c r"}, {"a"}, "type=handset", "d"},
      {"two requests, one stack", {"x a r"}, {}, "a r", "a r"},
      {"in request order", {"x a r"}, {}, "r a", "r a"},
      {"two handsets share a relay", {"x a r", "y b r"}, {}, "a b", "a b r"},
      {"two handsets, each its relay", {"x a r", "y b s"}, {}, "a b", "a b r s"},
      {"collateral of one is asked for too", {"x a r", "y r s"}, {}, "a s", "a s r"},
      {"two of a type keep their order", {}, {}, "type=handset type=handset", "a b"},
      {"a later request needs the first choice", {}, {}, "type=handset a", "b a"},
      {"with: both in one stack", {"x b r"}, {}, "dut:type=handset relay:type=relay~dut", "b r"},
      {"with, the other way", {"x b r"}, {}, "dut:type=handset~relay relay:type=relay", "b r"},
      {"with: the second stack",
       {"x a r", "y b s"},
       {"a"},
       "dut:type=handset relay:type=relay~dut",
       "b s"},
      {"with: only the held one", {"x a r"}, {"a"}, "dut:type=handset relay:type=relay~dut", ""},
      {"with: a chain of three",
       {"x a r", "y b r", "z b s"},
       {},
       "one:type=relay two:type=handset~one three:s~two",
       "r b s a"},
      {"with, named", {"x a r"}, {}, "dut:a relay:r~dut", "a r"},
      {"with: collateral comes along", {"x a r s"}, {}, "dut:a relay:type=relay~dut", "a r s"},
      {"with, and one beside it",
       {"x a r"},
       {},
       "other:type=handset dut:a relay:type=relay~dut",
       "b a r"},
  };
  for (const Row& row : rows) {
    Lab lab(make_inventory(kDevices, row.stacks));
    size_t number = 0;
    for (const std::string& held : row.held) {
      EXPECT_NE(lab.lease(number++, held), "") << row.name << ": " << held;
    }
    EXPECT_EQ(lab.lease(number, row.requests), row.devices) << row.name;
    for (size_t i = 0; i < row.held.size(); ++i) lab.pass_job(i);
    EXPECT_NE(lab.leased(number), "") << row.name << ": waits although everything is free";
  }
}

TEST(Allocation, TheAssignmentHasTheCollateralBehindTheRequests) {
  Lab lab(make_inventory(kDevices, {"x b r", "y b s"}));
  lab.lease(1, "dut:b other:a");
  const Assignment assignment = lab.answer<Desired>().run.at(0);
  std::vector<std::string> names;
  for (const DeviceSpec& device : assignment.devices) names.push_back(device.name);
  EXPECT_THAT(names, ElementsAre("b", "a", "r", "s"));
}

TEST(Allocation, TheImpossibleIsRefusedAtOnce) {
  struct Row {
    const char* name;
    std::vector<std::string> stacks;
    std::string requests;
    std::string reason;  // "": accepted
  };
  const std::vector<Row> rows = {
      {"possible", {"x a r"}, "dut:a relay:r~dut", ""},
      {"not in one stack", {"x a r"}, "dut:b relay:r~dut", "no stack has a device for role dut"},
      {"no stack at all", {}, "dut:type=handset relay:type=relay~dut", "no stack has a device"},
      {"pairs, but no three",
       {"x a r", "y b s"},
       "dut:a relay:r~dut other:s~dut",
       "no stack has a device for role dut and another for role other"},
      {"each pair, but not all at once",
       {"x a r", "y b s"},
       "dut:type=handset relay:r~dut other:s~dut",
       "no worker has all of the devices at once"},
      {"more than there are", {}, "type=relay type=relay type=relay", "no worker has all"},
      {"the same device twice", {}, "a a", "no worker has all"},
      {"on two workers", {}, "a d", "no worker has all"},
      {"with nobody",
       {},
       "dut:a relay:r~dur",
       "with \"dur\": no other device of the task has this role (did you mean \"dut\"?)"},
      {"with itself", {}, "dut:a~dut", "a device cannot be with itself"},
      {"with one of two", {}, "dut:a dut:b relay:r~dut", "several devices of the task"},
      {"a role that is no name", {}, "d/t:a", "role name \"d/t\""},
  };
  for (const Row& row : rows) {
    Lab lab(make_inventory(kDevices, row.stacks));
    const std::string refused = lab.refusal(make_task(1, row.requests));
    if (row.reason.empty()) {
      EXPECT_EQ(refused, "") << row.name;
    } else {
      EXPECT_THAT(refused, HasSubstr(row.reason)) << row.name;
    }
  }
}

// Health of now is no reason to refuse, and neither is being busy or away.
TEST(Allocation, WhatIsOnlyUnfitNowIsAccepted) {
  Lab lab(make_inventory(kDevices, {"x a r"}));
  lab.change("r", DeviceChange::lock);
  lab.core.note_peer_gone("w1");
  EXPECT_EQ(lab.refusal(make_task(1, "a")), "");
}

TEST(Allocation, CollateralMustBeFitForTheKindOfTask) {
  struct Row {
    DeviceChange change;
    TaskKind kind;
    bool leased;
  };
  const std::vector<Row> rows = {{DeviceChange::quarantine, TaskKind::job, false},
                                 {DeviceChange::lock, TaskKind::job, false},
                                 {DeviceChange::quarantine, TaskKind::verify, true},
                                 {DeviceChange::lock, TaskKind::verify, false},
                                 {DeviceChange::quarantine, TaskKind::repair, true},
                                 {DeviceChange::lock, TaskKind::repair, false}};
  for (const Row& row : rows) {
    Lab lab(make_inventory(kDevices, {"x a r"}));
    lab.change("r", row.change);
    TaskSpec spec = make_task(1, "a");
    spec.kind = row.kind;
    EXPECT_EQ(lab.refusal(spec), "");
    lab.dispatch();
    EXPECT_EQ(lab.leased(1), row.leased ? "a r" : "")
        << to_string(row.kind) << " beside a device after " << to_string(row.change);
    if (row.leased) continue;
    EXPECT_THAT(lab.explain(1).reasons,
                ElementsAre(HasSubstr("device a, in stack x: member r is ")));
    lab.change("r",
               row.change == DeviceChange::lock ? DeviceChange::unlock : DeviceChange::release);
    EXPECT_EQ(lab.leased(1), "a r");
  }
}

// Somebody who compares two attempts finds the same device under the same role.
TEST(Allocation, DevicesKeepTheirRolesOverAttempts) {
  Lab lab(make_inventory({"a handset w1", "b handset w1", "c handset w1"}));
  EXPECT_EQ(lab.lease(1, "a"), "a");
  EXPECT_EQ(lab.lease(2, "sender:type=handset receiver:type=handset"), "b c");
  lab.pass_job(1);
  lab.end(2, make_ending(Outcome::error, Cause::worker, StatusCode::error, "", lab.now, lab.now));
  lab.pass(10s);
  EXPECT_EQ(lab.leased(2), "b a") << "b stays the sender";
}

TEST(Allocation, TheSearchIsBounded) {
  std::vector<std::string> devices;
  std::vector<std::string> stacks;
  for (size_t i = 10; i < 50; ++i) {
    const std::string number = std::to_string(i);
    devices.push_back("d" + number + " handset w1");
    devices.push_back("r" + number + " relay w1");
    stacks.push_back("s" + number + " d" + number + " r" + number);
  }
  std::sort(devices.begin(), devices.end());
  Lab lab(make_inventory(devices, stacks));
  EXPECT_NE(lab.lease(1, "type=handset type=handset dut:type=handset x:type=relay~dut"), "");
  // Every pair that must be together exists, but not with what else is asked for: what there is to
  // try grows by forty with each request.
  const std::string impossible =
      "type=handset type=handset type=handset dut:d10 x:type=relay~dut y:type=relay~dut";
  EXPECT_EQ(lab.lease(2, impossible), "") << "accepted: nobody can tell";
  EXPECT_THAT(lab.explain(2).reasons,
              ::testing::Contains(
                  HasSubstr("given up after " + std::to_string(kPlacementStepsMax) + " steps")));
  EXPECT_NE(lab.lease(3, "d20"), "") << "nobody behind it waits";
}

TEST(Allocation, ALeaseHasABoundedNumberOfDevices) {
  const auto with_stacks = [](size_t relays) {
    std::vector<std::string> devices = {"a handset w1", "b handset w1"};
    std::vector<std::string> stacks;
    for (size_t i = 0; i < relays; ++i) {
      devices.push_back("r" + std::to_string(100 + i) + " relay w1");
    }
    for (size_t i = 0; i < relays; i += kStackMembersMax - 1) {
      std::string stack = "s" + std::to_string(i) + " a";
      for (size_t j = i; j < std::min(relays, i + kStackMembersMax - 1); ++j) {
        stack += " r" + std::to_string(100 + j);
      }
      stacks.push_back(stack);
    }
    return make_inventory(devices, stacks);
  };
  Lab lab(with_stacks(kDevicesPerLeaseMax - 1));
  EXPECT_THAT(split(lab.lease(1, "a"), ' '), SizeIs(kDevicesPerLeaseMax));
  EXPECT_THAT(lab.refusal(make_task(2, "a b")), HasSubstr("no worker has all"));
  EXPECT_THAT(lab.refusal_of(with_stacks(kDevicesPerLeaseMax)),
              HasSubstr("device a is in stacks with more than 63 other devices"));
}

TEST(Allocation, ARemovedDeviceIsDrained) {
  Lab lab(make_inventory(kDevices, {"x a r"}));
  EXPECT_EQ(lab.lease(1, "a"), "a r");
  TaskSpec patient = make_task(2, "a");
  patient.wait_for_capacity = true;
  lab.submit({patient});
  lab.apply(make_inventory({"b handset w1", "r relay w1"}));
  EXPECT_EQ(lab.leased(1), "a r");
  EXPECT_THAT(lab.devices(), SizeIs(3)) << "a is shown while it is held";
  EXPECT_EQ(lab.lease(3, "r"), "") << "the relay is held although its stack is gone";
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(3), "r");
  EXPECT_EQ(lab.leased(2), "");
  EXPECT_THAT(lab.devices(), SizeIs(2));
  EXPECT_THAT(lab.refusal(make_task(4, "a")), HasSubstr("is not in the inventory any more"));
  lab.apply(make_inventory(kDevices));
  lab.dispatch();
  EXPECT_EQ(lab.leased(2), "a");
}

TEST(Allocation, StacksThatChangeLeaveLeasesAlone) {
  Lab lab(make_inventory(kDevices, {"x a r"}));
  EXPECT_EQ(lab.lease(1, "a"), "a r");
  lab.apply(make_inventory(kDevices, {"x b r", "y a s"}));
  lab.dispatch();
  EXPECT_EQ(lab.leased(1), "a r");
  EXPECT_EQ(lab.lease(2, "b"), "") << "r is still held";
  EXPECT_EQ(lab.lease(3, "s"), "") << "a is still held";
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(2), "b r");
  EXPECT_EQ(lab.leased(3), "s a");
}

TEST(Allocation, AMovedDeviceWaitsForItsOldLease) {
  Lab lab(make_inventory(kDevices));
  EXPECT_EQ(lab.lease(1, "a"), "a");
  Inventory moved = make_inventory(kDevices);
  moved.devices[0].worker = "w2";
  lab.apply(moved);
  EXPECT_EQ(lab.lease(2, "a"), "");
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(2), "a");
  EXPECT_EQ(lab.core.task_info(guid_of(2))->attempts[0].worker, "w2");
}

}  // namespace
}  // namespace muster
