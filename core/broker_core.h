// BrokerCore: what the broker knows and how it decides. Pure: time is an argument, effects are
// values.
//
// The shell (broker/broker.cc) runs, for each input of a wake-up,
//     decision = decide(input, now);  apply(each event);  note(input, now);
// then appends all events durably, all of them or none, and only then sends decision.sends and
// drain_sends().
//
// Hard state is what apply() builds; recovery is apply() over the log, or over what of it is behind
// a snapshot. Soft state (sessions, what workers said last, watches) is what note() builds; it may
// be lost at any time: peers say it again.
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

#include "core/broker_input.h"
#include "core/broker_snapshot.h"
#include "core/broker_state.h"
#include "core/device.h"
#include "core/event.h"
#include "core/interned.h"
#include "core/kept_task.h"
#include "core/limits.h"
#include "core/lookup_map.h"
#include "core/messages.h"
#include "core/selector.h"
#include "core/slot_vector.h"
#include "core/task.h"
#include "core/task_ref.h"
#include "core/time.h"
#include "core/work.h"

namespace muster {

class BrokerCore : private broker_state::HardState {
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
  // Whoever is connected and `is_barred` says so of is as good as gone: it has no session and gets
  // nothing any more. The lease of a worker runs out, unless it is let in again before.
  void note_barred(const std::function<bool(std::string_view peer)>& is_barred);
  void note_disk_low(bool low) { disk_low_ = low; }
  void note_refused_message() { ++refused_messages_; }

  // True when the peer has said Hello and was not forgotten since.
  bool knows_peer(std::string_view peer) const { return session_by_peer_.contains(peer); }

  // What the peer has said that it is; nothing when it is not known.
  std::optional<Role> role_of(std::string_view peer) const;

  // Sequence number of the newest applied event.
  uint64_t head() const { return head_; }

  // A copy of the hard state. It takes the time of reading it once, and shares what never changes.
  BrokerSnapshot snapshot() const;
  // Only of a core that has applied nothing, and from a snapshot in which nothing is unsound().
  // What is derived follows; soft state is as after a start.
  void restore(BrokerSnapshot snapshot);

  // digest() of its snapshot: equal logs give equal digests, live and recovered.
  uint64_t hard_digest() const;

  // For checkers and tests.
  size_t queued_count() const { return queued_count_; }
  size_t held_count() const { return held_count_; }
  uint64_t ended_count() const { return ended_count_; }
  std::optional<TaskInfo> task_info(std::string_view guid) const;
  // TaskSpec::pool; nothing when there is no such task.
  std::optional<std::string> pool_of_task(std::string_view guid) const;
  size_t device_slots() const { return devices_.size(); }
  // How often it was asked whether a device matches a request, and where a task can be placed.
  uint64_t matches_asked() const { return matches_asked_; }
  uint64_t placements_asked() const { return placements_asked_; }

 private:
  using TaskIx = broker_state::TaskIx;
  using WorkerIx = broker_state::WorkerIx;
  using DeviceIx = broker_state::DeviceIx;
  using ClassIx = broker_state::ClassIx;
  static constexpr uint32_t kNone = broker_state::kNone;
  using Attempt = broker_state::Attempt;
  using Vain = broker_state::Vain;
  using Chain = broker_state::Chain;
  using Task = broker_state::Task;
  using Worker = broker_state::Worker;
  using Device = broker_state::Device;
  using TaskClass = broker_state::TaskClass;
  using Session = broker_state::Session;
  using Placement = broker_state::Placement;
  using PoolIx = broker_state::PoolIx;
  using ShareIx = broker_state::ShareIx;
  using GroupIx = broker_state::GroupIx;
  using PoolLoad = broker_state::PoolLoad;
  using ShareLoad = broker_state::ShareLoad;
  using GroupLoad = broker_state::GroupLoad;
  using LaneKey = broker_state::LaneKey;
  using Lane = broker_state::Lane;
  using Rank = broker_state::Rank;
  using Barrier = broker_state::Barrier;

