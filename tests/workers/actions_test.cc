// What repair actions run.
#include <vector>

#include "tests/workers/check_child.h"
#include "tests/workers/ssh_server.h"

namespace muster {
namespace {

// A phone whose power two relays switch: one by a command, one by HTTP.
class ActionsTest : public WorkerChild {
 protected:
  ActionsTest() : devices_(4) {
    devices_[0].name = "phone-1";
    devices_[0].profile = {{"type", "handset"}, {"outlet", "7"}, {"bad", "a b"}};
    devices_[1].name = "relay-1";
    devices_[1].profile = {{"type", "relay"}};
    devices_[2].name = "pdu-1";
    devices_[2].profile = {{"type", "pdu"}};
    devices_[3].name = "hub-1";
    devices_[3].profile = {{"type", "hub"}};
    context_.devices = devices_;
  }
  std::string error_of(const ActionRun& run) const {
    const Result<ProcessSpec> spec = process_for_action(run, context_);
    return spec ? "" : spec.error();
  }

  std::vector<DeviceSpec> devices_;
  CheckContext context_ = worker_context();
};

TEST_F(ActionsTest, Commands) {
  EXPECT_TRUE(run_action(CommandCheck{{"touch", path("{device.name}")}}, context_).passed());
  EXPECT_TRUE(std::filesystem::exists(path("phone-1")));
  const Ended failed = run_action(CommandCheck{{"sh", "-c", "echo no; exit 2"}}, context_);
  EXPECT_FALSE(failed.passed());
  EXPECT_EQ(failed.line(), "no");
}

// A device says its serial number itself: no value may ever be run as a command.
TEST_F(ActionsTest, WhatADeviceSaysIsNeverRunByAShell) {
  SshServer server(dir());
  const std::string attempts[] = {"$(touch " + path("run") + ")",
                                  "`touch " + path("run") + "`",
                                  "'; touch " + path("run") + "; '",
                                  "\"; touch " + path("run") + "; \"",
                                  "a\ntouch " + path("run") + "\n",
                                  "a  b * ? ~ $HOME \\ -n",
                                  "EOF\ntouch " + path("run") + "; $(touch " + path("run") + ")'"};
  const std::string text =
      "printf %s {device.serial}; printf %s \"{device.serial}\"; "
      "printf %s '{device.serial}'; printf %s \"$(printf %s {device.serial}; "
      "echo .)\"; # don't {device.serial}\ncat <<EOF\n{device.serial}\nEOF\n";
  for (const std::string& serial : attempts) {
    devices_[0].profile["serial"] = serial;
    const std::string wanted = serial + serial + serial + serial + "." + serial + "\n";
    const Ended command = run_action(CommandCheck{{"/bin/sh", "-c", text}}, context_);
    EXPECT_TRUE(command.passed());
    EXPECT_EQ(command.output, wanted);
    devices_[1].power.argv = {"/bin/sh", "-c", "printf %s {operation}{target.serial}"};
    EXPECT_EQ(run_action(PowerAction{"relay-1", "$(on)"}, context_).output, "$(on)" + serial);
  }
  // There, a login shell and one more read it.
  const Ended there =
      run_action(server.login({"/bin/sh", "-c", "printf %s {device.serial}"}), context_);
  EXPECT_EQ(there.output, attempts[6] + "\n");
  EXPECT_FALSE(std::filesystem::exists(path("run")));
}

TEST_F(ActionsTest, SshHasAConnectionOfItsOwn) {
  SshServer server(dir());
  context_.ssh_control = path("not used");
  const SshCheck login = server.login({"touch", path("touched")});
  const Ended passed = run_action(login, context_);
  EXPECT_TRUE(passed.passed()) << passed.output;
  EXPECT_TRUE(std::filesystem::exists(path("touched")));
  EXPECT_FALSE(run_action(server.login({"false"}), context_).passed());
}

TEST_F(ActionsTest, PowerByACommand) {
  devices_[1].power.argv = {"sh",
                            "-c",
                            "echo \"$@\" > " + path("log"),
                            "relay",
                            "{operation}",
                            "{target.name}",
                            "{target.outlet}"};
  const Ended passed = run_action(PowerAction{"{stack.relay.name}", "cycle"}, context_);
  EXPECT_TRUE(passed.passed()) << passed.output;
  EXPECT_EQ(*read_file(path("log"), 100), "cycle phone-1 7\n");
  devices_[1].power.argv = {"sh", "-c", "echo stuck; exit 1"};
  const Ended failed = run_action(PowerAction{"relay-1", "off"}, context_);
  EXPECT_FALSE(failed.passed());
  EXPECT_EQ(failed.line(), "stuck");
}

TEST_F(ActionsTest, PowerByHttp) {
  std::string request;
  {
    const RawServer server([&](int visitor) {
      request = receive_until(visitor, "\r\n\r\n");
      send_to(visitor, request.starts_with("POST")
                           ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                           : "HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nbusy");
    });
    devices_[2].power.url = server.url() + "outlet/{target.outlet}?do={operation}";
    EXPECT_TRUE(run_action(PowerAction{"pdu-1", "on"}, context_).passed());
    devices_[2].power.method = "PUT";
    const Ended failed = run_action(PowerAction{"{stack.pdu.name}", "off"}, context_);
    EXPECT_FALSE(failed.passed());
    EXPECT_NE(failed.line().find("answers 409 instead of 2xx: \"busy\""), std::string::npos);
  }
  EXPECT_EQ(request.find("PUT /outlet/7?do=off HTTP/1.1\r\n"), 0u) << request;
}

TEST_F(ActionsTest, SayWhatIsMissing) {
  EXPECT_EQ(error_of(PowerAction{"relay-2", "on"}),
            "no device of the lease is named \"relay-2\"; there is phone-1, relay-1, pdu-1, hub-1");
  EXPECT_EQ(error_of(PowerAction{"hub-1", "on"}), "device hub-1 has no \"power\"");
  devices_[1].power.argv = {"relay", "{target.socket}"};
  EXPECT_EQ(error_of(PowerAction{"relay-1", "on"})
                .find("the power of device relay-1: unknown placeholder {target.socket}"),
            0u);
  EXPECT_NE(error_of(PowerAction{"{stack.rely.name}", "on"}).find("stack.relay.name"),
            std::string::npos);
  EXPECT_EQ(error_of(SshCheck{}),
            "ssh is given no host, and the profile of device phone-1 has no \"host\"");
  context_.devices = {};
  EXPECT_EQ(error_of(PowerAction{"relay-1", "on"}),
            "there is no device whose power could be switched");
}

TEST_F(ActionsTest, BlameIsExpandedAsChecksAre) {
  EXPECT_EQ(*expand_in_context("{stack.hub.name}", context_), "hub-1");
  EXPECT_FALSE(expand_in_context("{stack.usb.name}", context_).ok());
}

}  // namespace
}  // namespace muster
