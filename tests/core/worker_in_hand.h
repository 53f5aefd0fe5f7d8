// A WorkerCore in the hands of a test.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/worker_core.h"

namespace muster {

inline constexpr Instant kStart{std::chrono::hours(500'000)};
inline constexpr Duration kBeat = 2s;
inline constexpr Duration kLease = 16s;
inline constexpr Duration kWorkersPart = 14s;  // of the lease, after the margin

// A WorkerCore and a broker that answers as it is told.
class Worker {
 public:
  explicit Worker(uint32_t slots = 2, std::vector<Report> spooled = {},
                  std::vector<AttemptToken> interrupted = {})
      : core(options(slots), std::move(spooled), std::move(interrupted), kStart), now(kStart) {}

  static WorkerOptions options(uint32_t slots) {
    WorkerOptions options;
    options.incarnation = 3;
    options.lab = "lab1";
    options.pools = {"green"};
    options.slots = slots;
    options.beat = kBeat;
    return options;
  }

  static Assignment assignment(const std::string& guid, bool device = false) {
    TaskSpec spec;
    spec.guid = guid;
    Assignment assignment{std::make_shared<const TaskSpec>(std::move(spec)), 1, {}, ""};
    if (device) assignment.devices.push_back(DeviceSpec{"dut1", {}, "w1", {}, "", "", ""});
    return assignment;
  }

  // The next Sync, its reports spooled before.
  std::optional<Sync> sync() {
    core.drain_unspooled();
    std::optional<Sync> sync = core.make_sync(now);
    if (sync) newest_sync = sync->number;
    return sync;
  }
  Sync full_sync() {
    core.connected(now);
    return sync().value();
  }

  Desired desired() {
    Desired desired;
    desired.epoch = 1;
    desired.number = ++desired_number;
    desired.sync_number = newest_sync;
    desired.lease = kLease;
    desired.acked = core.acked();
    return desired;
  }
  void take(const Desired& desired) { core.take(desired, now); }
  void give(const std::vector<std::string>& guids, bool device = false) {
    Desired given = desired();
    for (const std::string& guid : guids) given.run.push_back(assignment(guid, device));
    take(given);
  }
  void order_stop(const std::string& guid, StopReason reason) {
    Desired order = desired();
    order.stop.push_back({{guid, 1}, reason, "cancelled by ann: enough"});
    take(order);
  }
  void acknowledge(uint64_t counter) {
    Desired acked = desired();
    acked.acked = seq(counter);
    take(acked);
  }

  // Time passes, and the shell does what the core says. Returns the guids that began and stopped.
  std::vector<std::string> started(Duration passed = Duration(0)) {
    now += passed;
    core.tick(now);
    WorkerActions actions = core.drain_actions(now);
    stopped = std::move(actions.stop);
    std::vector<std::string> guids;
    for (const Assignment& each : actions.start) guids.push_back(each.spec->guid);
    return guids;
  }
  void end(const std::string& guid, Outcome outcome = Outcome::pass) {
    const Cause cause = outcome == Outcome::pass ? Cause::none : Cause::test;
    core.report({guid, 1}, make_ending(outcome, cause, StatusCode::ok, "own words", now, now), true,
                now);
  }
  void record(const std::string& guid) {
    core.report({guid, 1}, Record{"INFO", "", "", {}, "line"}, true, now);
  }

  static uint64_t seq(uint64_t counter) { return (3ull << 32) + counter; }
  static std::vector<uint64_t> counters(const Sync& sync) {
    std::vector<uint64_t> counters;
    for (const Report& report : sync.reports) counters.push_back(report.seq & 0xffffffff);
    return counters;
  }

  WorkerCore core;
  Instant now;
  std::vector<StopAction> stopped;
  uint64_t newest_sync = 0;
  uint64_t desired_number = 0;
};

inline Ending ending_of(const Sync& sync) { return std::get<Ending>(sync.reports.back().body); }

}  // namespace muster
