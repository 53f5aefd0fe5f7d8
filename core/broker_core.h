// BrokerCore: what the broker knows and how it decides. Pure: time is an argument, effects are
// values.
//
// The shell (broker/broker.cc) runs, for each input of a wake-up,
//     decision = decide(input, now);  apply(each event);  note(input, now);
// then appends all events as one durable block, and only then sends decision.sends and
// drain_sends().
//
// Hard state is what apply() builds; recovery is apply() over the log. Soft state (sessions, what
// workers said last, watches) is what note() builds; it may be lost at any time: peers say it
// again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/event.h"
#include "core/limits.h"
#include "core/lookup_map.h"
#include "core/messages.h"
#include "core/selector.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

// The broker begins (or begins again): fences older epochs and gives every known worker a whole
// lease to be heard in.
struct Start {
  uint64_t epoch = 0;
};
// Time passed: leases and queue timeouts run out, retries become due.
struct Tick {};
// Free capacity meets queued tasks.
struct Dispatch {};
// A message from a peer; `peer` is the transport's name for the connection.
struct FromPeer {
  std::string peer;
  Envelope envelope;
};
using Input = std::variant<Start, Tick, Dispatch, FromPeer>;

// About how many bytes of a message it takes.
size_t change_bytes(const TaskChange& change);

struct Send {
  std::string peer;
  Envelope envelope;
};

struct Decision {
  std::vector<Event> events;
  std::vector<Send> sends;
};

struct BrokerOptions {
  Duration beat = kBeatDefault;
  Duration lease = kLeaseDefault;
  std::string version;
  std::string log_id;
  // Why TaskSpec::work cannot be used, or nothing. A pure function (it decodes, in io).
  std::function<std::optional<std::string>(const TaskSpec&)> invalid_work;
};

class BrokerCore {
 public:
  explicit BrokerCore(BrokerOptions options);

  Decision decide(const Input& input, Instant now) const;
  void apply(const Event& event);
  void note(const Input& input, Instant now);

  // Level-triggered messages that the state of now calls for: Desired to workers that are owed one,
  // TaskNews to watchers. To be sent after the events applied so far are durable.
  std::vector<Send> drain_sends(Instant now);

  // When to be woken with Tick at the latest; nothing when there is nothing to wait for.
  std::optional<Instant> next_deadline() const;

  // True when a Dispatch could place something.
  bool dispatch_due() const { return !dirty_classes_.empty() || plain_dispatch_due_; }

  // Soft facts from the shell.
  void note_peer_gone(std::string_view peer);
  void note_disk_low(bool low) { disk_low_ = low; }
  void note_refused_message() { ++refused_messages_; }

  // True when the peer has said Hello and was not forgotten since.
  bool knows_peer(std::string_view peer) const { return session_by_peer_.contains(peer); }

  // Sequence number of the newest applied event.
  uint64_t head() const { return head_; }

  // A digest of the hard state: equal logs give equal digests, live and recovered.
  uint64_t hard_digest() const;

  // For checkers and tests.
  size_t queued_count() const { return queued_count_; }
  size_t held_count() const { return held_count_; }
  uint64_t ended_count() const { return ended_count_; }
  std::optional<TaskInfo> task_info(std::string_view guid) const;

 private:
  using TaskIx = uint32_t;
  using WorkerIx = uint32_t;
  using DeviceIx = uint32_t;
  using ClassIx = uint32_t;
  static constexpr uint32_t kNone = UINT32_MAX;

  // Names a task in soft or lazily cleaned lists: stale when `seq` is not the slot's any more.
  struct TaskRef {
    TaskIx ix = kNone;
    uint64_t seq = 0;
    auto operator<=>(const TaskRef&) const = default;
  };

  struct Attempt {
    WorkerIx worker = kNone;
    uint64_t incarnation = 0;
    Instant leased;
    bool started = false;
    std::vector<DeviceIx> devices;
    std::vector<std::string> device_names;
    std::string log_url;
    std::string progress;  // the newest, for people
    std::optional<Ending> ending;
  };

