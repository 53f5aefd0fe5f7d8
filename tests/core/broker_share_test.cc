// Who goes first: priority, then the fair share of submitters, then age.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/chain_in_hand.h"
#include "tests/core/schedule_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Inventory with_shares(std::vector<Share> shares) {
  Inventory inventory = make_inventory({});
  inventory.shares = std::move(shares);
  return inventory;
}

// A task of ann's or bob's: "a50", "b90", in order from 1.
std::vector<TaskSpec> tasks_of(const std::string& text) {
  std::vector<TaskSpec> specs;
  for (const std::string& word : split(text, ' ')) {
    TaskSpec spec = Shop::task(specs.size() + 1, std::string(word[0] == 'a' ? "ann" : "bob"));
    spec.priority = static_cast<uint32_t>(std::stoul(word.substr(1)));
    specs.push_back(std::move(spec));
  }
  return specs;
}

struct OrderRow {
  const char* what;
  uint32_t slots;
  uint32_t weight_of_ann;
  const char* tasks;
  std::vector<size_t> order;  // in which they are leased when the oldest ends first
};

TEST(FairShare, WhoGoesFirst) {
  const std::vector<OrderRow> rows = {
      {"one submitter: age", 1, 1, "a50 a50 a50", {1, 2, 3}},
      {"priority before age", 1, 1, "a50 a90 a0 a100", {4, 2, 1, 3}},
      {"priority before fair share", 1, 1, "a90 a90 b50 b50", {1, 2, 3, 4}},
      {"one slot: they take turns", 1, 1, "a50 a50 a50 b50 b50", {1, 4, 2, 5, 3}},
      {"two slots: one each", 2, 1, "a50 a50 a50 b50 b50", {1, 4, 2, 5, 3}},
      {"one slot, three turns of ann's for one of bob's",
       1,
       3,
       "a50 a50 a50 a50 a50 b50 b50",
       {1, 6, 2, 3, 4, 7, 5}},
      {"four slots, by weight", 4, 3, "a50 a50 a50 a50 b50 b50 b50", {1, 5, 2, 3, 4, 6, 7}},
      {"each priority by itself", 2, 1, "a90 a90 a50 b50 b90", {1, 5, 2, 4, 3}},
  };
  for (const OrderRow& row : rows) {
    Shop shop(row.slots, with_shares({{"ann", row.weight_of_ann}}));
    shop.submit_and_dispatch(tasks_of(row.tasks));
    EXPECT_EQ(shop.run_all(), row.order) << row.what;
  }
}

// What is asked for in one pool does not count in another.
TEST(FairShare, IsWithinAPool) {
  Shop shop(3);
  shop.submit_and_dispatch({Shop::task(1, "ann", "wifi"), Shop::task(2, "ann", "wifi")});
  shop.submit_and_dispatch({Shop::task(3, "ann"), Shop::task(4, "bob"),
                            Shop::task(5, "ann", "wifi"), Shop::task(6, "bob", "wifi")});
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 2, 3))
      << "ann has nothing running without a pool";
  shop.pass_job(3);
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 2, 3, 4));
  shop.pass_job(1);
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 2, 3, 4, 6)) << "bob has nothing running in wifi";
}

// Devices are leased in the same order.
TEST(FairShare, HoldsForDevicesToo) {
  Lab lab(make_inventory({"a handset w1"}));
  const auto task = [](size_t number, const std::string& who) {
    TaskSpec spec = make_task(number, "type=handset");
    spec.submitter = who;
    return spec;
  };
  lab.submit({task(1, "ann"), task(2, "ann"), task(3, "ann"), task(4, "bob")});
  lab.dispatch();
  EXPECT_EQ(lab.leased(1), "a");
  EXPECT_EQ(lab.explain(2).ahead, 1u);
  EXPECT_THAT(lab.explain(2).reasons.back(),
              HasSubstr("1 later task of others goes first by fair share: ann has 1 attempt"));
  lab.pass_job(1);
  EXPECT_EQ(lab.leased(4), "a");
  EXPECT_EQ(lab.explain(2).ahead, 0u);
}

// Positions are told by the same rule.
TEST(FairShare, IsWhatPositionsSay) {
  Shop shop(1);
  shop.submit_and_dispatch(tasks_of("a50 a50 a50 a50 b50 b50 a90"));
  std::vector<uint32_t> ahead;
  for (const size_t number : {5, 1, 6, 2, 3, 4}) ahead.push_back(shop.explain(number).ahead);
  EXPECT_THAT(ahead, ElementsAre(0, 1, 2, 3, 4, 5)) << "while 7 runs";
  EXPECT_EQ(shop.run_all(), (std::vector<size_t>{7, 5, 1, 6, 2, 3, 4}));
}

// Each of two took the device that was verified for the other, for ever.
TEST(FairShare, AJobWhoseDeviceWasVerifiedRunsBeforeWhoHasLessRunning) {
  ChainLab lab(make_inventory({"a handset w1"}));
  lab.submit_and_dispatch(lab.job(1, "", VerifyFirst::none));
  ASSERT_EQ(lab.core.task_info(guid_of(1))->state, TaskState::leased);
  lab.submit_and_dispatch(lab.job(2, "a", VerifyFirst::always));
  TaskSpec other = lab.job(3, "a", VerifyFirst::always);
  other.submitter = "bob@host";
  lab.submit_and_dispatch(other);
  lab.end_child(2, make_pass());
  EXPECT_EQ(lab.leased(2), "a") << "although bob has nothing running and ann has a job";
  EXPECT_TRUE(lab.children(3).empty());
}

TEST(FairShare, AWeightIsChangedByAnInventory) {
  Shop shop(4);
  shop.submit_and_dispatch(tasks_of("a50 a50 a50 a50 b50 b50 b50 b50"));
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 5, 2, 6));
  shop.apply(with_shares({{"ann", 100}}));
  shop.pass_job(5);
  shop.pass_job(1);
  EXPECT_THAT(shop.leased_order(), ElementsAre(1, 5, 2, 6, 3, 4))
      << "ann may have a hundred running for one of bob's";
}

TEST(FairShare, AnInventoryThatMakesNoSenseIsRefused) {
  struct Row {
    std::vector<Share> shares;
    const char* refusal;
  };
  for (const Row& row :
       {Row{{{"ann", 0}}, "weight must be 1 to 100"},
        Row{{{"ann", 101}}, "weight must be 1 to 100"}, Row{{{"", 1}}, "names no submitter"},
        Row{{{"ann", 1}, {"ann", 2}}, "\"ann\" has two weights"}}) {
    Lab lab(make_inventory({}));
    EXPECT_THAT(lab.refusal_of(with_shares(row.shares)), HasSubstr(row.refusal));
  }
  Lab lab(make_inventory({}));
  EXPECT_EQ(lab.refusal_of(with_shares({{"ann", 1}, {"bob", 100}})), "");
}

TEST(Priority, IsBounded) {
  Shop shop(1);
  TaskSpec spec = Shop::task(1, "ann");
  spec.priority = 101;
  EXPECT_EQ(shop.refusal(spec), "priority must be 0 to 100");
  spec.priority = 100;
  EXPECT_EQ(shop.refusal(spec), "");
}

}  // namespace
}  // namespace muster
