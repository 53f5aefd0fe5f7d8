#include "io/strategy_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/codec.h"

namespace muster {
namespace {

constexpr const char* kHeader = "version: 1\nkind: strategy\nname: s\n";

std::string problems_of(const std::string& text) {
  return parse_strategy_file(text, "/d/s.yaml").problems.to_text();
}

// The problems of a strategy whose one verifier has this check.
std::string check_problems(const std::string& check) {
  return problems_of(kHeader + ("verify:\n- {tag: a, check: " + check + "}\n"));
}

CheckSpec check_of(const std::string& check) {
  const StrategyFile file =
      parse_strategy_file(kHeader + ("verify:\n- {tag: a, check: " + check + "}\n"), "/d/s.yaml");
  EXPECT_EQ(file.problems.to_text(), "") << check;
  if (file.strategy.verifiers.size() != 1) return NoopCheck{};
  return file.strategy.verifiers[0].check;
}

TEST(StrategyFile, ReadsAWholeOne) {
  const StrategyFile file = parse_strategy_file(
      "version: 1\n"
      "kind: strategy\n"
      "name: phone\n"
      "for: { type: handset, pretty: [yuga, amami] }\n"
      "defaults: { timeout: 30s }\n"
      "verify:\n"
      "  - { tag: usb, description: On the bus, check: { command: [./usb.sh, \"{device.serial}\"] "
      "} }\n"
      "  - { tag: adb, check: { noop: }, deps: [usb], timeout: 5s, blame: hub }\n"
      "repair:\n"
      "  - { tag: restart, triggers: [adb], deps: [usb], run: { command: { shell: adb kill } },\n"
      "      timeout: 3m, then: { wait: 30s } }\n"
      "finally:\n"
      "  - { tag: collect, run: { command: [adb, bugreport] }, when: failed, timeout: 2m }\n",
      "/lab/s.yaml");
  EXPECT_EQ(
      file.problems.to_text(),
      "/lab/s.yaml:8:68: warning: blame has no effect yet: this version only verifies\n"
      "/lab/s.yaml:10:3: warning: the actions under \"repair\" are checked but not run: this "
      "version only verifies\n"
      "/lab/s.yaml:13:3: warning: the actions under \"finally\" are checked but not run: this "
      "version only verifies\n");
  const Strategy& strategy = file.strategy;
  EXPECT_EQ(strategy.name, "phone");
  EXPECT_EQ(strategy.for_selector, "pretty in (amami,yuga),type=handset");
  ASSERT_EQ(strategy.verifiers.size(), 2u);
  const Verifier usb{
      "usb", "On the bus", CommandCheck{{"/lab/usb.sh", "{device.serial}"}}, {}, Duration(30s)};
  EXPECT_EQ(strategy.verifiers[0], usb);
  const Verifier adb{"adb", "adb", NoopCheck{}, {"usb"}, Duration(5s)};
  EXPECT_EQ(strategy.verifiers[1], adb);
  ASSERT_EQ(strategy.actions.size(), 1u);
  const RepairActionSpec restart{"restart", "restart", CommandCheck{{"/bin/sh", "-c", "adb kill"}},
                                 {"usb"},   {"adb"},   Duration(3min)};
  EXPECT_EQ(strategy.actions[0], restart);

  const Result<Strategy> decoded = decode_strategy(encode_strategy(strategy));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, strategy);
}

TEST(StrategyFile, TimeoutIsAMinuteByDefault) {
  const StrategyFile file =
      parse_strategy_file(kHeader + std::string("verify: [{tag: a, check: {noop: {}}}]"), "s");
  EXPECT_EQ(file.strategy.verifiers.at(0).timeout, Duration(60s));
}

TEST(StrategyFile, ReadsEveryKindOfCheck) {
  EXPECT_EQ(check_of("{command: [adb, devices]}"), CheckSpec(CommandCheck{{"adb", "devices"}}));
  EXPECT_EQ(check_of("{command: [/bin/x]}"), CheckSpec(CommandCheck{{"/bin/x"}}));
  EXPECT_EQ(check_of("{command: [../bin/x, a/b]}"), CheckSpec(CommandCheck{{"/bin/x", "a/b"}}));
  EXPECT_EQ(check_of("{command: [\"{device.tool}/x\"]}"),
            CheckSpec(CommandCheck{{"{device.tool}/x"}}));
  EXPECT_EQ(check_of("{command: {shell: a | b}}"),
            CheckSpec(CommandCheck{{"/bin/sh", "-c", "a | b"}}));
  EXPECT_EQ(check_of("{tcp: {host: h, port: 22, expect: SSH-}}"),
            CheckSpec(TcpCheck{"h", "22", "SSH-"}));
  EXPECT_EQ(check_of("{tcp: {host: h, port: \"{device.port}\"}}"),
            CheckSpec(TcpCheck{"h", "{device.port}", ""}));
  EXPECT_EQ(check_of("{disk: {path: /, free: 1GiB}}"),
            CheckSpec(DiskCheck{"/", uint64_t{1} << 30, 0, 0, 0}));
  EXPECT_EQ(check_of("{disk: {path: /, free: 5%, inodes: 1000}}"),
            CheckSpec(DiskCheck{"/", 0, 5, 1000, 0}));
  EXPECT_EQ(check_of("{disk: {path: /, inodes: 100%}}"), CheckSpec(DiskCheck{"/", 0, 0, 0, 100}));
  EXPECT_EQ(check_of("{file: {path: /x, writable: true, contains: \"a\\nb\", max_age: 1d}}"),
            CheckSpec(FileCheck{"/x", true, true, "a\nb", Duration(24h)}));
  EXPECT_EQ(check_of("{file: {path: /x, exists: false}}"),
            CheckSpec(FileCheck{"/x", false, false, "", Duration(0)}));
  EXPECT_EQ(check_of("{noop: }"), CheckSpec(NoopCheck{}));
}

// Each is one problem, and it says this. The check begins in line 5, column 19.
TEST(StrategyFile, RefusesWrongChecks) {
  struct Row {
    const char* check;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"{}", "5:19: a check must be exactly one of command, tcp, disk, file, noop"},
      {"noop", "5:19: a check must be a map with keys such as \"command\", not \"noop\""},
      {"{noop: , tcp: {host: h, port: 1}}", "5:19: a check must be exactly one of"},
      {"{comand: [x]}", "5:20: unknown key \"comand\" in a check; did you mean command?"},
      {"{ssh: {}}", "5:20: \"ssh\" in a check is not supported by this version of muster"},
      {"{noop: {a: b}}", "5:27: unknown key \"a\" in a noop check"},
      {"{noop: x}", "5:26: a noop check must be a map, not \"x\""},
      {"{command: ls -l}", "5:29: a command must be a list of arguments"},
      {"{command: []}", "5:29: a command needs the name of a program"},
      {"{command: [ls, [x]]}", "5:34: an argument must be a text, not a list"},
      {"{tcp: {host: h}}", "5:25: a tcp check needs \"port\""},
      {"{tcp: {port: 1}}", "5:25: a tcp check needs \"host\""},
      {"{tcp: {host: h, port: 0}}", "5:19: the port"},
      {"{tcp: {host: h, port: 65536}}", "5:19: the port"},
      {"{tcp: {host: h, port: ssh}}", "5:19: the port"},
      {"{tcp: {host: h, port: 22, excpect: x}}", "did you mean expect?"},
      {"{disk: {path: /}}", "5:19: the disk check has no minimum"},
      {"{disk: {free: 5%}}", "5:26: a disk check needs \"path\""},
      {"{disk: {path: /, free: 101%}}", "5:42: a share must be from 0% to 100%, not \"101%\""},
      {"{disk: {path: /, free: \"%\"}}", "5:42: a share must be from 0% to 100%"},
      {"{disk: {path: /, free: -5%}}", "5:42: a share must be from 0% to 100%"},
      {"{disk: {path: /, free: 5 apples}}", "5:42: "},
      {"{disk: {path: /, inodes: many}}", "5:44: must be a number or N%, not \"many\""},
      {"{disk: {path: /, inodes: 1K}}", "5:44: must be a number or N%, not \"1K\""},
      {"{file: {exists: true}}", "5:26: a file check needs \"path\""},
      {"{file: {path: /x, exists: no}}", "5:45: \"exists\" must be true or false, not \"no\""},
      {"{file: {path: /x, exists: false, writable: true}}", "5:19: a file that must not exist"},
      {"{file: {path: /x, max_age: old}}", "5:46: \"max_age\": "},
      {"{file: {path: \"{device.x\"}}", "5:19: "},
  };
  for (const Row& row : rows) {
    const std::string text = "verify:\n- {tag: a, check: " + std::string(row.check) + "}\n";
    const FileProblems problems = parse_strategy_file(kHeader + text, "s").problems;
    ASSERT_EQ(problems.list().size(), 1u) << row.check << "\n" << problems.to_text();
    EXPECT_NE(problems.to_text().find(row.problem), std::string::npos) << problems.to_text();
  }
}

