#include "core/strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"
#include "core/verify_graph.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

Verifier verifier(std::string tag, std::vector<std::string> deps = {}) {
  return {std::move(tag), "", NoopCheck{}, std::move(deps), 5s};
}

RepairActionSpec action(std::string tag, std::vector<std::string> triggers,
                        std::vector<std::string> deps = {}) {
  return {std::move(tag), "", CommandCheck{{"true"}}, std::move(deps), std::move(triggers), 5s};
}

Strategy strategy(std::vector<Verifier> verifiers, std::vector<RepairActionSpec> actions = {}) {
  return {"test", "", std::move(verifiers), std::move(actions)};
}

std::vector<std::string> texts(const std::vector<StrategyProblem>& problems) {
  std::vector<std::string> out;
  for (const StrategyProblem& problem : problems) {
    out.push_back(problem.where + ": " + problem.message);
  }
  return out;
}

TEST(CheckStrategy, AcceptsWhatIsRight) {
  const std::vector<Strategy> rows = {
      strategy({}),
      strategy({verifier("a")}),
      strategy({verifier("pass"), verifier("Pass"), verifier("a.b_c-9"), verifier("-")}),
      strategy({verifier(std::string(kNameLengthMax, 't'))}),
      strategy({verifier("top", {"left", "right"}), verifier("left", {"bottom"}),
                verifier("right", {"bottom"}), verifier("bottom")}),  // forward references
      strategy({verifier("a"), verifier("b", {"a", "a"})}),
      strategy({verifier("a")}, {action("a", {"a"}), action("b", {"PASS"})}),
      strategy({verifier("a")}, {action("never", {})}),
      {"name", "type=handset", {}, {}},
  };
  for (const Strategy& row : rows) {
    EXPECT_THAT(texts(check_strategy(row)), ::testing::IsEmpty());
  }
}

struct ProblemRow {
  Strategy strategy;
  std::vector<std::string> problems;
};

TEST(CheckStrategy, TagsAndReferences) {
  const std::vector<ProblemRow> rows = {
      {strategy({verifier("")}), {"verify[0]: has no tag"}},
      {strategy({verifier("PASS")}),
       {"verify[0].tag: tag \"PASS\" is reserved for the end of a verification; choose another"}},
      {strategy({}, {action("PASS", {})}),
       {"repair[0].tag: tag \"PASS\" is reserved for the end of a verification; choose another"}},
      {strategy({verifier("a b")}),
       {"verify[0].tag: tag \"a b\" has a character that is not allowed at position 2; use "
        "letters, "
        "digits and _ . -"}},
      {strategy({verifier("a"), verifier("b"), verifier("a")}),
       {"verify[2].tag: tag \"a\" is already used by verify[0]"}},
      {strategy({verifier("v")}, {action("a", {"v"}), action("a", {"v"})}),
       {"repair[1].tag: tag \"a\" is already used by repair[0]"}},
      {strategy({verifier("usb"), verifier("adb", {"ubs"})}),
       {"verify[1].deps[0]: no verifier has the tag \"ubs\" (did you mean \"usb\"?)"}},
      {strategy({verifier("adb", {"something"})}),
       {"verify[0].deps[0]: no verifier has the tag \"something\""}},
      {strategy({verifier("adb", {"PASS"})}),
       {"verify[0].deps[0]: a verifier cannot depend on PASS: PASS depends on all of them"}},
      {strategy({verifier("a", {"fix"})}, {action("fix", {"a"}, {"fix"})}),
       {"verify[0].deps[0]: \"fix\" is a repair action; name a verifier",
        "repair[0].deps[0]: \"fix\" is a repair action; name a verifier"}},
      {strategy({verifier("battery")}, {action("charge", {"batery", "x"})}),
       {"repair[0].triggers[0]: no verifier has the tag \"batery\" (did you mean \"battery\"?)",
        "repair[0].triggers[1]: no verifier has the tag \"x\""}},
      {strategy({verifier(std::string(kNameLengthMax + 1, 't'))}),
       {"verify[0].tag: tag \"" + std::string(77, 't') +
        "\xE2\x80\xA6\" has 129 bytes; at most 128 are allowed"}},
      {{"bad name", "k in (a", {}, {}},
       {"name: strategy name \"bad name\" has a character that is not allowed at position 4; use "
        "letters, digits and . _ -",
        "for: selector \"k in (a\": expected \")\" at position 8"}},
      {{"", "", {}, {}}, {"name: strategy name is empty"}},
  };
  for (const ProblemRow& row : rows) EXPECT_EQ(texts(check_strategy(row.strategy)), row.problems);
}

