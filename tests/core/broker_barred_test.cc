// What becomes of peers that are not let in any more.
#include <gmock/gmock.h>

#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

std::function<bool(std::string_view)> is(std::string peer) {
  return [peer = std::move(peer)](std::string_view other) { return other == peer; };
}

TEST(BrokerBarred, AWorkerGetsNothingMoreAndLosesItsLeaseLikeOneThatIsLost) {
  Broker broker;
  broker.worker("w", "worker-1", 2);
  broker.hello("p", Role::submitter, "kim");
  broker.submit({Broker::spec(guid_of(1))});
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 1u);
  broker.core.note_barred(is("w"));
  EXPECT_FALSE(broker.core.knows_peer("w"));
  EXPECT_TRUE(broker.core.knows_peer("p"));
  broker.submit({Broker::spec(guid_of(2))});
  broker.dispatch();
  for (const Send& send : broker.sends) EXPECT_NE(send.peer, "w");
  EXPECT_EQ(broker.core.held_count(), 1u) << "until its lease runs out";
  broker.pass(kLeaseDefault + kBeatDefault);
  EXPECT_EQ(broker.core.held_count(), 0u);
}

TEST(BrokerBarred, WhoIsLetInAgainGoesOn) {
  Broker broker;
  broker.worker("w", "worker-1", 2);
  broker.core.note_barred(is("w"));
  broker.hello("p", Role::submitter, "kim");
  broker.submit({Broker::spec(guid_of(1))});
  broker.worker("w", "worker-1", 2);
  broker.dispatch();
  EXPECT_EQ(broker.core.held_count(), 1u);
}

TEST(BrokerBarred, RefusalsAreEvents) {
  Broker broker;
  const AccessRefused refused{"", "kim", "10.0.0.7", "apply an inventory", "why", 3};
  broker.take(NotLetIn{{refused}});
  EXPECT_EQ(broker.newest, 1u);
  EXPECT_EQ(std::get<AccessRefused>(broker.log.back().body), refused);
}

}  // namespace
}  // namespace muster
