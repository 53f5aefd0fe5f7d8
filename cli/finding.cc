#include "cli/finding.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "cli/exit_status.h"
#include "cli/text.h"
#include "cli/values.h"
#include "core/duration_text.h"
#include "core/limits.h"
#include "io/clock.h"
#include "io/log_state.h"

namespace muster {
namespace {

// Less than this is worth a word before the broker refuses work.
constexpr uint64_t kFreeBytesComfort = 1ull << 30;
// Events that a healthy collector may be behind at any moment.
constexpr uint64_t kLagComfort = 1'000;
constexpr size_t kNamesShown = 5;
// What has ended is in the archive by then, where nothing is wrong.
constexpr Duration kUploadComfort = 1min;
// A clock outside of these years was never set.
constexpr Instant kClockEarliest{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}};
constexpr Instant kClockLatest{std::chrono::sys_days{std::chrono::year{2100} / 1 / 1}};

std::string some_names(const std::vector<std::string>& names) {
  std::vector<std::string> shown(names.begin(),
                                 names.begin() + std::min(names.size(), kNamesShown));
  std::string text = join(shown, ", ");
  if (names.size() > kNamesShown) text += ", ...";
  return text;
}

Finding judge_home(const DoctorFacts& facts) {
  if (facts.home_fault.empty()) return {"home", Condition::ok, facts.home + " is writable", ""};
  return {"home", Condition::fail, facts.home_fault,
          "make it writable, or choose another with --home or MUSTER_HOME"};
}

Finding judge_disk(const DoctorFacts& facts) {
  if (!facts.free_fault.empty()) {
    return {"disk", Condition::warn, facts.free_fault, "look at the file system of " + facts.home};
  }
  const std::string text = format_size(facts.free_bytes) + " free";
  if (facts.free_bytes < kDiskReserveBytes || facts.broker.disk_low) {
    return {"disk", Condition::fail, text + ": new work is refused", "make room in " + facts.home};
  }
  if (facts.free_bytes < kFreeBytesComfort) {
    return {"disk", Condition::warn, text, "make room in " + facts.home + " soon"};
  }
  return {"disk", Condition::ok, text, ""};
}

// Where to look next, whatever is wrong.
Finding judge_logs(const DoctorFacts& facts) {
  const std::string dir = facts.home + "/logs";
  if (!facts.logs_fault.empty()) {
    return {"logs", Condition::warn, facts.logs_fault, "make it a directory that is writable"};
  }
  return {"logs", Condition::ok,
          dir + " has " + format_size(facts.logs_bytes) +
              ": what each daemon logs (NAME.log) and prints (NAME.err)",
          ""};
}

Finding judge_security() {
  return {"security", Condition::warn,
          "insecure: true: whoever reaches the tcp:// endpoints may do everything",
          "make keys (muster key new --help), and take that line out of muster.yaml"};
}

Finding judge_broker(const DoctorFacts& facts) {
  if (!facts.endpoint_fault.empty()) {
    return {"broker", Condition::fail, facts.endpoint_fault,
            "choose another with --endpoint, or a home with a shorter path"};
  }
  if (!facts.broker_fault.empty()) {
    return {"broker", Condition::fail, facts.broker_fault,
            "start it with: muster up; its log is in " + facts.home + "/logs"};
  }
  const BrokerStatus& broker = facts.broker;
  const std::string text = facts.endpoint + ", version " + broker.version + ", event " +
                           std::to_string(broker.head) + ", " + std::to_string(broker.queued) +
                           " queued, " + std::to_string(broker.leased) + " running";
  if (broker.version != facts.version) {
    return {"broker", Condition::warn, text, "this program is " + facts.version + ": update one"};
  }
  if (broker.draining) {
    return {"broker", Condition::warn,
            text + "; it takes no new tasks: drained " + printable(by_whom(*broker.draining)),
            "when that is over: muster broker resume"};
  }
  return {"broker", Condition::ok, text, ""};
}

// Nothing when nobody keeps the event log from being trimmed.
std::optional<Finding> judge_event_log(const DoctorFacts& facts) {
  if (!facts.log) return std::nullopt;
  const std::vector<LogReader> holders = log_holders(*facts.log, facts.broker.disk_low);
  if (holders.empty()) return std::nullopt;
  std::vector<std::string> names;
  std::vector<std::string> lines;
  for (const LogReader& reader : holders) {
    names.push_back(printable(reader.name) + " (event " + std::to_string(reader.needs) + ")");
    lines.push_back(printable(forget_line(reader)));
  }
  return Finding{"event_log", Condition::warn,
                 "it has " + format_size(facts.log->size.bytes) +
                     " and cannot be trimmed as it is to be: it is kept for " + some_names(names),
                 "see what they wait for (muster sink status); of one that is gone for good: " +
                     join(lines, "; ")};
}

Finding judge_workers(const DoctorFacts& facts) {
  std::vector<std::string> present;
  std::vector<std::string> lost;
  std::vector<std::string> refusing;
  std::vector<std::string> drained;
  uint64_t slots = 0;
  for (const WorkerInfo& worker : facts.workers) {
    if (worker.draining) drained.push_back(worker.name);
    if (!worker.refusing.empty()) refusing.push_back(worker.name + ": " + worker.refusing);
    (worker.present ? present : lost).push_back(worker.name);
    if (worker.present) slots += worker.slots;
  }
  if (present.empty()) {
    return {"workers", Condition::fail, "no worker is connected, so nothing can run",
            "start one: muster up, or muster-worker --name NAME"};
  }
  const std::string text = counted(present.size(), "worker") + " present (" + some_names(present) +
                           "), " + counted(slots, "slot");
  if (!refusing.empty()) {
    return {"workers", Condition::fail,
            text + "; no new work is taken by " + join(refusing, "; by "),
            "make room on its disk; see: muster worker ls"};
  }
  if (!lost.empty()) {
    return {"workers", Condition::warn, text + "; lost: " + some_names(lost),
            "look at their machines; see: muster worker ls"};
  }
  if (!drained.empty()) {
    return {"workers", Condition::warn, text + "; drained: " + some_names(drained),
            "when that is over: muster worker resume " + join(drained, " ")};
  }
  return {"workers", Condition::ok, text, ""};
}

// Nothing when there are no listers and none is asked for.
std::optional<Finding> judge_listers(const DoctorFacts& facts) {
  std::set<std::string> faults;
  size_t count = 0;
  for (const WorkerInfo& worker : facts.workers) {
    if (!worker.present) continue;
    count += worker.listers.size();
    for (const ListerState& lister : worker.listers) {
      if (lister.fault.empty()) continue;
      faults.insert("lister " + lister.name + " of worker " + worker.name +
                    " fails: " + lister.fault);
    }
  }
  for (const DeviceInfo& device : facts.devices) {
    if (device.absent.find(" has no lister ") != std::string::npos) faults.insert(device.absent);
  }
  if (!faults.empty()) {
    return Finding{"listers", Condition::fail,
                   some_names(std::vector<std::string>(faults.begin(), faults.end())),
                   "see worker.listers in the worker's muster.yaml, and its log"};
  }
  if (count == 0) return std::nullopt;
  return Finding{"listers", Condition::ok, counted(count, "lister"), ""};
}

Finding judge_devices(const DoctorFacts& facts) {
  if (facts.devices.empty()) {
    return {"devices", Condition::warn, "no devices",
            "declare some: muster inventory apply FILE (commands run without)"};
  }
  std::map<DeviceHealth, std::vector<std::string>> unfit;
  std::vector<std::string> offline;
  size_t good = 0;
  for (const DeviceInfo& device : facts.devices) {
    if (device.health > DeviceHealth::good) unfit[device.health].push_back(device.spec.name);
    if (device.health == DeviceHealth::good) ++good;
    if (device.state == DeviceState::offline) offline.push_back(device.spec.name);
  }
  std::string text =
      counted(facts.devices.size(), "device") + ", " + std::to_string(good) + " verified good";
  for (const auto& [health, names] : unfit) {
    text += "; " + std::string(to_string(health)) + ": " + some_names(names);
  }
  if (!offline.empty()) text += "; offline: " + some_names(offline);
  if (unfit.empty() && offline.empty()) return {"devices", Condition::ok, text, ""};
  return {"devices", Condition::warn, text, "see: muster device ls"};
}

Finding judge_uploads(const DoctorFacts& facts) {
  const UploadBacklog& uploads = *facts.uploads;
  if (uploads.attempts == 0) return {"uploads", Condition::ok, "the archive has everything", ""};
  const Duration age = std::max(facts.now - uploads.oldest, Duration(0));
  const std::string text =
      "what " + counted(uploads.attempts, "attempt") + " left is not in the archive yet, for " +
      format_duration(std::chrono::floor<std::chrono::seconds>(age)) + " at most";
  if (age < kUploadComfort) return {"uploads", Condition::ok, text, ""};
  return {"uploads", Condition::warn, text,
          "it waits on the worker's disk; whether the archive is away or full the worker's log "
          "says, in " +
              facts.home + "/logs"};
}

// The ledger's trouble once, though its sink has it too.
std::string describe_sinks(const DoctorFacts& facts) {
  std::string text = facts.ledger_fault;
  for (const std::string& fault : facts.sink_faults) {
    if (!facts.ledger_fault.empty() && fault.starts_with("ledger: ")) continue;
    text += (text.empty() ? "" : "; ") + fault;
  }
  return text;
}

Finding judge_collector(const DoctorFacts& facts) {
  if (!facts.collector_runs) {
    return {"collector", Condition::fail, "no collector runs in " + facts.home,
            "start one: muster up, or muster-collector; until then no status.log is written"};
  }
  if (!facts.ledger_fault.empty() || !facts.sink_faults.empty()) {
    return {"collector", Condition::fail, describe_sinks(facts),
            facts.sink_faults.empty()
                ? "its log is in " + facts.home + "/logs"
                : "what they lack waits for them; how far behind each is: muster sink status"};
  }
  if (!facts.dead_letters.empty()) {
    return {
        "collector", Condition::warn,
        "events were refused for good, and lie as dead letters of " +
            some_names(facts.dead_letters),
        "see: muster sink dead ls SINK; mend the place, and: muster sink dead retry SINK --all"};
  }
  const uint64_t head = facts.broker.head;
  const uint64_t lag = head > facts.ledger_cursor ? head - facts.ledger_cursor : 0;
  const std::string text = lag == 0 ? "has everything" : counted(lag, "event") + " behind";
  if (lag <= kLagComfort) return {"collector", Condition::ok, text, ""};
  return {"collector", Condition::warn, text,
          "wait; if it does not shrink, its log is in " + facts.home + "/logs"};
}

Finding judge_clock(const DoctorFacts& facts) {
  const std::string text = short_time(facts.now);
  if (facts.now < kClockEarliest || facts.now > kClockLatest) {
    return {"clock", Condition::fail, text + " cannot be right", "set the clock (chrony, ntp)"};
  }
  if (facts.broker_fault.empty() && facts.broker.started > facts.now + 5s) {
    return {"clock", Condition::warn,
            text + ": the broker says it started at " + short_time(facts.broker.started),
            "one of the two clocks is wrong"};
  }
  if (!facts.clock_synchronised) {
    return {"clock", Condition::warn, text + ", not synchronised",
            "run chrony or systemd-timesyncd"};
  }
  return {"clock", Condition::ok, text, ""};
}

}  // namespace

