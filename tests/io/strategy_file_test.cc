#include "io/strategy_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/limits.h"
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
      "limits: { total: 1h }\n"
      "verify:\n"
      "  - { tag: usb, description: On the bus, check: { command: [./usb.sh, \"{device.serial}\"] "
      "} }\n"
      "  - { tag: adb, check: { noop: }, deps: [usb], timeout: 5s, when: { os: android },\n"
      "      blame: \"{stack.hub.name}\", levels: [quick, deep] }\n"
      "repair:\n"
      "  - { tag: restart, triggers: [adb], deps: [usb], run: { command: { shell: adb kill } },\n"
      "      timeout: 3m, then: { wait: 30s }, when: \"!fragile\", attempts: 2, per_day: 6 }\n"
      "finally:\n"
      "  - { tag: collect, run: { command: [adb, bugreport] }, when: failed, timeout: 2m }\n"
      "  - { tag: rest, description: Rest, run: { wait: 3s } }\n",
      "/lab/s.yaml");
  EXPECT_EQ(file.problems.to_text(),
            "/lab/s.yaml:8:5: warning: no action is tried when \"usb\" fails: nothing triggers on "
            "it, or on what needs it, without needing it\n");
  Strategy wanted;
  wanted.name = "phone";
  wanted.for_selector = "pretty in (amami,yuga),type=handset";
  wanted.verifiers = {
      {"usb", "On the bus", CommandCheck{{"/lab/usb.sh", "{device.serial}"}}, {}, 30s},
      {"adb", "adb", NoopCheck{}, {"usb"}, 5s, "os=android", "{stack.hub.name}", {"quick", "deep"}},
  };
  wanted.actions = {{"restart",
                     "restart",
                     CommandCheck{{"/bin/sh", "-c", "adb kill"}},
                     {"usb"},
                     {"adb"},
                     3min,
                     "!fragile",
                     30s,
                     2,
                     6}};
  wanted.closing = {
      {"collect", "collect", CommandCheck{{"adb", "bugreport"}}, FinallyWhen::failed, 2min},
      {"rest", "Rest", WaitAction{3s}, FinallyWhen::always, 3s}};
  wanted.total = 1h;
  EXPECT_EQ(file.strategy.name, wanted.name);
  EXPECT_EQ(file.strategy.for_selector, wanted.for_selector);
  EXPECT_EQ(file.strategy.verifiers, wanted.verifiers);
  EXPECT_EQ(file.strategy.actions, wanted.actions);
  EXPECT_EQ(file.strategy.closing, wanted.closing);
  EXPECT_EQ(file.strategy.total, wanted.total);

  const Result<Strategy> decoded = decode_strategy(encode_strategy(file.strategy));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, file.strategy);
}

TEST(StrategyFile, WarnsOfWhatIsMostLikelyNotMeant) {
  const StrategyFile file = parse_strategy_file(
      kHeader + std::string("limits: { total: 10s }\n"
                            "verify:\n"
                            "  - { tag: usb, check: { noop: } }\n"
                            "  - { tag: hwid, check: { noop: } }\n"
                            "repair:\n"
                            "  - { tag: restart, triggers: [usb], run: { noop: } }\n"),
      "s.yaml");
  EXPECT_FALSE(file.problems.has_errors());
  EXPECT_EQ(
      file.problems.to_text(),
      "s.yaml:7:5: warning: no action is tried when \"hwid\" fails: nothing triggers on it, or "
      "on what needs it, without needing it\n"
      "s.yaml:4:18: warning: a repair may take 5m, and after 10s no further action is tried\n");
}

TEST(StrategyFile, TimeoutIsAMinuteByDefault) {
  const StrategyFile file =
      parse_strategy_file(kHeader + std::string("verify: [{tag: a, check: {noop: {}}}]"), "s");
  EXPECT_EQ(file.strategy.verifiers.at(0).timeout, Duration(60s));
}

