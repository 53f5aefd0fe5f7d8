#include "tests/cli/samples.h"

#include "io/event_json.h"

namespace muster::samples {

using std::chrono_literals::operator""min;

Instant at(double seconds) {
  const Instant start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} +
                      std::chrono::hours(8) + 15min + 30s};
  return start + Duration(static_cast<int64_t>(seconds * 1e6));
}

TaskInfo running_task() {
  TaskInfo task;
  task.spec.guid = "lab/nightly/0042";
  task.spec.name = "smoke";
  task.state = TaskState::running;
  task.submitted = at(0);
  task.attempt_count = 1;
  return task;
}

TaskInfo device_error_task() {
  TaskInfo task = running_task();
  task.spec.guid = "lab/nightly/0043";
  task.spec.submitter = "kim@bench";
  task.spec.pool = "wifi";
  task.spec.devices = {{"dut", "", "type=handset"}, {"relay", "relay-1", ""}};
  task.spec.timeouts.run = 40min;
  task.state = TaskState::ended;
  task.verdict = Verdict::error;
  task.ended = at(30);
  task.attempt_count = 2;
  const std::vector<std::string> devices = {"phone-7", "relay-1"};
  const Ending lost =
      make_ending(Outcome::error, Cause::worker, StatusCode::error, "lost", kNever, at(14));
  Ending end = make_ending(Outcome::error, Cause::device, StatusCode::blocked,
                           "phone-7 is not on the bus", at(17.5), at(30));
  end.exit_code = 3;
  task.attempts = {{1, "bench-1", devices, at(1), "", lost},
                   {2, "bench-2", devices, at(15), "file:///w/log", end}};
  task.ending = end;
  return task;
}

DeviceInfo bad_device() {
  DeviceInfo device;
  device.spec.name = "phone-7";
  device.spec.profile = {{"type", "handset"}, {"pretty", "yuga"}};
  device.spec.worker = "bench-1";
  device.spec.pools = {"wifi", "general"};
  device.spec.strategy = "android-phone";
  device.spec.where = "shelf C";
  device.health = DeviceHealth::bad;
  device.health_reason = "no adb";
  device.health_since = at(60);
  device.held_by = {"lab/nightly/0042", 2};
  return device;
}

DeviceInfo stacked_device() {
  DeviceInfo device = bad_device();
  device.spec.lister = "usb";
  device.spec.power.method = "POST";
  device.spec.power.url = "http://pdu/7";
  device.state = DeviceState::verifying;
  device.health_who = "broker";
  device.until = at(60) + 30min;
  device.failures = 2;
  device.stacks = {"bench-c"};
  device.undeclared = true;
  device.progress = "checked 3 of 9";
  return device;
}

WorkerInfo worker(const std::string& name, bool present) {
  WorkerInfo info;
  info.name = name;
  info.present = present;
  info.lab = "lund-3";
  info.pools = {"wifi"};
  info.version = "0.1.0";
  info.slots = 4;
  info.held = 1;
  info.last_heard = at(98);
  return info;
}

Strategy strategy() {
  Strategy strategy;
  strategy.name = "phone";
  strategy.for_selector = "type=handset";
  strategy.verifiers = {{"usb", "", TcpCheck{"h", "1", ""}, {}, 5s},
                        {"adb", "", CommandCheck{{"adb"}}, {"usb"}, 1min},
                        {"battery", "It has charge", NoopCheck{}, {"adb"}, 1min},
                        {"screen", "", NoopCheck{}, {"adb"}, 1min}};
  strategy.actions = {
      {"restart", "Restart adb", CommandCheck{{"adb"}}, {"usb"}, {"adb", "usb"}, 1min}};
  return strategy;
}

