// What the durable log may say about who was served: the rules of docs/scheduling.md, from the
// account of the log alone.
#include <algorithm>

#include "tests/sim/log_model.h"

namespace muster::sim {
namespace {

constexpr uint64_t kTurn = 1'000'000;

}  // namespace

std::string LogModel::take_event(const DrainChanged& event, Instant) {
  const bool changes =
      event.draining ? drained_.insert(event.worker).second : drained_.erase(event.worker) > 0;
  if (!changes) return "S5: a drain was recorded that changes nothing";
  if (!event.draining) return "";
  const auto holds = [&](const auto& entry) {
    const Task& task = entry.second;
    return task.live() && (event.worker.empty() || task.attempts.back().worker == event.worker);
  };
  if (std::any_of(tasks_.begin(), tasks_.end(), holds)) {
    marks_.hit(event.worker.empty() ? Mark::broker_drained : Mark::worker_drained);
  }
  return "";
}

uint64_t LogModel::count_running(const std::function<bool(const TaskSpec&)>& is) const {
  return static_cast<uint64_t>(std::count_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return entry.second.live() && is(*entry.second.spec);
  }));
}

// The attempt is among those that run.
std::string LogModel::check_lease_rules(const AttemptLeased& event, const Task& task,
                                        Instant time) {
  const TaskSpec& spec = *task.spec;
  if (drained_.contains("")) return "R: leased while the broker takes no new work";
  if (drained_.contains(event.worker)) return "R: leased to a worker that drains";
  const bool late =
      spec.timeouts.deadline > Duration{0} && time >= task.queued_time + spec.timeouts.deadline;
  if (late) return "R: leased after its deadline";
  for (const Cap& cap : inventory_ ? inventory_->caps : std::vector<Cap>()) {
    if (!cap.pool.empty() && cap.pool != spec.pool) continue;
    const uint64_t running = count_running(
        [&](const TaskSpec& one) { return cap.pool.empty() || one.pool == cap.pool; });
    if (std::string complaint = check_capped(task, cap, running); !complaint.empty()) {
      return complaint;
    }
  }
  if (spec.at_once == 0) return "";
  const uint64_t running = count_running(
      [&](const TaskSpec& one) { return one.at_once > 0 && one.group == spec.group; });
  if (running > spec.at_once) return "R: more tasks of a group run than may at once";
  if (running == spec.at_once) marks_.hit(Mark::group_capped);
  return "";
}

// In the simulation only the lab is capped by device, and where that is so nobody uses undeclared
// ones.
std::string LogModel::check_capped(const Task&, const Cap& cap, uint64_t running) {
  uint64_t limit = UINT64_MAX;
  if (cap.max_running > 0) limit = cap.max_running;
  if (cap.max_running_per_device > 0) {
    limit = std::min<uint64_t>(limit, cap.max_running_per_device * inventory_->devices.size());
  }
  if (running > limit) return "R: a cap was exceeded";
  if (running == limit) marks_.hit(cap.pool.empty() ? Mark::lab_capped : Mark::pool_capped);
  return "";
}

bool LogModel::is_plain(const Task& task) { return task.spec->devices.empty(); }

// Nothing but the rules keeps it from a slot. Of a retry's back-off the log does not say when it
// was seen to be over.
bool LogModel::may_run(const Task& task) {
  return is_plain(task) && task.verdict == Verdict::none && !task.live() && !task.cancelled &&
         task.attempts.size() == task.attempts_before && task.spec->depends_on.empty() &&
         task.spec->at_once == 0;
}

// What its submitter has running in its pool, by weight.
uint64_t LogModel::load_of(const Task& task) const {
  const uint64_t running = count_running([&](const TaskSpec& one) {
    return one.submitter == task.spec->submitter && one.pool == task.spec->pool;
  });
  uint64_t weight = 1;
  for (const Share& share : inventory_ ? inventory_->shares : std::vector<Share>()) {
    if (share.submitter == task.spec->submitter) weight = share.weight;
  }
  return running * (kTurn / weight);
}

// Who was leased a slot by this wake-up, and who still waits for one of the same pool.
std::string LogModel::check_turn(const Task& leased) const {
  const TaskSpec& spec = *leased.spec;
  const bool first_attempt = leased.attempts.size() == leased.attempts_before + 1;
  const uint64_t load = load_of(leased);
  for (const auto& [guid, waits] : tasks_) {
    if (!may_run(waits) || waits.spec->pool != spec.pool) continue;
    if (waits.spec->priority > spec.priority) return "R: leased before a higher priority: " + guid;
    if (waits.spec->priority < spec.priority) continue;
    if (waits.spec->submitter == spec.submitter) {
      if (first_attempt && waits.queued_at < leased.queued_at) {
        return "R: leased before an older task of the same submitter: " + guid;
      }
      continue;
    }
    if (waits.queued_at < leased.queued_at) marks_.hit(Mark::turn_taken);
    // By now the one that was leased counts too.
    const uint64_t others = load_of(waits);
    uint64_t weight = 1;
    for (const Share& share : inventory_ ? inventory_->shares : std::vector<Share>()) {
      if (share.submitter == spec.submitter) weight = share.weight;
    }
    if (load - kTurn / weight > others) return "R: leased out of turn, before " + guid;
  }
  return "";
}

std::string LogModel::check_turns() {
  std::string complaint;
  for (const Task* task : std::exchange(leased_now_, {})) {
    if (complaint.empty() && task->live()) complaint = check_turn(*task);
  }
  return complaint;
}

uint32_t LogModel::count_lost(const Task& task) {
  uint32_t lost = 0;
  for (size_t i = task.attempts_before; i < task.attempts.size(); ++i) {
    const Attempt& attempt = task.attempts[i];
    const bool began = attempt.ending && (attempt.started || attempt.ending->started != kNever);
    if (began && attempt.ending->lost) ++lost;
  }
  return lost;
}

}  // namespace muster::sim
