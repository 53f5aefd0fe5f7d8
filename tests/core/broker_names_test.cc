// Names that peers say become files, folders, cgroups and columns: none that climbs, hides, quotes
// or looks like an option gets past the broker, whoever says it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

const std::vector<std::string> kEvil = {"..",
                                        "../../etc/passwd",
                                        "a/b",
                                        "/etc/passwd",
                                        ".hidden",
                                        "-rf",
                                        "a b",
                                        "x\"; DROP TABLE tasks; --",
                                        "x'y",
                                        "x`id`",
                                        "$(id)",
                                        "a\nb",
                                        std::string("a\0b", 3),
                                        "\xff\xfe",
                                        "a\\..\\b",
                                        "%2e%2e",
                                        "a:b",
                                        std::string(129, 'a')};

class BrokerNames : public testing::TestWithParam<std::string> {
 protected:
  BrokerNames() {
    broker_.worker("w", "w1", 1);
    broker_.hello("p", Role::submitter, "ann");
    events_ = broker_.log.size();
  }
  ~BrokerNames() override { EXPECT_EQ(broker_.log.size(), events_) << "something became a fact"; }

  Broker broker_;
  size_t events_ = 0;
};

TEST_P(BrokerNames, OfAWorkerIsRefused) {
  broker_.hello("evil", Role::worker, GetParam());
  EXPECT_NE(broker_.answer<Refused>().reason, "");
}

TEST_P(BrokerNames, OfWhatAWorkerServesAndListsIsRefused) {
  const auto refused = [this](auto change) {
    Sync sync = broker_.make_sync();
    change(sync);
    broker_.hear("w", sync);
    EXPECT_NE(broker_.answer<Refused>().reason, "");
  };
  refused([](Sync& sync) { sync.pools = {GetParam()}; });
  refused([](Sync& sync) { sync.listers = {{GetParam(), ""}}; });
  refused([](Sync& sync) { sync.listed = {{"usb", GetParam(), {}}}; });
  refused([](Sync& sync) { sync.listed = {{GetParam(), "phone-1", {}}}; });
}

// Those of workers and pools were taken as they came.
TEST_P(BrokerNames, OfAnInventoryAreRefused) {
  const auto refused = [this](auto change) {
    Inventory inventory;
    inventory.lab = "lab";
    inventory.workers = {{"w1", {}}};
    inventory.devices = {{"phone-1", {}, "w1"}, {"phone-2", {}, "w1"}};
    change(inventory);
    broker_.hear("p", ApplyInventory{std::make_shared<Inventory>(inventory), "ann"});
    EXPECT_NE(broker_.answer<Refused>().reason, "");
  };
  refused([](Inventory& inventory) { inventory.workers[0].name = GetParam(); });
  refused([](Inventory& inventory) { inventory.workers[0].pools = {GetParam()}; });
  refused([](Inventory& inventory) { inventory.devices[0].pools = {GetParam()}; });
  refused([](Inventory& inventory) { inventory.devices[1].name = GetParam(); });
  refused([](Inventory& inventory) { inventory.devices[0].worker = GetParam(); });
  refused([](Inventory& inventory) { inventory.stacks = {{GetParam(), {"phone-1", "phone-2"}}}; });
}

TEST_P(BrokerNames, OfATaskAreRefused) {
  const auto refused = [this](auto change) {
    TaskSpec spec = Broker::spec("guid-000001");
    change(spec);
    EXPECT_NE(broker_.refusal(spec), "");
  };
  refused([](TaskSpec& spec) { spec.pool = GetParam(); });
  refused([](TaskSpec& spec) { spec.devices = {{GetParam(), "phone-1", "", ""}}; });
  refused([](TaskSpec& spec) { spec.devices = {{"dut", GetParam(), "", ""}}; });
}

INSTANTIATE_TEST_SUITE_P(Evil, BrokerNames, testing::ValuesIn(kEvil));

// A GUID is anybody's text, which becomes a path only by percent_encode; what would disturb a line
// or a terminal is refused even so.
TEST(BrokerNames, OfTasksByGuid) {
  Broker broker;
  broker.hello("p", Role::submitter, "ann");
  for (const std::string& guid : {std::string("guid-00\n0001"), std::string("guid-00\x1b[2J01"),
                                  std::string("guid-00\0001", 11),
                                  std::string("guid-00\xff"
                                              "01")}) {
    EXPECT_NE(broker.refusal(Broker::spec(guid)), "") << guid;
  }
  EXPECT_EQ(broker.refusal(Broker::spec("../../../etc/passwd")), "");
}

}  // namespace
}  // namespace muster
