// The wire messages between the four processes (schemas/wire.capnp). Everybody dials the broker;
// every arrow may be lost, doubled or late, and a repeat is a no-op.
//
// A connection begins with Hello. The broker answers Welcome, or Refused when the protocol ranges
// do not overlap. To anything else from a peer it does not know it answers Refused{hello_first},
// after which the peer says Hello again: that is how a broker restart looks to a peer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/log_keeping.h"
#include "core/log_line.h"
#include "core/report.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

// The range of wire protocols this build speaks. A connection uses the highest that both speak.
// docs/protocol.md says what each brought.
inline constexpr uint16_t kProtocolMin = 1;
inline constexpr uint16_t kProtocolMax = 2;

enum class Role : uint8_t { submitter, worker, collector, admin };

// Any peer -> broker, first.
struct Hello {
  uint16_t protocol_min = kProtocolMin;
  uint16_t protocol_max = kProtocolMax;
  Role role = Role::submitter;
  std::string name;     // a worker's or collector's name, user@host for people
  std::string version;  // of the build, for people
  bool operator==(const Hello&) const = default;
};

// broker -> peer: the answer to Hello.
struct Welcome {
  uint16_t protocol = kProtocolMax;
  std::string log_id;  // names the event log; another one means another broker's history
  uint64_t epoch = 0;  // of the broker's start
  uint64_t head = 0;   // sequence number of the newest durable event
  Duration beat{0};    // how often the peer should be heard from
  std::string version;
  bool operator==(const Welcome&) const = default;
};

enum class RefusalCode : uint8_t {
  hello_first,    // say Hello, then repeat
  protocol,       // no common protocol version
  malformed,      // the message could not be decoded
  invalid,        // it decoded, but asks for something that makes no sense
  limit,          // past a limit of core/limits.h
  not_permitted,  // the peer's role does not allow it
  unavailable,    // the broker cannot do it now (disk low, ...)
  unknown,        // no such task, device, ...
};

// broker -> peer: the request with this number was not done, and why.
struct Refused {
  RefusalCode code = RefusalCode::invalid;
  std::string reason;
  bool operator==(const Refused&) const = default;
};

// Either way: a message of a kind that this build does not know; `tag` is its union discriminant.
struct Unimplemented {
  uint16_t tag = 0;
  bool operator==(const Unimplemented&) const = default;
};

// Either way, whenever nothing else was said for a beat. The broker answers a Beat with a Beat.
struct Beat {
  bool operator==(const Beat&) const = default;
};

// submitter -> broker. Answered by SubmitReply when every accepted task is durable.
struct Submit {
  std::vector<TaskSpecPtr> tasks;  // at most kSubmitTasksMax
  bool watch = false;              // also send TaskNews about these tasks to this peer
  bool operator==(const Submit& other) const;
};

struct SubmitResult {
  std::string guid;
  bool known = false;   // was accepted before, with the same spec: a harmless repeat
  std::string refused;  // why not; empty: accepted
  // Of a refusal: `unavailable` when the same task may be accepted later.
  RefusalCode code = RefusalCode::invalid;
  bool operator==(const SubmitResult&) const = default;
};
struct SubmitReply {
  std::vector<SubmitResult> results;  // in the order of Submit::tasks
  bool operator==(const SubmitReply&) const = default;
};

// One attempt, as told to people.
struct AttemptInfo {
  uint32_t attempt = 0;
  std::string worker;
  std::vector<std::string> devices;
  Instant leased;
  std::string log_url;
  std::optional<Ending> ending;  // nothing: still held
  std::string progress;          // the newest Progress, as text; empty: none
  bool operator==(const AttemptInfo&) const = default;
};