  struct Task {
    // Hard.
    TaskSpecPtr spec;  // null: a free slot
    uint64_t seq = 0;  // of its TaskSubmitted
    TaskState state = TaskState::queued;
    Verdict verdict = Verdict::none;
    Instant submitted;
    Instant ended;
    Instant not_before;
    ClassIx task_class = kNone;
    std::vector<Attempt> attempts;
    std::unique_ptr<CancelRequested> cancel;
    std::unique_ptr<Ending> own_ending;  // when it ended without an attempt's word
    // Soft.
    uint32_t held_position = 0;  // in its worker's `held`
    uint64_t watcher = 0;        // a session, 0: none; more in extra_watchers_
    uint64_t heard_mark = 0;     // of the Sync that listed it as held
    bool news_pending = false;
  };

  struct Worker {
    // Hard.
    std::string name;
    bool present = false;
    uint64_t incarnation = 0;
    uint64_t last_seq = 0;
    std::string lab;
    std::vector<std::string> pools;  // as it says; the inventory may grant more
    uint32_t slots = 0;
    std::string version;
    std::vector<TaskIx> held;   // tasks whose live attempt is leased to it, in no meaningful order
    uint32_t held_devices = 0;  // of these, with devices
    std::map<std::string, ListedDevice> listed;  // by name
    std::vector<DeviceIx> devices;               // declared ones
    // Soft.
    std::string peer;  // empty: not heard since the broker started
    uint32_t credit = 0;
    Instant last_heard;
    Instant lease_until;
    uint64_t sync_number = 0;  // newest full Sync
    uint64_t desired_number = 0;
    bool owed = false;  // a Desired
    std::vector<TaskRef> to_run;
    std::vector<StopOrder> to_stop;
    std::set<std::string> listed_pools;  // where idle_ and free_ know it
    bool in_idle = false;
    bool in_free = false;
  };

  struct Device {
    DeviceSpec spec;
    bool declared = false;  // false: gone from the inventory
    WorkerIx worker = kNone;
    TaskIx holder = kNone;
    DeviceHealth health = DeviceHealth::unknown;
    std::string health_reason;
    Instant health_since;
    std::string health_who;
    Instant until;              // not contacted before; kNever: no back-off
    uint32_t failures = 0;      // in a row
    std::set<ClassIx> waiters;  // classes with a request that it matches
  };

  // Tasks with the same requirements are interchangeable but for priority and age.
  struct TaskClass {
    std::string key;
    std::string pool;
    std::vector<DeviceRequest> requests;
    std::vector<std::vector<DeviceIx>> candidates;  // per request, by index
    std::map<uint32_t, std::deque<TaskRef>, std::greater<>>
        queues;         // by priority; may hold stale refs
    uint32_t live = 0;  // tasks in this class that have not ended
    bool needs_devices() const { return !requests.empty(); }
  };

  struct Session {
    uint64_t id = 0;
    std::string peer;
    Role role = Role::submitter;
    std::string name;
    Instant last_heard;
    std::vector<TaskRef> news;
  };

  struct Placement {
    WorkerIx worker = kNone;
    std::vector<DeviceIx> devices;
  };
  // What earlier leases of the same decision have taken.
  struct Scratch;
  struct PlainQueue;
  using WorkersByPool = std::map<std::string, std::set<WorkerIx>, std::less<>>;