std::string_view to_string(Condition condition) {
  switch (condition) {
    case Condition::ok:
      return "ok";
    case Condition::warn:
      return "warn";
    case Condition::fail:
      return "FAIL";
  }
  return "unknown";
}

std::vector<Finding> judge(const DoctorFacts& facts) {
  std::vector<Finding> findings = {judge_home(facts), judge_disk(facts), judge_logs(facts),
                                   judge_clock(facts), judge_broker(facts)};
  if (facts.insecure) findings.push_back(judge_security());
  const bool broker_answers = facts.endpoint_fault.empty() && facts.broker_fault.empty();
  if (!broker_answers) return findings;
  if (std::optional<Finding> log = judge_event_log(facts)) findings.push_back(*log);
  findings.push_back(judge_workers(facts));
  if (std::optional<Finding> listers = judge_listers(facts)) findings.push_back(*listers);
  if (facts.uploads) findings.push_back(judge_uploads(facts));
  findings.push_back(judge_devices(facts));
  if (facts.collector_expected) findings.push_back(judge_collector(facts));
  return findings;
}

int exit_status(const DoctorFacts& facts, const std::vector<Finding>& findings) {
  if (!facts.endpoint_fault.empty() || !facts.broker_fault.empty()) return kExitUnreachable;
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.condition == Condition::fail;
  });
  return failed ? kExitFailed : kExitOk;
}

}  // namespace muster
