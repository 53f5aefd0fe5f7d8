// What nobody may exceed: caps of pools, of the lab, and of groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/chain_in_hand.h"
#include "tests/core/schedule_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Inventory with_caps(std::vector<Cap> caps, Inventory inventory = make_inventory({})) {
  inventory.caps = std::move(caps);
  return inventory;
}

std::vector<TaskSpec> tasks_in(size_t first, size_t count, const std::string& pool) {
  std::vector<TaskSpec> specs;
  for (size_t i = 0; i < count; ++i) specs.push_back(Shop::task(first + i, "ann", pool));
  return specs;
}

struct CapRow {
  const char* what;
  std::vector<Cap> caps;
  size_t runs;  // of 6 tasks in wifi and 6 in none, on 12 slots
  size_t runs_in_wifi;
  const char* reason;  // of the last one in wifi
};

TEST(Cap, BoundsWhatRuns) {
  const std::vector<CapRow> rows = {
      {"none", {}, 12, 6, ""},
      {"of another pool", {{"soak", 1, 0}}, 12, 6, ""},
      {"of the pool",
       {{"wifi", 2, 0}},
       8,
       2,
       "pool wifi has 2 attempts running and may have 2 (max_running: 2 in the inventory)"},
      {"of the lab",
       {{"", 5, 0}},
       5,
       5,
       "the lab has 5 attempts running and may have 5 (max_running: 5 in the inventory)"},
      {"of both", {{"", 5, 0}, {"wifi", 1, 0}}, 5, 1, "the lab has 5 attempts running"},
      {"by device",
       {{"wifi", 0, 1}},
       8,
       2,
       "max_running_per_device: 1, and it has 2 devices in the inventory"},
      {"the lower one: by device", {{"wifi", 5, 2}}, 10, 4, "and may have 4"},
      {"the lower one: absolute", {{"wifi", 3, 2}}, 9, 3, "and may have 3 (max_running: 3"},
      {"of the lab by device", {{"", 0, 2}}, 6, 6, "the lab has 6 attempts"},
  };
  Inventory devices = make_inventory({"a handset w1", "b handset w1", "c handset w2"});
  for (const CapRow& row : rows) {
    Shop shop(12, with_caps(row.caps, devices));
    shop.submit_and_dispatch(tasks_in(1, 6, "wifi"));
    shop.submit_and_dispatch(tasks_in(11, 6, ""));
    size_t in_wifi = 0;
    for (size_t i = 1; i <= 6; ++i) in_wifi += shop.runs(i) ? 1 : 0;
    EXPECT_EQ(shop.core.held_count(), row.runs) << row.what;
    EXPECT_EQ(in_wifi, row.runs_in_wifi) << row.what;
    if (in_wifi < 6) {
      EXPECT_THAT(shop.explain(6).reasons.at(0), HasSubstr(row.reason)) << row.what;
    }
    const std::vector<size_t> order = shop.run_all();
    EXPECT_EQ(order.size(), 12u) << row.what << ": none is left behind";
  }
}

TEST(Cap, IsChangedByAnInventory) {
  Shop shop(8, with_caps({{"wifi", 1, 0}}));
  shop.submit_and_dispatch(tasks_in(1, 6, "wifi"));
  EXPECT_EQ(shop.core.held_count(), 1u);
  shop.apply(with_caps({{"wifi", 4, 0}}));
  shop.dispatch();
  EXPECT_EQ(shop.core.held_count(), 4u);
  shop.apply(with_caps({{"wifi", 2, 0}}));
  shop.dispatch();
  EXPECT_EQ(shop.core.held_count(), 4u) << "what runs goes on";
  shop.pass_job(1);
  shop.pass_job(2);
  EXPECT_EQ(shop.core.held_count(), 2u);
  shop.pass_job(3);
  EXPECT_EQ(shop.core.held_count(), 2u);
  shop.apply(with_caps({}));
  shop.dispatch();
  EXPECT_EQ(shop.core.held_count(), 3u);
}

