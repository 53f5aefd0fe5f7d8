// Golden text of what people read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/render_device.h"
#include "cli/render_doctor.h"
#include "cli/render_event.h"
#include "cli/render_result.h"
#include "cli/render_strategy.h"
#include "cli/render_task.h"
#include "io/event_json.h"
#include "tests/cli/samples.h"

namespace muster {
namespace {

using samples::at;

const Look kPlain{false, at(100)};
const Look kColored{true, at(100)};

TEST(Text, PrintableNeverMovesTheCursor) {
  const struct {
    std::string text;
    std::string expected;
  } rows[] = {
      {"plain \"quoted\" back\\slash", "plain \"quoted\" back\\slash"},
      {"å漢字", "å漢字"},
      {"", ""},
      {"a\nb\tc\r", "a\\u{0a}b\\u{09}c\\u{0d}"},
      {"\x1b[31mred", "\\u{1b}[31mred"},
      {std::string("nul\0", 4), "nul\\u{00}"},
      {"\x7f", "\\u{7f}"},
      {"bad \xff\xc3", "bad \xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\u202Egnp.exe", "\\u{202e}gnp.exe"},
  };
  for (const auto& row : rows) EXPECT_EQ(printable(row.text), row.expected);
}

TEST(Text, TablesAlignCharactersNotBytes) {
  Table table({"NAME", "X", "LAST"});
  table.add({"å", "1", "end"});
  table.add({"longer", "", "b\nc"});
  EXPECT_EQ(table.render(kPlain),
            "NAME    X  LAST\n"
            "å       1  end\n"
            "longer  -  b\\u{0a}c\n");
}

TEST(Text, ColourDoesNotDisturbTheAlignment) {
  Table table({"A", "B"});
  table.add({{"ok", Color::good}, "x"});
  table.add({{"FAIL", Color::bad}, "y"});
  EXPECT_EQ(table.render(kColored),
            "A     B\n"
            "\x1b[32mok\x1b[0m    x\n"
            "\x1b[31mFAIL\x1b[0m  y\n");
}

TEST(Text, Times) {
  EXPECT_EQ(short_time(kNever), "-");
  EXPECT_EQ(short_time(at(0)), "2026-11-23 08:15:30Z");
  EXPECT_EQ(relative_time(kNever, kPlain), "-");
  EXPECT_EQ(relative_time(at(100), kPlain), "now");
  EXPECT_EQ(relative_time(at(40), kPlain), "1m ago");
  EXPECT_EQ(relative_time(at(95), kPlain), "5s ago");
  EXPECT_EQ(relative_time(at(103), kPlain), "in 3s");
}

TEST(Task, OutcomeAlwaysNamesWhoseFaultItIs) {
  const struct {
    Outcome outcome;
    Cause cause;
    std::string expected;
  } rows[] = {
      {Outcome::pass, Cause::none, "pass"},
      {Outcome::fail, Cause::test, "fail"},
      {Outcome::fail, Cause::device, "fail (device)"},
      {Outcome::error, Cause::device, "error (device)"},
      {Outcome::error, Cause::worker, "error (worker)"},
      {Outcome::error, Cause::timeout, "error (timeout)"},
      {Outcome::error, Cause::user, "error (user)"},
      {Outcome::error, Cause::test, "error (test)"},
      {Outcome::skip, Cause::none, "skip"},
  };
  for (const auto& row : rows) EXPECT_EQ(outcome_text(row.outcome, row.cause), row.expected);
}

TEST(Task, EndingSaysWhatIsKnown) {
  Ending ending = make_ending(Outcome::fail, Cause::test, StatusCode::failures, "", at(0), at(1));
  EXPECT_EQ(ending_text(ending), "fail: status FAILURES");
  ending.exit_code = 5;
  EXPECT_EQ(ending_text(ending), "fail: exit code 5");
  ending.exit_code.reset();
  ending.signal = 9;
  EXPECT_EQ(ending_text(ending), "fail: killed by signal 9");
  ending.message = "2 of 7 cases failed";
  EXPECT_EQ(ending_text(ending), "fail: 2 of 7 cases failed");
  EXPECT_EQ(ending_text(make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", at(0), at(1))),
            "pass");
}

TEST(Task, GroupIsALine) {
  TaskInfo passed = samples::device_error_task();
  passed.verdict = Verdict::pass;
  const TaskInfo failed = samples::device_error_task();
  EXPECT_EQ(render_group("g", {samples::running_task(), passed, failed, passed}, 4),
            "group g: 3 of 4 ended: 2 pass, 1 error\n");
  EXPECT_EQ(render_group("g", {samples::running_task()}, 1), "group g: 0 of 1 ended\n");
  EXPECT_EQ(render_group("g", {passed}, 20),
            "group g: 1 of 1 ended: 1 pass (of the newest; it has 20)\n");
}

TEST(Task, Table) {
  EXPECT_EQ(render_task_table({}, 0, kPlain), "no tasks\n");
  EXPECT_EQ(render_task_table({}, 0, kPlain, true),
            "no tasks wait or run; those that ended: muster task ls --all\n");
  EXPECT_EQ(render_task_table({samples::running_task(), samples::device_error_task()}, 9, kPlain),
            "GUID              KIND  NAME   STATE           ATTEMPTS  TIME   SUBMITTED\n"
            "lab/nightly/0042  job   smoke  running         1         1m40s  1m40s ago\n"
            "lab/nightly/0043  job   smoke  error (device)  2         12.5s  1m40s ago\n"
            "2 of 9; more with -n N\n");
}

// One long name made every line of the table as long.
TEST(Task, ALongNameIsCutOnATerminal) {
  TaskInfo task = samples::running_task();
  task.spec.name = std::string(128, 'n');
  const Look terminal{false, at(100), true};
  EXPECT_NE(render_task_table({task}, 1, kPlain).find(task.spec.name), std::string::npos);
  const std::string shown = render_task_table({task}, 1, terminal);
  EXPECT_EQ(shown.find(std::string(33, 'n')), std::string::npos) << shown;
  EXPECT_NE(shown.find("nnn…  running"), std::string::npos) << shown;
}

TEST(Task, Whole) {
  EXPECT_EQ(render_task(samples::device_error_task(), {"/h/results/x/status.log", {}}, kPlain),
            "task        lab/nightly/0043\n"
            "kind        job\n"
            "name        smoke\n"
            "submitter   kim@bench\n"
            "state       ended\n"
            "verdict     error\n"
            "ended       error (device): phone-7 is not on the bus\n"
            "buried      after 2 attempts; muster retry gives it another go\n"
            "pool        wifi\n"
            "wants       dut = any with type=handset\n"
            "wants       relay = relay-1\n"
            "priority    50\n"
            "limits      run 40m, grace 10s\n"
            "retries     infra 2, test 0, crash limit 3\n"
            "submitted   2026-11-23 08:15:30Z\n"
            "finished    2026-11-23 08:16:00Z\n"
            "status.log  /h/results/x/status.log\n"
            "\n"
            "attempt 1\n"
            "  worker   bench-1\n"
            "  devices  phone-7, relay-1\n"
            "  leased   2026-11-23 08:15:31Z\n"
            "  ended    error (worker): lost\n"
            "\n"
            "attempt 2\n"
            "  worker   bench-2\n"
            "  devices  phone-7, relay-1\n"
            "  leased   2026-11-23 08:15:45Z\n"
            "  ran      2026-11-23 08:15:47Z to 2026-11-23 08:16:00Z (12.5s)\n"
            "  ended    error (device): phone-7 is not on the bus\n"
            "  child    exit code 3\n"
            "  log      file:///w/log\n");
}

TEST(Task, Line) {
  EXPECT_EQ(render_task_line(samples::device_error_task(), kPlain),
            "lab/nightly/0043  error (device)  job smoke, 12.5s, 2 attempts: phone-7 is not on the "
            "bus\n");
  TaskInfo passed = samples::device_error_task();
  passed.attempt_count = 1;
  passed.verdict = Verdict::pass;
  passed.ending = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", at(0), at(3));
  EXPECT_EQ(render_task_line(passed, kPlain), "lab/nightly/0043  pass  job smoke, 3s\n");
  passed.verdict = Verdict::flaky;
  passed.attempt_count = 2;
  EXPECT_EQ(render_task_line(passed, kPlain),
            "lab/nightly/0043  flaky  job smoke, 3s, 2 attempts\n");
}

TEST(Task, Changes) {
  TaskChange change;
  EXPECT_EQ(render_change(change, kPlain), "queued");
  change.attempt = 1;
  EXPECT_EQ(render_change(change, kPlain), "queued again after attempt 1");
  change.worker = "bench-1";
  change.state = TaskState::leased;
  EXPECT_EQ(render_change(change, kPlain), "given to bench-1");
  change.state = TaskState::running;
  change.attempt = 2;
  EXPECT_EQ(render_change(change, kPlain), "running on bench-1 (attempt 2)");
  change.state = TaskState::ended;
  EXPECT_EQ(render_change(change, kPlain), "ended");
}

TEST(Task, Explanation) {
  const Explanation explanation{"g",
                                TaskState::queued,
                                "waits for 1 device(s)",
                                {"device phone-7 is offline", "device phone-8 is busy"},
                                3};
  EXPECT_EQ(render_explanation(explanation),
            "waits for 1 device(s)\n  device phone-7 is offline\n  device phone-8 is busy\n"
            "3 tasks would be served first\n");
  Explanation soon = explanation;
  soon.estimate = 4min;
  EXPECT_EQ(render_explanation(soon),
            "waits for 1 device(s)\n  device phone-7 is offline\n  device phone-8 is busy\n"
            "may start in about 4m, by what such tasks took before; 3 tasks would be served "
            "first\n");
}

TEST(Task, ShowsWhoseItIsAndWhatItCaused) {
  TaskInfo job = samples::running_task();
  TaskInfo child = samples::device_error_task();
  child.spec.kind = TaskKind::verify;
  child.spec.name = "verify phone-7 for smoke";
  child.spec.parent = job.spec.guid;
  const std::string whole = render_task(job, {"", {child}}, kPlain);
  EXPECT_NE(whole.find("child      lab/nightly/0043  verify phone-7 for smoke: error (device)\n"),
            std::string::npos)
      << whole;
  EXPECT_EQ(render_task_table({child, job}, 2, kPlain),
            "GUID              KIND    NAME                      STATE           ATTEMPTS  TIME   "
            "SUBMITTED  PARENT\n"
            "lab/nightly/0043  verify  verify phone-7 for smoke  error (device)  2         12.5s  "
            "1m40s ago  lab/nightly/0042\n"
            "lab/nightly/0042  job     smoke                     running         1         1m40s  "
            "1m40s ago  -\n");
}

TEST(Task, ShowsWhatIsDoneBefore) {
  TaskInfo job = samples::running_task();
  job.spec.before = {VerifyFirst::always, "quick", true, 20min};
  job.spec.devices = {{"dut", "phone-7", "", ""}, {"relay", "", "type=relay", "dut"}};
  const std::string whole = render_task(job, {}, kPlain);
  EXPECT_NE(whole.find("verify always, level quick, repair within 20m\n"), std::string::npos);
  EXPECT_NE(whole.find("relay = any with type=relay, in a stack with dut\n"), std::string::npos);
}

TEST(Device, TableAndWhole) {
  EXPECT_EQ(render_device_table({}, kPlain), "no devices\n");
  const DeviceInfo device = samples::bad_device();
  EXPECT_EQ(
      render_device_table({device}, kPlain),
      "DEVICE   STATE    HEALTH  WORKER   PROFILE                    HELD BY           REASON\n"
      "phone-7  offline  bad     bench-1  pretty=yuga, type=handset  lab/nightly/0042  no adb\n");
  EXPECT_EQ(render_device(device, kPlain),
            "device    phone-7\n"
            "state     offline\n"
            "health    bad\n"
            "reason    no adb\n"
            "since     2026-11-23 08:16:30Z (40s ago)\n"
            "held by   lab/nightly/0042 (attempt 2)\n"
            "worker    bench-1\n"
            "pools     wifi, general\n"
            "strategy  android-phone\n"
            "profile   pretty=yuga, type=handset\n"
            "where     shelf C\n");
}

TEST(Device, ShowsItsBackOffItsStackAndWhatIsDoneToIt) {
  const DeviceInfo device = samples::stacked_device();
  EXPECT_EQ(render_device_table({device}, kPlain),
            "DEVICE                STATE      HEALTH  WORKER   STACK    PROFILE                    "
            "HELD BY                           REASON\n"
            "phone-7 (undeclared)  verifying  bad     bench-1  bench-c  pretty=yuga, type=handset  "
            "lab/nightly/0042: checked 3 of 9  no adb; by broker; left alone for 29m20s more\n");
  EXPECT_EQ(render_device(device, kPlain),
            "device            phone-7\n"
            "declared          no: a lister found it, no inventory names it\n"
            "state             verifying\n"
            "health            bad\n"
            "reason            no adb\n"
            "since             2026-11-23 08:16:30Z (40s ago)\n"
            "judged by         broker\n"
            "failures          2 in a row\n"
            "left alone until  2026-11-23 08:46:30Z (in 29m20s)\n"
            "held by           lab/nightly/0042 (attempt 2)\n"
            "progress          checked 3 of 9\n"
            "stack             bench-c\n"
            "worker            bench-1\n"
            "pools             wifi, general\n"
            "strategy          android-phone\n"
            "profile           pretty=yuga, type=handset\n"
            "where             shelf C\n"
            "lister            usb\n"
            "power             POST http://pdu/7\n");
}

TEST(Device, ChangesAreAnsweredOneByOne) {
  EXPECT_EQ(render_device_changes({{"phone-7", ""}, {"phone-8", "no such\n"}},
                                  DeviceChange::release, kPlain),
            "phone-7  released\nphone-8  refused: no such\\u{0a}\n");
  EXPECT_EQ(render_device_changes({{"phone-9", "", "was locked already by kim@desk: new screen"}},
                                  DeviceChange::lock, kPlain),
            "phone-9  was locked already by kim@desk: new screen\n");
}

TEST(Worker, Table) {
  EXPECT_EQ(render_worker_table({}, kPlain), "no workers\n");
  EXPECT_EQ(
      render_worker_table({samples::worker("bench-1", true), samples::worker("b", false)}, kPlain),
      "WORKER   STATE    HELD  SLOTS  LAB     POOLS  LAST HEARD  VERSION\n"
      "bench-1  present  1     4      lund-3  wifi   2s ago      0.1.0\n"
      "b        lost     1     4      lund-3  wifi   2s ago      0.1.0\n");
}

TEST(Worker, TableSaysWhoRefusesWorkAndWhy) {
  WorkerInfo low = samples::worker("bench-1", true);
  low.refusing = "its disk has 1KiB free";
  EXPECT_EQ(render_worker_table({low, samples::worker("b", true)}, kPlain),
            "WORKER   STATE     HELD  SLOTS  LAB     POOLS  LAST HEARD  VERSION  REFUSES WORK\n"
            "bench-1  refusing  1     4      lund-3  wifi   2s ago      0.1.0    its disk has 1KiB "
            "free\n"
            "b        present   1     4      lund-3  wifi   2s ago      0.1.0    -\n");
}

TEST(Worker, TableSaysWhoDrainsAndWhy) {
  WorkerInfo drains = samples::worker("bench-1", true);
  drains.draining = Draining{"kim@desk", "new disk", Instant()};
  WorkerInfo drained = drains;
  drained.held = 0;
  drained.draining->reason = "";
  EXPECT_EQ(render_worker_table({drains, drained}, kPlain),
            "WORKER   STATE     HELD  SLOTS  LAB     POOLS  LAST HEARD  VERSION  REFUSES WORK\n"
            "bench-1  draining  1     4      lund-3  wifi   2s ago      0.1.0    by kim@desk: new "
            "disk\n"
            "bench-1  drained   0     4      lund-3  wifi   2s ago      0.1.0    by kim@desk\n");
}

TEST(Drain, SaysWhatIsStillHeld) {
  EXPECT_EQ(render_drains({{"bench-1", "", "", 2},
                           {"bench-2", "", "drains already, by kim", 0},
                           {"bench-3", "no worker is named \"bench-3\"", "", 0}},
                          false, kPlain),
            "bench-1 takes no new work; it holds 2 attempts\n"
            "bench-2 drains already, by kim; it holds nothing\n"
            "bench-3 no worker is named \"bench-3\"\n");
  EXPECT_EQ(render_drains({{"", "", "", 1}}, true, kPlain), "the broker takes work again\n");
}

TEST(Device, SaysThatItDrainsAndWhyItIsAbsent) {
  DeviceInfo device = samples::bad_device();
  device.draining = true;
  device.absent = "worker bench-1 has no lister ubs (it has: usb)";
  EXPECT_THAT(render_device_table({device}, kPlain), testing::HasSubstr("phone-7 (draining)"));
  const std::string text = render_device(device, kPlain);
  EXPECT_THAT(text, testing::HasSubstr("absent    worker bench-1 has no lister ubs (it has: usb)"));
  EXPECT_THAT(text, testing::HasSubstr("draining  the inventory does not name it any more"));
}

TEST(Strategy, Tree) {
  const Strategy strategy = samples::strategy();
  EXPECT_EQ(render_strategy_tree(strategy, true),
            "PASS\n"
            "|- battery\n"
            "|  `- adb\n"
            "|     `- usb\n"
            "`- screen\n"
            "   `- adb (above)\n"
            "repair\n"
            "  restart\n");
  EXPECT_EQ(render_strategy_tree(strategy, false),
            "phone  for type=handset\n"
            "PASS\n"
            "|- battery  It has charge  [noop, 1m]\n"
            "|  `- adb  [command, 1m]\n"
            "|     `- usb  [tcp, 5s]\n"
            "`- screen  [noop, 1m]\n"
            "   `- adb  [command, 1m] (above)\n"
            "repair\n"
            "  restart  Restart adb  [command, 1m]  when adb, usb failed  needs usb\n");
  EXPECT_EQ(render_strategy_tree(Strategy{}, true), "PASS\n");
}

TEST(Strategy, TreeShowsConditionsLimitsAndClosingActions) {
  Strategy strategy = samples::strategy();
  strategy.verifiers.resize(1);
  strategy.verifiers[0].when = "usb";
  strategy.verifiers[0].blame = "{stack.hub.name}";
  strategy.verifiers[0].levels = {"quick"};
  RepairActionSpec& action = strategy.actions[0];
  action.run = PowerAction{"{stack.relay.name}", "cycle"};
  action.when = "!fragile";
  action.then_wait = 20s;
  action.attempts = 3;
  action.per_day = 6;
  strategy.closing = {{"collect", "Keep the logs", NoopCheck{}, FinallyWhen::failed, 2min}};
  strategy.total = 30min;
  EXPECT_EQ(render_strategy_tree(strategy, false),
            "phone  for type=handset\n"
            "PASS\n"
            "`- usb  [tcp, 5s]  if usb  blames {stack.hub.name}  level quick\n"
            "repair  within 30m\n"
            "  restart  Restart adb  [power, 1m, then wait 20s, up to 3 times, 6 a day]  when adb, "
            "usb failed  needs usb  if !fragile\n"
            "finally\n"
            "  collect  Keep the logs  [noop, 2m]  when it failed\n");
  EXPECT_EQ(render_strategy_tree(strategy, true),
            "PASS\n`- usb\nrepair\n  restart\nfinally\n  collect\n");
}

TEST(Strategy, Forecast) {
  Strategy strategy = samples::strategy();
  strategy.actions[0].deps.clear();
  strategy.actions.push_back({"last", "", NoopCheck{}, {"adb"}, {"usb"}, 1min});
  EXPECT_EQ(render_forecast(strategy, forecast_repair(strategy, {.failing = {"adb"}})),
            "AFTER  WHAT     TAG      AT MOST  WHAT HAPPENS\n"
            "0s     check    usb      5s       passes\n"
            "5s     check    adb      1m       FAILS\n"
            "1m5s   action   restart  1m       is tried\n"
            "2m5s   check    usb      5s       passes\n"
            "2m10s  check    adb      1m       FAILS\n"
            "3m10s  skipped  last     -        not tried: adb failed\n"
            "\n"
            "fails: adb; the repair takes at most 3m10s\n");
  strategy.total = 1h;
  EXPECT_TRUE(render_forecast(strategy, forecast_repair(strategy, {}))
                  .ends_with("(after 1h no further action is tried)\n"));
  EXPECT_EQ(render_forecast(Strategy{}, forecast_repair(Strategy{}, {})),
            "passes; the repair takes at most 0s\n");
}

TEST(Events, EveryTypeIsOneLineAndKnown) {
  for (const Event& event : samples::every_event()) {
    const std::string line = render_event(7, event, kPlain);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_NE(line.find(event_type(event)), std::string::npos) << line;
    const std::vector<std::string>& types = event_types();
    EXPECT_NE(std::find(types.begin(), types.end(), event_type(event)), types.end())
        << event_type(event) << " cannot be asked for with --type";
  }
  EXPECT_EQ(samples::every_event().size(), event_types().size());
}

TEST(Events, Golden) {
  Event event{at(0), AttemptLeased{{"lab/nightly/0042", 1}, "bench-1", 3, {"phone-7", "relay-1"}}};
  EXPECT_EQ(render_event(17, event, kPlain),
            "2026-11-23 08:15:30Z      17  attempt_leased     lab/nightly/0042  attempt 1: on "
            "bench-1 with phone-7, relay-1\n");
  event.body = WorkerLost{"bench-1", 3, "silent for 20s\x1b"};
  EXPECT_EQ(render_event(123456789, event, kPlain),
            "2026-11-23 08:15:30Z 123456789  worker_lost        bench-1: silent for 20s\\u{1b}\n");
}

TEST(Verification, TableNamesTheFailingChecks) {
  const std::vector<Verification> verifications = samples::verifications();
  EXPECT_EQ(render_verifications(verifications, kPlain),
            "DEVICE   HEALTH        CHECK  FINDING\n"
            "phone-7  good          -      2 checks\n"
            "phone-8  bad           adb    device offline\n"
            "                       clock  off by 3m\n"
            "phone-9  not verified  -      error (worker): lost\n");
  EXPECT_EQ(render_verification_summary(verifications),
            "3 devices: 1 good, 1 bad, 1 not verified\n"
            "  phone-8: adb: device offline (and 1 more)\n"
            "    muster task trace verify-phone-8\n"
            "  phone-9: error (worker): lost\n"
            "    muster task trace verify-phone-9");
  const std::vector<Verification> many(25, verifications[2]);
  const std::string summary = render_verification_summary(many);
  EXPECT_EQ(std::count(summary.begin(), summary.end(), '\n'), 41);
  EXPECT_NE(summary.find("and 5 more: muster device ls"), std::string::npos);
}

TEST(Verification, OfARepairTellsTheActionsThatRanAndWhyOthersDidNot) {
  std::vector<Verification> repairs = samples::verifications();
  for (Verification& one : repairs) one.result.task.spec.kind = TaskKind::repair;
  repairs.pop_back();
  repairs[0].result.cases.push_back({"repair", "restart", Outcome::fail, 2s, "no adb"});
  repairs[0].result.cases.push_back({"repair", "power", Outcome::pass, 9s, ""});
  repairs[0].result.cases.push_back({"repair", "charge", Outcome::skip, 0s, "not needed: x"});
  repairs[0].result.cases.push_back({"repair", "unlock", Outcome::skip, 0s, "does not apply: y"});
  // These left no reason.
  repairs[1].result.cases.push_back(
      {"repair", "flash", Outcome::skip, 0s, "not tried: usb failed"});
  repairs[1].result.cases.push_back(
      {"repair", "wipe", Outcome::skip, 0s, "does not apply: when wipe"});
  repairs[1].result.cases.push_back({"repair", "charge", Outcome::skip, 0s, "not needed: x"});
  EXPECT_EQ(render_verifications(repairs, kPlain),
            "DEVICE   HEALTH  CHECK           FINDING\n"
            "phone-7  good    -               2 checks\n"
            "                 repair.restart  in vain (2s): no adb\n"
            "                 repair.power    repaired (9s)\n"
            "phone-8  bad     adb             device offline\n"
            "                 clock           off by 3m\n"
            "                 repair.flash    not tried: usb failed\n"
            "                 repair.wipe     does not apply: when wipe\n");
}

TEST(Result, Table) {
  EXPECT_EQ(render_result(samples::failing_result(), kPlain),
            "lab/nightly/0044  fail  job wifi, 3s: 1 of 3 cases failed\n"
            "SUITE  CASE     OUTCOME  TIME   MESSAGE\n"
            "wifi   connect  pass     1.5s   -\n"
            "wifi   roam     fail     500ms  expected <2, got \"\\u{07}\n"
            "-      skipped  skip     0s     no 6 GHz\n");
  TaskResult none = samples::failing_result();
  none.cases.clear();
  EXPECT_EQ(render_result(none, kPlain),
            "lab/nightly/0044  fail  job wifi, 3s: 1 of 3 cases failed\n"
            "no test cases were reported\n");
}

TEST(Doctor, FindingsAreAlignedWithAdviceBelow) {
  EXPECT_EQ(render_findings({{"home", Condition::ok, "/h is writable", ""},
                             {"collector", Condition::fail, "none runs", "start one: muster up"},
                             {"disk", Condition::warn, "900MiB free", "make room"}},
                            kPlain),
            "ok    home       /h is writable\n"
            "FAIL  collector  none runs\n"
            "                 -> start one: muster up\n"
            "warn  disk       900MiB free\n"
            "                 -> make room\n");
}

}  // namespace
}  // namespace muster