TEST(CheckStrategy, NamesEachCycleOnce) {
  const std::string cycle = "the dependencies form a cycle: ";
  const std::vector<ProblemRow> rows = {
      {strategy({verifier("a", {"a"})}), {"verify[0].deps[0]: " + cycle + "a -> a"}},
      {strategy({verifier("a", {"b"}), verifier("b", {"a"})}),
       {"verify[1].deps[0]: " + cycle + "a -> b -> a"}},
      {strategy({verifier("x", {"c"}), verifier("a", {"b"}), verifier("b", {"c"}),
                 verifier("c", {"x", "a"})}),
       {"verify[3].deps[0]: " + cycle + "x -> c -> x",
        "verify[2].deps[0]: " + cycle + "c -> a -> b -> c"}},
      {strategy({verifier("a", {"b"}), verifier("b", {"a"}), verifier("c", {"d"}),
                 verifier("d", {"ok", "c"}), verifier("ok")}),
       {"verify[1].deps[0]: " + cycle + "a -> b -> a",
        "verify[3].deps[1]: " + cycle + "c -> d -> c"}},
      // A diamond is none.
      {strategy({verifier("top", {"l", "r"}), verifier("l", {"b"}), verifier("r", {"b"}),
                 verifier("b")}),
       {}},
  };
  for (const ProblemRow& row : rows) EXPECT_EQ(texts(check_strategy(row.strategy)), row.problems);
}

struct CheckRow {
  CheckSpec check;
  const char* problem;  // nullptr: none
};

TEST(CheckStrategy, ChecksThatCanNeverWork) {
  const std::vector<CheckRow> rows = {
      {NoopCheck{}, nullptr},
      {CommandCheck{CommandCheck{{"true"}}}, nullptr},
      {CommandCheck{{"ping", "{device.ip}", "", "{{}"}}, nullptr},
      {CommandCheck{{}}, "the command is empty"},
      {CommandCheck{{""}}, "the command is empty"},
      {CommandCheck{{"awk", "{print $1}"}}, "unknown placeholder {print $1}"},
      {CommandCheck{{"echo", "{device.}"}}, "unknown placeholder {device.}"},
      {CommandCheck{{"echo", "{stack.relay}"}}, "unknown placeholder {stack.relay}"},
      {CommandCheck{{"echo", "{}"}}, "unknown placeholder {}"},
      {CommandCheck{{"echo", "x{device.name"}}, "\"{\" is not closed"},
      {TcpCheck{"host", "22", "SSH-"}, nullptr},
      {TcpCheck{"{device.ip}", "{device.port}", ""}, nullptr},
      {TcpCheck{"host", "1", ""}, nullptr},
      {TcpCheck{"host", "65535", ""}, nullptr},
      {TcpCheck{"", "22", ""}, "the host is empty"},
      {TcpCheck{"host", "", ""}, "the port \"\" is not a number"},
      {TcpCheck{"host", "0", ""}, "the port \"0\" is not a number from 1 to 65535"},
      {TcpCheck{"host", "65536", ""}, "not a number from 1 to 65535"},
      {TcpCheck{"host", "99999999999", ""}, "not a number"},
      {TcpCheck{"host", "ssh", ""}, "not a number"},
      {TcpCheck{"host", "-1", ""}, "not a number"},
      {TcpCheck{"host", "{port}", ""}, "unknown placeholder {port}"},
      {TcpCheck{"host", "22", "{"}, "\"{\" is not closed"},
      {DiskCheck{"/", 1, 0, 0, 0}, nullptr},
      {DiskCheck{"/", 0, 100, 0, 0}, nullptr},
      {DiskCheck{"/", 0, 0, 0, 5}, nullptr},
      {DiskCheck{"", 1, 0, 0, 0}, "the path is empty"},
      {DiskCheck{"/", 0, 0, 0, 0}, "has no minimum"},
      {DiskCheck{"/", 0, 101, 0, 0}, "more than 100 percent"},
      {DiskCheck{"/", 0, 0, 0, 101}, "more than 100 percent"},
      {DiskCheck{"{x}", 1, 0, 0, 0}, "unknown placeholder {x}"},
      {FileCheck{"/etc/passwd", true, true, "root", 5s}, nullptr},
      {FileCheck{"/nologin", false, false, "", 0s}, nullptr},
      {FileCheck{"", true, false, "", 0s}, "the path is empty"},
      {FileCheck{"/x", false, true, "", 0s}, "must not exist"},
      {FileCheck{"/x", false, false, "y", 0s}, "must not exist"},
      {FileCheck{"/x", false, false, "", 1s}, "must not exist"},
      {FileCheck{"/x", true, false, "", -1s}, "the age is negative"},
      {FileCheck{"/x", true, false, "{y}", 0s}, "unknown placeholder {y}"},
  };
  for (const CheckRow& row : rows) {
    Strategy one = strategy({verifier("a")});
    one.verifiers[0].check = row.check;
    const std::vector<StrategyProblem> problems = check_strategy(one);
    ASSERT_EQ(problems.size(), row.problem ? 1u : 0u)
        << check_kind(row.check) << " " << (row.problem ? row.problem : texts(problems)[0]);
    if (!row.problem) continue;
    EXPECT_EQ(problems[0].where, "verify[0].check");
    EXPECT_THAT(problems[0].message, HasSubstr(row.problem));
  }
}