  // Judgements of the same decision, which are not applied yet.
  using Judged = std::map<DeviceIx, DeviceJudged>;
  // What earlier leases of the same decision have taken, and what is looked for now.
  struct Scratch {
    // Leases by this decision of one share, and its turn after them.
    struct Taken {
      uint64_t leases = 0;
      uint64_t turn = 0;
    };
    LookupMap<ShareIx, Taken> shares;
    LookupMap<PoolIx, uint64_t> pools;
    LookupMap<GroupIx, uint64_t> groups;
    uint64_t lab = 0;
    uint64_t turn_now = 0;
    LookupSet<DeviceIx> taken_devices;
    LookupMap<WorkerIx, uint32_t> device_leases;  // made by this decision, with devices
    LookupMap<WorkerIx, uint32_t> leases;         // all of them
    LookupMap<DeviceIx, uint64_t> reserved;       // for the job (Task::seq) that has them verified
    Instant now;
    const Task* job = nullptr;   // looked for; null: any task of its class
    bool verified_only = false;  // devices that it need not have verified any more
    bool fit_is_enough = false;  // also devices that are busy or offline
    const Judged* judged = nullptr;
    std::set<DeviceIx> excluded;  // not fit, whatever their health
    std::set<DeviceIx> hoped;     // to be repaired for the job: fit, whatever their health
    std::set<uint64_t> over;      // tasks (Task::seq) that this decision ends
  };
  // What one message has found out about the tasks that it wants to run.
  struct Admission {
    // Why nothing known could serve a task, by its class and the words for its devices.
    std::map<std::string, std::string> capacity;
    const TaskTerms* admitted = nullptr;             // the newest terms that nothing speaks against
    size_t suggestions = kSuggestionsPerRequestMax;  // left
    std::string otherwise;                           // what a person may do all the same
    std::map<std::string, uint32_t> at_once;         // of groups that it has accepted tasks of
  };
  // A bounded search for devices of one worker (broker_placement.cc).
  struct Search;
  // What follows from the ends of tasks, gathered over one decision (broker_chain.cc).
  struct Consequences;
  // Why a candidate cannot be leased now, and when that may change (broker_explain.cc).
  struct Obstacle;
  struct PlainQueue;
  struct LaneWalk;
  using WorkersByPool = std::map<std::string, std::set<WorkerIx>, std::less<>>;

  // decide_*: broker_{decide,submit,retry,sync,dispatch,health,chain}.cc.
  Decision decide_plain(const Input& input, Instant now) const;
  void attach_metadata(Decision& decision) const;
  Decision decide_message(const FromPeer& input, Instant now) const;
  static std::string protocol_refusal(const Hello& hello);
  bool may_finish(const Hello& hello) const;
  Decision decide_hello(const FromPeer& input, const Hello& hello) const;
  Decision decide_submit(const FromPeer& input, const Submit& submit, Instant now) const;
  Decision decide_cancel(const FromPeer& input, const Cancel& cancel, Instant now) const;
  Decision decide_retry(const FromPeer& input, const RetryTasks& retry, Instant now) const;
  std::string decide_retried(const Task& task, const LookupSet<std::string>& retried,
                             Admission& admission) const;
  Decision decide_inventory(const FromPeer& input, const ApplyInventory& apply, Instant now) const;
  void decide_replaced(const ApplyInventory& apply, Instant now, Decision& decision) const;
  void decide_listed(const Sync& sync, const std::string& name, const Worker* worker, Instant now,
                     Decision& decision) const;
  Decision decide_sync(const FromPeer& input, const Sync& sync, Instant now) const;
  Decision decide_start(const Start& start, Instant now) const;
  Decision decide_tick(Instant now) const;
  void decide_deadlines(Instant now, Decision& decision) const;
  AttemptEnded decide_lost(const Task& task, std::string why, Instant now) const;
  static const Ending& ending_of(const Task& ended);
  Decision decide_dispatch(Instant now) const;
  std::string decide_room(size_t accepted) const;
  // Why not, or empty; the second: why nothing known could serve it.
  std::string decide_admission(const TaskSpec& spec, Admission& admission) const;
  std::string decide_group(const TaskSpec& spec, Admission& admission) const;
  std::string decide_capacity(const TaskTerms& spec, Admission& admission) const;
  std::string decide_capacity_of(const TaskTerms& spec, const TaskClass& wanted,
                                 Admission& admission) const;
  uint64_t decide_reports(const Sync& sync, const Worker& worker, Instant now,
                          Decision& decision) const;
  void decide_restarted(const Sync& sync, const Worker& worker, uint64_t told, Instant now,
                        Decision& decision) const;
  AttemptEnded decide_ending(const Task& task, Origin origin, Ending ending, Instant now) const;
  std::set<ClassIx> classes_to_look_at() const;
  bool may_be_next(const TaskRef& ref, const Scratch& scratch) const;
  void decide_leases_with_devices(Scratch& scratch, Decision& decision) const;
  bool is_left_alone(const Task& task, Instant now) const;
  bool decide_lease_with_devices(const Task& task, Scratch& scratch, Decision& decision) const;
  void decide_leases_plain(Scratch& scratch, Decision& decision) const;
  size_t room_for_plain(const std::string& pool, const Scratch& scratch) const;
  size_t room_at(WorkerIx ix, bool slots_only, const Scratch& scratch) const;
  void decide_leases_of(std::deque<const Task*>& run, const std::string& pool,
                        const WorkersByPool& by_pool, bool slots_only, Scratch& scratch,
                        Decision& decision) const;
  struct ShareRule {
    bool slots_only;  // or as far as the credit goes
    bool choosy;      // nothing to a worker that had it before
  };
  template <typename Workers>
  void decide_shares(std::deque<const Task*>& run, const Workers& workers, ShareRule rule,
                     Scratch& scratch, Decision& decision) const;
  bool was_tried(const Task& task, WorkerIx worker) const;

