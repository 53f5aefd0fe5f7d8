#include "tests/collectors/script.h"

#include <utility>

namespace muster {
namespace {

constexpr uint64_t kStart = 1'790'000'000;  // seconds since the epoch

Inventory inventory() {
  Inventory inventory;
  inventory.lab = "lund";
  inventory.workers = {{"bench", {"nightly"}}};
  inventory.devices = {{"dut-1", {{"type", "handset"}}, "bench", {}, "phone", "ann", "shelf 3"}};
  inventory.strategies = {{"phone", ""}};
  return inventory;
}

}  // namespace

EventBody reported(const std::string& guid, uint32_t attempt, AttemptReported::Body body) {
  return AttemptReported{{"bench", 0}, {guid, attempt}, kNever, std::move(body)};
}

Instant script_time(uint64_t seq) {
  return from_us(static_cast<int64_t>(kStart + seq) * 1'000'000);
}

std::vector<SequencedEvent> number_events(std::vector<EventBody> bodies) {
  std::vector<SequencedEvent> events;
  for (EventBody& body : bodies) {
    const uint64_t seq = events.size() + 1;
    if (auto* report = std::get_if<AttemptReported>(&body)) {
      report->time = script_time(seq) - 1ms;
      report->origin.seq = (1ull << 32) + seq;
    }
    if (auto* end = std::get_if<AttemptEnded>(&body)) {
      end->ending.finished = script_time(seq) - 1ms;
      if (end->verdict == Verdict::none) end->retry_at = script_time(seq) + 10s;
    }
    events.push_back({seq, {script_time(seq), std::move(body)}});
  }
  return events;
}

TaskSpec script_spec(const std::string& guid, TaskKind kind) {
  TaskSpec spec;
  spec.guid = guid;
  spec.kind = kind;
  spec.name = "smoke";
  spec.submitter = "ann@desk";
  spec.devices = {{"dut", "", "type=handset"}};
  spec.timeouts.run = 90s;
  return spec;
}

EventBody submitted(const std::string& guid, TaskKind kind) {
  return TaskSubmitted{std::make_shared<TaskSpec>(script_spec(guid, kind))};
}

EventBody leased(const std::string& guid, uint32_t attempt, std::vector<std::string> devices) {
  return AttemptLeased{{guid, attempt}, "bench", 1, std::move(devices)};
}

EventBody started(const std::string& guid, uint32_t attempt) {
  return reported(guid, attempt, AttemptStarted{"file:///log", {"sh", "-c", "true"}});
}

EventBody record(const std::string& guid, uint32_t attempt, const std::string& status,
                 const std::string& operation, const std::string& message) {
  return reported(guid, attempt, Record{status, "", operation, {}, message});
}

EventBody case_result(const std::string& guid, uint32_t attempt, const std::string& name,
                      Outcome outcome) {
  return reported(guid, attempt, CaseResult{"suite", name, outcome, 1500ms, "because"});
}

EventBody attempt_ended(const std::string& guid, uint32_t attempt, Outcome outcome, Cause cause,
                        Verdict verdict, const std::string& message, const std::string& worker) {
  AttemptEnded event;
  event.origin = {worker, worker.empty() ? 0u : 7u};
  event.token = {guid, attempt};
  event.ending.outcome = outcome;
  event.ending.cause = cause;
  event.ending.status = outcome == Outcome::pass ? StatusCode::ok : StatusCode::failures;
  event.ending.message = message;
  event.verdict = verdict;
  return event;
}

EventBody applied(std::vector<DeviceSpec> devices) {
  auto inventory = std::make_shared<Inventory>();
  inventory->devices = std::move(devices);
  return InventoryApplied{inventory, "ann@desk"};
}

EventBody task_ended(const std::string& guid, Cause cause, const std::string& message) {
  TaskEnded event;
  event.guid = guid;
  event.ending.outcome = Outcome::error;
  event.ending.cause = cause;
  event.ending.status = StatusCode::killed;
  event.ending.message = message;
  return event;
}

std::vector<SequencedEvent> make_script() {
  return number_events({
      BrokerStarted{1, "0.1"},
      InventoryApplied{std::make_shared<Inventory>(inventory()), "ann@desk"},
      WorkerJoined{"bench", 1, "lund", {"nightly"}, 4, "0.1"},
      submitted(kPassing, TaskKind::verify),
      submitted(kRetried),
      leased(kPassing, 1, {"dut-1"}),
      started(kPassing, 1),
      record(kPassing, 1, "START", "verify"),
      submitted(kCancelled),
      record(kPassing, 1, "GOOD", "verify.usb"),
      leased(kRetried, 1),
      started(kRetried, 1),
      record(kRetried, 1, "START", "job"),
      case_result(kPassing, 1, "usb", Outcome::pass),
      record(kRetried, 1, "START", "inner"),
      record(kPassing, 1, "GOOD", "verify.PASS", "all well\nsecond line\nthird line"),
      // The worker dies: two groups stay open.
      WorkerLost{"bench", 1, "its lease ran out"},
      attempt_ended(kRetried, 1, Outcome::error, Cause::worker, Verdict::none, "lease ran out", ""),
      record(kPassing, 1, "END GOOD", "verify"),
      attempt_ended(kPassing, 1, Outcome::pass, Cause::none, Verdict::pass),
      CancelRequested{kCancelled, "not needed", "ann@desk"},
      task_ended(kCancelled, Cause::user, "cancelled: not needed"),
      leased(kRetried, 2, {"dut-1", "relay-1"}),
      ReportRefused{{"bench", 99}, {kRetried, 1}, "a stale attempt"},
      record(kRetried, 2, "START", "job"),
      case_result(kRetried, 2, "boots", Outcome::fail),
      record(kRetried, 2, "FAIL", "boots", "key=value like a field"),
      record(kRetried, 2, "END FAIL", "job"),
      attempt_ended(kRetried, 2, Outcome::fail, Cause::test, Verdict::fail, "1 of 1 failed"),
      record(kRetried, 2, "GOOD", "late", "after the end"),
      submitted(kSilent),
      leased(kSilent, 1),
      attempt_ended(kSilent, 1, Outcome::error, Cause::worker, Verdict::none, "never started", ""),
      leased(kSilent, 2),
      attempt_ended(kSilent, 2, Outcome::pass, Cause::none, Verdict::pass),
      submitted(kNonsense),
      leased(kNonsense, 1),
      record(kNonsense, 1, "END GOOD", "never-begun"),
      record(kNonsense, 1, "SPLENDID", "x"),
      record(kNonsense, 1, "START", "job"),
      record(kNonsense, 1, "END GOOD", "something-else"),
      record(kNonsense, 1, "GOOD", "with\ttab"),
      record(kNonsense, 1, "END GOOD", "job"),
      attempt_ended(kNonsense, 1, Outcome::error, Cause::worker, Verdict::error, "lost", ""),
      submitted(kUnfinished),
      leased(kUnfinished, 1),
      started(kUnfinished, 1),
      record(kUnfinished, 1, "START", "job"),
      record(kUnfinished, 1, "INFO", "", "working"),
      record("0194-never-submitted", 1, "START", "job"),
      TaskRetried{kNonsense, "once more", "ann@desk", "request-1"},
      leased(kNonsense, 2),
      record(kNonsense, 2, "START", "job"),
      record(kNonsense, 2, "END FAIL", "job"),
      attempt_ended(kNonsense, 2, Outcome::fail, Cause::test, Verdict::fail, "now it says why"),
  });
}

}  // namespace muster