TEST(CheckStrategy, Timeouts) {
  Strategy one = strategy({verifier("a"), verifier("b"), verifier("c"), verifier("d")},
                          {action("e", {"a"}), action("f", {"a"}), action("g", {"a"})});
  one.closing = {{"h", "", NoopCheck{}, FinallyWhen::always, 0s},
                 {"i", "", NoopCheck{}, FinallyWhen::always, -1s},
                 {"j", "", NoopCheck{}, FinallyWhen::always, kTimeoutMax}};
  one.verifiers[0].timeout = 0s;
  one.verifiers[1].timeout = -1s;
  one.verifiers[2].timeout = kTimeoutMax;
  one.verifiers[3].timeout = kTimeoutMax + 1us;
  one.actions[0].timeout = 0s;
  one.actions[1].timeout = -1s;
  one.actions[2].timeout = kTimeoutMax + 1us;
  EXPECT_EQ(
      texts(check_strategy(one)),
      (std::vector<std::string>{
          "verify[0].timeout: has no timeout", "verify[1].timeout: the timeout is negative",
          "verify[3].timeout: the timeout is longer than 720 hours",
          "repair[0].timeout: has no timeout", "repair[1].timeout: the timeout is negative",
          "repair[2].timeout: the timeout is longer than 720 hours",
          "finally[0].timeout: has no timeout", "finally[1].timeout: the timeout is negative"}));
}

TEST(CheckStrategy, AWaitFitsIntoItsTimeout) {
  Strategy one = strategy({verifier("a")}, {action("b", {"a"}), action("c", {"a"})});
  one.actions[0].run = WaitAction{5s};
  one.actions[1].run = WaitAction{5s + 1us};
  one.closing = {{"d", "", WaitAction{2s}, FinallyWhen::always, 1s}};
  std::vector<std::string> wheres;
  for (const StrategyProblem& problem : check_strategy(one)) wheres.push_back(problem.where);
  EXPECT_EQ(wheres, (std::vector<std::string>{"repair[1].timeout", "finally[0].timeout"}));
}

TEST(CheckStrategy, ActionsNeedACommand) {
  Strategy one = strategy({verifier("a")}, {action("b", {"a"}), action("c", {"a"})});
  one.actions[0].run = CommandCheck{};
  one.actions[1].run = CommandCheck{{""}};
  EXPECT_EQ(texts(check_strategy(one)),
            (std::vector<std::string>{"repair[0].run: the command is empty",
                                      "repair[1].run: the command is empty"}));
}

