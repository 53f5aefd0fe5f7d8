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
      {"workers: {w: }\nstacks: []\ndevices: {}",
       "5:1: \"stacks\" in an inventory is not supported by this version of muster\n"},
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
            "DIR/s/gone.yaml: cannot read DIR/s/gone.yaml: No such file or directory\n"
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

// The files of deploy/examples are what people start from.
TEST(Examples, AreWithoutFault) {
  const std::string dir = std::string(MUSTER_SOURCE_DIR) + "/deploy/examples";
  const InventoryFile inventory = load_inventory_file(dir + "/inventory.yaml");
  EXPECT_EQ(inventory.problems.to_text(), "");
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
