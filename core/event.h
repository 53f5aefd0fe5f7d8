// Events: the facts of the broker's log. BrokerCore::apply folds them into hard state, live and in
// recovery; collectors turn them into files and rows. schemas/event.capnp is their stored form: ids
// there are never reused, and an event type that a reader does not know is skipped, not an error.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/log_line.h"
#include "core/report.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

// The broker began to write. `epoch` grows by one at each start and fences older brokers.
struct BrokerStarted {
  uint64_t epoch = 0;
  std::string version;
  bool operator==(const BrokerStarted&) const = default;
};

struct InventoryApplied {
  InventoryPtr inventory;
  std::string who;
  bool operator==(const InventoryApplied& other) const {
    return *inventory == *other.inventory && who == other.who;
  }
};

// A worker was heard for the first time, came back after WorkerLost, restarted, or changed what it
// is.
struct WorkerJoined {
  std::string worker;
  uint64_t incarnation = 0;  // grows at each start of the worker process
  std::string lab;
  std::vector<std::string> pools;
  uint32_t slots = 0;
  std::string version;
  bool operator==(const WorkerJoined&) const = default;
};

// A worker's lease ran out. The attempts it held end with events of their own.
struct WorkerLost {
  std::string worker;
  uint64_t incarnation = 0;
  std::string reason;
  bool operator==(const WorkerLost&) const = default;
};

// The task was accepted. After this it ends with a verdict, whatever happens; and again after each
// TaskRetried.
struct TaskSubmitted {
  TaskSpecPtr spec;
  bool operator==(const TaskSubmitted& other) const { return *spec == *other.spec; }
};

// An attempt was given a worker slot and its devices.
struct AttemptLeased {
  AttemptToken token;
  std::string worker;
  uint64_t incarnation = 0;
  // Names: one for each of TaskSpec::devices, in that order, then the rest of their stacks.
  std::vector<std::string> devices;
  bool operator==(const AttemptLeased&) const = default;
};

// Where a report came from. An empty worker means that the broker itself speaks.
struct Origin {
  std::string worker;
  uint64_t seq = 0;  // Report::seq
  bool operator==(const Origin&) const = default;
};

// An attempt said something that is not its end.
struct AttemptReported {
  Origin origin;
  AttemptToken token;
  Instant time;  // the worker's
  using Body = std::variant<AttemptStarted, Record, CaseResult, Progress, SourceFetched, Shout,
                            Measurement, Artifact, CallFailed, CallMade>;
  Body body;
  bool operator==(const AttemptReported&) const = default;
};

// An attempt is over: by its worker's word (origin names it) or by the broker's (lease ran out).
// Either the task ends with it (`verdict` is not none), or it is queued again at `retry_at`.
struct AttemptEnded {
  Origin origin;
  AttemptToken token;
  Ending ending;
  Verdict verdict = Verdict::none;
  Instant retry_at;
  bool operator==(const AttemptEnded&) const = default;
};

// A report was refused: its attempt is not the live one (a stale fencing token). Recorded so that
// the stream's position is durable, and so that people can see it.
struct ReportRefused {
  Origin origin;
  AttemptToken token;
  std::string reason;
  bool operator==(const ReportRefused&) const = default;
};

struct CancelRequested {
  std::string guid;
  std::string reason;
  std::string who;
  Cause cause = Cause::user;  // timeout: the task's deadline has passed
  bool operator==(const CancelRequested&) const = default;
};

// A task ended while no attempt held anything: cancelled or out of time in the queue.
struct TaskEnded {
  std::string guid;
  Ending ending;
  Verdict verdict = Verdict::error;
  bool operator==(const TaskEnded&) const = default;
};

// A person gave a task that had ended another go: it is queued again, under the same GUID. Its
// attempts stay and are counted on; those before do not use up its retries any more.
struct TaskRetried {
  std::string guid;
  std::string reason;
  std::string who;
  std::string id;  // of the request (RetryTasks::id)
  bool operator==(const TaskRetried&) const = default;
};

// A device's health changed: by a verification, a repair or a failed job (who is "broker"), or by
// a person.
struct DeviceJudged {
  std::string device;
  DeviceHealth health = DeviceHealth::unknown;
  std::string reason;
  std::string who;   // user@host, or "broker"
  std::string guid;  // the task that showed it; empty for a person's word
  Instant until;     // it is not contacted before, and verified again then; kNever: no such time
  uint32_t failures = 0;  // of verifications and repairs, in a row
  // Of the verification: what is good by it was looked at in so far only, and what failed it is
  // cleared by another of this level, or by a whole one. Empty: every check, or none.
  std::string level;
  uint32_t job_failures = 0;  // jobs in a row that ended error/device on it
  bool operator==(const DeviceJudged&) const = default;
};

// A lister of a worker found a device, or found that its profile changed.
struct DeviceListed {
  std::string worker;
  ListedDevice device;
  bool operator==(const DeviceListed&) const = default;
};

// A listed device is not plugged in any more, or its worker has no such lister any more.
struct DeviceUnlisted {
  std::string worker;
  std::string name;
  bool operator==(const DeviceUnlisted&) const = default;
};

// A daemon logged a line at or above the level that its configuration makes events of.
struct DaemonLogged {
  std::string daemon;  // as its log file is named: "broker", "worker-NAME", "collector"
  LogLine line;
  bool operator==(const DaemonLogged&) const = default;
};

// Somebody was not let in, or asked for what its key may not (core/access.h). What is alike within
// a while is one event: a flood of refusals is a number in it.
struct AccessRefused {
  std::string key;      // public, 64 hexadecimal digits; empty: it showed none
  std::string name;     // of the key; empty: nobody has allowed it
  std::string address;  // the peer's host; empty: not known
  std::string what;     // it wanted: "connect", "apply an inventory"
  std::string reason;
  uint64_t count = 1;  // refusals alike since the last such event
  bool operator==(const AccessRefused&) const = default;
};

// A person had a worker, or the broker, take no new work, or had it take some again. What it holds
// goes on.
struct DrainChanged {
  std::string worker;  // empty: the broker
  bool draining = false;
  std::string reason;
  std::string who;
  bool operator==(const DrainChanged&) const = default;
};

using EventBody =
    std::variant<BrokerStarted, InventoryApplied, WorkerJoined, WorkerLost, TaskSubmitted,
                 AttemptLeased, AttemptReported, AttemptEnded, ReportRefused, CancelRequested,
                 TaskEnded, DeviceJudged, DeviceListed, DeviceUnlisted, TaskRetried, DaemonLogged,
                 AccessRefused, DrainChanged>;

// What the submitter has said of a task for whoever reads about it (TaskSpec::metadata).
using Metadata = std::map<std::string, std::string>;
using MetadataPtr = std::shared_ptr<const Metadata>;

struct Event {
  Instant time;  // the broker's, when it decided
  EventBody body;
  // Of the task that the event concerns, so that each event can be read by itself. Null: it has
  // none, or the event is the task's TaskSubmitted.
  MetadataPtr metadata = nullptr;
  bool operator==(const Event& other) const;
};

// "task_submitted", "attempt_leased", ...; AttemptReported is called by its body:
// "attempt_started", "record", "result", "progress", "source_fetched", "shout", "measurement",
// "artifact", "call_failed" or "call_made".
std::string_view event_type(const Event& event);

// The GUID that the event concerns, or empty.
std::string_view event_guid(const Event& event);

// The metadata of the task that the event concerns, TaskSubmitted included; null: there are none.
const Metadata* event_metadata(const Event& event);

}  // namespace muster