  // The rules (broker_rules.cc), for dispatch and for explanations of it. With what earlier leases
  // of the same decision have taken.
  Rank rank_of(const Task& task, const Scratch& scratch, uint64_t after = 0) const;
  Rank rank_of(uint32_t priority, ShareIx share, uint64_t seq, const Scratch& scratch,
               uint64_t after) const;
  bool outranks(const Task& one, const Task& other) const;
  static uint64_t limit_of(const PoolLoad& pool);
  uint64_t room_of(PoolIx pool, const Scratch& scratch) const;
  Barrier barrier_of(PoolIx pool, const Scratch& scratch) const;
  Barrier barrier_of(const Task& task, const Scratch& scratch) const;
  static bool is_preparing(const Task& task);
  void apply_child_held(const Task& child, bool held);
  void apply_preparing(const Task& task, bool begun);
  bool takes_work(const Worker& worker) const {
    return reachable_worker(worker) && !worker.draining;
  }
  // Among what is running, with the decision that goes on; a lease is also a turn.
  Scratch::Taken& count_taken(const Task& task, Scratch& scratch) const;
  void count_lease(const Task& task, Scratch& scratch) const;
  void index_load(TaskIx ix);
  void leave_load(Task& task);
  void apply_load(const Task& task, bool leased);
  void count_running(const Task& task);
  void leave_group_place(GroupIx ix, uint64_t GroupLoad::*place);
  void index_caps();
  void index_cap_devices();
  bool index_cap_device(DeviceIx ix);
  void mark_classes();
  std::string explain_barrier(const Task& task, Barrier barrier, Instant now) const;
  std::string explain_pool_full(const PoolLoad& pool) const;
  std::string explain_draining(const std::string& whose, const Draining& draining,
                               Instant now) const;

  // Drains (broker_drain.cc).
  Decision decide_drain(const FromPeer& input, const Drain& drain, Instant now) const;
  DrainReply::Outcome decide_drained(const std::string& name, const Drain& drain, Instant now,
                                     Decision& decision) const;
  void apply_event(const DrainChanged& event, Instant time);

  void avoid_tried(const Task& task, Scratch& scratch) const;
  void decide_lease(const Task& task, Placement placement, Scratch& scratch,
                    Decision& decision) const;
  void decide_lease(const AttemptToken& token, const Placement& placement, Scratch& scratch,
                    Decision& decision) const;

