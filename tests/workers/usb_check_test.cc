// The usb check on a tree such as sysfs has.
#include "tests/workers/check_child.h"
#include "workers/checks/usb.h"

namespace muster {
namespace {

class UsbCheckTest : public WorkerChild {
 protected:
  UsbCheckTest() {
    plug("usb1", "1d6b", "0002", "0000:00:14.0");
    plug("1-1.2", "18d1", "4ee7", "CB5A1");
    plug("1-1.3", "18d1", "4ee7", "CB5A2");
    plug("2-1", "0bda", "8153", "");
    write("1-1.2:1.0/bInterfaceClass", "ff\n");  // an interface, not a device
  }
  void plug(const std::string& port, const std::string& vendor, const std::string& product,
            const std::string& serial) {
    write(port + "/idVendor", vendor + "\n");
    write(port + "/idProduct", product + "\n");
    if (!serial.empty()) write(port + "/serial", serial + "\n");
  }
  std::string run(const std::string& vendor, const std::string& product,
                  const std::string& serial) {
    const Ended ended = run_check(UsbCheck{vendor, product, serial, dir()}, worker_context());
    return (ended.passed() ? "pass: " : "") + ended.line();
  }
};

TEST_F(UsbCheckTest, FindsADevice) {
  EXPECT_EQ(run("", "", "CB5A2"), "pass: usb device 18d1:4ee7 CB5A2 at 1-1.3");
  EXPECT_EQ(run("18D1", "4EE7", "CB5A1"), "pass: usb device 18d1:4ee7 CB5A1 at 1-1.2");
  EXPECT_EQ(run("0bda", "", ""), "pass: usb device 0bda:8153 at 2-1");
  EXPECT_EQ(run("", "8153", ""), "pass: usb device 0bda:8153 at 2-1");
}

TEST_F(UsbCheckTest, SaysWhatThereIsInstead) {
  EXPECT_EQ(run("18d1", "", "CB5A3"),
            "no usb device 18d1:* CB5A3 on the bus; there is 0bda:8153, 18d1:4ee7 CB5A1, 18d1:4ee7 "
            "CB5A2, 1d6b:0002 0000:00:14.0");
  // All of it must match one device, and whole.
  EXPECT_NE(run("0bda", "", "CB5A1").find("pass: "), 0u);
  EXPECT_NE(run("", "", "CB5A").find("pass: "), 0u);
  EXPECT_NE(run("", "", "cb5a1").find("pass: "), 0u);
  EXPECT_NE(run("18d", "", "").find("pass: "), 0u);
  EXPECT_NE(run("", "", "8153").find("pass: "), 0u);
}

TEST_F(UsbCheckTest, ABusWithoutDevicesOrWithoutABus) {
  const Ended nowhere = run_check(UsbCheck{"", "", "S", path("gone")}, worker_context());
  EXPECT_FALSE(nowhere.passed());
  EXPECT_EQ(nowhere.line(), path("gone") + ": No such file or directory");
  std::filesystem::create_directory(path("empty"));
  EXPECT_EQ(run_check(UsbCheck{"", "", "S", path("empty")}, worker_context()).line(),
            "no usb device *:* S on the bus");
}

TEST_F(UsbCheckTest, GarbageInTheTree) {
  plug("3-1", "\xff\xfe", "\x01", std::string(5000, 'x'));
  plug("3-2", "", "", "S");
  for (int i = 0; i < 40; ++i) plug("4-" + std::to_string(i), "aaaa", "bbbb", "");
  std::filesystem::create_directory(path("5-1"));
  std::filesystem::create_directory(path("5-1/idVendor"));
  const std::string line = run("", "", "S");
  EXPECT_EQ(line.find("no usb device *:* S on the bus; there is "), 0u) << line;
  EXPECT_NE(line.find(" more"), std::string::npos) << line;
  EXPECT_LT(line.size(), 500u);
}

}  // namespace
}  // namespace muster
