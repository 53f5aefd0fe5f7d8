// The adb check against servers that speak the adb server's protocol by a script.
#include <array>
#include <cstdio>

#include "tests/workers/check_child.h"
#include "workers/checks/adb.h"

namespace muster {
namespace {

std::string with_length(const std::string& text) {
  std::array<char, 5> digits;
  std::snprintf(digits.data(), digits.size(), "%04zx", text.size());
  return digits.data() + text;
}

class AdbCheckTest : public WorkerChild {
 protected:
  // What a check says of a server that gives this answer, with "pass: " when it passes.
  std::string run(const std::string& answer, const std::string& state = "device") {
    const RawServer server([this, &answer](int visitor) {
      request_ = receive_until(visitor, ":get-state");
      // In two parts, as networks do.
      send_to(visitor, answer.substr(0, 3));
      if (answer.size() > 3) send_to(visitor, answer.substr(3));
    });
    port_ = server.port();
    const Ended ended = run_check(AdbCheck{"CB5A1", state, "127.0.0.1:" + port_}, worker_context());
    return (ended.passed() ? "pass: " : "") + ended.line();
  }

  std::string request_;
  std::string port_;
};

TEST_F(AdbCheckTest, AsksForTheStateOfOneDevice) {
  EXPECT_EQ(run("OKAY" + with_length("device")), "pass: CB5A1: device");
  EXPECT_EQ(request_, "001bhost-serial:CB5A1:get-state");
  EXPECT_EQ(run("OKAY" + with_length("recovery"), "recovery"), "pass: CB5A1: recovery");
}

TEST_F(AdbCheckTest, OtherStatesFail) {
  EXPECT_EQ(run("OKAY" + with_length("unauthorized")),
            "CB5A1: is \"unauthorized\" instead of \"device\"");
  EXPECT_EQ(run("OKAY" + with_length("")), "CB5A1: is \"\" instead of \"device\"");
  EXPECT_EQ(run("FAIL" + with_length("device 'CB5A1' not found")),
            "CB5A1: \"device 'CB5A1' not found\"");
}

TEST_F(AdbCheckTest, WhatIsNotTheProtocolFails) {
  EXPECT_NE(run("").find("closed the connection without a word"), std::string::npos);
  EXPECT_NE(run("HTTP/1.1 400").find("says \"HTTP\", which is not adb's protocol"),
            std::string::npos);
  EXPECT_NE(run("\xff\xff\xff\xff").find("which is not adb's protocol"), std::string::npos);
  for (const char* answer : {"OKAY", "OKAY00", "OKAYzzzz", "OKAY-001", "OKAYffffdevice",
                             "OKAY0006devic", "FAIL", "FAIL0x10"}) {
    EXPECT_NE(run(answer).find("breaks off its answer"), std::string::npos) << answer;
  }
  const std::string large = run("FAIL" + with_length(std::string(0xffff, 'x')));
  EXPECT_LT(large.size(), 200u);
}

TEST_F(AdbCheckTest, NoServer) {
  const BoundSocket nobody;
  const Ended ended =
      run_check(AdbCheck{"CB5A1", "device", "127.0.0.1:" + nobody.port()}, worker_context());
  EXPECT_FALSE(ended.passed());
  EXPECT_EQ(ended.line(),
            "127.0.0.1:" + nobody.port() + ": Connection refused (does the adb server run?)");
  for (const char* server : {"localhost", ":5037", "127.0.0.1:x", "127.0.0.1:"}) {
    EXPECT_FALSE(run_check(AdbCheck{"S", "device", server}, worker_context()).passed()) << server;
  }
  EXPECT_EQ(run_check(AdbCheck{std::string(2000, 'x'), "device", ""}, worker_context()).line(),
            "the serial is too long for adb");
}

TEST_F(AdbCheckTest, AServerThatNeverAnswersIsGivenUp) {
  const BoundSocket socket;
  socket.listen();
  const Ended ended = run_check(AdbCheck{"CB5A1", "device", "127.0.0.1:" + socket.port()},
                                worker_context(), "asking");
  EXPECT_EQ(ended.line(), "timed out after 1s: adb server 127.0.0.1:" + socket.port() +
                              ": asking for the state of CB5A1");
}

}  // namespace
}  // namespace muster