  // Placement (broker_placement.cc). Without `scratch` the question is whether the requests could
  // ever be placed. `gave_up` tells that the search ended at its bound.
  std::optional<Placement> find_placement(const TaskClass& task_class, const Scratch* scratch,
                                          bool* gave_up = nullptr) const;
  bool place_requests(const TaskClass& task_class, WorkerIx worker, const Scratch* scratch,
                      std::vector<DeviceIx>& chosen) const;
  bool search_requests(Search& search, size_t position) const;
  bool search_fits(const Search& search, size_t request, DeviceIx candidate) const;
  static std::vector<size_t> search_order(const TaskClass& task_class);
  void keep_roles(const Task& task, Placement& placement) const;
  std::vector<DeviceIx> collateral_of(const std::vector<DeviceIx>& devices) const;
  bool share_stack(DeviceIx one, DeviceIx other) const;
  DeviceIx thing_of(DeviceIx device) const;
  size_t place_among(const std::vector<DeviceIx>& candidates, DeviceIx ix) const;
  void index_holder(DeviceIx ix);
  static DeviceIx next_candidate(const TaskClass& task_class, size_t request, bool held_do,
                                 size_t& place);
  bool is_candidate(const TaskClass& task_class, size_t request, DeviceIx device) const;
  // Whether a task of this class may have the device, and the rest of its stacks, now.
  bool device_usable(DeviceIx device, const TaskClass& task_class, const Scratch* scratch) const;
  bool device_available(DeviceIx device, const TaskClass& task_class, const Scratch& scratch) const;
  bool device_free(DeviceIx device, const Scratch& scratch) const;
  bool device_present(const Device& device) const;
  static bool reachable_worker(const Worker& worker) {
    return worker.present && !worker.peer.empty();
  }
  bool worker_takes_device(WorkerIx worker, const Scratch* scratch) const;

  // Tasks that wait for the end of others (broker_depend.cc).
  using SpecsByGuid = LookupMap<std::string_view, TaskSpecPtr>;
  std::string decide_dependencies(const TaskSpec& spec, const SpecsByGuid& before) const;
  void decide_dependants(Decision& decision, Instant now) const;
  void decide_blocked(Decision& decision, Instant now) const;
  void apply_dependencies(TaskIx ix);
  void apply_dependants(Task& task);
  void explain_dependencies(const Task& task, Explanation& answer) const;

  // Lines of logs (broker_log.cc).
  Decision decide_tell_log(const FromPeer& input, const TellLog& tell, Instant now) const;
  Decision decide_own_log(const OwnLog& own, Instant now) const;

  // Health (broker_health.cc).
  Decision decide_change(const FromPeer& input, const ChangeDevices& change, Instant now) const;
  std::string was_already(const std::string& name, DeviceChange change) const;
  std::string decide_changed(const std::string& name, const ChangeDevices& change,
                             size_t& suggestions, Instant now, Decision& decision) const;
  void decide_judgements(Decision& decision, Judged& judged, Instant now) const;
  void decide_health(const EventBody& body, Judged& judged, Instant now,
                     std::vector<Event>& events) const;
  // `said`: what this end says, of what was judged before it in the same decision.
  void decide_health_after_job(const AttemptEnded& ended, const Task& task, const Judged& judged,
                               Judged& said, Instant now) const;
  void decide_no_result(const Task& task, DeviceIx subject, const Judged& judged, Judged& said,
                        Instant now) const;
  void decide_health_after_check(const AttemptEnded& ended, const Task& task, const Judged& judged,
                                 Judged& said, Instant now) const;
  static bool is_reverify(const TaskTerms& spec);
  void decide_reverify(Instant now, Decision& decision) const;
  DeviceJudged judge_failure(DeviceIx device, uint32_t DeviceJudged::*count, const Judged& judged,
                             Instant now) const;
  std::string level_of(const Task& task) const;
  DeviceJudged device_as_judged(DeviceIx device, const Judged& judged) const;
  // Whether the device's health lets a task of this class use it: as one that it asked for, or as
  // the rest of a stack.
  bool fit_for(const Device& device, const TaskClass& task_class) const;
  bool fit_beside(const Device& device, const TaskClass& task_class) const;
  bool fit_for_job(DeviceIx device, const Judged* judged) const;
  bool fit_now(const TaskClass& task_class, DeviceIx device, const Scratch& scratch) const;
  bool fit_beside_now(const TaskClass& task_class, DeviceIx device, const Scratch& scratch) const;
  Duration back_off(uint32_t failures) const;
  std::vector<ActionUse> count_uses(const Device& device, Instant now) const;