TEST(CheckStrategy, ReportsEverythingAtOnceInTheOrderOfTheFile) {
  Strategy bad = strategy({verifier("a", {"b"}), verifier("b", {"a", "nowhere"}), verifier("a")},
                          {action("PASS", {"missing"})});
  bad.name = "";
  bad.verifiers[2].check = CommandCheck{};
  std::vector<std::string> wheres;
  for (const StrategyProblem& problem : check_strategy(bad)) wheres.push_back(problem.where);
  EXPECT_EQ(wheres, (std::vector<std::string>{"name", "verify[1].deps[1]", "verify[2].tag",
                                              "verify[2].check", "repair[0].tag",
                                              "repair[0].triggers[0]", "verify[1].deps[0]"}));
}

TEST(CheckStrategy, LimitOfNodes) {
  Strategy large = strategy({});
  for (size_t i = 0; i + 1 < kStrategyNodesMax; ++i) {
    large.verifiers.push_back(verifier("v" + std::to_string(i)));
  }
  large.actions.push_back(action("a", {"v0"}));
  EXPECT_THAT(texts(check_strategy(large)), ::testing::IsEmpty());
  large.actions.push_back(action("b", {"v0"}));
  const std::vector<StrategyProblem> problems = check_strategy(large);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].message, HasSubstr("1001 verifiers and actions; at most 1000"));
}

TEST(CheckStrategy, LimitOfProblems) {
  // Everybody depends on everybody: half a million cycles.
  Strategy tangle = strategy({});
  std::vector<std::string> tags;
  for (size_t i = 0; i < kStrategyNodesMax; ++i) tags.push_back("v" + std::to_string(i));
  for (const std::string& tag : tags) tangle.verifiers.push_back(verifier(tag, tags));
  const std::vector<StrategyProblem> problems = check_strategy(tangle);
  EXPECT_EQ(problems.size(), kErrorsPerFileMax);
  for (const StrategyProblem& problem : problems) EXPECT_LT(problem.message.size(), 5000u);

  Strategy dangling = strategy({verifier("a", std::vector<std::string>(5000, "missing"))});
  EXPECT_EQ(check_strategy(dangling).size(), kErrorsPerFileMax);
}

struct OrderRow {
  Strategy strategy;
  std::vector<size_t> roots;
  std::vector<size_t> order;
};

TEST(VerifyGraph, IsDepthFirstInDeclaredOrder) {
  const std::vector<OrderRow> rows = {
      {strategy({}), {}, {}},
      {strategy({verifier("a"), verifier("b"), verifier("c")}), {0, 1, 2}, {0, 1, 2}},
      {strategy({verifier("bottom"), verifier("left", {"bottom"}), verifier("right", {"bottom"})}),
       {1, 2},
       {0, 1, 2}},
      // The order of `deps` counts, not the declared order of what they name.
      {strategy({verifier("x"), verifier("y"), verifier("top", {"y", "x"})}), {2}, {1, 0, 2}},
      // A root that was declared first and needs what comes last.
      {strategy({verifier("top", {"last"}), verifier("alone"), verifier("last")}),
       {0, 1},
       {2, 0, 1}},
      {strategy({verifier("a"), verifier("b", {"a", "a", "a"})}), {1}, {0, 1}},
  };
  for (const OrderRow& row : rows) {
    ASSERT_THAT(texts(check_strategy(row.strategy)), ::testing::IsEmpty());
    const VerifyGraph graph = make_verify_graph(row.strategy);
    EXPECT_EQ(graph.roots, row.roots);
    EXPECT_EQ(graph.order, row.order);
  }
}

TEST(VerifyGraph, HasDependenciesInListedOrderWithoutRepeats) {
  const VerifyGraph graph = make_verify_graph(
      strategy({verifier("a"), verifier("b"), verifier("c", {"b", "a", "b", "a"})}));
  EXPECT_EQ(graph.deps, (std::vector<std::vector<size_t>>{{}, {}, {1, 0}}));
}

DeviceSpec phone() {
  DeviceSpec device;
  device.name = "phone-1";
  device.profile = {{"serial", "CB5A1"}, {"type", "handset"}, {"brace", "{device.type}"}};
  return device;
}

