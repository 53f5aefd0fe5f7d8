// One fully filled-in value of every kind of message, event, report and work, and a strategy. The
// codec's tests, the golden files and the fuzzers' seeds are made of them: what they leave empty is
// not tested. Changing a value changes golden bytes; see tests/golden/README.md first.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/event.h"
#include "core/messages.h"
#include "core/strategy.h"
#include "core/work.h"
#include "io/codec.h"

namespace muster::samples {

template <typename T>
struct Named {
  std::string name;
  T value;
};

// 2026-01-02T03:04:05.000006Z and later.
inline Instant instant(int64_t seconds_later = 0) {
  return from_us(1'767'323'045'000'006 + seconds_later * 1'000'000);
}

inline Ending ending() {
  Ending ending;
  ending.outcome = Outcome::fail;
  ending.cause = Cause::test;
  ending.status = StatusCode::failures;
  ending.exit_code = 5;
  ending.message = "2 of 7 cases failed: \xC3\xA5ngstr\xC3\xB6m";
  ending.started = instant(10);
  ending.finished = instant(20);
  return ending;
}

inline Ending killed_ending() {
  Ending ending;
  ending.outcome = Outcome::error;
  ending.cause = Cause::timeout;
  ending.status = StatusCode::timeout;
  ending.signal = 9;
  ending.blame = "relay-4";
  ending.message = "silent for 60 s";
  ending.lost = true;
  ending.started = instant(10);
  ending.finished = instant(70);
  return ending;
}

inline Draining draining() { return {"ada@build-1", "new disk", instant(40)}; }

inline AttemptStarted attempt_started() {
  return {"file:///var/lib/muster/logs/task-1/1.log", {"/bin/sh", "-c", ""}};
}

inline Record record() {
  return {"END FAIL",
          "job_1",
          "verify.adb",
          {{"device", "yuga-1"}, {"again", "1"}, {"again", "2"}},
          "no answer\nsecond line"};
}

inline CaseResult case_result() {
  return {"camera", "takes a picture", Outcome::skip, Duration(1'500'001), "no lens"};
}

inline Progress progress() { return {44, "repair action power_cycle (4 of 9)"}; }

inline SourceFetched source_fetched() {
  return {"ssh://git@host/tests.git", "main", "3f9ab12c4d5e6f708192a3b4c5d6e7f8091a2b3c"};
}

inline Shout shout() { return {R"({"battery": 81, "note": "charging"})"}; }

inline Measurement measurement() {
  return {"wifi",
          {{"band", std::string("5g")},
           {"mbit_s", 81.25},
           {"retries", int64_t{-3}},
           {"associated", true}}};
}

inline Artifact artifact() {
  return {"out/report.xml", "http://collector:7180/archive/v1/task-1/3/out/report.xml", 1 << 20,
          std::string(64, 'a')};
}

inline CallFailed call_failed() {
  return {"device ls", R"(["-o","json"])", "ipc:///run/broker.sock", "the broker does not answer"};
}

inline CallMade call_made() { return {"shout", R"({"state":"flashed"})", "job"}; }

inline LogLine log_line() {
  return {uint64_t{7} << 32 | 2, instant(40), LogLevel::error, "the disk is full: /srv", 3};
}

inline AttemptToken token() { return {"https://lab.example/job/1234", 3}; }

inline std::vector<Named<Report>> reports() {
  const uint64_t seq = uint64_t{7} << 32;
  return {{"attempt_started", {seq | 1, token(), instant(1), attempt_started()}},
          {"record", {seq | 2, token(), instant(2), record()}},
          {"case_result", {seq | 3, token(), instant(3), case_result()}},
          {"ending", {seq | 4, token(), instant(4), ending()}},
          {"killed_ending", {seq | 5, token(), instant(5), killed_ending()}},
          {"progress", {seq | 6, token(), instant(6), progress()}},
          {"source_fetched", {seq | 7, token(), instant(7), source_fetched()}},
          {"shout", {seq | 8, token(), instant(8), shout()}},
          {"measurement", {seq | 9, token(), instant(9), measurement()}},
          {"artifact", {seq | 10, token(), instant(10), artifact()}},
          {"call_failed", {seq | 11, token(), instant(11), call_failed()}},
          {"call_made", {seq | 12, token(), instant(12), call_made()}}};
}

inline JobWork job_with_steps() {
  JobWork job;
  job.source =
      GitSource{"file:///srv/tests.git", "v1.2", "", {"SMOKE", "any:a,b", "not:slow"}, "main"};
  job.env_pass = {"HOME"};
  job.steps = {{"flash", {"flash", "image"}, Duration(3min), true, {}, {}},
               {"test",
                {"./run.sh"},
                Duration(0),
                false,
                {{ResultFileFormat::gtest, "out/*.xml"}, {ResultFileFormat::junit, "junit.xml"}},
                {{"wifi", "out/wifi.csv"}}}};
  job.finally = {{"wifi_off", {"svc", "wifi", "disable"}, Duration(10s), false, {}, {}}};
  job.artifacts = {"out/**", "*.log"};
  job.expect_tests = 42;
  job.limits = {{"wifi", "mbit_s", 80.0, {}, "Mbit/s"}, {"wifi", "retries", {}, 3.5, ""}};
  job.keep = Keep::on_failure;
  job.keep_for = Duration(1h);
  job.pty = true;
  return job;
}

inline JobWork job_of_tree() {
  JobWork job;
  job.source = GitSource{"file:///srv/tests.git", "v1.2", "", {"SMOKE"}};
  job.results = {{ResultFileFormat::gtest, ""}, {ResultFileFormat::junit, "out/*.xml"}};
  return job;
}

inline std::vector<Named<Work>> works() {
  const std::map<std::string, std::string> env = {{"EMPTY", ""}, {"LANG", "C.UTF-8"}};
  return {{"noop", NoopWork{std::string("any\0bytes\xFF", 10)}},
          {"verify", VerifyWork{"quick"}},
          {"repair", RepairWork{"adb: no answer"}},
          {"command", JobWork{CommandSource{{"make", "-j", "2"}}, "/src", env, {"PATH", "HOME"}}},
          {"tree", JobWork{TreeSource{"/jobs", "smoke/boot", {"smoke", "fast"}}, "", env, {}}},
          {"git_steps", job_with_steps()},
          {"git_results", job_of_tree()}};
}

inline Strategy strategy() {
  Strategy strategy;
  strategy.name = "linux-host";
  strategy.for_selector = "type=host";
  strategy.verifiers = {
      {"ssh", "sshd answers", TcpCheck{"{device.host}", "22", "SSH-"}, {}, Duration(5s)},
      {"disk", "there is room", DiskCheck{"/", 1 << 30, 5, 10'000, 6}, {"ssh"}, Duration(1s)},
      {"lock", "not locked", FileCheck{"/run/lock", false, false, "", 0s}, {}, Duration(1s)},
      {"log", "log is fresh", FileCheck{"/log", true, true, "ok", 1h}, {"lock"}, Duration(1s)},
      {"clock", "clock is set", CommandCheck{{"clock", "--check"}}, {"ssh", "disk"}, Duration(2s)},
      {"noop", "does nothing", NoopCheck{}, {}, Duration(1s)}};
  strategy.actions = {{"reboot",
                       "reboot it",
                       CommandCheck{{"relay", "cycle"}},
                       {"ssh"},
                       {"disk", "clock"},
                       Duration(3min)}};
  return strategy;
}

// With everything that strategies have gained since the first.
inline Strategy repair_strategy() {
  Strategy strategy = samples::strategy();
  strategy.name = "android-phone";
  strategy.for_selector = "type=handset";
  strategy.total = Duration(45min);
  const SshCheck ssh = {"{device.host}", "2222", "root", "/etc/key", "/etc/known", {"uptime"}};
  const HttpCheck http = {"POST", "http://pdu/{device.outlet}", {"X-Lab: lund"}, "on", 204, "ok"};
  strategy.verifiers[0].when = "type=handset";
  strategy.verifiers[0].blame = "{stack.relay.name}";
  strategy.verifiers[0].levels = {"quick", "boot"};
  strategy.verifiers.push_back({"ping", "", PingCheck{"10.0.0.7", 3}, {}, Duration(1s)});
  strategy.verifiers.push_back({"shell", "", ssh, {}, Duration(2s)});
  strategy.verifiers.push_back({"web", "", http, {}, Duration(3s)});
  strategy.verifiers.push_back(
      {"adb", "", AdbCheck{"CB5A1", "recovery", "127.0.0.1:5038"}, {}, Duration(4s)});
  strategy.verifiers.push_back(
      {"usb", "", UsbCheck{"0fce", "01ff", "CB5A1", "/tmp/usb"}, {}, Duration(5s)});
  const auto action = [&](std::string tag, ActionRun run) {
    strategy.actions.push_back(
        {std::move(tag), "d", std::move(run), {"ssh"}, {"PASS"}, 1min, "type", 30s, 2, 3});
  };
  action("a_ssh", ssh);
  action("a_http", http);
  action("a_wait", WaitAction{Duration(5s)});
  action("a_power", PowerAction{"{stack.relay.name}", "cycle"});
  action("a_noop", NoopCheck{});
  strategy.closing = {{"collect", "d", CommandCheck{{"report"}}, FinallyWhen::failed, 2min}};
  return strategy;
}

inline DeviceSpec device() {
  return {"yuga-1",
          {{"pretty", "yuga"}, {"serial", "CB5A1"}, {"type", "handset"}},
          "worker-1",
          {"nightly", "smoke"},
          "android-phone",
          "ada@example",
          "rack 3, shelf 2",
          "phones",
          {{"relay", "{operation}"}, "PUT", "http://pdu/{operation}"}};
}

inline ListedDevice listed_device() {
  return {"phones", "usb-CB5A1", {{"serial", "CB5A1"}, {"type", "handset"}}};
}

inline InventoryPtr inventory() {
  Inventory inventory;
  inventory.lab = "lund";
  inventory.workers = {{"worker-1", {"nightly"}}, {"worker-2", {}}};
  inventory.devices = {device(), {"yuga-2", {}, "worker-2", {}, "", "", ""}};
  inventory.strategies = {{"linux-host", encode_strategy(strategy())}};
  inventory.stacks = {{"bench-1", {"yuga-1", "yuga-2"}}};
  inventory.health = {5, {Duration(1min), Duration(1h)}, Duration(3min)};
  inventory.allow = {"type=handset"};
  inventory.caps = {{"", 40, 0}, {"nightly", 4, 2}};
  inventory.shares = {{"ada@build-1", 3}};
  return std::make_shared<const Inventory>(std::move(inventory));
}

inline TaskSpec task_spec() {
  TaskSpec spec;
  spec.guid = token().guid;
  spec.kind = TaskKind::repair;
  spec.name = "boot and smoke";
  spec.parent = "https://lab.example/job/1000";
  spec.submitter = "ada@build-1";
  spec.pool = "nightly";
  spec.devices = {{"dut", "", "pretty=yuga,type=handset"}, {"relay", "relay-4", "", "dut"}};
  spec.priority = 70;
  spec.timeouts = {Duration(1h), Duration(30min), Duration(5min),
                   Duration(3s), Duration(1min),  Duration(8h)};
  spec.retry = {4, 1, 5};
  spec.wait_for_capacity = true;
  spec.work = encode_work(works()[3].value);
  spec.before = {VerifyFirst::always, "quick", true, Duration(20min)};
  spec.depends_on = {{"https://lab.example/job/1001", true},
                     {"https://lab.example/job/1002", false}};
  spec.group = "https://lab.example/job/1000";
  spec.at_once = 6;
  spec.metadata = {{"build_url", "https://ci/42"}, {"image", "sha256:00"}};
  return spec;
}

inline TaskSpecPtr task() { return std::make_shared<const TaskSpec>(task_spec()); }

// A task that leaves everything to its defaults.
inline TaskSpecPtr plain_task() {
  TaskSpec spec;
  spec.guid = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
  return std::make_shared<const TaskSpec>(std::move(spec));
}

inline std::vector<Named<Event>> events() {
  const Origin origin = {"worker-1", uint64_t{7} << 32 | 9};
  std::vector<Named<EventBody>> bodies = {
      {"broker_started", BrokerStarted{3, "0.1.0"}},
      {"inventory_applied", InventoryApplied{inventory(), "ada@build-1"}},
      {"worker_joined", WorkerJoined{"worker-1", 7, "lund", {"nightly", "smoke"}, 4, "0.1.0"}},
      {"worker_lost", WorkerLost{"worker-1", 7, "not heard for 20 s"}},
      {"task_submitted", TaskSubmitted{task()}},
      {"attempt_leased", AttemptLeased{token(), "worker-1", 7, {"yuga-1", "relay-4"}}},
      {"attempt_started", AttemptReported{origin, token(), instant(1), attempt_started()}},
      {"record", AttemptReported{origin, token(), instant(2), record()}},
      {"result", AttemptReported{origin, token(), instant(3), case_result()}},
      {"source_fetched", AttemptReported{origin, token(), instant(3), source_fetched()}},
      {"shout", AttemptReported{origin, token(), instant(3), shout()}},
      {"measurement", AttemptReported{origin, token(), instant(3), measurement()}},
      {"artifact", AttemptReported{origin, token(), instant(3), artifact()}},
      {"call_failed", AttemptReported{origin, token(), instant(3), call_failed()}},
      {"call_made", AttemptReported{origin, token(), instant(3), call_made()}},
      {"progress", AttemptReported{origin, token(), instant(4), progress()}},
      {"attempt_ended", AttemptEnded{origin, token(), ending(), Verdict::flaky, kNever}},
      {"attempt_requeued",
       AttemptEnded{Origin{}, token(), killed_ending(), Verdict::none, instant(99)}},
      {"report_refused", ReportRefused{origin, token(), "the attempt is not live"}},
      {"cancel_requested", CancelRequested{token().guid, "too late", "broker", Cause::timeout}},
      {"task_ended", TaskEnded{token().guid, killed_ending(), Verdict::skip}},
      {"device_judged", DeviceJudged{"yuga-1", DeviceHealth::quarantined, "adb: no answer",
                                     "broker", token().guid, instant(900), 3, "quick", 2}},
      {"device_listed", DeviceListed{"worker-1", listed_device()}},
      {"device_unlisted", DeviceUnlisted{"worker-1", "yuga-1"}},
      {"task_retried", TaskRetried{token().guid, "new cable", "ada@build-1", "0199-request"}},
      {"daemon_logged", DaemonLogged{"worker-worker-1", log_line()}},
      {"access_refused", AccessRefused{std::string(62, '4') + "2f", "desk", "10.0.0.7",
                                       "apply an inventory", "key desk has role submitter", 3}},

      {"drain_changed", DrainChanged{"worker-1", true, "new disk", "ada@build-1"}}};
  std::vector<Named<Event>> events;
  const auto metadata = std::make_shared<const Metadata>(task_spec().metadata);
  for (auto& [name, body] : bodies) {
    Event event{instant(30), std::move(body)};
    const bool submitted = std::holds_alternative<TaskSubmitted>(event.body);
    if (!submitted && !event_guid(event).empty()) event.metadata = metadata;
    events.push_back({name, std::move(event)});
  }
  return events;
}

inline std::vector<Event> event_values() {
  std::vector<Event> values;
  for (auto& event : events()) values.push_back(std::move(event.value));
  return values;
}

inline TaskInfo task_info() {
  TaskInfo info;
  info.buried = true;
  info.spec = task_spec();
  info.state = TaskState::ended;
  info.verdict = Verdict::flaky;
  info.ending = ending();
  info.submitted = instant(0);
  info.ended = instant(20);
  info.not_before = instant(15);
  info.cancelling = "wrong branch";
  info.attempt_count = 2;
  info.attempts = {
      {1, "worker-1", {"yuga-1"}, instant(1), "file:///1.log", killed_ending()},
      {2, "worker-2", {"yuga-2", "relay-4"}, instant(9), "", std::nullopt, "step 4 of 9"}};
  return info;
}

inline Sync sync() {
  Sync sync;
  sync.number = 12;
  sync.incarnation = 7;
  sync.full = true;
  sync.unacked_first = uint64_t{7} << 32 | 1;
  sync.unacked_last = uint64_t{7} << 32 | 5;
  for (auto& report : reports()) sync.reports.push_back(std::move(report.value));
  sync.lab = "lund";
  sync.pools = {"nightly", "smoke"};
  sync.slots = 4;
  sync.credit = 12;
  sync.held = {{token(), true}, {{"another-task-1", 1}, false}};
  sync.version = "0.1.0";
  sync.listed = {listed_device()};
  sync.refusing = "its disk is nearly full";
  sync.listers = {{"phones", "exit 127"}, {"relays", ""}};
  sync.listed_all = false;
  return sync;
}

inline Desired desired() {
  Desired desired;
  desired.epoch = 3;
  desired.number = 44;
  desired.sync_number = 12;
  desired.lease = Duration(20s);
  desired.acked = uint64_t{7} << 32 | 4;
  desired.run = {
      {task(), 3, {device(), device()}, encode_strategy(strategy()), {{"power_cycle", 2}}},
      {plain_task(), 1, {}, ""}};
  desired.stop = {{token(), StopReason::cancelled, "wrong branch"},
                  {{"another-task-1", 1}, StopReason::fenced, ""}};
  return desired;
}

inline DeviceInfo device_info() {
  return {device(),
          DeviceState::repairing,
          DeviceHealth::bad,
          "adb: no answer",
          instant(8),
          token(),
          "broker",
          instant(60),
          2,
          {"bench-1"},
          true,
          "step 4 of 9",
          true,
          "lister phones of worker worker-1 does not find it",
          true};
}

inline WorkerInfo worker_info() {
  return {"worker-1",
          true,
          7,
          "lund",
          {"nightly"},
          "0.1.0",
          4,
          3,
          instant(50),
          instant(70),
          "its disk is nearly full",
          {{"phones", "exit 127"}},
          draining()};
}

inline std::vector<Named<Envelope>> in_envelopes(std::vector<Named<Message>> bodies) {
  std::vector<Named<Envelope>> messages;
  for (auto& [name, body] : bodies) messages.push_back({name, {4242, std::move(body)}});
  return messages;
}

// One of every alternative, in their order.
inline LogState log_state() {
  LogState state;
  state.tail = 301;
  state.head = 1234;
  state.size = {5 << 20, 1 << 20};
  state.keeping = {Duration(24h), 1 << 30};
  state.snapshots = {1200, 900};
  state.readers = {{"couchdb@old:/srv", 400, instant(-90)},
                   {"ledger@build-1:/srv", 1230, instant(0)}};
  state.limit = 400;
  return state;
}

// Those about the event log.
inline std::vector<Named<Message>> log_messages() {
  return {{"ask_log", AskLog{}},
          {"log_state", log_state()},
          {"trim_log", TrimLog{500, true, "ada@build-1"}},
          {"trim_log_reply", TrimLogReply{400, "couchdb@old:/srv needs event 400", log_state()}},
          {"forget_reader", ForgetReader{"couchdb@old:/srv", "ada@build-1"}}};
}

inline std::vector<Named<Envelope>> messages() {
  std::vector<Named<Message>> bodies = {
      {"hello", Hello{1, 4, Role::collector, "collector-1", "0.1.0"}},
      {"welcome", Welcome{1, "log-5d3c", 3, 1234, Duration(2s), "0.1.0"}},
      {"refused", Refused{RefusalCode::unavailable, "the disk is nearly full"}},
      {"unimplemented", Unimplemented{4711}},
      {"beat", Beat{}},
      {"submit", Submit{{task(), plain_task()}, true}},
      {"submit_reply",
       SubmitReply{{{token().guid, true, ""},
                    {"short", false, "a GUID has 10 characters"},
                    {"a-later-job", false, "the queue is full", RefusalCode::unavailable}}}},
      {"watch", Watch{{token().guid, "another-task-1"}}},
      {"task_news",
       TaskNews{{{token().guid, TaskState::ended, 3, "worker-1", "file:///3.log", Verdict::pass,
                  ending()},
                 {"another-task-1", TaskState::running, 1, "", "", Verdict::none, std::nullopt}},
                {"never-heard-of-it"}}},
      {"cancel", Cancel{{token().guid}, "wrong branch", "ada@build-1"}},
      {"cancel_reply", CancelReply{{{token().guid, ""}, {"another-task-1", "it has ended"}}}},
      {"apply_inventory", ApplyInventory{inventory(), "ada@build-1"}},
      {"inventory_reply", InventoryReply{1, 2, 3}},
      {"sync", sync()},
      {"desired", desired()},
      {"fetch", Fetch{77, 1 << 20, Duration(30s), "ledger@build-1:/srv/muster", 70}},
      {"blocks", Blocks{1247, {encode_block(1234, event_values()), ""}}},
      {"list_tasks", ListTasks{{TaskState::queued, TaskState::ended},
                               100,
                               "https://lab",
                               "0194-group",
                               {Verdict::fail, Verdict::error},
                               {TaskKind::job, TaskKind::verify},
                               "wifi-*",
                               {{"branch", "main"}, {"build", "42"}},
                               true}},
      {"task_list", TaskList{{task_info(), TaskInfo{}}, 500}},
      {"show_task", ShowTask{token().guid}},
      {"task_info", task_info()},
      {"explain_task", ExplainTask{token().guid}},
      {"explanation", Explanation{token().guid,
                                  TaskState::leased,
                                  "It waits for yuga-1.",
                                  {"yuga-1 is leased", "yuga-2 is offline"},
                                  17,
                                  Duration(90s)}},
      {"list_devices", ListDevices{"type=handset", "yuga-1", "yuga-0"}},
      {"device_list", DeviceList{{device_info(), DeviceInfo{}}, true}},
      {"list_workers", ListWorkers{}},
      {"worker_list", WorkerList{{worker_info(), WorkerInfo{}}}},
      {"ask_status", AskStatus{}},
      {"broker_status",
       BrokerStatus{"0.1.0", "log-5d3c", 3, 1234, 5, 6, 7, 8, 9, 10, true, instant(0), draining()}},
      {"change_devices",
       ChangeDevices{{"yuga-1"}, DeviceChange::quarantine, "screen broken", "ada@build-1"}},
      {"change_devices_reply",
       ChangeDevicesReply{{{"yuga-1", "", "was locked already"}, {"yuga-9", "no such device"}}}},
      {"ask_inventory", AskInventory{}},
      {"current_inventory", CurrentInventory{inventory()}},
      {"retry_tasks", RetryTasks{{token().guid}, "new cable", "ada@build-1", "0199-request"}},
      {"retry_tasks_reply",
       RetryTasksReply{{{token().guid, ""},
                        {"another-task-1", "the queue is full", RefusalCode::unavailable}}}},
      {"tell_log", TellLog{{log_line()}}},
      {"tell_log_reply", TellLogReply{log_line().seq}}};
  for (auto& about_log : log_messages()) bodies.push_back(std::move(about_log));
  bodies.push_back({"drain", Drain{{"worker-1", "worker-9"}, true, "new disk", "ada@build-1"}});
  bodies.push_back({"drain_reply", DrainReply{{{"worker-1", "", "drains already", 3},
                                               {"worker-9", "no such worker", "", 0}}}});
  return in_envelopes(std::move(bodies));
}

}  // namespace muster::samples
