// Twenty submitters want three devices, and the devices themselves tell whether two ever had one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

constexpr size_t kRacers = 20;

// Takes every device that it was given, works a little, and lets go. Who finds one taken fails.
constexpr char kJob[] = R"(#!/bin/sh
names=$(printf %s "$MUSTER_DEVICES" | grep -o '"name":"[^"]*"' | cut -d'"' -f4)
for name in $names; do
  mkdir "$LOCKS/$name" || { echo "$name is taken"; exit 5; }
done
turn=0
while [ $turn -lt 3000 ]; do turn=$((turn + 1)); done
for name in $names; do rmdir "$LOCKS/$name"; done
)";

DeviceSpec make_device(const std::string& name, const std::string& type) {
  DeviceSpec device;
  device.name = name;
  device.profile["type"] = type;
  device.worker = "local";
  return device;
}

class RaceTest : public testing::Test {
 protected:
  RaceTest() : house_(MUSTER_BIN_DIR), job_(house_.write("job.sh", kJob, true)) {
    locks_ = job_.substr(0, job_.rfind('/')) + "/locks";
    house_.write("locks/.keep", "");
    up_ = house_.start_up({"--slots", "8"});
    const Ran ready = house_.muster({"doctor", "--wait", "30s"});
    EXPECT_EQ(ready.status, 0) << ready.out << ready.err;
  }

  void apply(std::vector<DeviceSpec> devices, std::vector<StackSpec> stacks) {
    Inventory inventory;
    inventory.lab = "e2e";
    inventory.workers = {{"local", {}}};
    inventory.devices = std::move(devices);
    inventory.stacks = std::move(stacks);
    const auto admin = house_.connect(Role::admin);
    const auto answer = admin->ask(
        ApplyInventory{std::make_shared<const Inventory>(std::move(inventory)), "test"}, 30s);
    const auto* message = std::get_if<Message>(&answer);
    ASSERT_TRUE(message && std::holds_alternative<InventoryReply>(*message));
  }

  // All of them at once; how each ended.
  void race(const std::string& selector) {
    std::vector<std::unique_ptr<Child>> racers;
    for (size_t i = 0; i < kRacers; ++i) {
      racers.push_back(
          house_.start_muster({"run", "--wait", "--guid", "racer-no-" + std::to_string(100 + i),
                               "-l", selector, "--env", "LOCKS=" + locks_, "--", job_}));
    }
    for (size_t i = 0; i < kRacers; ++i) {
      EXPECT_EQ(racers[i]->wait(120s), 0) << "racer " << i << "\n" << house_.daemon_output();
    }
  }

  // How often each device was leased. Every racer must have had one attempt.
  std::map<std::string, size_t> leases() {
    const auto client = house_.connect();
    EventTail tail(*client);
    tail.catch_up();
    std::map<std::string, size_t> counts;
    size_t attempts = 0;
    for (const Event& event : tail.events()) {
      const auto* leased = std::get_if<AttemptLeased>(&event.body);
      if (!leased) continue;
      ++attempts;
      EXPECT_EQ(leased->token.attempt, 1u) << leased->token.guid;
      for (const std::string& device : leased->devices) ++counts[device];
    }
    EXPECT_EQ(attempts, kRacers);
    return counts;
  }

  House house_;
  std::string job_;
  std::string locks_;
  std::unique_ptr<Child> up_;
};

TEST_F(RaceTest, NoDeviceIsEverHadByTwo) {
  apply({make_device("phone-1", "handset"), make_device("phone-2", "handset"),
         make_device("phone-3", "handset")},
        {});
  race("type=handset");
  const std::map<std::string, size_t> counts = leases();
  EXPECT_EQ(counts.size(), 3u) << "some device stood idle";
}

TEST_F(RaceTest, StacksThatShareARelayTakeTurns) {
  apply({make_device("phone-1", "handset"), make_device("phone-2", "handset"),
         make_device("phone-3", "handset"), make_device("relay-1", "relay")},
        {{"one", {"phone-1", "relay-1"}}, {"two", {"phone-2", "relay-1"}}});
  race("type=handset");
  std::map<std::string, size_t> counts = leases();
  EXPECT_EQ(counts["relay-1"], counts["phone-1"] + counts["phone-2"]);
  EXPECT_EQ(counts["relay-1"] + counts["phone-3"], kRacers);
}

// A job learns of the relay that it holds, behind what it asked for.
TEST_F(RaceTest, AJobIsToldWhatItHolds) {
  apply({make_device("phone-1", "handset"), make_device("relay-1", "relay")},
        {{"one", {"phone-1", "relay-1"}}});
  const Ran ran = house_.muster({"run", "--wait", "--guid", "racer-told", "-d", "dut=phone-1", "--",
                                 "sh", "-c", "echo \"$MUSTER_DEVICES\""});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_THAT(house_.muster({"log", "racer-told"}).out,
              HasSubstr(R"([{"name":"phone-1","role":"dut","profile":{"type":"handset"}},)"
                        R"({"name":"relay-1","role":"","profile":{"type":"relay"}}])"));
}

}  // namespace
}  // namespace muster