// A wait of 20 minutes was ended, and failed, by the timeout of a minute that nobody had written.
TEST(StrategyFile, AWaitIsNotEndedByADefaultTimeout) {
  const auto load = [](const std::string& rest) {
    return parse_strategy_file(kHeader + ("defaults: {timeout: 10s}\n"
                                          "verify: [{tag: a, check: {noop: }}]\n"
                                          "repair:\n- {tag: r, triggers: [a], run: {wait: 20m}" +
                                          rest + "}\nfinally:\n- {tag: f, run: {wait: 2m}}\n"),
                               "s");
  };
  const StrategyFile plain = load("");
  EXPECT_EQ(plain.problems.to_text(), "");
  EXPECT_EQ(plain.strategy.actions.at(0).timeout, Duration(20min));
  EXPECT_EQ(plain.strategy.closing.at(0).timeout, Duration(2min));
  EXPECT_EQ(load(", timeout: 20m").problems.to_text(), "");
  EXPECT_EQ(load(", timeout: 21m").strategy.actions.at(0).timeout, Duration(21min));
  EXPECT_EQ(load(", timeout: 19m").problems.to_text(),
            "s:7:54: the timeout of 19m ends the wait of 20m before it is over; leave it out, or "
            "make it as long\n");
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
  EXPECT_EQ(check_of("{ping: {host: h}}"), CheckSpec(PingCheck{"h", 1}));
  EXPECT_EQ(check_of("{ping: {host: \"{device.host}\", count: 100}}"),
            CheckSpec(PingCheck{"{device.host}", 100}));
  EXPECT_EQ(check_of("{ssh: }"), CheckSpec(SshCheck{}));
  EXPECT_EQ(check_of("{ssh: {command: [uptime]}}"),
            CheckSpec(SshCheck{"", "", "", "", "", {"uptime"}}));
  EXPECT_EQ(check_of("{ssh: {command: {shell: a | b}, host: h, port: 22, user: u, key: /k, "
                     "known_hosts: /kh}}"),
            CheckSpec(SshCheck{"h", "22", "u", "/k", "/kh", {"/bin/sh", "-c", "a | b"}}));
  EXPECT_EQ(check_of("{http: {url: \"http://h/\"}}"),
            CheckSpec(HttpCheck{"GET", "http://h/", {}, "", 0, ""}));
  EXPECT_EQ(check_of("{http: {url: \"https://h/\", method: POST, headers: {A: b, C: 5}, body: x, "
                     "status: 201, contains: y}}"),
            CheckSpec(HttpCheck{"POST", "https://h/", {"A: b", "C: 5"}, "x", 201, "y"}));
  EXPECT_EQ(check_of("{adb: }"), CheckSpec(AdbCheck{}));
  EXPECT_EQ(check_of("{adb: {serial: CB5A1, state: recovery, server: \"h:1\"}}"),
            CheckSpec(AdbCheck{"CB5A1", "recovery", "h:1"}));
  EXPECT_EQ(check_of("{usb: {serial: CB5A1}}"), CheckSpec(UsbCheck{"", "", "CB5A1", ""}));
  EXPECT_EQ(check_of("{usb: {vendor: 18D1, product: \"{device.usb}\", sysfs: /s}}"),
            CheckSpec(UsbCheck{"18D1", "{device.usb}", "", "/s"}));
}

