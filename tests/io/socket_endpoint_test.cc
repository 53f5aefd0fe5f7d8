#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/socket.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

TEST(InvalidEndpoint, Table) {
  const std::string at_limit = "ipc:///" + std::string(106, 'p');
  for (const std::string& good :
       {std::string("ipc:///run/muster/broker.sock"), at_limit, std::string("tcp://127.0.0.1:5599"),
        std::string("tcp://127.3.2.1:1"), std::string("tcp://[::1]:65535"),
        std::string("tcp://127.0.0.1:*"), std::string("tcp://127.0.0.1:0")}) {
    EXPECT_EQ(invalid_endpoint(good), std::nullopt) << good;
  }
  const struct {
    std::string endpoint;
    const char* reason;
  } bad[] = {
      {"", "must begin with ipc:// or tcp://"},
      {"/run/broker.sock", "must begin with ipc:// or tcp://"},
      {"udp://127.0.0.1:1", "must begin with"},
      {"inproc://x", "must begin with"},
      {"IPC:///x", "must begin with"},
      {"ipc://", "absolute"},
      {"ipc://relative/path", "absolute"},
      {"ipc://*", "absolute"},
      {"ipc://@abstract", "absolute"},
      {"ipc:///dir/", "not a directory"},
      {at_limit + "p", "has 108 bytes and a socket's may have 107"},
      {std::string("ipc:///a\0b", 10), "NUL"},
      {"tcp://", "needs a host and a port"},
      {"tcp://:5599", "needs a host and a port"},
      {"tcp://127.0.0.1", "needs a host and a port"},
      {"tcp://127.0.0.1:", "port must be a number"},
      {"tcp://127.0.0.1:65536", "port must be a number"},
      {"tcp://127.0.0.1:-1", "port must be a number"},
      {"tcp://127.0.0.1:12x", "port must be a number"},
      {"tcp://127.0.0.1: 12", "port must be a number"},
      {"tcp://0.0.0.0:5599", "\"0.0.0.0\" is not a loopback address"},
      {"tcp://*:5599", "not encrypted yet"},
      {"tcp://localhost:5599", "use 127.0.0.1 or [::1]"},
      {"tcp://192.168.1.5:5599", "not a loopback address"},
      {"tcp://128.0.0.1:5599", "not a loopback address"},
      {"tcp://127.1:5599", "not a loopback address"},
      {"tcp://127.0.0.1.example.org:5599", "not a loopback address"},
      {"tcp://::1:5599", "not a loopback address"},
      {"tcp://[::]:5599", "not a loopback address"},
      {"tcp://[::2]:5599", "not a loopback address"},
      {"tcp://[::ffff:8.8.8.8]:5599", "not a loopback address"},
      {"tcp://eth0:5599", "not a loopback address"},
      {"tcp://eth0;127.0.0.1:5599", "not a loopback address"},
  };
  for (const auto& row : bad) {
    const std::optional<std::string> reason = invalid_endpoint(row.endpoint);
    ASSERT_TRUE(reason.has_value()) << row.endpoint;
    EXPECT_THAT(*reason, HasSubstr("\"" + row.endpoint + "\""));
    EXPECT_THAT(*reason, HasSubstr(row.reason));
  }
}

}  // namespace
}  // namespace muster
