#include "io/inventory_file.h"

#include <string>
#include <vector>

#include "core/limits.h"
#include "io/codec.h"
#include "io/task_file.h"
#include "io/vcsjob.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

class InventoryFileTest : public ScratchFiles {
 protected:
  void SetUp() override {
    write("s/linux.yaml",
          "version: 1\nkind: strategy\nname: linux\nfor: type=host\n"
          "verify: [{tag: a, check: {noop: }}]\n");
    write("s/any.yaml",
          "version: 1\nkind: strategy\nname: any\nverify: [{tag: a, check: {noop: }}]\n");
  }
  InventoryFile load(const std::string& text) const {
    return load_inventory_file(write("inventory.yaml", text));
  }
  std::string problems_of(const std::string& text) const {
    return without_dir(load(text).problems.to_text());
  }
};

constexpr const char* kHead = "version: 1\nkind: inventory\nlab: l\n";

TEST_F(InventoryFileTest, ReadsAWholeOne) {
  const InventoryFile file = load(
      "version: 1\nkind: inventory\nlab: lund-3\n"
      "strategies: [s/linux.yaml, ./s/any.yaml]\n"
      "defaults: { strategy: any, worker: w2, pools: [general] }\n"
      "workers:\n  w1: { pools: [wifi, general] }\n  w2:\n"
      "devices:\n"
      "  z: { type: host, port: 0070, ok: yes, worker: w1, pools: [wifi], strategy: linux,\n"
      "       owner: kim, where: \"shelf C, slot 7\" }\n"
      "  a: { type: handset, serial: CB5A1QH2K2 }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const Inventory& inventory = file.inventory;
  EXPECT_EQ(inventory.lab, "lund-3");
  const std::vector<WorkerSpec> workers = {{"w1", {"wifi", "general"}}, {"w2", {}}};
  EXPECT_EQ(inventory.workers, workers);
  const std::vector<DeviceSpec> devices = {
      {"a", {{"type", "handset"}, {"serial", "CB5A1QH2K2"}}, "w2", {"general"}, "any", "", ""},
      {"z",
       {{"type", "host"}, {"port", "0070"}, {"ok", "yes"}},
       "w1",
       {"wifi"},
       "linux",
       "kim",
       "shelf C, slot 7"}};
  EXPECT_EQ(inventory.devices, devices);
  ASSERT_EQ(inventory.strategies.size(), 2u);
  EXPECT_EQ(inventory.strategies[0].name, "linux");
  const Result<Strategy> strategy = decode_strategy(inventory.strategies[1].bytes);
  ASSERT_TRUE(strategy.ok());
  EXPECT_EQ(strategy->name, "any");
}

TEST_F(InventoryFileTest, TheOnlyWorkerServesAll) {
  const InventoryFile file = load(std::string(kHead) + "workers: {w: }\ndevices: {d: {type: x}}\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.inventory.devices.at(0).worker, "w");
  EXPECT_EQ(file.inventory.devices.at(0).strategy, "");
}

// What follows the three lines of the head, and all its problems without "DIR/inventory.yaml:".
TEST_F(InventoryFileTest, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"workers: {w: }", "1:1: an inventory needs \"devices\"\n"},
      {"devices: {}", "1:1: an inventory needs \"workers\"\n"},
      {"workers: {}\ndevices: {}", "4:10: an inventory needs a worker\n"},
      {"workers: [w]\ndevices: {}", "4:10: \"workers\" must be a map, not a list\n"},
      {"workers: {w: x}\ndevices: {}",
       "4:14: a worker must be a map with keys such as \"pools\", not \"x\"\n"},
      {"workers: {w: {pool: [a]}}\ndevices: {}",
       "4:15: unknown key \"pool\" in a worker; did you mean pools?\n"},
      {"workers: {w: {slots: 4}}\ndevices: {}",
       "4:15: \"slots\" in a worker is not supported by this version of muster\n"},
      {"workers: {w: {pools: [a, a]}}\ndevices: {}", "4:26: pool \"a\" is named twice\n"},
      {"workers: {w: }\ndevices: {d: {type: x}, d: {type: y}}",
       "5:25: key \"d\" appears twice; the first is in line 5\n"},
      {"workers: {w: }\ndevices: {d: {serial: x}}", "5:14: a device needs \"type\"\n"},
      {"workers: {w: }\ndevices: {d: }",
       "5:11: a device must be a map with keys such as \"type\", not nothing\n"},
      {"workers: {w: }\ndevices: {d: {type: [x]}}", "5:21: \"type\" must be a text, not a list\n"},
      {"workers: {w: }\ndevices: {d: {type: x, tags: {a: b}}}",
       "5:30: profile value \"tags\" must be a text, not a map\n"},
      {"workers: {w: }\ndevices: {d: {type: x, name: y}}",
       "5:24: \"name\" cannot be a key of a profile\n"},
      {"workers: {w: }\ndevices: {d: {type: x, pool: y}}",
       "5:24: \"pool\" cannot be a key of a profile; did you mean pools?\n"},
      {"workers: {w: }\ndevices: {d: {type: x, \"a b\": y}}",
       "5:24: a key of a profile is made of letters, digits and . _ - / : @ +\n"},
      {"workers: {w: }\ndevices: {d: {type: x, \"!a\": y}}",
       "5:24: a key of a profile is made of letters, digits and . _ - / : @ +\n"},
      {"workers: {rack1: }\ndevices: {d: {type: x, worker: rack2}}",
       "5:32: no worker is named \"rack2\"; did you mean rack1?\n"},
      {"workers: {a: , b: }\ndevices: {d: {type: x}}",
       "5:11: device \"d\" needs \"worker\": there is more than one\n"},
      {"devices: {d: {type: x}}", "1:1: an inventory needs \"workers\"\n"},
      {"workers: {}\ndevices: {d: {type: x}}", "4:10: an inventory needs a worker\n"},
      {"workers: {w: }\ndefaults: {worker: x}\ndevices: {}", "5:20: no worker is named \"x\"\n"},
      {"workers: {w: }\ndefaults: {strategy: x}\ndevices: {}",
       "5:22: no strategy file of this inventory has the name \"x\"\n"},
      {"strategies: [s/linux.yaml]\nworkers: {w: }\ndevices: {d: {type: host, strategy: linus}}",
       "6:37: no strategy file of this inventory has the name \"linus\"; did you mean linux?\n"},
      {"strategies: [s/linux.yaml]\nworkers: {w: }\ndevices: {d: {type: handset, strategy: linux}}",
       "6:40: strategy \"linux\" is for type=host, which device \"d\" is not\n"},
      {"strategies: [s/linux.yaml, s/../s/linux.yaml]\nworkers: {w: }\ndevices: {}",
       "4:28: strategy \"linux\" of DIR/s/linux.yaml is already in this inventory\n"},
      {"strategies: s/linux.yaml\nworkers: {w: }\ndevices: {}",
       "4:13: \"strategies\" must be a list, not \"s/linux.yaml\"\n"},
      {"workers: {w: }\nhide: []\ndevices: {}",
       "5:1: \"hide\" in an inventory is not supported by this version of muster\n"},
      {"workers: {w: }\ndevice: {}\ndevices: {}",
       "5:1: unknown key \"device\" in an inventory; did you mean devices?\n"},
      {"workers: {w: }\ndevices: {d: {type: x, poools: y}}",
       "5:24: warning: \"poools\" is taken as a key of the profile; did you mean pools?\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(problems_of(std::string(kHead) + row.text + "\n"),
              "DIR/inventory.yaml:" + std::string(row.problem))
        << row.text;
  }
}