TEST(StrategyFile, ReadsEveryKindOfAction) {
  const auto run_of = [](const std::string& run) -> ActionRun {
    const StrategyFile file =
        parse_strategy_file(kHeader + ("verify: [{tag: a, check: {noop: }}]\n"
                                       "repair:\n- {tag: r, triggers: [a], run: " +
                                       run + "}\n"),
                            "/d/s.yaml");
    EXPECT_EQ(file.problems.to_text(), "") << run;
    if (file.strategy.actions.size() != 1) return NoopCheck{};
    return file.strategy.actions[0].run;
  };
  EXPECT_EQ(run_of("{command: [./x, a]}"), ActionRun(CommandCheck{{"/d/x", "a"}}));
  EXPECT_EQ(run_of("{ssh: {command: [reboot]}}"),
            ActionRun(SshCheck{"", "", "", "", "", {"reboot"}}));
  EXPECT_EQ(run_of("{http: {url: \"http://h/\", method: PUT}}"),
            ActionRun(HttpCheck{"PUT", "http://h/", {}, "", 0, ""}));
  EXPECT_EQ(run_of("{power: {relay: \"{stack.relay.name}\", operation: cycle}}"),
            ActionRun(PowerAction{"{stack.relay.name}", "cycle"}));
  EXPECT_EQ(run_of("{wait: 90s}"), ActionRun(WaitAction{90s}));
  EXPECT_EQ(run_of("{noop: }"), ActionRun(NoopCheck{}));
}

// Each is one problem, and it says this. The check begins in line 5, column 19.
TEST(StrategyFile, RefusesWrongChecks) {
  struct Row {
    const char* check;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"{}",
       "5:19: a check must be exactly one of command, tcp, ping, ssh, http, adb, usb, disk, file, "
       "noop"},
      {"noop", "5:19: a check must be a map with keys such as \"command\", not \"noop\""},
      {"{noop: , tcp: {host: h, port: 1}}", "5:19: a check must be exactly one of"},
      {"{comand: [x]}", "5:20: unknown key \"comand\" in a check; did you mean command?"},
      {"{noop: {a: b}}", "5:27: unknown key \"a\" in noop"},
      {"{noop: x}", "5:26: noop must be a map, not \"x\""},
      {"{wait: 3s}", "5:20: unknown key \"wait\" in a check"},
      {"{ping: }", "5:20: a ping check must be a map"},
      {"{ping: {count: 1}}", "5:26: a ping check needs \"host\""},
      {"{ping: {host: h, count: 0}}", "5:43: "},
      {"{ping: {host: h, count: 101}}", "5:43: "},
      {"{ssh: {comand: [x]}}", "5:26: unknown key \"comand\" in ssh; did you mean command?"},
      {"{ssh: {command: reboot}}", "5:35: a command must be a list of arguments"},
      {"{ssh: [reboot]}", "5:25: ssh must be a map with keys such as \"command\", not a list"},
      {"{ssh: {port: 65536}}", "5:19: the port"},
      {"{http: {}}", "5:26: http needs \"url\""},
      {"{http: {url: \"ftp://h/\"}}", "5:19: the URL must begin with http:// or https://"},
      {"{http: {url: \"http://h/\", status: 99}}", "5:53: "},
      {"{http: {url: \"http://h/\", status: 600}}", "5:53: "},
      {"{http: {url: \"http://h/\", headers: [a]}}", "\"headers\" must be a map, not a list"},
      {"{http: {url: \"http://h/\", methd: GET}}", "did you mean method?"},
      {"{adb: {sirial: x}}", "did you mean serial?"},
      {"{adb: {state: \"{devce.x}\"}}", "5:19: unknown placeholder {devce.x}"},
      {"{usb: {}}", "5:19: the usb check asks for nothing"},
      {"{usb: {vendor: 18d}}", "5:34: \"vendor\" must be four hexadecimal digits"},
      {"{usb: {product: 18g1}}",
       "5:35: \"product\" must be four hexadecimal digits such as \"18d1\""},
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
      {"{disk: {path: /, inodes: many}}", "5:44: \"inodes\" must be a number or N%, not \"many\""},
      {"{disk: {path: /, inodes: 1K}}", "5:44: \"inodes\" must be a number or N%, not \"1K\""},
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
  const std::string http = "{http: {url: \"http://h/\", ";
  EXPECT_EQ(check_problems(http + "contains: " + most + "}}"), "");
  EXPECT_NE(check_problems(http + "contains: " + most + "x}}"), "");
  const std::string body(kHttpBodyBytesMax, 'x');
  EXPECT_EQ(check_problems(http + "body: " + body + "}}"), "");
  EXPECT_NE(check_problems(http + "body: " + body + "x}}"), "");
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
       "/d/s.yaml:5:3: a verifier needs \"tag\"\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }, timeout: 0}\n",
       "/d/s.yaml:5:38: has no timeout\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }}\nrepair:\n"
       "- {tag: r, triggers: [a], run: {noop: }, timeout: 0}\nfinally:\n"
       "- {tag: f, run: {noop: }, timeout: 0s}\n",
       "/d/s.yaml:7:51: has no timeout\n/d/s.yaml:9:36: has no timeout\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: PASS, check: {noop: }}\n",
       "/d/s.yaml:5:9: tag \"PASS\" is reserved for the end of a verification; choose another\n"},
      {"version: 1\nkind: strategy\nname: s\nverify:\n- {tag: a, check: {noop: }, dpes: [b]}\n",
       "/d/s.yaml:5:29: unknown key \"dpes\" in a verifier; did you mean deps?\n"},
      {"version: 1\nkind: strategy\nname: s\nlimit: {}\nverify: [{tag: a, check: {noop: }}]\n",
       "/d/s.yaml:4:1: unknown key \"limit\" in a strategy; did you mean limits?\n"},
      {"version: 1\nkind: strategy\nname: s\nfor: \"type in (\"\nverify: [{tag: a, check: {noop: "
       "}}]\n",
       "/d/s.yaml:4:6: selector \"type in (\": expected a value at position 10\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(problems_of(row.text), row.problems) << row.text;
}

