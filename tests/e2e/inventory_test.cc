// An inventory that is looked at before it is applied, and a worker whose lister tells what is
// plugged in, with real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/expect_run.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

class InventoryTest : public testing::Test {
 protected:
  InventoryTest() : house_(MUSTER_BIN_DIR) {}

  std::string write_inventory(const std::string& devices) {
    return house_.write("inventory.yaml",
                        "version: 1\nkind: inventory\nlab: e2e\nworkers: { local: {} }\n"
                        "devices:\n" +
                            devices);
  }
  std::string expect(int status, const std::vector<std::string>& arguments) {
    return expect_run(house_, status, arguments).out;
  }

  House house_;
};

TEST_F(InventoryTest, SaysWhatItWouldChangeBeforeItDoes) {
  const std::unique_ptr<Child> up = house_.start_up();
  expect(0, {"doctor", "--wait", "30s"});
  const std::string file = write_inventory("  dut-1: { type: bench }\n  dut-2: { type: bench }\n");
  EXPECT_THAT(expect(1, {"inventory", "diff", file}), HasSubstr("+ device dut-1\n"));
  expect(0, {"inventory", "apply", file});
  EXPECT_EQ(expect(0, {"inventory", "diff", file}), file + ": nothing to do\n");

  const std::string marker = house_.write("marker", "");
  std::filesystem::remove(marker);
  const std::string script = "touch " + marker + "; exec tail -f /dev/null";
  expect(0,
         {"run", "--detach", "--guid", "e2e-holds-dut-1", "-d", "dut-1", "--", "sh", "-c", script});
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(marker); }));
  write_inventory("  dut-2: { type: bench, where: shelf C }\n  dut-3: { type: bench }\n");
  const std::string changes =
      "- device dut-1: leased by e2e-holds-dut-1 (attempt 1), which goes on; it drains\n"
      "~ device dut-2\n"
      "    where  (nothing) -> shelf C\n"
      "+ device dut-3\n"
      "3 changes: 1 added, 1 changed, 1 removed\n";
  EXPECT_EQ(expect(0, {"inventory", "apply", "--dry-run", file}), changes);
  EXPECT_EQ(expect(1, {"inventory", "diff", file}), changes) << "a dry run changes nothing";
  EXPECT_THAT(expect(1, {"inventory", "diff", file, "-o", "json"}),
              HasSubstr("\"held_by\":{\"guid\":\"e2e-holds-dut-1\",\"attempt\":1}"));
  expect(0, {"inventory", "apply", file});
  EXPECT_THAT(expect(0, {"task", "show", "e2e-holds-dut-1"}), HasSubstr("running"));
  expect(0, {"cancel", "e2e-holds-dut-1", "--reason", "enough"});
}

TEST_F(InventoryTest, AWorkersListerTellsWhatIsPluggedIn) {
  const std::string plugged = house_.write("plugged", "");
  const std::string lister = house_.write(
      "lister.sh",
      "#!/bin/sh\necho '{\"op\":\"add\",\"name\":\"phone-1\",\"profile\":{\"type\":\"handset\"}}'\n"
      "echo '{\"op\":\"sync\"}'\n"
      "read line < " +
          plugged +
          ".fifo\necho '{\"op\":\"remove\",\"name\":\"phone-1\"}'\n"
          "exec tail -f /dev/null\n",
      true);
  ASSERT_EQ(::mkfifo((plugged + ".fifo").c_str(), 0600), 0);
  std::filesystem::create_directories(house_.home().dir);
  std::ofstream(house_.home().config_file())
      << "worker: { listers: [ { name: usb, command: [" << lister << "] } ] }\n";
  const std::unique_ptr<Child> up = house_.start_up();
  const std::unique_ptr<Client> client = house_.connect();
  EventTail tail(*client);
  EXPECT_TRUE(tail.wait_for(
      [](const Event& event) {
        const auto* listed = std::get_if<DeviceListed>(&event.body);
        return listed != nullptr && listed->device.name == "phone-1" &&
               listed->device.lister == "usb";
      },
      30s))
      << house_.daemon_output();
  std::ofstream(plugged + ".fifo") << "go\n";
  EXPECT_TRUE(tail.wait_for(
      [](const Event& event) {
        const auto* gone = std::get_if<DeviceUnlisted>(&event.body);
        return gone != nullptr && gone->name == "phone-1";
      },
      30s))
      << house_.daemon_output();
}

}  // namespace
}  // namespace muster