namespace {

Verification verification(const std::string& device, Verdict verdict, Ending ending,
                          std::vector<CaseResult> cases) {
  Verification one;
  one.device = device;
  one.result.task.spec.guid = "verify-" + device;
  one.result.task.spec.kind = TaskKind::verify;
  one.result.task.state = TaskState::ended;
  one.result.task.verdict = verdict;
  one.result.task.ending = std::move(ending);
  one.result.cases = std::move(cases);
  return one;
}

}  // namespace

std::vector<Verification> verifications() {
  const CaseResult usb{"verify", "usb", Outcome::pass, 1s, ""};
  const CaseResult adb{"verify", "adb", Outcome::pass, 1s, ""};
  const CaseResult no_adb{"verify", "adb", Outcome::fail, 1s, "device offline"};
  const CaseResult blocked{"verify", "battery", Outcome::skip, 0s, "adb failed"};
  const CaseResult clock{"verify", "clock", Outcome::fail, 1s, "off by 3m"};
  return {verification("phone-7", Verdict::pass,
                       make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", at(0), at(2)),
                       {usb, adb}),
          verification("phone-8", Verdict::fail,
                       make_ending(Outcome::fail, Cause::device, StatusCode::failures,
                                   "device offline", at(0), at(2)),
                       {usb, no_adb, blocked, clock}),
          verification(
              "phone-9", Verdict::error,
              make_ending(Outcome::error, Cause::worker, StatusCode::error, "lost", kNever, at(2)),
              {})};
}

TaskResult failing_result() {
  TaskResult result;
  result.task.spec.guid = "lab/nightly/0044";
  result.task.spec.name = "wifi";
  result.task.state = TaskState::ended;
  result.task.verdict = Verdict::fail;
  result.task.attempt_count = 1;
  result.task.ending = make_ending(Outcome::fail, Cause::test, StatusCode::failures,
                                   "1 of 3 cases failed", at(0), at(3));
  result.cases = {{"wifi", "connect", Outcome::pass, 1500ms, ""},
                  {"wifi", "roam", Outcome::fail, 500ms, "expected <2, got \"\x07"},
                  {"", "skipped", Outcome::skip, 0s, "no 6 GHz"}};
  return result;
}

std::vector<HistoryEntry> history() {
  LedgerUse use;
  use.seq = 11;
  use.guid = "lab/nightly/0042/repair-10";
  use.kind = TaskKind::repair;
  use.name = "repair phone-7 for smoke";
  use.parent = "lab/nightly/0042";
  use.attempt = {1, "bench-1", {"phone-7"}, at(1), "", std::nullopt, ""};
  use.attempt.ending = make_ending(Outcome::fail, Cause::device, StatusCode::failures,
                                   "adb: device offline", at(1), at(5));
  LedgerRepair repair{12, at(3), use.guid, 1, {"repair", "restart", Outcome::fail, 2s, "no adb"}};
  const DeviceJudged judged{
      "phone-7", DeviceHealth::bad, "adb: device offline", "broker", use.guid, at(60) + 30min, 1};
  return merge_history({{20, at(5), judged}}, {use}, {repair}, 50);
}

Trace trace() {
  auto job = std::make_shared<TaskSpec>();
  job->guid = "lab/nightly/0042";
  job->name = "smoke";
  job->submitter = "kim@bench";
  auto child = std::make_shared<TaskSpec>();
  child->guid = "lab/nightly/0042/verify-2";
  child->kind = TaskKind::verify;
  child->name = "verify phone-7 for smoke";
  child->parent = job->guid;
  child->submitter = "kim@bench";
  const AttemptToken token{child->guid, 1};
  const Origin origin{"bench-1", 1};
  const std::vector<Event> events = {
      {at(0), TaskSubmitted{job}},
      {at(0), TaskSubmitted{child}},
      {at(1), AttemptLeased{token, "bench-1", 1, {"phone-7"}}},
      {at(2), AttemptReported{origin, token, at(2), Record{"FAIL", "", "verify.adb", {}, "off"}}},
      {at(2), AttemptReported{origin, token, at(2),
                              CaseResult{"verify", "adb", Outcome::fail, 1s, "off"}}},
      {at(2), AttemptReported{origin, token, at(2), Progress{50, "checked 1 of 2"}}},
      {at(3), AttemptEnded{origin, token,
                           make_ending(Outcome::fail, Cause::device, StatusCode::failures,
                                       "adb: off", at(1), at(3)),
                           Verdict::fail, kNever}},
      {at(3),
       DeviceJudged{"phone-7", DeviceHealth::bad, "adb: off", "broker", child->guid, at(903), 1}}};
  std::vector<TraceEvent> numbered;
  for (const Event& event : events) {
    const uint64_t seq = numbered.size() + 1;
    numbered.push_back({seq, event, event_to_json(seq, event)});
  }
  return make_trace(job->guid, {job->guid, child->guid}, std::move(numbered));
}