TEST_F(InventoryFileTest, ReadsStacksPowerHealthAndWhatIsAllowed) {
  const InventoryFile file =
      load(std::string(kHead) +
           "workers: {w: }\n"
           "defaults: {profile: {type: handset, pretty: yuga}}\n"
           "devices:\n"
           "  a: {serial: 1, lister: usb}\n"
           "  b: {type: handset, pretty: luna}\n"
           "  r: {type: relay, uid: 4.a, power: {command: [bin/relay, \"{operation}\", "
           "\"{target.uid}\"]}}\n"
           "  p: {type: pdu, power: {url: \"http://pdu/{target.name}/{operation}\", method: PUT}}\n"
           "stacks: {one: [a, r], two: [b, r]}\n"
           "health: {quarantine_after: 5, reverify: [1m, 2h], fresh: 0s}\n"
           "allow: [type=handset, {type: hub, ports: [4, 8]}]\n"
           "caps: {lab: {max_running: 40}, pools: {wifi: {max_running: 4, "
           "max_running_per_device: 2}}}\n"
           "shares: {ci@build-1: 3}\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const Inventory& inventory = file.inventory;
  ASSERT_EQ(inventory.devices.size(), 4u);
  const Profile of_a = {{"type", "handset"}, {"pretty", "yuga"}, {"serial", "1"}};
  EXPECT_EQ(inventory.devices[0].profile, of_a);
  EXPECT_EQ(inventory.devices[0].lister, "usb");
  EXPECT_EQ(inventory.devices[1].profile.at("pretty"), "luna");
  EXPECT_EQ(inventory.devices[1].lister, "");
  EXPECT_EQ(inventory.devices[2].power,
            (PowerSpec{{}, "PUT", "http://pdu/{target.name}/{operation}"}));
  EXPECT_EQ(inventory.devices[3].power,
            (PowerSpec{{path("bin/relay"), "{operation}", "{target.uid}"}, "", ""}));
  const std::vector<StackSpec> stacks = {{"one", {"a", "r"}}, {"two", {"b", "r"}}};
  EXPECT_EQ(inventory.stacks, stacks);
  EXPECT_EQ(inventory.health, (HealthPolicy{5, {1min, 2h}, 0s}));
  EXPECT_EQ(inventory.allow, (std::vector<std::string>{"type=handset", "ports in (4,8),type=hub"}));
  EXPECT_EQ(inventory.caps, (std::vector<Cap>{{"", 40, 0}, {"wifi", 4, 2}}));
  EXPECT_EQ(inventory.shares, (std::vector<Share>{{"ci@build-1", 3}}));
  const InventoryFile as_list = load(std::string(kHead) +
                                     "workers: {w: }\ndevices: {a: {type: x}, b: {type: y}}\n"
                                     "stacks: [{name: one, devices: [a, b]}]\n");
  EXPECT_EQ(as_list.problems.to_text(), "");
  EXPECT_EQ(as_list.inventory.stacks, (std::vector<StackSpec>{{"one", {"a", "b"}}}));
  EXPECT_EQ(as_list.inventory.health, HealthPolicy{});
}

// The strategies: linux is for type=host, any is for nothing in particular.
TEST_F(InventoryFileTest, ChoosesTheStrategyThatIsForTheDevice) {
  write("s/phone.yaml",
        "version: 1\nkind: strategy\nname: phone\nfor: type=handset\n"
        "verify: [{tag: a, check: {noop: }}]\n");
  struct Row {
    const char* defaults;
    const char* device;
    const char* strategy;
  };
  const std::vector<Row> rows = {
      {"{}", "{type: host}", "linux"},
      {"{}", "{type: handset}", "phone"},
      {"{}", "{type: relay}", ""},
      {"{}", "{type: relay, strategy: any}", "any"},
      {"{strategy: linux}", "{type: host}", "linux"},
      {"{strategy: linux}", "{type: handset}", "phone"},
      {"{strategy: linux}", "{type: relay}", ""},
      {"{strategy: any}", "{type: relay}", "any"},
      {"{strategy: any}", "{type: host}", "any"},
      {"{strategy: any}", "{type: host, strategy: linux}", "linux"},
  };
  for (const Row& row : rows) {
    const InventoryFile file =
        load(std::string(kHead) + "strategies: [s/linux.yaml, s/any.yaml, s/phone.yaml]\n" +
             "workers: {w: }\ndefaults: " + row.defaults + "\ndevices: {d: " + row.device + "}\n");
    EXPECT_EQ(file.problems.to_text(), "");
    EXPECT_EQ(file.inventory.devices.at(0).strategy, row.strategy) << row.defaults << row.device;
  }
}

// With two devices a and b of workers v and w, and two strategies for type=host.
TEST_F(InventoryFileTest, SaysWhatIsWrongWithTheRestAndWhere) {
  write("s/linux2.yaml",
        "version: 1\nkind: strategy\nname: linux2\nfor: type=host\n"
        "verify: [{tag: a, check: {noop: }}]\n");
  struct Row {
    std::string text;
    std::string problems;  // each behind DIR/inventory.yaml:
  };
  std::string seventeen = "a";
  for (int i = 0; i < 16; ++i) seventeen += ", a";
  const std::vector<Row> rows = {
      {"stacks: {s: [a, dut-2, zzz]}",
       "7:17: no device is named \"dut-2\"; did you mean dut-1?\n"
       "7:24: no device is named \"zzz\"\n"},
      {"stacks: {s: [a, a]}", "7:17: device \"a\" is in the stack twice\n"},
      {"stacks: {s: [a]}", "7:10: a stack has 2 to 16 devices; \"s\" has 1\n"},
      {"stacks: {s: []}", "7:10: a stack has 2 to 16 devices; \"s\" has 0\n"},
      {"stacks: {s: [a, b]}",
       "7:10: the devices of stack \"s\" have different workers: \"a\" has v, \"b\" has w; one "
       "worker must reach all of them\n"},
      {"stacks: {s: a}", "7:13: a stack must be a list of devices, not \"a\"\n"},
      {"stacks: {s t: [a, dut-1]}",
       "7:10: stack name \"s t\" has a character that is not allowed at position 2; use letters, "
       "digits and . _ -\n"},
      {"stacks: [[a, dut-1]]",
       "7:10: a stack must be a map with keys such as \"name\", not a list\n"},
      {"stacks: [{name: s}]", "7:10: a stack needs \"devices\"\n"},
      {"stacks: [{name: s, devices: [a, dut-1]}, {name: s, devices: [a, dut-1]}]",
       "7:49: stack \"s\" is named twice\n"},
      {"stacks: x", "7:9: \"stacks\" must be a map of lists, or a list, not \"x\"\n"},
      {"health: {quarantine_after: 0}",
       "7:28: \"quarantine_after\" must be from 1 to 100, not 0\n"},
      {"health: {quarantine_after: 101}",
       "7:28: \"quarantine_after\" must be from 1 to 100, not 101\n"},
      {"health: {reverify: [1m, soon]}", ""},
      {"health: {reverify: [1m, 100ms]}", "7:20: a pause must be at least 1s\n"},
      {"health: {reverify: 1m}", "7:20: \"reverify\" must be a list, not \"1m\"\n"},
      {"health: {refresh: 1m}",
       "7:10: unknown key \"refresh\" in the health policy; did you mean fresh?\n"},
      {"allow: [\"=a\"]", ""},
      {"allow: {}", "7:8: \"allow\" must be a list, not a map\n"},
      {"caps: {lab: {max_running: 0}}", "7:27: \"max_running\" must be from 1 to 1000000, not 0\n"},
      {"caps: {pools: {wifi: {max_running_per_device: 1000001}}}",
       "7:47: \"max_running_per_device\" must be from 1 to 1000000, not 1000001\n"},
      {"caps: {pools: {wifi: {}}}",
       "7:22: a cap needs \"max_running\" or \"max_running_per_device\"\n"},
      {"caps: {wifi: {max_running: 1}}", "7:8: unknown key \"wifi\" in caps\n"},
      {"shares: {ann: 0}", "7:15: \"ann\" must be from 1 to 100, not 0\n"},
      {"shares: {ann: 101}", "7:15: \"ann\" must be from 1 to 100, not 101\n"},
  };
  const std::string head = std::string(kHead) +
                           "workers: {v: , w: }\ndefaults: {worker: v}\n"
                           "devices: {a: {type: x}, b: {type: x, worker: w}, dut-1: {type: x}}\n";
  for (const Row& row : rows) {
    const std::string problems = problems_of(head + row.text + "\n");
    std::string wanted;
    for (size_t at = 0; at < row.problems.size();) {
      const size_t end = row.problems.find('\n', at) + 1;
      wanted += "DIR/inventory.yaml:" + row.problems.substr(at, end - at);
      at = end;
    }
    if (wanted.empty()) {
      EXPECT_NE(problems, "") << row.text;  // in the words of those who read durations, selectors
    } else {
      EXPECT_EQ(problems, wanted) << row.text;
    }
  }
  EXPECT_NE(problems_of(head + "stacks: {s: [" + seventeen + "]}\n")
                .find("a stack has 2 to 16 devices; \"s\" has 17"),
            std::string::npos);
}

// A hub in five stacks, with fifteen other devices in each.
TEST_F(InventoryFileTest, SaysWhereADeviceGetsTooManyCompanions) {
  std::string devices = "hub: {type: hub}";
  std::string stacks;
  for (int stack = 0; stack < 5; ++stack) {
    stacks += (stack == 0 ? "s0: [hub" : ", s" + std::to_string(stack) + ": [hub");
    for (int i = 0; i < 15; ++i) {
      const std::string name = "d" + std::to_string(100 + stack * 15 + i);
      devices += ", " + name + ": {type: host}";
      stacks += ", " + name;
    }
    stacks += "]";
  }
  const std::string head =
      std::string(kHead) + "workers: {v: }\ndefaults: {worker: v}\ndevices: {" + devices + "}\n";
  const std::string line = "stacks: {" + stacks + "}";
  EXPECT_EQ(problems_of(head + line + "\n"),
            "DIR/inventory.yaml:7:" + std::to_string(line.rfind("[hub") + 2) +
                ": device \"hub\" is in stacks with more than 63 other devices, which would all be "
                "leased with it\n");
  EXPECT_EQ(problems_of(head + line.substr(0, line.rfind(", s4:")) + "}\n"), "");
}

TEST_F(InventoryFileTest, SaysWhatIsWrongWithADevicesPowerAndSerialAndStrategy) {
  write("s/linux2.yaml",
        "version: 1\nkind: strategy\nname: linux2\nfor: type=host\n"
        "verify: [{tag: a, check: {noop: }}]\n");
  struct Row {
    const char* devices;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"d: {type: x, power: {}}", "6:31: power is switched by either a \"command\" or a \"url\"\n"},
      {"d: {type: x, power: {command: [a], url: \"http://b\"}}",
       "6:31: power is switched by either a \"command\" or a \"url\"\n"},
      {"d: {type: x, power: {command: [a], method: PUT}}", "6:54: \"method\" goes with \"url\"\n"},
      {"d: {type: x, power: {url: pdu/on}}", "6:37: the URL must begin with http:// or https://\n"},
      {"d: {type: x, power: {command: [a, \"{device.uid}\"]}}",
       "6:41: unknown placeholder {device.uid}; use {operation}, {target.name} and {target.KEY} of "
       "the device that is switched, and {{ for a literal brace\n"},
      {"d: {type: x, power: on}", "6:31: \"power\" must be a map, not \"on\"\n"},
      {"d: {type: x, serial: S1}, e: {type: y, serial: S1}",
       "6:37: device \"e\" has the serial S1, which device \"d\" in line 6 has too\n"},
      {"d: {type: host}",
       "6:11: device \"d\" names no strategy, and both \"linux\" and \"linux2\" are for it; name "
       "one of them\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(problems_of(std::string(kHead) +
                          "strategies: [s/linux.yaml, s/linux2.yaml]\nworkers: {w: }\ndevices: {" +
                          row.devices + "}\n"),
              "DIR/inventory.yaml:" + std::string(row.problem))
        << row.devices;
  }
  EXPECT_EQ(problems_of(std::string(kHead) +
                        "workers: {w: }\ndefaults: {profile: {worker: w}}\ndevices: {}\n"),
            "DIR/inventory.yaml:5:22: \"worker\" is a key of a device, not of its profile\n");
}