  // Chains (broker_chain.cc).
  void decide_consequences(Decision& decision, Instant now) const;
  void decide_chain_consequences(Decision& decision, Instant now) const;
  void decide_strays(Instant now, Decision& decision) const;
  void decide_over(Consequences& all, const std::string& guid, const Ending& ending,
                   Verdict verdict) const;
  void decide_orphans(Consequences& all, const Task& job) const;
  void decide_orphan(Consequences& all, const Task& child, const Task& job) const;
  void decide_needless(Consequences& all, const DeviceJudged& judged) const;
  void decide_needless_one(Consequences& all, const Task& task) const;
  static bool names_its_device(const Task& task);
  void decide_after_failed(Consequences& all, const Task& job) const;
  bool decide_verifications(const Task& job, Scratch& scratch, Decision& decision) const;
  void decide_verification(const Task& job, DeviceIx device, Scratch& scratch,
                           Decision& decision) const;
  void reserve_for(const Task& job, Scratch& scratch) const;
  void reserve(const Task& job, DeviceIx device, Scratch& scratch) const;
  bool reserved_from(const TaskClass& task_class, DeviceIx device, const Scratch& scratch) const;
  bool can_go_elsewhere(const Task& job, const Consequences& all) const;
  bool decide_without_placement(const Task& job, Instant now, Decision& decision) const;
  void decide_repair_for_waiting(Consequences& all, const AttemptEnded& ended) const;
  std::vector<const Task*> waiting_for_repair(DeviceIx device, const Consequences& all) const;
  bool can_be_repaired(const Task& job, DeviceIx device, const Ending& ending,
                       const Judged& judged) const;
  size_t decide_elsewhere(const Task& job, Scratch& scratch, Decision& decision) const;
  std::string absence_of(DeviceIx device) const;
  bool verified_for(const Task& job, const Device& device, Instant now) const;
  const Vain* verified_in_vain(const Task& job, DeviceIx device) const;
  bool needed_by_others(DeviceIx device, const Task& job, const Consequences& all) const;
  TaskSpecPtr make_child(const Task& job, TaskKind kind, const std::string& device,
                         const Work& work, uint64_t seq) const;
  std::string make_own_guid(const std::string& wanted, const std::string& otherwise) const;
  bool is_served(const std::string& device) const;
  const Task* served_for(const Task& job, const std::string& device) const;
  std::vector<std::string> explain_chain(const Task& job, Instant now) const;

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
  void apply_event(const TaskRetried& event, Instant time);
  void apply_event(const DaemonLogged& event, Instant time);
  void apply_event(const AccessRefused&, Instant) {}  // for people: nothing follows from it
  void apply_queued(TaskIx ix, Instant time);
  void apply_origin(const Origin& origin);
  void apply_taken(DeviceIx device, TaskIx ix);
  void apply_release(Task& task, TaskIx ix);
  void apply_task_over(Task& task, TaskIx ix, Verdict verdict, Instant time);
  void apply_device_health(const Task& task, const Ending& ending, Instant time);
  void apply_good(DeviceIx device, const Task* task, const std::string& level, Instant time);
  void apply_use(const Task& task, const Record& record, Instant time);
  void apply_chain_begun(TaskIx ix);
  void apply_chain_over(TaskIx ix);
  void apply_child_over(const Task& child, TaskIx ix);
  void apply_forget_oldest();
  void prefetch_oldest() const;