TEST(StrategyFile, RefusesWrongActions) {
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
      {"repair:\n- {tag: r, triggers: [a], run: {}}\n",
       "6:32: what an action runs must be exactly one of command, ssh, http, power, wait, noop"},
      {"repair:\n- {tag: r, triggers: [a], run: {tcp: {host: h, port: 1}}}\n",
       "unknown key \"tcp\" in what an action runs"},
      {"repair:\n- {tag: r, triggers: [a], run: {power: {relay: r}}}\n",
       "power needs \"operation\""},
      {"repair:\n- {tag: r, triggers: [a], run: {power: {relay: r, opration: on}}}\n",
       "did you mean operation?"},
      // It was found out when a device was ill.
      {"repair:\n- {tag: r, triggers: [a], run: {power: {relay: r, operation: cylce}}}\n",
       "is not an operation of a power: on, off, cycle; did you mean cycle?"},
      {"repair:\n- {tag: r, triggers: [a], run: {wait: 0}}\n",
       "the wait is not longer than nothing"},
      {"repair:\n- {tag: r, triggers: [a], run: {wait: soon}}\n", "6:39: \"wait\": "},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, attempts: 0}\n", "\"attempts\""},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, attempts: 101}\n", "\"attempts\""},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, per_day: 0}\n", "\"per_day\""},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, per_day: 10001}\n", "\"per_day\""},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, when: \"x in (\"}\n", "selector"},
      {"repair:\n- {tag: r, triggers: [a], run: {noop: }, wen: x}\n", "did you mean when?"},
      {"limits: {totl: 5m}\n", "did you mean total?"},
      {"limits: {total: long}\n", "\"total\": "},
      {"finally:\n- {tag: f}\n", "a closing action needs \"run\""},
      {"finally:\n- {run: {noop: }}\n", "a closing action needs \"tag\""},
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
          "- check: {ping: {}}\n"
          "  levels: [\"\"]\n"
          "repair: [{tag: r, run: {http: {}}, triggers: [x]}]\n"
          "limits: {totl: 5}\n",
          "s")
          .problems;
  EXPECT_EQ(problems.errors(), 12u) << problems.to_text();
}

TEST(StrategyFile, AFileThatIsNotThere) {
  const FileProblems problems = load_strategy_file("/nowhere/s.yaml").problems;
  ASSERT_EQ(problems.errors(), 1u);
  EXPECT_NE(problems.to_text().find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace muster
