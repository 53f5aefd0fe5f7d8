// The strategies of deploy/examples are what people start from.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "cli/render_strategy.h"
#include "io/file.h"
#include "io/process.h"
#include "io/strategy_file.h"

namespace muster {
namespace {

using Tags = std::vector<std::string>;

const Tags kExamples = {"linux-host", "android-phone", "chromeos-dut"};

Strategy load_example(const std::string& name) {
  const StrategyFile file = load_strategy_file(std::string(MUSTER_SOURCE_DIR) +
                                               "/deploy/examples/strategies/" + name + ".yaml");
  // Warnings are meant: no action makes memory or a hardware id.
  EXPECT_FALSE(file.problems.has_errors()) << file.problems.to_text();
  EXPECT_EQ(file.strategy.name, name);
  return file.strategy;
}

// A lease with everything that the examples ask of profiles and stacks.
std::vector<DeviceSpec> sample_lease() {
  std::vector<DeviceSpec> lease(5);
  lease[0] = {"dut-1",
              {{"type", "x"},
               {"serial", "CB5A1"},
               {"host", "dut-1.lab"},
               {"board", "eve"},
               {"update_url", "http://omaha.lab:8080/update"},
               {"firmware", "Google_Eve.9584.230.0"},
               {"scratch", "/tmp"},
               {"tcp_host", "127.0.0.1"},
               {"tcp_port", "7123"},
               {"unit", "ready.service"}}};
  lease[1] = {"relay-1", {{"type", "relay"}}};
  lease[2] = {"hub-1", {{"type", "hub"}, {"serial", "HUB7"}}};
  lease[3] = {"rpm-1", {{"type", "rpm"}}};
  lease[4] = {"servo-1", {{"type", "servo"}, {"host", "servo-1.lab"}}};
  return lease;
}

// What a check or an action hands to a shell, here or on the other side; empty when it does not.
struct ShellText {
  std::string operator()(const CommandCheck& command) const { return of(command.argv); }
  std::string operator()(const SshCheck& ssh) const { return of(ssh.argv); }
  std::string operator()(const auto&) const { return {}; }
  static std::string of(const std::vector<std::string>& argv) {
    return argv.size() == 3 && argv[0] == "/bin/sh" && argv[1] == "-c" ? argv[2] : "";
  }
};

struct Ended {
  std::string output;
  int exit_code = -1;
};

Ended run(const ProcessSpec& spec) {
  const Result<std::unique_ptr<Process>> started = Process::start(spec);
  if (!started.ok()) return {started.error(), -1};
  Process& process = **started;
  Ended ended;
  while (process.read_output(ended.output, 4096)) {
    pollfd item{process.output_fd(), POLLIN, 0};
    ::poll(&item, 1, -1);
  }
  pollfd end{process.exit_fd(), POLLIN, 0};
  ::poll(&end, 1, -1);
  if (const std::optional<ProcessExit> exit = process.try_reap()) {
    ended.exit_code = exit->exit_code.value_or(-1);
  }
  return ended;
}

// Why a shell cannot parse `text`, or nothing.
std::string shell_fault(const std::string& text) {
  return run({{"/bin/sh", "-n", "-c", text}, {{"PATH", "/bin"}}}).output;
}

const Verifier& verifier_of(const Strategy& strategy, const std::string& tag) {
  const auto found = std::find_if(strategy.verifiers.begin(), strategy.verifiers.end(),
                                  [&](const Verifier& verifier) { return verifier.tag == tag; });
  EXPECT_NE(found, strategy.verifiers.end()) << tag;
  return *found;
}

class ExampleChecks : public ::testing::Test {
 protected:
  ExampleChecks() {
    std::string pattern = ::testing::TempDir() + "examples-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~ExampleChecks() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
};

TEST(ExampleStrategies, HaveTheTreesTheyHad) {
  for (const std::string& name : kExamples) {
    const Result<std::string> golden = read_file(
        std::string(MUSTER_SOURCE_DIR) + "/tests/golden/strategy_tree/" + name + ".txt", 1 << 16);
    ASSERT_TRUE(golden.ok()) << golden.error();
    EXPECT_EQ(render_strategy_tree(load_example(name), true), *golden) << name;
  }
}

TEST(ExampleStrategies, AskOnlyForWhatTheySay) {
  const std::vector<DeviceSpec> lease = sample_lease();
  const PlaceholderScope scope{&lease[0], lease, "guid-0123456789"};
  for (const std::string& name : kExamples) {
    const Strategy strategy = load_example(name);
    std::map<std::string, std::string> shell_texts;
    for (const Verifier& verifier : strategy.verifiers) {
      const Result<CheckSpec> check = expand_check(verifier.check, scope);
      ASSERT_TRUE(check.ok()) << name << ": " << verifier.tag << ": " << check.error();
      EXPECT_TRUE(expand_placeholders(verifier.blame, scope).ok()) << verifier.tag;
      shell_texts["verify " + verifier.tag] = std::visit(ShellText{}, *check);
    }
    for (const RepairActionSpec& action : strategy.actions) {
      const Result<ActionRun> run = expand_action(action.run, scope);
      ASSERT_TRUE(run.ok()) << name << ": " << action.tag << ": " << run.error();
      shell_texts["repair " + action.tag] = std::visit(ShellText{}, *run);
    }
    for (const FinallySpec& closing : strategy.closing) {
      EXPECT_TRUE(expand_action(closing.run, scope).ok()) << name << ": " << closing.tag;
    }
    for (const auto& [tag, text] : shell_texts) {
      EXPECT_EQ(shell_fault(text), "") << name << ": " << tag << ":\n" << text;
    }
  }
}

// Every failure of a verifier starts an action, but for what nobody can repair.
TEST(ExampleStrategies, RepairWhatTheyVerify) {
  const std::set<std::string> beyond_repair = {"linux-host memory", "android-phone hub",
                                               "chromeos-dut hwid"};
  for (const std::string& name : kExamples) {
    const Strategy strategy = load_example(name);
    std::set<std::string> triggers;
    for (const RepairActionSpec& action : strategy.actions) {
      triggers.insert(action.triggers.begin(), action.triggers.end());
    }
    for (const Verifier& verifier : strategy.verifiers) {
      EXPECT_NE(triggers.count(verifier.tag), beyond_repair.count(name + " " + verifier.tag))
          << name << ": " << verifier.tag;
    }
  }
}

// The graph of ChromiumOS autotest's host class for Chromebooks, in its order.
TEST(ExampleStrategies, ChromebooksAreRepairedAsAutotestDoes) {
  const Strategy strategy = load_example("chromeos-dut");
  const Tags tags = {"ssh",     "devmode",  "hwid", "power",  "ext4", "writable", "tpm",
                     "good_au", "fwstatus", "rwfw", "python", "cros", "ec_reset"};
  ASSERT_EQ(strategy.verifiers.size(), tags.size());
  for (size_t i = 0; i < tags.size(); ++i) {
    EXPECT_EQ(strategy.verifiers[i].tag, tags[i]);
    EXPECT_EQ(strategy.verifiers[i].deps, i == 0 ? Tags{} : Tags{"ssh"}) << tags[i];
  }
  struct Row {
    std::string tag;
    Tags deps;
    Tags triggers;
  };
  const std::vector<Row> rows = {
      {"rpm", {}, {"ssh", "power"}},
      {"sysrq", {}, {"ssh"}},
      {"servoreset", {}, {"ssh"}},
      {"firmware", {}, {"ssh", "fwstatus", "good_au"}},
      {"reboot", {"ssh"}, {"devmode", "writable"}},
      {"coldboot", {"ssh"}, {"ec_reset"}},
      {"au", {"ssh", "writable", "tpm", "good_au", "ext4"}, {"power", "rwfw", "python", "cros"}},
      {"powerwash",
       {"ssh", "writable"},
       {"tpm", "good_au", "ext4", "power", "rwfw", "python", "cros"}},
      {"usb", {}, {"ssh", "writable", "tpm", "good_au", "ext4", "power", "rwfw", "python", "cros"}},
  };
  ASSERT_EQ(strategy.actions.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(strategy.actions[i].tag, rows[i].tag);
    EXPECT_EQ(strategy.actions[i].deps, rows[i].deps) << rows[i].tag;
    EXPECT_EQ(strategy.actions[i].triggers, rows[i].triggers) << rows[i].tag;
  }
}

// It reads 16 MiB of flash into a directory of its own, on a device whose /tmp is memory.
TEST_F(ExampleChecks, TheFirmwareCheckLeavesNothingOnTheDevice) {
  const Strategy strategy = load_example("chromeos-dut");
  const std::string text = std::visit(ShellText{}, verifier_of(strategy, "fwstatus").check);
  // The tools of a Chromebook, which find nothing wrong, or fail.
  for (const int verdict : {0, 1}) {
    const std::string tools =
        "flashrom() { touch image.bin; }; futility() { :; }; vbutil_firmware() { return " +
        std::to_string(verdict) + "; }; ";
    const Ended ended =
        run({{"/bin/sh", "-c", tools + text}, {{"PATH", "/bin"}, {"TMPDIR", dir_}}});
    EXPECT_EQ(ended.exit_code, verdict) << ended.output;
    EXPECT_TRUE(std::filesystem::is_empty(dir_)) << ended.output;
  }
}

// A check that cannot fail would never start its repair.
TEST_F(ExampleChecks, TheClockCheckFailsWhereTheClockIsNotSynchronised) {
  const Strategy strategy = load_example("linux-host");
  const Verifier& clock = verifier_of(strategy, "clock");
  EXPECT_EQ(clock.when, "ntp");
  const auto says = [&](const std::string& answer) {
    const std::string tool = dir_ + "/timedatectl";
    std::ofstream(tool) << "#!/bin/sh\necho " << answer << "\n";
    std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
    return run({std::get<CommandCheck>(clock.check).argv, {{"PATH", dir_ + ":/bin"}}});
  };
  EXPECT_EQ(says("no").exit_code, 1);
  EXPECT_EQ(says("yes").exit_code, 0);
  EXPECT_EQ(says("yes").output, "the clock is synchronised\n");
}

}  // namespace
}  // namespace muster