TEST(Cap, HoldsForDevicesToo) {
  Inventory devices = make_inventory({"a handset w1", "b handset w1", "c handset w1"});
  for (DeviceSpec& device : devices.devices) device.pools = {"wifi"};
  Lab lab(with_caps({{"wifi", 2, 0}}, devices));
  for (size_t number = 1; number <= 3; ++number) {
    TaskSpec spec = make_task(number, std::string(1, static_cast<char>('a' + number - 1)));
    spec.pool = "wifi";
    lab.submit({spec});
  }
  lab.dispatch();
  EXPECT_EQ(lab.core.held_count(), 2u);
  EXPECT_THAT(lab.explain(3).reasons, ElementsAre(HasSubstr("pool wifi has 2 attempts running")));
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(3), "c") << "another class than the one whose task has ended";
}

TEST(Cap, ADeviceThatIsPluggedInRaisesIt) {
  Inventory inventory = with_caps({{"", 0, 1}}, make_inventory({"a handset w1"}));
  inventory.allow = {"type=handset"};
  Lab lab(inventory);
  lab.submit({Shop::task(1, "ann"), Shop::task(2, "ann"), Shop::task(3, "ann")});
  lab.dispatch();
  EXPECT_EQ(lab.core.held_count(), 1u);
  lab.list({"found usb"});
  lab.pass_job(1);
  EXPECT_EQ(lab.core.held_count(), 2u);
  lab.list({});
  lab.pass_job(2);
  EXPECT_EQ(lab.core.held_count(), 1u);
}

TEST(Cap, AnInventoryThatMakesNoSenseIsRefused) {
  struct Row {
    std::vector<Cap> caps;
    const char* refusal;
  };
  for (const Row& row :
       {Row{{{"wifi", 0, 0}}, "bounds nothing"}, Row{{{"wifi", kCapMax + 1, 0}}, "at most 1000000"},
        Row{{{"wifi", 0, kCapMax + 1}}, "at most 1000000"}, Row{{{"wi fi", 1, 0}}, "pool"},
        Row{{{"", 1, 0}, {"", 2, 0}}, "the lab has two"},
        Row{{{"wifi", 1, 0}, {"wifi", 2, 0}}, "pool wifi has two"}}) {
    Lab lab(make_inventory({}));
    EXPECT_THAT(lab.refusal_of(with_caps(row.caps)), HasSubstr(row.refusal));
  }
  Lab lab(make_inventory({}));
  EXPECT_EQ(lab.refusal_of(with_caps({{"wifi", kCapMax, kCapMax}})), "");
}

TaskSpec of_group(size_t number, uint32_t at_once, const std::string& group = "the-group-1") {
  TaskSpec spec = Shop::task(number, "ann");
  spec.group = group;
  spec.at_once = at_once;
  return spec;
}

TEST(AtOnce, BoundsAGroup) {
  Shop shop(8);
  std::vector<TaskSpec> specs;
  for (size_t i = 1; i <= 6; ++i) specs.push_back(of_group(i, 2));
  specs.push_back(Shop::task(7, "ann"));
  specs.push_back(of_group(8, 1, "the-group-2"));
  shop.submit_and_dispatch(specs);
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 2, 7, 8)) << "who is not in it is not held up";
  EXPECT_THAT(shop.explain(5).reasons,
              ElementsAre("group the-group-1 has 2 tasks running, and may have 2 at once"));
  EXPECT_THAT(shop.run_all(), ElementsAre(1, 2, 7, 8, 3, 4, 5, 6));
}

// Those of a group that could run do so while others of it wait for devices.
TEST(AtOnce, CountsWhatRunsAndNotWhatWaits) {
  Lab lab(make_inventory({"a handset w1", "c camera w1"}));
  EXPECT_EQ(lab.lease(9, "a"), "a");
  const auto task = [](size_t number, const std::string& what) {
    TaskSpec spec = make_task(number, what);
    spec.group = "the-group-1";
    spec.at_once = 1;
    return spec;
  };
  lab.submit({task(1, "type=handset"), task(2, "type=handset"), task(3, "type=camera")});
  lab.dispatch();
  EXPECT_EQ(lab.leased(3), "c");
  lab.pass_job(9);
  EXPECT_EQ(lab.leased(1), "") << "a is free, but the group has one running";
  lab.pass_job(3);
  EXPECT_EQ(lab.leased(1), "a");
  EXPECT_EQ(lab.leased(2), "");
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(2), "a");
}

