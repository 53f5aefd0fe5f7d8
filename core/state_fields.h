// fields(x): the members of a structure of the hard state, all of them, as a tuple of references.
// What has got another number of members than are named here does not compile: a new one is to be
// added here, in io/codec_snapshot.cc and in schemas/snapshot.capnp, and the codec's sample is to
// give it a value.
#pragma once

#include <tuple>

#include "core/broker_snapshot.h"

namespace muster::broker_state {

inline auto fields(const Timeouts& x) {
  const auto& [queue, run, silence, grace, finally, deadline] = x;
  return std::tie(queue, run, silence, grace, finally, deadline);
}
inline auto fields(const Before& x) {
  const auto& [verify, level, repair, repair_budget] = x;
  return std::tie(verify, level, repair, repair_budget);
}
inline auto fields(const Retry& x) {
  const auto& [infra, test, crash_limit] = x;
  return std::tie(infra, test, crash_limit);
}
inline auto fields(const Dependency& x) {
  const auto& [guid, must_pass] = x;
  return std::tie(guid, must_pass);
}
inline auto fields(const DeviceRequest& x) {
  const auto& [role, name, selector, with] = x;
  return std::tie(role, name, selector, with);
}
inline auto fields(const TaskTerms& x) {
  const auto& [kind, name, parent, submitter, pool, devices, priority, timeouts, retry,
               wait_for_capacity, before, depends_on, group, at_once, metadata] = x;
  return std::tie(kind, name, parent, submitter, pool, devices, priority, timeouts, retry,
                  wait_for_capacity, before, depends_on, group, at_once, metadata);
}
inline auto fields(const Ending& x) {
  const auto& [outcome, cause, status, exit_code, signal, message, blame, started, finished, lost] =
      x;
  return std::tie(outcome, cause, status, exit_code, signal, message, blame, started, finished,
                  lost);
}
inline auto fields(const CancelRequested& x) {
  const auto& [guid, reason, who, cause] = x;
  return std::tie(guid, reason, who, cause);
}
inline auto fields(const DeviceJudged& x) {
  const auto& [device, health, reason, who, guid, until, failures, level, job_failures] = x;
  return std::tie(device, health, reason, who, guid, until, failures, level, job_failures);
}

inline auto fields(const PowerSpec& x) {
  const auto& [argv, method, url] = x;
  return std::tie(argv, method, url);
}
inline auto fields(const DeviceSpec& x) {
  const auto& [name, profile, worker, pools, strategy, owner, where, lister, power] = x;
  return std::tie(name, profile, worker, pools, strategy, owner, where, lister, power);
}
inline auto fields(const StackSpec& x) {
  const auto& [name, members] = x;
  return std::tie(name, members);
}
inline auto fields(const ListedDevice& x) {
  const auto& [lister, name, profile] = x;
  return std::tie(lister, name, profile);
}
inline auto fields(const HealthPolicy& x) {
  const auto& [quarantine_after, reverify, fresh] = x;
  return std::tie(quarantine_after, reverify, fresh);
}
inline auto fields(const WorkerSpec& x) {
  const auto& [name, pools] = x;
  return std::tie(name, pools);
}
inline auto fields(const StrategyBlob& x) {
  const auto& [name, bytes] = x;
  return std::tie(name, bytes);
}
inline auto fields(const Cap& x) {
  const auto& [pool, max_running, max_running_per_device] = x;
  return std::tie(pool, max_running, max_running_per_device);
}
inline auto fields(const Share& x) {
  const auto& [submitter, weight] = x;
  return std::tie(submitter, weight);
}
inline auto fields(const Draining& x) {
  const auto& [who, reason, since] = x;
  return std::tie(who, reason, since);
}
inline auto fields(const Inventory& x) {
  const auto& [lab, workers, devices, strategies, stacks, health, allow, caps, shares] = x;
  return std::tie(lab, workers, devices, strategies, stacks, health, allow, caps, shares);
}

inline auto fields(const TaskRef& x) {
  const auto& [ix, seq] = x;
  return std::tie(ix, seq);
}
inline auto fields(const Attempt& x) {
  const auto& [worker, incarnation, leased, started, devices, device_names, log_url, progress,
               ending] = x;
  return std::tie(worker, incarnation, leased, started, devices, device_names, log_url, progress,
                  ending);
}
inline auto fields(const Vain& x) {
  const auto& [seq, cause, guid] = x;
  return std::tie(seq, cause, guid);
}
inline auto fields(const Chain& x) {
  const auto& [parent, open, verified, repaired, vain, failed_children, repair_spent] = x;
  return std::tie(parent, open, verified, repaired, vain, failed_children, repair_spent);
}
inline auto fields(const Revival& x) {
  const auto& [submitted_seq, attempts, requests] = x;
  return std::tie(submitted_seq, attempts, requests);
}
inline auto fields(const HardTask& x) {
  const auto& [spec, seq, state, verdict, submitted, ended, not_before, task_class, attempts,
               cancel, own_ending, revival, chain, dependants, waits_for] = x;
  return std::tie(spec, seq, state, verdict, submitted, ended, not_before, task_class, attempts,
                  cancel, own_ending, revival, chain, dependants, waits_for);
}
inline auto fields(const HardWorker& x) {
  const auto& [name, present, incarnation, last_seq, lab, pools, slots, version, held, lost,
               draining, listed] = x;
  return std::tie(name, present, incarnation, last_seq, lab, pools, slots, version, held, lost,
                  draining, listed);
}
inline auto fields(const HardDevice& x) {
  const auto& [spec, declared, undeclared, allowed, worker, holder, health, health_reason,
               health_since, health_who, until, failures, job_failures, before_lock, level, blamed,
               good_at, fit_seq, good_for, uses, reverify_at, gone_at] = x;
  return std::tie(spec, declared, undeclared, allowed, worker, holder, health, health_reason,
                  health_since, health_who, until, failures, job_failures, before_lock, level,
                  blamed, good_at, fit_seq, good_for, uses, reverify_at, gone_at);
}
inline auto fields(const HardClass& x) {
  const auto& [typical, queued] = x;
  return std::tie(typical, queued);
}
inline auto fields(const BrokerSnapshot& x) {
  const auto& [head, epoch, started, tasks, free_tasks, ended_tasks, ended_digests, workers,
               devices, free_devices, inventory, draining, ended_count, logged_through, classes,
               free_classes, typical_times] = x;
  return std::tie(head, epoch, started, tasks, free_tasks, ended_tasks, ended_digests, workers,
                  devices, free_devices, inventory, draining, ended_count, logged_through, classes,
                  free_classes, typical_times);
}

}  // namespace muster::broker_state
