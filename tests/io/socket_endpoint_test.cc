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
        std::string("tcp://127.0.0.1:*"), std::string("tcp://127.0.0.1:0"),
        std::string("tcp://0.0.0.0:5599"), std::string("tcp://*:5599"),
        std::string("tcp://broker.lab.example:5599"), std::string("tcp://[fe80::1]:5599"),
        std::string("tcp://[::]:5599")}) {
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
      {"tcp://::1:5599", "\"::1\" is no host"},
      {"tcp://[::1:5599", "no host"},
      {"tcp://[::g]:5599", "no host"},
      {"tcp://[127.0.0.1]:5599", "no host"},
      {"tcp://a b:5599", "no host"},
      {"tcp://lab/x:5599", "no host"},
      {"tcp://eth0;127.0.0.1:5599", "an IPv6 address in brackets, or *"},
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
