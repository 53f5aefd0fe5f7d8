#include "core/shell_text.h"

#include <gtest/gtest.h>

#include "core/strategy.h"

namespace muster {
namespace {

DeviceSpec device_with(std::string serial) {
  DeviceSpec device;
  device.name = "dut";
  device.profile = {{"serial", std::move(serial)}, {"unit", "u 1"}};
  return device;
}

std::string expanded(const std::string& text, const DeviceSpec& device) {
  const Result<CheckSpec> check =
      expand_check(CommandCheck{{"/bin/sh", "-c", text}}, {&device, {}, "guid"});
  if (!check.ok()) return "error: " + check.error();
  return std::get<CommandCheck>(*check).argv.at(2);
}

// Where a value stands decides what stands for it; what it holds decides nothing.
TEST(ShellText, AValueIsQuotedForThePlaceWhereItStands) {
  struct Row {
    const char* text;
    const char* code;
  };
  const std::vector<Row> rows = {
      {"echo {device.serial}", "echo \"${muster_1}\""},
      {"echo a{device.serial}b", "echo a\"${muster_1}\"b"},
      {"echo \"a {device.serial}\"", "echo \"a ${muster_1}\""},
      {"echo 'a {device.serial}'", "echo 'a '\"${muster_1}\"''"},
      {"echo \\' {device.serial}", "echo \\' \"${muster_1}\""},
      {"echo \"\\\"{device.serial}\"", "echo \"\\\"${muster_1}\""},
      {"echo \"it's {device.serial}\"", "echo \"it's ${muster_1}\""},
      {"# don't\necho {device.serial}", "# don't\necho \"${muster_1}\""},
      {"echo a#' {device.serial}'", "echo a#' '\"${muster_1}\"''"},
      {"echo \"$(ls {device.serial}) {device.serial}\"",
       "echo \"$(ls \"${muster_1}\") ${muster_1}\""},
      {"echo \"`ls {device.serial}` {device.serial}\"",
       "echo \"`ls \"${muster_1}\"` ${muster_1}\""},
      {"x=$((1<<2))\necho {device.serial}", "x=$((1<<2))\necho \"${muster_1}\""},
      {"cat <<END; echo {device.serial}\nit's {device.serial}\nEND\necho {device.serial}",
       "cat <<END; echo \"${muster_1}\"\nit's ${muster_1}\nEND\necho \"${muster_1}\""},
      {"cat <<-END\n\t{device.serial}\n\tEND\necho {device.serial}",
       "cat <<-END\n\t${muster_1}\n\tEND\necho \"${muster_1}\""},
      {"cat <<'END'\nit's\nEND\necho {device.serial}",
       "cat <<'END'\nit's\nEND\necho \"${muster_1}\""},
      {"f() {{ echo {device.serial}; }\nf", "f() { echo \"${muster_1}\"; }\nf"},
  };
  const DeviceSpec device = device_with("S");
  for (const Row& row : rows) {
    EXPECT_EQ(expanded(row.text, device), "muster_1='S'; " + std::string(row.code));
  }
}

TEST(ShellText, EachPlaceholderHasItsVariable) {
  EXPECT_EQ(expanded("{device.unit} {device.serial} {device.unit}", device_with("$(reboot)'")),
            "muster_1='u 1'; muster_2='$(reboot)'\\'''; \"${muster_1}\" \"${muster_2}\" "
            "\"${muster_1}\"");
  EXPECT_EQ(expanded("echo $HOME 'a' \"b\"", device_with("S")), "echo $HOME 'a' \"b\"");
}

TEST(ShellText, SaysWhereTheShellWouldReplaceNothing) {
  EXPECT_EQ(expanded("cat <<'END'\n{device.serial}\nEND", device_with("S")),
            "error: the placeholder {device.serial} stands in a here-document whose end is quoted, "
            "where the shell replaces nothing; take the quotes away");
}

// Also of what is run by ssh and by a relay; an argument list is nobody's code.
TEST(ShellText, HoldsForEveryShellText) {
  const DeviceSpec device = device_with("$(reboot)");
  const std::vector<std::string> argv = {"/bin/sh", "-c", "echo {device.serial}"};
  const std::string code = "muster_1='$(reboot)'; echo \"${muster_1}\"";
  const PlaceholderScope scope{&device, {}, "guid"};
  SshCheck ssh;
  ssh.argv = argv;
  EXPECT_EQ(std::get<SshCheck>(*expand_check(ssh, scope)).argv.at(2), code);
  EXPECT_EQ(std::get<CommandCheck>(*expand_action(CommandCheck{argv}, scope)).argv.at(2), code);
  EXPECT_EQ(std::get<CommandCheck>(*expand_check(CommandCheck{{"x", "{device.serial}"}}, scope)),
            (CommandCheck{{"x", "$(reboot)"}}));
  PowerSpec power;
  power.argv = {"/bin/sh", "-c", "echo {target.serial} {operation}"};
  EXPECT_EQ(expand_power(power, device, "on")->argv.at(2),
            "muster_1='$(reboot)'; muster_2='on'; echo \"${muster_1}\" \"${muster_2}\"");
}

}  // namespace
}  // namespace muster
