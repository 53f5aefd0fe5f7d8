// Records of a snapshot with a value in every member, for the codec's tests and the golden files.
#pragma once

#include <string>
#include <vector>

#include "io/codec_snapshot.h"
#include "tests/support/samples.h"

namespace muster::samples {

inline broker_state::HardTask hard_task() {
  broker_state::HardTask task;
  const TaskSpec spec = task_spec();
  task.spec = KeptSpec(std::make_shared<const TaskTerms>(spec), spec.guid, spec.work);
  task.seq = 77;
  task.state = TaskState::running;
  task.verdict = Verdict::flaky;
  task.submitted = instant(1);
  task.ended = instant(2);
  task.not_before = instant(3);
  task.task_class = 4;
  task.attempts.push_back(
      {2, 5, instant(4), instant(5), {6, 7}, {"yuga-1", "relay"}, "file:///l", "half", ending()});
  task.cancel = Box(CancelRequested{spec.guid, "wrong branch", "ada@build-1"});
  task.own_ending = Box(ending());
  task.revival = Box(broker_state::Revival{8, 9, {10, 11}});
  broker_state::Chain chain;
  chain.parent = {12, 13};
  chain.open = {{14, 15}};
  chain.verified = {"yuga-1"};
  chain.repaired = {"relay"};
  chain.vain["yuga-2"] = {16, Cause::device, "child-of-yuga"};
  chain.failed_children = 17;
  chain.repair_spent = Duration(18);
  task.chain = Box(chain);
  task.dependants = Box(std::vector<TaskRef>{{19, 20}});
  task.waits_for = 21;
  return task;
}

inline broker_state::HardWorker hard_worker() {
  broker_state::HardWorker worker;
  worker.name = "worker-1";
  worker.present = true;
  worker.incarnation = 1;
  worker.last_seq = 2;
  worker.lab = "lund";
  worker.pools = {"general"};
  worker.slots = 3;
  worker.version = "0.1.0";
  worker.held = {4, 5};
  worker.lost = instant(6);
  worker.draining = Draining{"ada@build-1", "new disk", instant(7)};
  worker.listed["yuga-3"] = {"usb", "yuga-3", {{"serial", "S3"}}};
  return worker;
}

inline broker_state::HardDevice hard_device() {
  broker_state::HardDevice device;
  device.spec = inventory()->devices.at(0);
  device.declared = device.undeclared = device.allowed = true;
  device.worker = 1;
  device.holder = 2;
  device.health = DeviceHealth::quarantined;
  device.health_reason = "screen broken";
  device.health_since = instant(3);
  device.health_who = "ada@build-1";
  device.until = instant(4);
  device.failures = 5;
  device.job_failures = 6;
  device.before_lock = DeviceJudged{
      "yuga-1", DeviceHealth::bad, "no answer", "broker", "some-guid-1", instant(7), 8, "quick", 9};
  device.level = "quick";
  device.blamed = true;
  device.good_at["quick"] = instant(10);
  device.fit_seq = 11;
  device.good_for = 12;
  device.uses["power_cycle"] = {instant(13), instant(14)};
  device.reverify_at = instant(15);
  device.gone_at = 16;
  return device;
}

// All lists of a snapshot; what only its head holds is as by default. It is not sound.
inline BrokerSnapshot snapshot_part() {
  BrokerSnapshot part;
  part.tasks.push_back(hard_task());
  part.tasks.emplace_back();
  part.free_tasks = {1};
  part.ended_tasks = {{0, 77}};
  part.ended_digests = {0xfeedfacecafebeef, 2};
  part.workers.push_back(hard_worker());
  part.devices.push_back(hard_device());
  part.devices.emplace_back();
  part.free_devices = {1};
  part.inventory = inventory();
  part.draining = Draining{"kim@desk", "upgrade", instant(17)};
  part.logged_through = {{"broker", 3}, {"worker-1", 4}};
  part.classes = {{Duration(5), {0, 1}}, {}};
  part.free_classes = {1};
  part.typical_times = {{"pool\ttype=handset", Duration(6)}};
  return part;
}

inline std::vector<Named<SnapshotRecord>> snapshot_records() {
  return {{"head", SnapshotHead{kSnapshotForm,
                                {"log-5d3c", 0x1234567890abcdef, instant(0), "0.1.0"},
                                1234,
                                3,
                                instant(1),
                                99}},
          {"part", snapshot_part()},
          {"end", SnapshotEnd{7, 0xabcdefabcdefabcd}}};
}

}  // namespace muster::samples