TEST_F(InventoryFileTest, RefusesInvalidNames) {
  for (const char* text :
       {"workers: {\"a b\": }\ndevices: {}", "workers: {-w: }\ndevices: {}",
        "workers: {w: }\ndevices: {\"a/b\": {type: x}}", "workers: {w: }\ndevices: {.d: {type: x}}",
        "workers: {w: {pools: [\"a,b\"]}}\ndevices: {}"}) {
    EXPECT_EQ(load(kHead + std::string(text)).problems.errors(), 1u) << text;
  }
  EXPECT_EQ(load("version: 1\nkind: inventory\nlab: a b\nworkers: {w: }\ndevices: {}\n")
                .problems.errors(),
            1u);
}

TEST_F(InventoryFileTest, ReportsStrategyFilesUnderTheirNames) {
  write("s/bad.yaml", "version: 1\nkind: strategy\nname: bad\nverify: [{tag: a}]\n");
  write("s/nameless.yaml", "version: 1\nkind: strategy\nverify: [{tag: a, check: {noop: }}]\n");
  const std::string problems =
      problems_of(std::string(kHead) +
                  "strategies: [s/bad.yaml, s/gone.yaml, s/nameless.yaml]\nworkers: {w: }\n"
                  "devices: {d: {type: x, strategy: bad}, e: {type: x, strategy: nameless}}\n");
  EXPECT_EQ(problems,
            "DIR/s/bad.yaml:4:10: a verifier needs \"check\"\n"
            "DIR/s/gone.yaml: cannot be read: No such file or directory\n"
            "DIR/s/nameless.yaml:1:1: a strategy needs \"name\"\n");
}

