// What the durable log may say: an account of tasks, attempts, workers and devices kept apart from
// BrokerCore's, so that a mistake has to be made twice to pass.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/event.h"
#include "tests/sim/marks.h"

namespace muster::sim {

// Executors end the message of an attempt's own Ending with this and the number of reports that the
// attempt made before it, so that the log can be held against it.
inline constexpr std::string_view kSaidPrefix = "said=";
// The message of an attempt's Ending when it was stopped.
inline constexpr std::string_view kStoppedMessage = "stopped by its worker";

class LogModel {
 public:
  struct Attempt {
    std::string worker;
    uint64_t incarnation = 0;
    std::vector<std::string> devices;
    uint64_t said = 0;  // reports before the Ending
    bool started = false;
    std::optional<Ending> ending;
    std::vector<std::string> things;  // behind its devices
  };
  struct Task {
    TaskSpecPtr spec;
    std::vector<Attempt> attempts;
    bool cancelled = false;
    Verdict verdict = Verdict::none;
    Instant not_before = kNever;
    Ending ending = {};
    // Numbers count the events of the log.
    uint64_t queued_at = 0;           // when it was submitted, or retried by a person
    uint64_t retried_at = 0;          // by a person; 0: never
    size_t attempts_before = 0;       // that
    Verdict former = Verdict::none;   // what it had come to by then
    std::set<Verdict> verdicts = {};  // all that it ever had
    Instant queued_time = kNever;     // of queued_at
    Cause cancel_cause = Cause::none;

    bool live() const { return !attempts.empty() && !attempts.back().ending; }
  };
  struct Worker {
    bool present = false;
    uint64_t incarnation = 0;
    uint64_t last_seq = 0;
  };

  struct Device {
    DeviceHealth health = DeviceHealth::unknown;
    std::string who;
    Instant until;
    uint32_t failures = 0;
    std::optional<DeviceJudged> before_lock;  // its health, back-off and failures then
    uint32_t job_failures = 0;
    std::map<std::string, Instant> good_at;  // by level of verification
    std::string good_for;  // the job for which it was found good, while nobody else had it since
  };

  explicit LogModel(Marks& marks) : marks_(marks) {}

  // The next durable event. A complaint when the log may not say this now; else empty.
  std::string take(const Event& event);

  const std::map<std::string, Task>& tasks() const { return tasks_; }
  const Task* find_task(const std::string& guid) const;
  const Worker* find_worker(const std::string& name) const;
  // Whether the log leased this attempt to this worker.
  bool leased_to(const AttemptToken& token, const std::string& worker) const;
  bool has_report(const std::string& worker, uint64_t seq) const;

 private:
  std::string take_event(const BrokerStarted& event, Instant time);
  std::string take_event(const InventoryApplied& event, Instant time);
  std::string take_event(const WorkerJoined& event, Instant time);
  std::string take_event(const WorkerLost& event, Instant time);
  std::string take_event(const DeviceJudged& event, Instant time);
  std::string check_until(const DeviceJudged& event, const Device& before, Instant time) const;
  void mark_judged(const DeviceJudged& event, const Device& before);
  std::string take_event(const DeviceListed& event, Instant time);
  std::string take_event(const DeviceUnlisted& event, Instant time);
  std::string take_event(const TaskSubmitted& event, Instant time);
  std::string take_event(const AttemptLeased& event, Instant time);
  std::string take_event(const AttemptReported& event, Instant time);
  std::string take_event(const AttemptEnded& event, Instant time);
  std::string take_event(const ReportRefused& event, Instant time);
  std::string take_event(const CancelRequested& event, Instant time);
  std::string take_event(const TaskEnded& event, Instant time);
  std::string take_event(const TaskRetried& event, Instant time);
  std::string take_event(const DaemonLogged& event, Instant time);
  std::string take_event(const AccessRefused&, Instant) { return ""; }
  std::string take_event(const DrainChanged& event, Instant time);
  // The rules of scheduling (log_model_schedule.cc).
  std::string check_lease_rules(const AttemptLeased& event, const Task& task, Instant time);
  std::string check_capped(const Task& task, const Cap& cap, uint64_t running);
  // When a wake-up is over: of those who were leased a slot by it.
  std::string check_turns();
  std::string check_turn(const Task& leased) const;
  uint64_t load_of(const Task& task) const;
  uint64_t count_running(const std::function<bool(const TaskSpec&)>& is) const;
  static bool is_plain(const Task& task);
  static bool may_run(const Task& task);
  static uint32_t count_lost(const Task& task);
  std::string take_origin(const Origin& origin);
  std::string check_lease_dependencies(const Task& task);
  std::string check_lease_devices(const AttemptLeased& event, const Task& task) const;
  std::string check_lease_stacks(const AttemptLeased& event, const Task& task) const;
  bool share_stack(const std::string& one, const std::string& other) const;
  // As the inventory has it, or as a lister found it where that is allowed.
  std::optional<DeviceSpec> find_device(const std::string& name, const std::string& worker) const;
  bool is_there(const DeviceSpec& device) const;
  std::string check_lease_health(const AttemptLeased& event, const Task& task, Instant time);
  std::string check_verified(const Task& job, const DeviceSpec& spec, const Device& device,
                             Instant time) const;
  std::string check_end(const AttemptEnded& event, const Task& task) const;
  std::string check_budget(const Task& task) const;
  Task* task_of(const std::string& guid);

  Marks& marks_;
  uint64_t taken_ = 0;
  uint64_t epoch_ = 0;
  Instant last_time_;
  InventoryPtr inventory_;
  std::map<std::string, Task> tasks_;
  std::map<std::string, Worker> workers_;
  std::map<std::string, AttemptToken> holders_;  // by device
  std::set<std::string> held_things_;
  std::map<std::string, std::map<std::string, ListedDevice>> listed_;  // by worker and name
  std::map<std::string, std::set<uint64_t>> reports_;
  std::map<std::string, Device> devices_;
  std::map<std::string, uint64_t> told_;  // of each daemon's log
  std::set<std::string> requests_;        // that had a task retried, with its GUID
  std::set<std::string> drained_;         // workers; empty: the broker
  std::vector<const Task*> leased_now_;   // by the newest wake-up, without devices
};

}  // namespace muster::sim