std::vector<Event> every_event() {
  const AttemptToken token{"lab/nightly/0042", 1};
  const Origin origin{"bench-1", 1};
  auto spec = std::make_shared<TaskSpec>();
  spec->guid = token.guid;
  auto inventory = std::make_shared<Inventory>();
  inventory->lab = "lund-3";
  const Ending ending =
      make_ending(Outcome::pass, Cause::none, StatusCode::ok, "multi\nline", at(0), at(1));
  return {
      {at(0), BrokerStarted{1, "0.1.0"}},
      {at(0), InventoryApplied{inventory, "kim"}},
      {at(0), WorkerJoined{"bench-1", 1, "lund-3", {}, 4, "0.1.0"}},
      {at(0), WorkerLost{"bench-1", 1, "silent"}},
      {at(0), TaskSubmitted{spec}},
      {at(0), AttemptLeased{token, "bench-1", 1, {}}},
      {at(0), AttemptReported{origin, token, at(0), AttemptStarted{"file:///l", {"a", "b\n"}}}},
      {at(0), AttemptReported{origin, token, at(0), Record{"GOOD", "", "verify.adb", {}, "m\n"}}},
      {at(0),
       AttemptReported{origin, token, at(0), CaseResult{"s", "n", Outcome::pass, 1s, "x\r"}}},
      {at(0), AttemptEnded{origin, token, ending, Verdict::pass, kNever}},
      {at(0), ReportRefused{origin, token, "stale"}},
      {at(0), CancelRequested{token.guid, "why", "kim"}},
      {at(0), TaskEnded{token.guid, ending, Verdict::error}},
      {at(0), AttemptReported{origin, token, at(0), Progress{40, "step 2\n"}}},
      {at(0), DeviceJudged{"phone-7", DeviceHealth::bad, "adb\n", "broker", token.guid, at(9), 1}},
      {at(0), DeviceListed{"bench-1", {"usb", "phone-7", {}}}},
      {at(0), DeviceUnlisted{"bench-1", "phone-7"}},
      {at(0), TaskRetried{token.guid, "new\ncable", "kim", "1"}},
      {at(0), AttemptReported{origin, token, at(0), SourceFetched{"file:///r", "main", "3f"}}},
      {at(0), AttemptReported{origin, token, at(0), Shout{R"({"a": 1})"}}},
      {at(0), AttemptReported{origin, token, at(0), Measurement{"t", {{"a", int64_t{1}}}}}},
      {at(0), AttemptReported{origin, token, at(0), Artifact{"a", "file:///a", 1, ""}}},
      {at(0), AttemptReported{origin, token, at(0), CallFailed{"device ls", "[]", "b", "gone"}}},
      {at(0), AttemptReported{origin, token, at(0), CallMade{"device ls", "[]", "b\n"}}},
      {at(0), DaemonLogged{"worker-a", {1, at(0), LogLevel::error, "no\nroom", 2}}},
      {at(0), AccessRefused{std::string(64, 'a'), "", "", "connect", "nobody has allowed it", 9}},
      {at(0), DrainChanged{"worker-a", true, "new\ndisk", "kim"}}};
}

}  // namespace muster::samples