// A task as the broker knows it. Brief form: `spec.work` and `attempts` left out.
struct TaskInfo {
  TaskSpec spec;
  TaskState state = TaskState::queued;
  Verdict verdict = Verdict::none;
  std::optional<Ending> ending;  // of the task, once ended: its last attempt's, or its own
  Instant submitted;
  Instant ended;
  Instant not_before;      // queued and backing off until then
  std::string cancelling;  // reason of a cancel that has not taken effect yet
  uint32_t attempt_count = 0;
  std::vector<AttemptInfo> attempts;
  bool buried = false;  // it came to nothing, by nobody's word (core/burial.h)
  bool operator==(const TaskInfo&) const = default;
};

// One step of a watched task's way.
struct TaskChange {
  std::string guid;
  TaskState state = TaskState::queued;
  uint32_t attempt = 0;
  std::string worker;
  std::string log_url;  // once the attempt has started
  Verdict verdict = Verdict::none;
  std::optional<Ending> ending;  // when ended
  bool operator==(const TaskChange&) const = default;
};

// submitter -> broker: send TaskNews about these. Answered by one TaskNews with the present state
// of all of them (unknown ones are left out and named in `unknown`); then again at every durable
// change.
struct Watch {
  std::vector<std::string> guids;
  bool operator==(const Watch&) const = default;
};
struct TaskNews {
  std::vector<TaskChange> changes;
  std::vector<std::string> unknown;
  bool operator==(const TaskNews&) const = default;
};

// submitter -> broker. Answered by CancelReply when durable; the tasks may still be stopping then.
struct Cancel {
  std::vector<std::string> guids;
  std::string reason;
  std::string who;
  bool operator==(const Cancel&) const = default;
};
struct CancelResult {
  std::string guid;
  std::string refused;  // unknown, or already ended; empty: done
  bool operator==(const CancelResult&) const = default;
};
struct CancelReply {
  std::vector<CancelResult> results;
  bool operator==(const CancelReply&) const = default;
};

// submitter -> broker. Gives ended tasks another go. Answered by RetryTasksReply when durable.
struct RetryTasks {
  std::vector<std::string> guids;
  std::string reason;
  std::string who;
  std::string id;  // any text that no other request has: by it a repeat is known, and harmless
  bool operator==(const RetryTasks&) const = default;
};
struct RetryTasksResult {
  std::string guid;
  std::string refused;  // why not; empty: done, or done before by the same request
  // Of a refusal: `unavailable` when the same may be accepted later.
  RefusalCode code = RefusalCode::invalid;
  bool operator==(const RetryTasksResult&) const = default;
};
struct RetryTasksReply {
  std::vector<RetryTasksResult> results;  // in the order of RetryTasks::guids
  bool operator==(const RetryTasksReply&) const = default;
};

// admin -> broker. Answered by InventoryReply when durable. Running leases are untouched; a device
// that is gone from the inventory takes no new work.
struct ApplyInventory {
  InventoryPtr inventory;
  std::string who;
  bool operator==(const ApplyInventory& other) const;
};
struct InventoryReply {
  uint32_t devices_added = 0;
  uint32_t devices_changed = 0;
  uint32_t devices_removed = 0;
  bool operator==(const InventoryReply&) const = default;
};

// An attempt that a worker holds: running, or waiting for one of its slots.
struct HeldAttempt {
  AttemptToken token;
  bool running = false;
  bool operator==(const HeldAttempt&) const = default;
};

// worker -> broker: what the worker is. Full on connect and with every beat, or seldom from a
// worker that rests (core/rest.h); between them only reports that have not been sent yet.
struct Sync {
  uint64_t number = 0;       // of this Sync, from 1, grows within an incarnation
  uint64_t incarnation = 0;  // grows at each start of the worker process
  bool full = false;

  // Reports: a run without gaps inside the worker's stream. `unacked_first` is the first report
  // that the worker still keeps and `unacked_last` the newest (both 0: none); everything before
  // `unacked_first` has been acknowledged or never existed.
  uint64_t unacked_first = 0;
  uint64_t unacked_last = 0;
  std::vector<Report> reports;