  // decide_*: one file each (broker_decide.cc, broker_submit.cc, broker_sync.cc,
  // broker_dispatch.cc).
  Decision decide_message(const FromPeer& input, Instant now) const;
  Decision decide_hello(const FromPeer& input, const Hello& hello) const;
  Decision decide_submit(const FromPeer& input, const Submit& submit, Instant now) const;
  Decision decide_cancel(const FromPeer& input, const Cancel& cancel, Instant now) const;
  Decision decide_inventory(const FromPeer& input, const ApplyInventory& apply, Instant now) const;
  Decision decide_sync(const FromPeer& input, const Sync& sync, Instant now) const;
  Decision decide_start(const Start& start, Instant now) const;
  Decision decide_tick(Instant now) const;
  Decision decide_dispatch(Instant now) const;
  std::string decide_admission(const TaskSpec& spec) const;  // why not, or empty
  std::string decide_capacity(
      const TaskSpec& spec) const;  // why nothing known could serve it, or empty
  uint64_t decide_reports(const Sync& sync, const Worker& worker, Instant now,
                          Decision& decision) const;
  void decide_restarted(const Sync& sync, const Worker& worker, uint64_t told, Instant now,
                        Decision& decision) const;
  AttemptEnded decide_ending(const Task& task, Origin origin, Ending ending, Instant now) const;
  void decide_leases_with_devices(Instant now, Scratch& scratch, Decision& decision) const;
  void decide_leases_plain(Instant now, Scratch& scratch, Decision& decision) const;
  size_t decide_leases_of(PlainQueue& queue, size_t left, const WorkersByPool& by_pool,
                          bool slots_only, Instant now, Scratch& scratch, Decision& decision) const;

  std::optional<Placement> find_placement(const TaskClass& task_class,
                                          const Scratch* scratch) const;
  bool place_requests(const TaskClass& task_class, WorkerIx worker, const Scratch* scratch,
                      std::vector<DeviceIx>& chosen) const;
  bool device_usable(DeviceIx device, const Scratch* scratch) const;
  bool worker_takes_device(WorkerIx worker, const Scratch* scratch) const;

  // apply_*: the only mutators of hard state (broker_apply.cc).
  void apply_event(const BrokerStarted& event, Instant time);
  void apply_event(const InventoryApplied& event, Instant time);
  void apply_event(const WorkerJoined& event, Instant time);
  void apply_event(const WorkerLost& event, Instant time);
  void apply_event(const TaskSubmitted& event, Instant time);
  void apply_event(const AttemptLeased& event, Instant time);
  void apply_event(const AttemptReported& event, Instant time);
  void apply_event(const AttemptEnded& event, Instant time);
  void apply_event(const ReportRefused& event, Instant time);
  void apply_event(const CancelRequested& event, Instant time);
  void apply_event(const TaskEnded& event, Instant time);
  void apply_event(const DeviceJudged& event, Instant time);
  void apply_event(const DeviceListed& event, Instant time);
  void apply_event(const DeviceUnlisted& event, Instant time);
  void apply_origin(const Origin& origin);
  void apply_release(Task& task, TaskIx ix);
  void apply_task_over(Task& task, TaskIx ix, Verdict verdict, Instant time);
  void apply_device_health(const Task& task, const Ending& ending, Instant time);
  void apply_forget_oldest();

  // Upkeep of indexes, called by apply_ and note_ only (broker_index.cc).
  TaskIx add_task_slot();
  WorkerIx worker_ix(const std::string& name);
  ClassIx class_of(const TaskSpec& spec);
  void leave_class(Task& task);
  void match_class(ClassIx ix);
  void match_classes();
  std::vector<DeviceIx> matching_devices(const DeviceRequest& request,
                                         const std::string& pool) const;
  void enqueue(TaskIx ix, bool first);
  void prune_queue(TaskClass& task_class);
  void mark_class(ClassIx ix);
  void mark_device(DeviceIx ix);
  void mark_worker(WorkerIx ix);
  void mark_devices_of(WorkerIx ix);
  void index_worker(WorkerIx ix);
  void unindex_worker(WorkerIx ix);
  std::set<std::string> pools_of(const Worker& worker) const;
  bool pool_known(const std::string& pool) const;
  bool device_in_pool(const DeviceSpec& device, const std::string& pool) const;

