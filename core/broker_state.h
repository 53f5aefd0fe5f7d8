// What the broker's hard and soft state is made of. BrokerCore (core/broker_core.h) alone holds and
// changes it; slots are named by their index.
//
// Hard state, and nothing else, is in the structures that are called so. Snapshots hold all of it:
// core/state_fields.h takes each of them apart member by member, and does not compile when one has
// got a member that is not named there.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/box.h"
#include "core/broker_load.h"
#include "core/device.h"
#include "core/event.h"
#include "core/kept_task.h"
#include "core/limits.h"
#include "core/lookup_map.h"
#include "core/messages.h"
#include "core/place_set.h"
#include "core/selector.h"
#include "core/slot_vector.h"
#include "core/task.h"
#include "core/task_ref.h"
#include "core/time.h"

namespace muster::broker_state {

using TaskIx = uint32_t;
using WorkerIx = uint32_t;
inline constexpr uint32_t kNone = UINT32_MAX;

struct Attempt {
  WorkerIx worker = kNone;
  uint64_t incarnation = 0;
  Instant leased;
  Instant started;                // by the worker's clock; kNever: not that we know
  std::vector<DeviceIx> devices;  // while it lives
  std::vector<std::string> device_names;
  std::string log_url;
  std::string progress;  // the newest, for people
  std::optional<Ending> ending;
};

// What the worker is told that stops the attempt.
inline std::string stop_text(const CancelRequested& cancel) {
  if (cancel.cause == Cause::timeout) return cancel.reason;
  return "cancelled by " + cancel.who + ": " + cancel.reason;
}

// A child that failed on a device.
struct Vain {
  uint64_t seq = 0;  // of the event that ended it
  Cause cause = Cause::none;
  std::string guid;
};

// What ties a job to the verifications and repairs that are done before it runs.
struct Chain {
  // Of a verification or repair: the job on whose behalf it is done.
  TaskRef parent;
  // Of a job.
  std::vector<TaskRef> open;          // of its children, those that have not ended
  std::vector<std::string> verified;  // for it at some time; Device::good_for knows if still
  std::set<std::string> repaired;     // devices for which a repair was asked for
  std::map<std::string, Vain> vain;   // devices where a child failed
  uint32_t failed_children = 0;       // came to nothing, for whatever cause
  Duration repair_spent{0};
};

// Of a task that a person has had retried.
struct Revival {
  uint64_t submitted_seq = 0;     // of its TaskSubmitted
  uint32_t attempts = 0;          // that it had before the newest time
  std::deque<uint64_t> requests;  // digests of TaskRetried::id, the newest kRetryRequestsKept
};

struct HardTask {
  KeptSpec spec;     // none: a free slot
  uint64_t seq = 0;  // of the event that put it into the queue: TaskSubmitted or TaskRetried
  TaskState state = TaskState::queued;
  Verdict verdict = Verdict::none;
  Instant submitted;
  Instant ended;
  Instant not_before;
  ClassIx task_class = kNone;
  std::vector<Attempt> attempts;
  Box<CancelRequested> cancel;
  Box<Ending> own_ending;  // when it ended without an attempt's word
  Box<Revival> revival;    // null: it was never retried by a person
  Box<Chain> chain;        // null: it has neither children nor a parent
  // Tasks that depend on this one; null: none has said so.
  Box<std::vector<TaskRef>> dependants;
  // Of its own dependencies: those that have not ended, and those that did not pass and had to.
  // While there are any it stands in no queue.
  uint32_t waits_for = 0;

  std::string guid() const { return std::string(spec.guid()); }
  // How many of its attempts use up no retries: a person has had it retried since.
  size_t attempts_before() const { return revival ? revival->attempts : 0; }
};

struct Task : HardTask {
  Task() = default;
  // Only what is hard of one is ever copied, into snapshots.
  Task(const Task&) = delete;
  Task(Task&&) = default;
  Task& operator=(const Task&) = delete;
  Task& operator=(Task&&) = default;