  // Upkeep of indexes, called by apply_ and note_ only (broker_index.cc).
  TaskIx add_task_slot();
  WorkerIx worker_ix(const std::string& name);
  ClassIx class_of(const TaskTerms& terms);
  static std::string class_key(const TaskClass& task_class);
  void leave_class(Task& task);
  void keep_typical(const TaskClass& task_class);
  void describe_class(TaskClass& task_class, const TaskTerms& spec) const;
  void match_class(ClassIx ix);
  void match_classes();
  void match_device(DeviceIx ix);
  bool request_matches(const TaskClass& task_class, size_t request, const Device& device) const;
  std::vector<DeviceIx> matching_devices(const TaskClass& task_class, size_t request) const;
  void enqueue(TaskIx ix, bool first);
  void dequeue(TaskIx ix);
  void index_deadlines(TaskIx ix);
  void prune_lane(const Task& task, TaskClass& task_class);
  void mark_class(ClassIx ix);
  void mark_waiters(DeviceIx ix);
  void mark_device(DeviceIx ix);
  void mark_worker(WorkerIx ix);
  void mark_devices_of(WorkerIx ix);
  void index_worker(WorkerIx ix);
  void unindex_worker(WorkerIx ix);
  void index_reverify(DeviceIx ix, Instant earliest = kNever);
  void index_strays();
  void index_strays_of(const std::string& device);
  std::set<std::string> pools_of(const Worker& worker) const;
  bool pool_known(const std::string& pool) const;
  bool device_in_pool(const DeviceSpec& device, const std::string& pool) const;

  // What a snapshot does not hold because it follows from what it holds (broker_restore.cc).
  broker_state::HardClass hard_class(const TaskClass& task_class) const;
  std::vector<TaskIx> queued_of(const Lane& lane) const;
  void index_names();
  void index_classes(const std::vector<broker_state::HardClass>& classes);
  void index_tasks();
  void index_held();

  // The same, for what follows from the inventory and the listers (broker_inventory.cc).
  void index_inventory();
  DeviceIx add_device_slot(const std::string& name);
  void index_gone(DeviceIx ix);
  void forget_device(DeviceIx ix);
  static bool is_blank(const Device& device);
  void index_serial(DeviceIx ix, bool in);
  static void count_listed(Worker& worker, const ListedDevice& listed);
  void add_listed(Worker& worker, const ListedDevice& listed);
  void remove_listed(Worker& worker, const std::string& name);
  void mark_listed(const ListedDevice& listed);
  void refresh_undeclared(const std::string& name, bool match);
  const Worker* lister_of_undeclared(const std::string& name) const;
  const std::vector<DeviceIx>& devices_of_serial(const Profile& profile) const;
  // The declared device that is the listed one: by serial, on whatever worker, or by name on this
  // one; or kNone.
  DeviceIx declared_as(const Worker& worker, const ListedDevice& listed) const;
  bool is_allowed(const DeviceSpec& device) const;
  DeviceSpec make_undeclared(const Worker& worker, const ListedDevice& listed) const;

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
  Duration silence_max(const Worker& worker) const;
  void note_woken(WorkerIx ix, Instant now);
  void note_news(TaskIx ix);
  void drop_session(uint64_t id);

  // make_*: messages (broker_desired.cc, broker_query.cc).
  void drain_news(Session& session, std::vector<Send>& sends);
  Desired make_desired(Worker& worker);
  Assignment make_assignment(const Task& task) const;
  TaskChange make_change(const Task& task) const;
  TaskInfo make_task_info(const Task& task, bool brief) const;
  DeviceInfo make_device_info(const Device& device) const;
  bool is_forgotten(const Worker& worker, Instant now) const;
  WorkerInfo make_worker_info(const Worker& worker) const;
  std::optional<Message> make_answer(const Message& question, Instant now) const;
  TaskNews make_watched(const Watch& question) const;
  TaskList make_task_list(const ListTasks& question) const;
  DeviceList make_device_list(const ListDevices& question, const Selector& selector) const;
  Explanation make_explanation(const Task& task, Instant now) const;
  void explain_devices(const Task& task, Instant now, Explanation& answer) const;
  void explain_slots(const Task& task, Instant now, Explanation& answer) const;
  std::string explain_share(const Task& task, uint32_t passed) const;
  void explain_wait(const Task& task, Instant now, Explanation& answer) const;
  std::string explain_nearest(const Task& task, Instant now) const;
  Obstacle obstacle_of(DeviceIx device, const Task& task, Instant now) const;
  Obstacle obstacle_alone(DeviceIx device, bool fit, bool must_be_there, Instant now) const;
  std::string explain_absence(const Device& device) const;
  std::string explain_no_device(const std::string& name, size_t& suggestions) const;
  std::string explain_kept(DeviceIx device, const Task& task) const;
  std::string explain_health(const Device& device, Instant now) const;
  std::string explain_holder(const Task& holder, Instant now) const;
  std::string stack_of(const Device& one, const Device& other) const;
  std::string make_wait_summary(const Task& task) const;
  BrokerStatus make_status() const;