// Neither began: the job took the group's only place, and waited for the verification.
TEST(AtOnce, AJobDoesNotHoldUpAVerificationOfItsGroupThatItWaitsFor) {
  ChainLab lab(make_inventory({"a handset w1"}));
  lab.submit_and_dispatch(lab.job(9, "a", VerifyFirst::none));
  std::vector<TaskSpec> specs = {lab.job(1, "a", VerifyFirst::fresh), lab.check(2, "a")};
  for (TaskSpec& spec : specs) {
    spec.submitter = "ann@host";
    spec.group = "the-group-1";
    spec.at_once = 1;
  }
  lab.submit(specs);
  lab.dispatch();
  lab.pass_job(9);
  EXPECT_EQ(lab.leased(2), "a");
  lab.pass_job(2);
  EXPECT_EQ(lab.leased(1), "a");
}

// Seed 586282577 of the simulation: the group stood still for a verification at a worker that was
// gone for good.
TEST(AtOnce, AVerificationThatWaitsHoldsUpNobody) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w2"}));
  std::vector<TaskSpec> specs = {lab.job(1, "a", VerifyFirst::always),
                                 lab.job(2, "b", VerifyFirst::always)};
  for (TaskSpec& spec : specs) {
    spec.group = "the-group-1";
    spec.at_once = 1;
    spec.retry.infra = 1;
  }
  lab.submit(specs);
  lab.dispatch();
  ASSERT_EQ(lab.child_words(1), std::vector<std::string>{"verify a"});
  lab.lose_w1();
  EXPECT_EQ(lab.child_words(2), std::vector<std::string>{"verify b"});
  lab.end_child(2, make_pass());
  EXPECT_EQ(lab.leased(2), "b");
}

// The devices of a whole array were verified at once, and kept from others.
TEST(AtOnce, NoMoreIsPreparedThanMayRun) {
  ChainLab lab(make_inventory({"a handset w1", "b handset w1", "c handset w1"}));
  std::vector<TaskSpec> specs;
  for (size_t i = 1; i <= 3; ++i) {
    specs.push_back(
        lab.job(i, std::string(1, static_cast<char>('a' + i - 1)), VerifyFirst::always));
    specs.back().group = "the-group-1";
    specs.back().at_once = 1;
  }
  lab.submit(specs);
  for (int i = 0; i < 3; ++i) {
    lab.list({});
    lab.dispatch();
  }
  EXPECT_EQ(lab.child_words(1), std::vector<std::string>{"verify a"});
  EXPECT_EQ(lab.child_words(2), std::vector<std::string>{});
  EXPECT_EQ(
      lab.explain(2).reasons.at(0),
      "group the-group-1 has 0 tasks running and the devices of 1 verified, and may have 1 at "
      "once");
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(1), "a");
  EXPECT_EQ(lab.child_words(2), std::vector<std::string>{});
  lab.pass_job(1);
  EXPECT_EQ(lab.child_words(2), std::vector<std::string>{"verify b"});
}

TEST(AtOnce, AGroupAgrees) {
  Shop shop(1);
  EXPECT_THAT(shop.refusal(of_group(1, 2, "")), HasSubstr("the task is in none"));
  EXPECT_THAT(shop.refusal(of_group(1, kArrayTasksMax + 1)), HasSubstr("at_once is at most"));
  shop.submit({of_group(2, 2), of_group(3, 3), of_group(4, 2), of_group(5, 0)});
  std::vector<std::string> refused;
  for (const SubmitResult& result : shop.answer<SubmitReply>().results) {
    refused.push_back(result.refused);
  }
  EXPECT_THAT(refused, ElementsAre("", HasSubstr("of which 2 may run at once, not 3"), "", ""));
  EXPECT_THAT(shop.refusal(of_group(6, 3)), HasSubstr("of which 2 may run at once, not 3"));
}

}  // namespace
}  // namespace muster