TEST(Placeholders, Expand) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", ""},
      {"plain } text", "plain } text"},
      {"{device.name}", "phone-1"},
      {"-s {device.serial}:{device.type}!", "-s CB5A1:handset!"},
      {"{task.guid}", "guid:0123456789"},
      {"{{device.name}", "{device.name}"},
      {"{{{device.name}}", "{phone-1}"},
      {"{{{{", "{{"},
      {"{device.brace}", "{device.type}"},  // a value is not expanded again
  };
  const DeviceSpec device = phone();
  for (const auto& [text, expected] : rows) {
    const Result<std::string> expanded =
        expand_placeholders(text, {&device, {}, "guid:0123456789"});
    ASSERT_TRUE(expanded.ok()) << expanded.error();
    EXPECT_EQ(*expanded, expected);
  }
}

// A phone, a relay and two hubs, leased together.
std::vector<DeviceSpec> stack_of_phone() {
  std::vector<DeviceSpec> stack(4);
  stack[0] = phone();
  stack[1].name = "relay-1";
  stack[1].profile = {{"type", "relay"}, {"uid", "R17"}, {"name", "not this"}};
  stack[2].name = "hub-1";
  stack[2].profile = {{"type", "hub"}, {"maker", "acme"}, {"port", "3"}};
  stack[3].name = "hub-2";
  stack[3].profile = {{"type", "hub"}, {"maker", "acme"}, {"port", "4"}};
  return stack;
}

TEST(Placeholders, KnowTheMembersOfTheLeaseByTheirType) {
  const std::vector<DeviceSpec> stack = stack_of_phone();
  const PlaceholderScope scope{&stack[0], stack, "guid"};
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"{stack.relay.name}", "relay-1"},
      {"cycle {stack.relay.uid} of {device.name}", "cycle R17 of phone-1"},
      {"{stack.hub.maker}", "acme"},  // they agree
  };
  for (const auto& [text, expected] : rows) {
    const Result<std::string> expanded = expand_placeholders(text, scope);
    ASSERT_TRUE(expanded.ok()) << expanded.error();
    EXPECT_EQ(*expanded, expected);
  }
  const std::vector<std::pair<std::string, const char*>> wrong = {
      {"{stack.hub.name}", "{stack.hub.name} could be one of several"},
      {"{stack.hub.port}", "{stack.hub.port} could be one of several"},
      // The device is no member of its own stack.
      {"{stack.handset.name}",
       "{stack.handset.name}: phone-1 is in no stack with a device of type handset"},
      {"{stack.relay.uidd}", "(did you mean \"stack.relay.uid\"?)"},
      {"{stack.relay.uidd}", "{stack.hub.maker}, {stack.hub.name}, {stack.hub.port}"},
      {"{stack.pdu.name}", "phone-1 is in no stack with a device of type pdu"},
      {"{stack.relay}", "unknown placeholder {stack.relay}"},
  };
  for (const auto& [text, why] : wrong) {
    const Result<std::string> expanded = expand_placeholders(text, scope);
    ASSERT_FALSE(expanded.ok()) << text;
    EXPECT_THAT(expanded.error(), HasSubstr(why));
  }
}

TEST(Placeholders, OfPowerAreTheOperationAndTheTarget) {
  const PowerSpec power{{"relay", "{operation}", "{target.name}"}, "{operation}", "http://h/{{"};
  const Result<PowerSpec> expanded = expand_power(power, phone(), "cycle");
  ASSERT_TRUE(expanded.ok()) << expanded.error();
  EXPECT_EQ(*expanded, (PowerSpec{{"relay", "cycle", "phone-1"}, "cycle", "http://h/{"}));
  const Result<PowerSpec> wrong = expand_power({{"{device.name}"}, "", ""}, phone(), "on");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error(), HasSubstr("{operation}, {target.brace}, {target.name}"));
}