  auto guid_of() const {
    return [this](TaskIx ix) { return tasks_[ix].spec.guid(); };
  }
  TaskIx task_ix(std::string_view guid) const { return task_by_guid_.find(guid, guid_of()); }
  const Task* find_task(std::string_view guid) const;
  const Task* live_task(const TaskRef& ref) const;
  const Session* find_session(std::string_view peer) const;
  // Tasks that would be served before it; `passed`: of these, later ones of submitters who have
  // less running.
  uint32_t count_ahead(const Task& task, uint32_t* passed = nullptr) const;
  std::set<ClassIx> rivals_of(ClassIx ix) const;
  Duration estimate_start(const Task& task, uint32_t ahead) const;
  const std::string* strategy_bytes(const std::string& name) const;

  BrokerOptions options_;

  // Derived from hard state, which is in HardState.
  GuidIndex task_by_guid_;
  SharedTerms shared_terms_;
  std::map<std::string, WorkerIx, std::less<>> worker_by_name_;
  std::map<std::string, DeviceIx, std::less<>> device_by_name_;
  uint64_t queued_count_ = 0;
  uint64_t held_count_ = 0;
  uint64_t dependants_waiting_ = 0;   // tasks that wait for the end of others
  uint64_t tasks_with_metadata_ = 0;  // of those in tasks_
  TextMap<ClassIx> class_by_key_;
  Interned<PoolLoad> pools_;
  Interned<ShareLoad> shares_;
  Interned<GroupLoad> groups_;
  PoolLoad lab_;
  std::vector<PoolIx> capped_pools_;  // of the inventory
  std::map<std::string, uint32_t, std::less<>> weights_;
  TextMap<std::vector<DeviceIx>> devices_by_serial_;            // whatever worker they are at
  std::vector<Selector> allow_;                                 // of the inventory
  std::vector<std::pair<Selector, std::string>> strategy_for_;  // strategies by what they are for
  std::set<ClassIx> plain_classes_;  // without devices, with queued tasks
  std::set<ClassIx> dirty_classes_;  // with devices: something changed since the last Dispatch
  bool plain_dispatch_due_ = false;
  std::set<ClassIx> chain_classes_;  // of jobs that verify first, with queued tasks
  // Verifications and repairs that have not ended, by the device that they name.
  std::map<std::string, std::vector<TaskRef>, std::less<>> serving_;
  std::set<TaskRef> strays_;  // of these, those whose device is gone: nobody waits for that
  std::set<std::pair<Instant, DeviceIx>> reverify_;  // failed devices, by when to look again
  // Undeclared devices that are gone, which may be forgotten: blank ones first, then the oldest.
  std::set<std::tuple<bool, uint64_t, DeviceIx>> gone_;
  std::set<std::tuple<Instant, TaskIx, uint64_t>> delayed_;  // retries by not_before
  std::set<std::tuple<Instant, TaskIx, uint64_t>> queue_deadlines_;
  // Of tasks that have not ended and are not being cancelled.
  std::set<std::tuple<Instant, TaskIx, uint64_t>> deadlines_;

  // Soft state.
  std::set<std::pair<Instant, WorkerIx>> lease_deadlines_;
  uint64_t turn_now_ = 0;       // that was served last
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
  mutable uint64_t matches_asked_ = 0;
  mutable uint64_t placements_asked_ = 0;
};

}  // namespace muster
