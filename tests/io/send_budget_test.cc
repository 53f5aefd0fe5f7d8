#include "io/send_budget.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster {
namespace {

TEST(SendBudget, BelongsToOnePeerAndComesBack) {
  SendBudget budget;
  SendBudget::SharePtr most = budget.take("a", kSendBytesPerPeerMax - 1);
  ASSERT_NE(most, nullptr);
  const SendBudget::SharePtr last = budget.take("a", 1);
  EXPECT_NE(last, nullptr);
  EXPECT_EQ(budget.take("a", 1), nullptr);
  EXPECT_NE(budget.take("b", kSendBytesPerPeerMax), nullptr);
  EXPECT_EQ(budget.take("b", kSendBytesPerPeerMax + 1), nullptr);
  most.reset();
  EXPECT_NE(budget.take("a", kSendBytesPerPeerMax - 1), nullptr);
}

TEST(SendBudget, OutlivesItsPeersAndItself) {
  SendBudget::SharePtr share;
  {
    SendBudget budget;
    share = budget.take("a", 1);
  }
  share.reset();
}

TEST(SendBudget, RemembersThoseToWhomSomethingIsOnItsWay) {
  SendBudget budget;
  const SendBudget::SharePtr held = budget.take("held", kSendBytesPerPeerMax);
  for (int i = 0; i < 10'000; ++i) budget.take("peer-" + std::to_string(i), 1);
  EXPECT_LT(budget.peers(), 200u);
  EXPECT_EQ(budget.take("held", 1), nullptr);
}

}  // namespace
}  // namespace muster
