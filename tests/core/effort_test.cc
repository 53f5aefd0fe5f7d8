// How much is looked at: counted, since a time says nothing on a busy machine.
#include <gtest/gtest.h>

#include "tests/core/chain_in_hand.h"

namespace muster {
namespace {

// Each task of one message was matched against each device.
TEST(Effort, TasksThatAreAlikeAreMatchedOnce) {
  constexpr size_t kDeviceCount = 10'000;
  Inventory inventory;
  for (size_t i = 0; i < kDeviceCount; ++i) {
    inventory.devices.push_back(make_device("d" + std::to_string(10'000 + i) + " handset w1"));
  }
  Lab lab(inventory);
  std::vector<TaskSpec> specs;
  for (size_t i = 0; i < kSubmitTasksMax; ++i) specs.push_back(make_task(i, "type=handset"));
  const uint64_t before = lab.core.matches_asked();
  lab.submit(specs);
  EXPECT_EQ(lab.answer<SubmitReply>().results.back().refused, "");
  EXPECT_EQ(lab.core.queued_count(), specs.size());
  EXPECT_LE(lab.core.matches_asked() - before, 2 * kDeviceCount) << "to accept and to queue them";
  const uint64_t queued = lab.core.matches_asked();
  lab.submit({make_task(specs.size(), "type=handset")});
  EXPECT_EQ(lab.core.matches_asked(), queued) << "there is a class of such tasks now";
}

// One answer holds for all, whoever it is about.
TEST(Effort, WhatHoldsForOneTaskIsNotSaidOfAnother) {
  Lab lab(make_inventory({"a handset w1"}));
  const std::string otherwise = " (--wait-for-capacity accepts it anyway)";
  lab.submit({make_task(1, "type=cart"), make_task(2, "type=handset"), make_task(3, "type=cart"),
              make_task(4, "x:type=handset y:type=handset~x"), make_task(5, "type=handset")});
  std::vector<std::string> refused;
  for (const SubmitResult& result : lab.answer<SubmitReply>().results) {
    refused.push_back(result.refused);
  }
  EXPECT_EQ(refused,
            (std::vector<std::string>{
                "no known device matches type=cart" + otherwise, "",
                "no known device matches type=cart" + otherwise,
                "no stack has a device for role x and another for role y" + otherwise, ""}));
}

TEST(Effort, OnlySoManyNamesAreGuessedAt) {
  Lab lab(make_inventory({"phone-1 handset w1"}));
  std::vector<TaskSpec> specs;
  for (size_t i = 0; i < 20; ++i) specs.push_back(make_task(i, "phome-" + std::to_string(i)));
  lab.submit(specs);
  size_t guessed = 0;
  for (const SubmitResult& result : lab.answer<SubmitReply>().results) {
    EXPECT_NE(result.refused, "");
    if (result.refused.find("did you mean") != std::string::npos) ++guessed;
  }
  EXPECT_EQ(guessed, kSuggestionsPerRequestMax);
}

// Every job that waits for a verification was looked at, whatever had changed.
TEST(Effort, ADispatchLooksAtWhatSharesADeviceWithWhatChanged) {
  Inventory inventory = make_inventory({"z relay w2"});
  std::vector<TaskSpec> specs;
  constexpr size_t kJobs = 50;
  for (size_t i = 0; i < kJobs; ++i) {
    const std::string name = "d" + std::to_string(10 + i);
    inventory.devices.insert(inventory.devices.end() - 1, make_device(name + " handset w1"));
  }
  ChainLab lab(inventory, 100);
  for (size_t i = 0; i < kJobs; ++i) {
    specs.push_back(lab.job(i, "d" + std::to_string(10 + i), VerifyFirst::always));
  }
  lab.submit(specs);
  lab.dispatch();
  const uint64_t before = lab.core.placements_asked();
  EXPECT_EQ(lab.lease(90, "z"), "z");
  EXPECT_LE(lab.core.placements_asked() - before, 5u);
}

// A job's class had not changed, and what it has verified was leased to another through a stack.
TEST(Effort, WhatIsVerifiedForAJobIsKeptThroughStacks) {
  // a and r, r and b: who takes b takes r, which comes with a.
  ChainLab lab(make_inventory({"a handset w1", "b handset w1", "r relay w1"}, {"x a r", "y b r"}));
  TaskSpec first = lab.job(1, "a", VerifyFirst::always);
  first.priority = 90;
  lab.submit_and_dispatch(first);
  ASSERT_EQ(lab.child_words(1), std::vector<std::string>{"verify a"});
  TaskSpec other = make_task(2, "b");
  lab.submit_and_dispatch(other);
  EXPECT_EQ(lab.leased(2), "");
  lab.end_child(1, make_pass());
  EXPECT_EQ(lab.leased(1), "a r");
  EXPECT_EQ(lab.leased(2), "");
}

}  // namespace
}  // namespace muster