  // The rest only when full.
  std::string lab;
  std::vector<std::string> pools;
  uint32_t slots = 0;   // attempts that run at the same time
  uint32_t credit = 0;  // attempts the worker is willing to hold, running ones included; >= slots,
                        // or 0: nothing new now
  std::vector<HeldAttempt> held;
  std::string version;
  std::vector<ListedDevice> listed;  // what its listers found, by name
  std::string refusing;              // why it takes no new work; empty: it does
  std::vector<ListerState> listers;  // that it has
  // What is not in `listed` is not plugged in. False: the listers have only just begun, and what is
  // missing may be there.
  bool listed_all = true;
  bool operator==(const Sync&) const = default;
};

// One attempt that the worker should hold.
struct Assignment {
  TaskSpecPtr spec;
  uint32_t attempt = 0;
  // One for each of TaskSpec::devices, in that order, then the rest of their stacks.
  std::vector<DeviceSpec> devices;
  std::string strategy;         // encoded Strategy for verify and repair tasks, else empty
  std::vector<ActionUse> used;  // of a repair task: by action
  bool operator==(const Assignment& other) const;
};

enum class StopReason : uint8_t {
  cancelled,  // a person asked; report how it ended
  fenced,     // not this worker's (any more): stop, and report nothing
};
struct StopOrder {
  AttemptToken token;
  StopReason reason = StopReason::fenced;
  std::string text;  // the person's reason
  bool operator==(const StopOrder&) const = default;
};

// broker -> worker: what the worker should be. A worker drops a Desired that is not newer, by
// (epoch, number), than one it has taken.
struct Desired {
  uint64_t epoch = 0;
  uint64_t number = 0;
  // The newest full Sync heard. Leases count from when the worker sent it; what it listed as held,
  // and `stop` does not name, is renewed.
  uint64_t sync_number = 0;
  Duration lease{0};
  uint64_t acked = 0;  // Report::seq up to which reports are durable
  std::vector<Assignment> run;
  std::vector<StopOrder> stop;
  bool operator==(const Desired&) const = default;
};

// collector or submitter -> broker: blocks of events from sequence number `from` on. Waits up to
// `wait` for something new. Answered by Blocks, or Refused{unknown} when `from` was trimmed.
struct Fetch {
  uint64_t from = 1;
  uint32_t max_bytes = 0;
  Duration wait{0};
  std::string reader;  // LogReader::name: it is registered by this; empty: it is not
  uint64_t needs = 0;  // LogReader::needs, of one that is
  bool operator==(const Fetch&) const = default;
};
// Encoded blocks (io/codec.h, decode_block). The first block may begin before `from`; skip to it.
struct Blocks {
  uint64_t head = 0;  // newest durable sequence number; 0 when the log is empty
  std::vector<std::string> blocks;
  bool operator==(const Blocks&) const = default;
};

// Questions by people. Answered by the structure named beside each, or Refused{unknown}.
struct ListTasks {                              // TaskList, newest first
  std::vector<TaskState> states;                // empty: all
  uint32_t max = 0;                             // 0: limits.h
  std::string guid_prefix;                      // empty: all
  std::string group_prefix;                     // empty: all, in no group too
  std::vector<Verdict> verdicts;                // empty: all
  std::vector<TaskKind> kinds;                  // empty: all
  std::string name;                             // a glob (core/glob.h); empty: all
  std::map<std::string, std::string> metadata;  // each pair must be the task's
  bool buried = false;                          // only those that are (TaskInfo::buried)
  bool operator==(const ListTasks&) const = default;
};
// Whether such a task is one that `question` means, `max` apart. `buried`: TaskInfo::buried.
bool is_meant(const ListTasks& question, std::string_view guid, const TaskTerms& spec,
              TaskState state, Verdict verdict, bool buried);
