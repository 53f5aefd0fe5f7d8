#include "core/inventory_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Inventory sample() {
  Inventory inventory;
  inventory.lab = "lund-3";
  inventory.workers = {{"w1", {"wifi"}}, {"w2", {}}};
  DeviceSpec phone{"phone-7", {{"type", "handset"}, {"serial", "S1"}}, "w1", {}, "phone", "", ""};
  DeviceSpec relay{"relay-7", {{"type", "relay"}}, "w1", {}, "", "", ""};
  relay.power.argv = {"relay", "{operation}"};
  inventory.devices = {phone, relay};
  inventory.strategies = {{"phone", "bytes"}};
  inventory.stacks = {{"seat", {"phone-7", "relay-7"}}};
  return inventory;
}

TEST(InventoryDiff, EqualOnesAndOtherOrdersAreNoChange) {
  EXPECT_THAT(diff_inventories(sample(), sample()), IsEmpty());
  EXPECT_THAT(diff_inventories({}, {}), IsEmpty());
  Inventory other = sample();
  std::swap(other.workers[0], other.workers[1]);
  EXPECT_THAT(diff_inventories(sample(), other), IsEmpty());
}

// One line for each change: "PART NAME KIND; FIELD: FROM -> TO".
std::vector<std::string> lines(const Inventory& from, const Inventory& to) {
  std::vector<std::string> lines;
  for (const InventoryChange& change : diff_inventories(from, to)) {
    std::string line = change.part + " " + change.name + " " + std::string(to_string(change.kind));
    for (const InventoryChange::Field& field : change.fields) {
      line += "; " + field.name + ": " + field.from + " -> " + field.to;
    }
    lines.push_back(line);
  }
  return lines;
}

TEST(InventoryDiff, NamesEveryFieldThatChanged) {
  struct Row {
    void (*change)(Inventory&);
    const char* line;
  };
  const std::vector<Row> rows = {
      {[](Inventory& i) { i.lab = "lund-4"; }, "lab  changed; : lund-3 -> lund-4"},
      {[](Inventory& i) {
         i.workers.push_back({"w3", {}});
       },
       "worker w3 added"},
      {[](Inventory& i) { i.workers.pop_back(); }, "worker w2 removed"},
      {[](Inventory& i) { i.workers[0].pools.push_back("general"); },
       "worker w1 changed; pools: wifi -> wifi, general"},
      {[](Inventory& i) { i.strategies[0].bytes = "other"; }, "strategy phone changed"},
      {[](Inventory& i) {
         i.strategies.push_back({"host", ""});
       },
       "strategy host added"},
      {[](Inventory& i) { i.devices.erase(i.devices.begin()); }, "device phone-7 removed"},
      {[](Inventory& i) { i.devices[0].worker = "w2"; },
       "device phone-7 changed; worker: w1 -> w2"},
      {[](Inventory& i) {
         i.devices[0].pools = {"a", "b"};
       },
       "device phone-7 changed; pools:  -> a, b"},
      {[](Inventory& i) { i.devices[0].strategy = ""; },
       "device phone-7 changed; strategy: phone -> "},
      {[](Inventory& i) { i.devices[0].owner = "kim"; }, "device phone-7 changed; owner:  -> kim"},
      {[](Inventory& i) { i.devices[0].where = "C"; }, "device phone-7 changed; where:  -> C"},
      {[](Inventory& i) { i.devices[0].lister = "usb"; },
       "device phone-7 changed; lister:  -> usb"},
      {[](Inventory& i) {
         i.devices[0].profile["serial"] = "S2";
         i.devices[0].profile.erase("type");
         i.devices[0].profile["pretty"] = "yuga";
       },
       "device phone-7 changed; profile.pretty:  -> yuga; profile.serial: S1 -> S2; profile.type: "
       "handset -> "},
      {[](Inventory& i) {
         i.devices[1].power = {{}, "PUT", "http://pdu"};
       },
       "device relay-7 changed; power: relay {operation} -> PUT http://pdu"},
      {[](Inventory& i) {
         i.devices[1].power.argv = {"relay", "{operation}", "", "a b"};
       },
       "device relay-7 changed; power: relay {operation} -> relay {operation} \"\" \"a b\""},
      {[](Inventory& i) { i.stacks[0].members.pop_back(); },
       "stack seat changed; devices: phone-7, relay-7 -> phone-7"},
      {[](Inventory& i) { i.stacks.clear(); }, "stack seat removed"},
      {[](Inventory& i) {
         i.health = {5, {1min}, 1h};
       },
       "health  changed; fresh: 10m -> 1h; quarantine_after: 3 -> 5; reverify: 15m, 1h, 6h -> 1m"},
      {[](Inventory& i) {
         i.allow = {"type in (a,b)", "x"};
       },
       "allow  changed; :  -> [type in (a,b)], [x]"},
      {[](Inventory& i) {
         i.caps = {{"", 40, 0}, {"wifi", 4, 2}};
       },
       "caps  changed; lab.max_running:  -> 40; pools.wifi.max_running:  -> 4; "
       "pools.wifi.max_running_per_device:  -> 2"},
      {[](Inventory& i) {
         i.shares = {{"ci@build", 3}};
       },
       "shares  changed; ci@build:  -> 3"},
  };
  for (const Row& row : rows) {
    Inventory changed = sample();
    row.change(changed);
    EXPECT_THAT(lines(sample(), changed), ElementsAre(row.line));
  }
}

TEST(InventoryDiff, TheFirstInventoryAddsEverythingInOrder) {
  EXPECT_THAT(lines({}, sample()),
              ElementsAre("lab  changed; :  -> lund-3", "worker w1 added", "worker w2 added",
                          "strategy phone added", "device phone-7 added", "device relay-7 added",
                          "stack seat added"));
}

}  // namespace
}  // namespace muster