  // note_*: soft state (broker_note.cc).
  void note_message(const FromPeer& input, Instant now);
  void note_hello(const FromPeer& input, const Hello& hello, Instant now);
  void note_sync(const FromPeer& input, const Sync& sync, Instant now);
  void note_held(Worker& worker, const Sync& sync);
  void note_watched_submit(uint64_t session, const Submit& submit);
  void note_watch(uint64_t session, const std::vector<std::string>& guids);
  void note_unanswered(uint64_t session, const Watch& watch);
  void note_tick(Instant now);
  void note_lease(WorkerIx ix, Instant lease_until);
  void note_news(TaskIx ix);
  void drop_session(uint64_t id);

  // make_*: messages (broker_desired.cc, broker_query.cc).
  void drain_news(Session& session, std::vector<Send>& sends);
  Desired make_desired(Worker& worker);
  Assignment make_assignment(const Task& task) const;
  TaskChange make_change(const Task& task) const;
  TaskInfo make_task_info(const Task& task, bool brief) const;
  DeviceInfo make_device_info(const Device& device) const;
  WorkerInfo make_worker_info(const Worker& worker) const;
  std::optional<Message> make_answer(const Message& question, Instant now) const;
  TaskNews make_watched(const Watch& question) const;
  TaskList make_task_list(const ListTasks& question) const;
  Explanation make_explanation(const Task& task, Instant now) const;
  std::string make_wait_summary(const Task& task) const;
  BrokerStatus make_status() const;

  const Task* find_task(std::string_view guid) const;
  const Task* live_task(const TaskRef& ref) const;
  const Session* find_session(std::string_view peer) const;
  uint32_t count_ahead(const Task& task) const;
  std::string explain_device(const Device& device, const TaskSpec& spec) const;
  const std::string* strategy_bytes(const std::string& name) const;

  BrokerOptions options_;

  // Hard state.
  uint64_t head_ = 0;
  uint64_t epoch_ = 0;
  Instant started_;
  std::vector<Task> tasks_;
  std::vector<TaskIx> free_tasks_;
  TextViewMap<TaskIx> task_by_guid_;   // keys live in Task::spec
  std::deque<TaskRef> ended_tasks_;    // kept for questions, oldest first
  LookupSet<uint64_t> ended_digests_;  // of forgotten tasks' GUIDs
  std::deque<uint64_t> ended_digest_order_;
  std::vector<Worker> workers_;
  std::map<std::string, WorkerIx, std::less<>> worker_by_name_;
  std::vector<Device> devices_;
  std::map<std::string, DeviceIx, std::less<>> device_by_name_;
  InventoryPtr inventory_;
  uint64_t queued_count_ = 0;
  uint64_t held_count_ = 0;
  uint64_t ended_count_ = 0;

  // Derived from hard state.
  std::vector<TaskClass> classes_;
  std::vector<ClassIx> free_classes_;
  TextMap<ClassIx> class_by_key_;
  std::set<ClassIx> plain_classes_;  // without devices, with queued tasks
  std::set<ClassIx> dirty_classes_;  // with devices: something changed since the last Dispatch
  bool plain_dispatch_due_ = false;
  std::set<std::tuple<Instant, TaskIx, uint64_t>> delayed_;  // retries by not_before
  std::set<std::tuple<Instant, TaskIx, uint64_t>> queue_deadlines_;

  // Soft state.
  std::set<std::pair<Instant, WorkerIx>> lease_deadlines_;
  WorkersByPool idle_workers_;  // with a free slot
  WorkersByPool free_workers_;  // with credit left
  std::vector<WorkerIx> owed_;
  uint64_t next_session_ = 1;
  std::map<uint64_t, Session> sessions_;
  TextMap<uint64_t> session_by_peer_;
  LookupMap<TaskIx, std::vector<uint64_t>> extra_watchers_;
  std::set<uint64_t> sessions_with_news_;
  Instant next_session_sweep_;
  uint64_t heard_mark_ = 0;
  bool disk_low_ = false;
  uint64_t refused_messages_ = 0;
};

}  // namespace muster
