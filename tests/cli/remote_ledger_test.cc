// What the CLI makes of a collector's answers about its ledger.
#include "cli/remote_ledger.h"

#include <gtest/gtest.h>

#include "tests/support/endless_server.h"

namespace muster {
namespace {

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nConnection: close\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Of dut-1 it knows that it is there, of no other anything.
std::string answer_devices(const std::string& head) {
  const std::string dut = "GET /api/v1/devices/dut-1";
  if (head.starts_with(dut + "/history")) {
    return answer("200 OK", R"({"schema": "muster.device_history/1", "device_history": []})");
  }
  if (head.starts_with(dut + " ")) {
    return answer("200 OK", R"({"schema": "muster.device/1", "name": "dut-1"})");
  }
  return answer("404 Not Found", R"({"schema": "muster.error/1", "error": "no device"})");
}

// The collector's 404 is no fault of the ledger: whoever asks says that there is no such device.
TEST(RemoteLedger, ADeviceThatNobodyKnowsHasNoHistory) {
  EndlessServer server(answer_devices);
  ApiAddress address;
  address.base = server.url();
  RemoteLedger ledger(address);
  for (const std::string name : {"dut-1", "dut-2"}) {
    const auto history = ledger.device_history(name, 10);
    ASSERT_TRUE(history) << history.error();
    EXPECT_TRUE(history->empty());
    const Result<bool> known = ledger.has_device(name);
    ASSERT_TRUE(known) << known.error();
    EXPECT_EQ(*known, name == "dut-1");
  }
}

}  // namespace
}  // namespace muster
