// Peers of other builds: who is served, and what becomes of the work of those who are not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/schedule_in_hand.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr uint16_t kOlder = kProtocolMax - 1;
constexpr uint16_t kNewer = kProtocolMax + 1;

class VersionShop : public Shop {
 public:
  VersionShop() : Shop(2) {
    submit_and_dispatch({task(1, "ann"), task(2, "ann")});
    EXPECT_TRUE(runs(1) && runs(2));
  }
  // The worker has been upgraded, or has not where the broker was, and says hello.
  void hello_speaking(const std::string& name, uint16_t from, uint16_t to) {
    Hello hello;
    hello.role = Role::worker;
    hello.name = name;
    hello.protocol_min = from;
    hello.protocol_max = to;
    hear(name, hello);
  }
};

static_assert(kOlder >= kProtocolMin, "a build that is one version older is served");

TEST(Versions, AWorkerThatIsOneOlderIsServed) {
  VersionShop shop;
  shop.hello_speaking("w1", kOlder, kOlder);
  EXPECT_EQ(shop.answer<Welcome>().protocol, kOlder);
  shop.sync("w1", 3);
  shop.submit_and_dispatch({Shop::task(3, "ann")});
  EXPECT_TRUE(shop.runs(3));
}

TEST(Versions, AWorkerOutOfRangeThatHoldsNothingIsRefused) {
  VersionShop shop;
  shop.hello_speaking("w9", kNewer, kNewer);
  const Refused refused = shop.answer<Refused>();
  EXPECT_EQ(refused.code, RefusalCode::protocol);
  EXPECT_THAT(refused.reason, HasSubstr("upgrade the broker"));
  shop.hello_speaking("w9", 0, 0);
  EXPECT_THAT(shop.answer<Refused>().reason, HasSubstr("upgrade the peer"));
}

TEST(Versions, WhatAWorkerOutOfRangeRunsMayFinishAndNothingNewBegins) {
  VersionShop shop;
  shop.hello_speaking("w1", kNewer, kNewer);
  EXPECT_EQ(shop.answers<Welcome>(), 1u);
  shop.sync("w1", 3);
  EXPECT_EQ(shop.answers<Refused>(), 0u);
  shop.submit_and_dispatch({Shop::task(3, "ann")});
  EXPECT_FALSE(shop.runs(3)) << "although a slot is free";
  shop.hear("a", ExplainTask{guid_of(3)});
  const Explanation why = shop.answer<Explanation>();
  EXPECT_THAT(why.summary + testing::PrintToString(why.reasons), HasSubstr("upgrade the broker"));

  for (const size_t number : {1, 2}) {
    EXPECT_TRUE(shop.runs(number));
    shop.pass_job(number);
    EXPECT_EQ(shop.info(number).verdict, Verdict::pass);
  }
  EXPECT_FALSE(shop.runs(3));
  shop.hear("w1", shop.make_sync());
  EXPECT_EQ(shop.answer<Refused>().code, RefusalCode::protocol) << "it holds nothing any more";
  shop.hello_speaking("w1", kNewer, kNewer);
  EXPECT_EQ(shop.answer<Refused>().code, RefusalCode::protocol);

  shop.hello_speaking("w1", kProtocolMin, kProtocolMax);
  shop.sync("w1", 3);
  EXPECT_TRUE(shop.runs(3)) << "when it has been upgraded";
}

}  // namespace
}  // namespace muster