TEST_F(InventoryFileTest, ReadsTenThousandDevices) {
  std::string text = std::string(kHead) + "workers: {w: }\ndevices:\n";
  for (int i = 0; i < 10'000; ++i) {
    text += "  phone-" + std::to_string(i) + ": { type: handset, pretty: yuga, serial: CB" +
            std::to_string(100'000 + i) + " }\n";
  }
  const InventoryFile file = load(text);
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.inventory.devices.size(), 10'000u);
}

TEST_F(InventoryFileTest, HoldsSoManyDevicesAndNoMore) {
  const auto with_devices = [this](size_t count) {
    std::string text = std::string(kHead) + "workers: {w: }\ndevices:\n";
    for (size_t i = 0; i < count; ++i) text += " " + std::to_string(i) + ": {type: a}\n";
    return problems_of(text);
  };
  EXPECT_EQ(with_devices(kInventoryDevicesMax), "");
  EXPECT_EQ(with_devices(kInventoryDevicesMax + 1),
            "DIR/inventory.yaml:6:2: an inventory has at most 200000 devices\n");
}

// It came out when the device was verified, or when it was ill and nothing could switch it.
TEST_F(InventoryFileTest, WarnsOfWhatAStrategyAsksOfADeviceThatItCannotGive) {
  write("s/phone.yaml",
        "version: 1\nkind: strategy\nname: phone\nfor: {type: handset}\nverify:\n"
        "- {tag: usb, check: {usb: {serial: \"{device.serial}\"}}}\n"
        "- {tag: lte, when: modem, check: {command: [x, \"{device.modem}\"]}}\n"
        "repair:\n"
        "- {tag: cut, triggers: [usb, lte], "
        "run: {power: {relay: \"{stack.relay.name}\", operation: cycle}}}\n");
  EXPECT_EQ(problems_of(std::string(kHead) +
                        "strategies: [s/phone.yaml]\nworkers: {w: }\ndevices:\n"
                        "  phone-1: {type: handset, serial: A1}\n"
                        "  phone-2: {type: handset, serial: A2}\n"
                        "  phone-3: {type: handset}\n"
                        "  relay-1: {type: relay}\n  relay-3: {type: relay}\n"
                        "stacks: {one: [phone-1, relay-1], three: [phone-3, relay-3]}\n"),
            "DIR/inventory.yaml:8:3: warning: device \"phone-2\": repair action cut of strategy "
            "\"phone\": {stack.relay.name}: phone-2 is in no stack with a device of type relay\n"
            "DIR/inventory.yaml:9:3: warning: device \"phone-3\": verifier usb of strategy "
            "\"phone\": unknown placeholder {device.serial}; there is {device.name}, "
            "{device.type}, {stack.relay.name}, {stack.relay.type}, {task.guid}, and {{ for a "
            "literal brace\n");
}

// The files of deploy/examples are what people start from.
TEST(Examples, AreWithoutFault) {
  const std::string dir = std::string(MUSTER_SOURCE_DIR) + "/deploy/examples";
  const InventoryFile inventory = load_inventory_file(dir + "/inventory.yaml");
  EXPECT_FALSE(inventory.problems.has_errors()) << inventory.problems.to_text();
  EXPECT_EQ(inventory.inventory.devices.size(), 1u);
  ASSERT_EQ(inventory.inventory.strategies.size(), 1u);
  const Result<Strategy> strategy = decode_strategy(inventory.inventory.strategies[0].bytes);
  ASSERT_TRUE(strategy.ok());
  for (const Verifier& verifier : strategy->verifiers) {
    const Result<CheckSpec> check =
        expand_check(verifier.check, {&inventory.inventory.devices[0], {}, "guid"});
    EXPECT_TRUE(check.ok()) << verifier.tag;
  }
  for (const char* name : {"pass", "fail", "timeout"}) {
    const TaskFile file = load_task_file(dir + "/" + name + ".yaml");
    EXPECT_EQ(file.problems.to_text(), "");
    ASSERT_EQ(file.tasks.size(), 1u);
    const Result<Work> work = decode_work(file.tasks[0].work);
    ASSERT_TRUE(work.ok());
    const TreeSource& tree = std::get<TreeSource>(std::get<JobWork>(*work).source);
    const VcsJobFile jobs = load_vcsjob(tree.dir);
    EXPECT_EQ(jobs.problems.to_text(), "");
    EXPECT_EQ(choose_vcsjobs(jobs, tree).jobs.size(), 1u);
  }
}

}  // namespace
}  // namespace muster