TEST(Placeholders, Refuse) {
  const std::vector<std::pair<std::string, const char*>> rows = {
      {"{device.serail}", "unknown placeholder {device.serail} (did you mean \"device.serial\"?)"},
      {"{device.serail}",
       "{device.brace}, {device.name}, {device.serial}, {device.type}, {task.guid}"},
      {"{device}", "unknown placeholder {device}"},
      {"{}", "unknown placeholder {}"},
      {"{ device.name }", "unknown placeholder { device.name }"},
      {"{print $1}", "and {{ for a literal brace"},
      {"{device.name", "\"{\" is not closed before \"device.name\"; write {{ for a literal brace"},
      {"{", "\"{\" is not closed"},
      {"{{{", "\"{\" is not closed"},
      {"{\xFF}", "unknown placeholder {\xEF\xBF\xBD}"},
  };
  const DeviceSpec device = phone();
  for (const auto& [text, why] : rows) {
    const Result<std::string> expanded =
        expand_placeholders(text, {&device, {}, "guid:0123456789"});
    ASSERT_FALSE(expanded.ok()) << text;
    EXPECT_THAT(expanded.error(), HasSubstr(why));
  }
  const Result<std::string> without = expand_placeholders("{device.name}", {nullptr, {}, "guid"});
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error(), HasSubstr("there is {task.guid}, and"));
}

TEST(Placeholders, CannotGrowWithoutBound) {
  DeviceSpec device = phone();
  device.profile["big"] = std::string(kStrategyBytesMax / 2, 'x');
  const Result<std::string> twice =
      expand_placeholders("{device.big}{device.big}", {&device, {}, ""});
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->size(), kStrategyBytesMax);
  const Result<std::string> more =
      expand_placeholders("{device.big}x{device.big}", {&device, {}, ""});
  ASSERT_FALSE(more.ok());
  EXPECT_THAT(more.error(), HasSubstr("longer than 1048576 bytes"));
}

TEST(Placeholders, ExpandEveryStringOfACheck) {
  const DeviceSpec device = phone();
  const std::vector<std::pair<CheckSpec, CheckSpec>> rows = {
      {CommandCheck{{"adb", "-s", "{device.serial}"}}, CommandCheck{{"adb", "-s", "CB5A1"}}},
      {TcpCheck{"{device.name}.lab", "{device.serial}", "hello {device.type}"},
       TcpCheck{"phone-1.lab", "CB5A1", "hello handset"}},
      {DiskCheck{"/mnt/{device.name}", 1, 2, 3, 4}, DiskCheck{"/mnt/phone-1", 1, 2, 3, 4}},
      {FileCheck{"/run/{device.name}", true, true, "{device.serial}", 5s},
       FileCheck{"/run/phone-1", true, true, "CB5A1", 5s}},
      {NoopCheck{}, NoopCheck{}},
      {PingCheck{"{device.name}", 3}, PingCheck{"phone-1", 3}},
      {SshCheck{"{device.name}",
                "{device.serial}",
                "{device.type}",
                "/k/{device.name}",
                "/h/{device.name}",
                {"{device.serial}"}},
       SshCheck{"phone-1", "CB5A1", "handset", "/k/phone-1", "/h/phone-1", {"CB5A1"}}},
      {HttpCheck{"{device.type}",
                 "http://{device.name}/",
                 {"X: {device.serial}"},
                 "{device.name}",
                 5,
                 "{device.type}"},
       HttpCheck{"handset", "http://phone-1/", {"X: CB5A1"}, "phone-1", 5, "handset"}},
      {AdbCheck{"{device.serial}", "{device.type}", "{device.name}"},
       AdbCheck{"CB5A1", "handset", "phone-1"}},
      {UsbCheck{"{device.type}", "{device.name}", "{device.serial}", "/{device.name}"},
       UsbCheck{"handset", "phone-1", "CB5A1", "/phone-1"}},
  };
  for (const auto& [check, expected] : rows) {
    const Result<CheckSpec> expanded = expand_check(check, {&device, {}, "guid"});
    ASSERT_TRUE(expanded.ok()) << expanded.error();
    EXPECT_EQ(*expanded, expected) << check_kind(check);
  }
  const std::vector<CheckSpec> bad = {CommandCheck{{"ok", "{bad}"}},
                                      TcpCheck{"{bad}", "1", ""},
                                      TcpCheck{"h", "{bad}", ""},
                                      TcpCheck{"h", "1", "{bad}"},
                                      DiskCheck{"{bad}", 1, 0, 0, 0},
                                      FileCheck{"{bad}", true, false, "", 0s},
                                      FileCheck{"/", true, false, "{bad}", 0s},
                                      PingCheck{"{bad}", 1},
                                      SshCheck{"", "", "", "", "", {"{bad}"}},
                                      HttpCheck{"GET", "{bad}", {}, "", 0, ""},
                                      HttpCheck{"GET", "http://h", {"{bad}"}, "", 0, ""},
                                      AdbCheck{"{bad}", "device", ""},
                                      UsbCheck{"", "", "", "{bad}"}};
  for (const CheckSpec& check : bad) {
    const Result<CheckSpec> expanded = expand_check(check, {&device, {}, "guid"});
    ASSERT_FALSE(expanded.ok()) << check_kind(check);
    EXPECT_THAT(expanded.error(), HasSubstr("unknown placeholder {bad}"));
  }
}