struct TaskList {
  std::vector<TaskInfo> tasks;  // brief
  uint64_t total = 0;           // that matched, before `max`
  bool operator==(const TaskList&) const = default;
};
struct ShowTask {  // TaskInfo, whole
  std::string guid;
  bool operator==(const ShowTask&) const = default;
};
struct ExplainTask {  // Explanation
  std::string guid;
  bool operator==(const ExplainTask&) const = default;
};
struct Explanation {
  std::string guid;
  TaskState state = TaskState::queued;
  std::string summary;               // one sentence: why it is where it is
  std::vector<std::string> reasons;  // per candidate device or worker: what would have to change
  uint32_t ahead = 0;                // queued tasks that would be served before it
  Duration estimate{0};              // until it may start, by what ran before; 0: not known
  bool operator==(const Explanation&) const = default;
};
struct ListDevices {     // DeviceList
  std::string selector;  // empty: all
  std::string name;      // empty: all
  std::string after;     // only names that come after it
  bool operator==(const ListDevices&) const = default;
};
struct DeviceInfo {
  DeviceSpec spec;
  DeviceState state = DeviceState::offline;
  DeviceHealth health = DeviceHealth::unknown;
  std::string health_reason;
  Instant health_since;
  AttemptToken held_by;             // guid empty: nobody
  std::string health_who;           // who judged it: user@host, "broker", or empty
  Instant until;                    // not contacted before; kNever: no back-off
  uint32_t failures = 0;            // in a row
  std::vector<std::string> stacks;  // it is in
  bool undeclared = false;          // a lister found it; the inventory does not name it
  std::string progress;             // of the attempt that holds it
  bool draining = false;            // the inventory does not name it any more, and it is held
  std::string absent;               // why its lister does not see it; empty: it does, or has none
  bool allowed = false;             // undeclared, and the inventory allows its use
  bool operator==(const DeviceInfo&) const = default;
};
struct DeviceList {
  std::vector<DeviceInfo> devices;  // by name
  bool more = false;                // others come after these: ask for them with `after`
  bool operator==(const DeviceList&) const = default;
};
struct ListWorkers {  // WorkerList
  bool operator==(const ListWorkers&) const = default;
};
struct WorkerInfo {
  std::string name;
  bool present = false;
  uint64_t incarnation = 0;
  std::string lab;
  std::vector<std::string> pools;
  std::string version;
  uint32_t slots = 0;
  uint32_t held = 0;   // attempts leased to it
  Instant last_heard;  // kNever: not since the broker started
  Instant lease_until;
  std::string refusing;              // why it takes no new work; empty: it does
  std::vector<ListerState> listers;  // that it has
  std::optional<Draining> draining;  // since a person said so
  bool operator==(const WorkerInfo&) const = default;
};
struct WorkerList {
  std::vector<WorkerInfo> workers;  // by name
  bool operator==(const WorkerList&) const = default;
};
struct AskStatus {  // BrokerStatus
  bool operator==(const AskStatus&) const = default;
};
struct BrokerStatus {
  std::string version;
  std::string log_id;
  uint64_t epoch = 0;
  uint64_t head = 0;
  uint64_t queued = 0;
  uint64_t leased = 0;  // leased or running
  uint64_t ended = 0;   // since the log began
  uint32_t workers_present = 0;
  uint32_t devices = 0;
  uint64_t refused_messages = 0;  // malformed, over a limit, ...
  bool disk_low = false;
  Instant started;
  std::optional<Draining> draining;
  bool operator==(const BrokerStatus&) const = default;
};

// A person's word about devices. Answered by ChangeDevicesReply when durable.
enum class DeviceChange : uint8_t {
  lock,        // nothing is leased on it until it is unlocked
  unlock,      // its health is what it was before where that was bad, else unknown
  quarantine,  // it gets no jobs until it is released
  release,     // from quarantine, needs_human or a back-off; its health is unknown then
};
struct ChangeDevices {
  std::vector<std::string> names;
  DeviceChange change = DeviceChange::lock;
  std::string reason;
  std::string who;
  bool operator==(const ChangeDevices&) const = default;
};
struct ChangeDevicesReply {
  struct Outcome {
    std::string name;
    std::string refused;  // why not; empty: done, or it was so already
    std::string already;  // "was locked already by kim@desk: new screen"; empty: it was not so
    bool operator==(const Outcome&) const = default;
  };
  std::vector<Outcome> results;  // in the order of ChangeDevices::names
  bool operator==(const ChangeDevicesReply&) const = default;
};

