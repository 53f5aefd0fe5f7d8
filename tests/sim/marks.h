// Marks: how often something worth testing happened. A mark that no seed of a run hits means that
// the simulation stopped testing it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::sim {

enum class Mark : uint8_t {
  lease_lost,             // the broker gave a worker up
  woken,                  // a worker was leased something after a long silence
  self_stop,              // a worker stopped an attempt whose lease ran out
  report_refused,         // a stale report reached the log as refused
  report_gap,             // a Sync began after a report that the broker does not have
  report_lost_unspooled,  // a restart lost reports that needed no spool
  desired_stale,          // a worker dropped a Desired that was not news
  interrupted,            // a worker came back and found attempts that it had not seen end
  spool_resent,           // a worker came back with reports that nobody acknowledged
  submit_repeated,        // a Submit of known tasks was answered as such
  submit_refused,         // for lack of capacity
  hello_first,            // a peer was told to say Hello again
  device_retry,           // an attempt failed for its device and the task got another
  test_retry,             // an attempt's test failed and the task got another
  retries_exhausted,      // an infrastructure fault became the verdict
  flaky,                  // a verdict
  retried,                // a person had a task retried that had attempts
  retried_unleased,       // or that never had one
  cancel_queued,          // a task was cancelled before it was leased
  cancel_held,            // a task was cancelled while a worker held it
  queue_timeout,          // a task waited for too long
  block_lost,             // a crash fell between append and sync, and the block was gone
  block_kept,             // the same, and the block was there
  crash_before_sends,     // a crash fell between the sync and what would have been said
  crash_before_spool,     // a worker crashed with reports on their way to the spool
  old_mail,               // mail of a dead connection arrived
  device_moved_leased,    // an inventory took a leased device away from its worker
  frozen_while_leased,    // a worker's machine was suspended while attempts ran
  child_verification,     // a job had a device verified
  child_repair,           // and repaired
  verified_for_job,       // and ran on it
  fresh_enough,           // a verification was young enough for another job
  recovered,              // a failed device was found good again
  nowhere_to_go,          // a job ended because its devices failed
  orphan_stopped,         // what was done for a job was stopped when the job ended
  reverified,             // the broker looked at a failed device again
  quarantined,            // a device failed too often in a row
  needs_human,            // verifying a device again was given up
  blamed,                 // a check of one device blamed another
  person_judged,          // a person locked, quarantined or released a device
  collateral,             // a device was leased with the rest of its stack
  together,               // two devices were asked for in one stack, and leased
  undeclared_leased,      // a listed device that nobody declared was leased
  unplugged_leased,       // a lister missed a device that was leased
  dependant_leased,       // a task was leased after those that it depends on
  dependant_blocked,      // a task ended because one that it depends on did not pass
  resumed,                // a worker came back and took up jobs that had gone on
  resumed_ended,          // and one that had ended meanwhile
  supervisor_stop,        // a lease ran out while there was no worker, and the job was stopped
  worker_left,            // a worker died and was never started again
  verified_in_part,       // a device was found good by a level of its checks
  listed_twice,           // one thing was listed under two names
  decided_while_syncing,  // the broker decided while what it had decided before became durable
  turn_taken,             // a task was leased before an older one, for its submitter had less
  pool_capped,            // a pool had as much running as its cap allows
  lab_capped,             // and the lab
  group_capped,           // and a group
  deadline_queued,        // a task was ended in the queue at its deadline
  deadline_held,          // and one was stopped
  buried,                 // a task ended since too many workers died under it
  worker_drained,         // a worker held something when a person had it drain
  broker_drained,         // and the broker
  count
};

inline constexpr size_t kMarks = static_cast<size_t>(Mark::count);
std::string_view to_string(Mark mark);

class Marks {
 public:
  void hit(Mark mark) { ++counts_[static_cast<size_t>(mark)]; }
  uint64_t count(Mark mark) const { return counts_[static_cast<size_t>(mark)]; }
  void add(const Marks& other) {
    for (size_t i = 0; i < kMarks; ++i) counts_[i] += other.counts_[i];
  }

 private:
  std::array<uint64_t, kMarks> counts_{};
};

}  // namespace muster::sim