// A device without a serial number must not pass for the first one on the bus.
TEST(Placeholders, AFieldThatBecomesEmptyIsNotAFieldThatIsLeftOut) {
  DeviceSpec device = stack_of_phone()[0];
  device.profile["none"] = "";
  const std::vector<std::pair<CheckSpec, const char*>> rows = {
      {UsbCheck{"{device.none}", "", "S", ""}, "vendor"},
      {UsbCheck{"18d1", "{device.none}", "", ""}, "product"},
      {UsbCheck{"18d1", "", "{device.none}", ""}, "serial"},
      {TcpCheck{"h", "1", "{device.none}"}, "expect"},
      {FileCheck{"/f", true, false, "{device.none}", 0s}, "contains"},
      {HttpCheck{"GET", "http://h", {}, "", 0, "{device.none}"}, "contains"},
      {SshCheck{"{device.none}", "", "", "", "", {}}, "host"},
      {AdbCheck{"{device.none}", "device", ""}, "serial"},
      {AdbCheck{"S", "device", "{device.none}"}, "server"},
      {PingCheck{"{device.none}", 1}, "host"},
  };
  for (const auto& [check, field] : rows) {
    const Result<CheckSpec> expanded = expand_check(check, {&device, {}, "guid"});
    ASSERT_FALSE(expanded.ok()) << check_kind(check) << " " << field;
    EXPECT_EQ(expanded.error(),
              "\"" + std::string(field) + "\" is empty: \"{device.none}\" became nothing");
  }
  for (const CheckSpec& check :
       {CheckSpec(CommandCheck{{"x", "{device.none}"}}), CheckSpec(UsbCheck{"18d1", "", "", ""}),
        CheckSpec(HttpCheck{"GET", "http://h", {}, "{device.none}", 0, ""})}) {
    EXPECT_TRUE(expand_check(check, {&device, {}, "guid"}).ok()) << check_kind(check);
  }
}

TEST(Placeholders, ExpandEveryStringOfAnAction) {
  const std::vector<DeviceSpec> stack = stack_of_phone();
  const PlaceholderScope scope{&stack[0], stack, "guid"};
  const std::vector<std::pair<ActionRun, ActionRun>> rows = {
      {CommandCheck{{"x", "{stack.relay.uid}"}}, CommandCheck{{"x", "R17"}}},
      {SshCheck{"{device.name}", "", "", "", "", {"{task.guid}"}},
       SshCheck{"phone-1", "", "", "", "", {"guid"}}},
      {HttpCheck{"GET", "http://{stack.relay.name}", {}, "", 0, ""},
       HttpCheck{"GET", "http://relay-1", {}, "", 0, ""}},
      {PowerAction{"{stack.relay.name}", "{device.type}"}, PowerAction{"relay-1", "handset"}},
      {WaitAction{5s}, WaitAction{5s}},
      {NoopCheck{}, NoopCheck{}},
  };
  for (const auto& [run, expected] : rows) {
    const Result<ActionRun> expanded = expand_action(run, scope);
    ASSERT_TRUE(expanded.ok()) << expanded.error();
    EXPECT_EQ(*expanded, expected) << action_kind(run);
  }
  for (const ActionRun& run :
       {ActionRun(PowerAction{"{bad}", "on"}), ActionRun(PowerAction{"r", "{bad}"}),
        ActionRun(CommandCheck{{"{bad}"}})}) {
    EXPECT_FALSE(expand_action(run, scope).ok()) << action_kind(run);
  }
}

}  // namespace
}  // namespace muster