TEST(StrategyFile, LongTextsOfChecksAreRefused) {
  const std::string most(4096, 'x');
  EXPECT_EQ(check_problems("{tcp: {host: h, port: 1, expect: " + most + "}}"), "");
  EXPECT_NE(check_problems("{tcp: {host: h, port: 1, expect: " + most + "x}}"), "");
  EXPECT_EQ(check_problems("{file: {path: /x, contains: " + most + "}}"), "");
  EXPECT_NE(check_problems("{file: {path: /x, contains: " + most + "x}}"), "");
}

// Every problem, in order; "s:" begins each line.
TEST(StrategyFile, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* text;
    const char* problems;
  };
  const std::vector<Row> rows = {
      {"", "/d/s.yaml: is empty\n"},
      {"- a\n",
       "/d/s.yaml:1:1: a strategy must be a map with keys such as \"version\", not a list\n"},
      {"version: 2\nkind: strategy\nname: s\nverify: [{tag: a, check: {noop: }}]\n",
       "/d/s.yaml:1:10: version \"2\" of the format is not known; this is version 1\n"},
      {"version: 1\nkind: stratgy\nname: s\nverify: [{tag: a, check: {noop: }}]\n",
       "/d/s.yaml:2:7: this must be a file of kind strategy, not \"stratgy\"; did you mean "
       "strategy?\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }}\n"
       "- {tag: b, check: {noop: }, deps: [aa]}\n",
       "/d/s.yaml:6:36: no verifier has the tag \"aa\"\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }, deps: [b]}\n"
       "- {tag: b, check: {noop: }, deps: [a]}\n",
       "/d/s.yaml:6:36: the dependencies form a cycle: a -> b -> a\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }}\n"
       "- {tag: a, check: {noop: }}\n",
       "/d/s.yaml:6:9: tag \"a\" is already used by verify[0]\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a}\n",
       "/d/s.yaml:5:3: a verifier needs \"check\"\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {check: {noop: }}\n",
       "/d/s.yaml:5:3: has no tag\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }, timeout: 0}\n",
       "/d/s.yaml:5:38: has no timeout\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: PASS, check: {noop: }}\n",
       "/d/s.yaml:5:9: tag \"PASS\" is reserved for the end of a verification; choose another\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }, dpes: [b]}\n",
       "/d/s.yaml:5:29: unknown key \"dpes\" in a verifier; did you mean deps?\n"},
      {"version: 1\nkind: strategy\nname: s\nlevels: {}\nverify: [{tag: a, check: {noop: }}]\n",
       "/d/s.yaml:4:1: \"levels\" in a strategy is not supported by this version of muster\n"},
      {"version: 1\nkind: strategy\nname: s\nfor: \"type in (\"\nverify: [{tag: a, check: {noop: "
       "}}]\n",
       "/d/s.yaml:4:6: selector \"type in (\": expected a value at position 10\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(problems_of(row.text), row.problems) << row.text;
}

TEST(StrategyFile, ChecksWhatItDoesNotRunYet) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const std::string head = kHeader + std::string("verify: [{tag: a, check: {noop: }}]\n");
  const std::vector<Row> rows = {
      {"repair:\n- {tag: r, triggers: [b], run: {command: [x]}}\n",
       "no verifier has the tag \"b\""},
      {"repair:\n- {tag: r, run: {command: [x]}}\n", "a repair action needs \"triggers\""},
      {"repair:\n- {tag: r, triggers: [a]}\n", "a repair action needs \"run\""},
      {"repair:\n- {tag: r, triggers: [a], run: [x]}\n", "what an action runs must be a map"},
      {"repair:\n- {tag: r, triggers: [a], run: {comand: [x]}}\n", "did you mean command?"},
      {"repair:\n- {tag: r, triggers: [a], run: {command: [x]}, then: {wiat: 3s}}\n",
       "did you mean wait?"},
      {"repair: {tag: r}\n", "\"repair\" must be a list, not a map"},
      {"finally:\n- {tag: f}\n", "a closing action needs \"run\""},
      {"finally:\n- {tag: f, run: {command: [x]}, when: sometimes}\n",
       "\"when\" must be one of always, failed, passed, not \"sometimes\""},
  };
  for (const Row& row : rows) {
    EXPECT_NE(problems_of(head + row.text).find(row.problem), std::string::npos)
        << row.text << problems_of(head + row.text);
  }
}

TEST(StrategyFile, ReportsEverythingAtOnce) {
  const FileProblems problems =
      parse_strategy_file(
          "version: 1\nkind: strategy\nnmae: s\nverify:\n- {tag: a b, check: {tcp: {host: h}}}\n"
          "- {tag: c, check: {disk: {path: /, free: lots}}, deps: [d]}\n"
          "- check: {ping: {}}\n",
          "s")
          .problems;
  EXPECT_EQ(problems.errors(), 8u) << problems.to_text();
}

TEST(StrategyFile, AFileThatIsNotThere) {
  const FileProblems problems = load_strategy_file("/nowhere/s.yaml").problems;
  ASSERT_EQ(problems.errors(), 1u);
  EXPECT_NE(problems.to_text().find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace muster