  // Derived from hard state.
  uint32_t held_position = 0;  // in its worker's `held`
  ShareIx share = kNone;       // while it has not ended
  GroupIx group = kNone;       // likewise, where it says how many of it may run at once
  uint32_t children_held = 0;  // of Chain::open, those that are leased; while it has not ended
  // Soft.
  uint64_t watcher = 0;     // a session, 0: none; more in extra_watchers_
  uint64_t heard_mark = 0;  // of the Sync that listed it as held
  bool news_pending = false;
  bool enqueued = false;  // its class has a reference to it in a queue
};

struct HardWorker {
  std::string name;
  bool present = false;
  uint64_t incarnation = 0;
  uint64_t last_seq = 0;
  std::string lab;
  std::vector<std::string> pools;  // as it says; the inventory may grant more
  uint32_t slots = 0;
  std::string version;
  std::vector<TaskIx> held;  // tasks whose live attempt is leased to it, in no meaningful order
  Instant lost;              // when it was given up; kNever: it is there, or never was
  std::optional<Draining> draining;            // a person wants it to take no new work
  std::map<std::string, ListedDevice> listed;  // by name
};

struct Worker : HardWorker {
  // Derived from hard state.
  uint32_t held_devices = 0;  // of `held`, with devices
  std::map<std::pair<std::string, std::string>, uint32_t>
      listed_serials;             // how often, by lister and serial
  std::vector<DeviceIx> devices;  // of the inventory
  // Soft.
  std::string peer;  // empty: not heard since the broker started
  uint32_t credit = 0;
  std::string refusing;              // why it takes no new work, by itself
  std::vector<ListerState> listers;  // that it says it has
  Instant last_heard;
  Instant lease_until;       // it is given up then
  uint64_t sync_number = 0;  // newest full Sync
  Instant sync_heard;        // likewise
  // How much longer than a lease after that its leases last: it rested when it was leased
  // something.
  Duration rested{0};
  uint64_t desired_number = 0;
  bool owed = false;  // a Desired
  std::vector<TaskRef> to_run;
  std::vector<StopOrder> to_stop;
  std::set<std::string> listed_pools;  // where idle_ and free_ know it
  bool in_idle = false;
  bool in_free = false;
};

struct HardDevice {
  DeviceSpec spec;
  bool declared = false;    // the inventory names it
  bool undeclared = false;  // a lister found it and the inventory does not name it
  bool allowed = false;     // undeclared, plugged in, and the inventory allows its use
  WorkerIx worker = kNone;
  TaskIx holder = kNone;
  DeviceHealth health = DeviceHealth::unknown;
  std::string health_reason;
  Instant health_since;
  std::string health_who;
  Instant until;                            // not contacted before; kNever: no back-off
  uint32_t failures = 0;                    // in a row
  uint32_t job_failures = 0;                // jobs in a row that blamed it
  std::optional<DeviceJudged> before_lock;  // what was said of it when it was locked
  std::string level;                        // of the verification that its health comes from
  bool blamed = false;  // its health is what a check of another device said of it
  std::map<std::string, Instant> good_at;  // the newest good verification of each level
  uint64_t fit_seq = 0;   // the newest event that found it good, or by which a person gave it back
  uint64_t good_for = 0;  // the job (Task::seq) it was done for and nobody else came between
  // When each repair action ran on it in the last day, oldest first.
  std::map<std::string, std::deque<Instant>> uses;
  Instant reverify_at;   // its place in reverify_; kNever: none
  uint64_t gone_at = 0;  // likewise in gone_: the event that made it so; 0: none

  bool known() const { return declared || allowed; }
};

struct Device : HardDevice {
  // Derived from hard state.
  std::set<ClassIx> waiters;         // classes with a request that it matches
  std::vector<DeviceIx> companions;  // the other members of its stacks, by name
  std::vector<uint32_t> stacks;      // that it is in, by their place in the inventory
};

// Tasks with the same requirements are interchangeable but for priority and age.
struct TaskClass {
  std::string key;
  TaskKind kind = TaskKind::job;
  std::string pool;
  Before before;
  std::vector<DeviceRequest> requests;
  std::vector<Selector> selectors;                // per request
  std::vector<uint32_t> with;                     // per request: another one, or kNone
  std::vector<std::vector<DeviceIx>> candidates;  // per request, by name
  // Per request: the places in `candidates` of devices that nobody holds. Empty where the class was
  // made for one question.
  std::vector<PlaceSet> unheld;
  LanesByPriority queues;
  uint32_t live = 0;    // tasks in this class that have not ended
  Duration typical{0};  // moving average of its attempts, from lease to end; 0: none has ended
  bool needs_devices() const { return !requests.empty(); }
  bool verifies_first() const { return needs_devices() && before.verify != VerifyFirst::none; }
};

// The hard state of a BrokerCore.
struct HardState {
  uint64_t head_ = 0;
  uint64_t epoch_ = 0;
  Instant started_;
  SlotVector<Task> tasks_;
  std::vector<TaskIx> free_tasks_;
  std::deque<TaskRef> ended_tasks_;  // kept for questions, oldest first
  ForgottenGuids forgotten_{kEndedGuidsKept};
  std::vector<Worker> workers_;
  std::vector<Device> devices_;
  std::vector<DeviceIx> free_devices_;
  InventoryPtr inventory_;
  std::optional<Draining> draining_;  // a person wants it to take no new work
  uint64_t ended_count_ = 0;
  std::map<std::string, uint64_t, std::less<>> logged_through_;  // LogLine::seq, by daemon
  // Of classes: how their tasks are queued and how long these took.
  std::vector<TaskClass> classes_;
  std::vector<ClassIx> free_classes_;
  // TaskClass::typical of classes that have no tasks now, by key; the newest kTypicalTimesKept.
  std::map<std::string, Duration> typical_by_key_;
  std::deque<std::string> typical_order_;
};

struct Session {
  uint64_t id = 0;
  std::string peer;
  Role role = Role::submitter;
  std::string name;
  Instant last_heard;
  std::vector<TaskRef> news;
  // Of a worker without a protocol in common, which is served until it holds nothing: who should be
  // upgraded. Empty: no such.
  std::string outdated;
};

struct Placement {
  WorkerIx worker = kNone;
  std::vector<DeviceIx> devices;     // one per request, in their order
  std::vector<DeviceIx> collateral;  // the rest of their stacks, by name
};

}  // namespace muster::broker_state