// Answered by CurrentInventory.
struct AskInventory {
  bool operator==(const AskInventory&) const = default;
};
struct CurrentInventory {
  InventoryPtr inventory;
  bool operator==(const CurrentInventory& other) const;
};

// worker or collector -> broker: lines of its own log that are to become events, oldest first. What
// was told before, by its number, is passed over. Answered by TellLogReply when they are durable.
struct TellLog {
  std::vector<LogLine> lines;  // at most kLogLinesPerTellMax; their numbers grow
  bool operator==(const TellLog&) const = default;
};
struct TellLogReply {
  uint64_t through = 0;  // number of the newest line of this daemon that is an event
  bool operator==(const TellLogReply&) const = default;
};

// Answered by LogState.
struct AskLog {
  bool operator==(const AskLog&) const = default;
};
struct LogState {
  uint64_t tail = 1;  // the first event that is still there
  uint64_t head = 0;
  LogSize size;
  LogKeeping keeping;
  std::vector<uint64_t> snapshots;  // the newest event in each; newest first
  std::vector<LogReader> readers;   // by name
  uint64_t limit = 1;               // trim_limit()
  bool operator==(const LogState&) const = default;
};

// admin -> broker: events before `before` are to go from the log, as far as they may. Answered by
// TrimLogReply; they go then, a little at a time.
struct TrimLog {
  uint64_t before = 0;   // 0: all that may
  bool dry_run = false;  // only say what would be done
  std::string who;
  bool operator==(const TrimLog&) const = default;
};
struct TrimLogReply {
  uint64_t before = 1;  // the events before it go, or would
  std::string held_by;  // why not more, where more was asked for
  LogState state;       // of now
  bool operator==(const TrimLogReply&) const = default;
};

// admin -> broker: nobody will come back who reads the log by this name. Answered by LogState when
// durable.
struct ForgetReader {
  std::string name;
  std::string who;
  bool operator==(const ForgetReader&) const = default;
};

// admin -> broker: workers, or the broker itself, take no new work until `resume`; what they hold
// goes on. Answered by DrainReply when durable.
struct Drain {
  std::vector<std::string> workers;  // empty: the broker
  bool resume = false;               // they take work again
  std::string reason;
  std::string who;
  bool operator==(const Drain&) const = default;
};
struct DrainReply {
  struct Outcome {
    std::string name;     // empty: the broker
    std::string refused;  // why not; empty: done, or it was so already
    std::string already;  // "drains already, by kim@desk: new disk"; empty: it was not so
    uint64_t held = 0;    // attempts that go on
    bool operator==(const Outcome&) const = default;
  };
  std::vector<Outcome> results;  // in the order of Drain::workers
  bool operator==(const DrainReply&) const = default;
};

using Message =
    std::variant<Hello, Welcome, Refused, Unimplemented, Beat, Submit, SubmitReply, Watch, TaskNews,
                 Cancel, CancelReply, ApplyInventory, InventoryReply, Sync, Desired, Fetch, Blocks,
                 ListTasks, TaskList, ShowTask, TaskInfo, ExplainTask, Explanation, ListDevices,
                 DeviceList, ListWorkers, WorkerList, AskStatus, BrokerStatus, ChangeDevices,
                 ChangeDevicesReply, AskInventory, CurrentInventory, RetryTasks, RetryTasksReply,
                 TellLog, TellLogReply, AskLog, LogState, TrimLog, TrimLogReply, ForgetReader,
                 Drain, DrainReply>;

// One frame. `request` is the sender's number for a request and is echoed in its answer; 0 where no
// answer is expected (Sync, Desired, Beat, pushed TaskNews).
struct Envelope {
  uint64_t request = 0;
  Message message;
  bool operator==(const Envelope&) const = default;
};

std::string_view to_string(Role role);
std::string_view to_string(RefusalCode code);
std::string_view to_string(DeviceChange change);

}  // namespace muster
