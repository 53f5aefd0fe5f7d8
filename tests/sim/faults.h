// What may go wrong in one run. Drawn per seed with each fault off in half of the runs, so that
// each is seen alone and in company.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tests/sim/sim.h"

namespace muster::sim {

// A bug planted in the simulated shells, to prove that the checkers can fail.
enum class Plant : uint8_t {
  none,
  send_before_durable,  // the broker speaks of what it has not recorded
  log_loses_tail,       // the broker's log forgets its newest block at a crash, synced or not
  no_self_stop,         // the worker waits to be told that its lease is over
  spool_forgets,        // the worker's spool is empty after a crash
  jobs_not_taken_up,    // a worker that comes back does not look for jobs that went on
  journal_read_again,   // nor how far it had taken what they said
  reports_unspooled,    // the worker sends a report that is not yet in its spool
  caps_raised,          // the broker works by caps twice as high as it records
  shares_forgotten,     // and by no submitter's name
  drains_forgotten,     // and does not know of drains
};

// A fault that strikes again and again, about every `mean`; zero: never.
struct Repeating {
  Duration mean{0};
  Duration length_max{0};  // of one stroke, where it lasts
};

struct Faults {
  // Of messages, per mille.
  uint32_t loss = 0;
  uint32_t doubling = 0;
  uint32_t reorder = 0;
  uint32_t late = 0;
  Duration late_max{0};
  // Mail of a connection or a process that is gone arrives all the same.
  uint32_t old_mail = 0;

  Repeating partition;     // a host hears nothing, or is not heard, or both
  Repeating reconnect;     // a connection breaks and is re-made
  Repeating broker_crash;  // length: until it runs again
  Repeating broker_stall;
  Repeating worker_crash;
  Repeating worker_freeze;  // the machine is suspended, with all that runs on it
  Repeating change;         // a person locks or quarantines a device; length: until it is undone
  Repeating unplug;         // a device that a lister must find; length: until it is back
  Repeating inventory;      // devices come, go, and move to another worker
  Repeating drain;          // a worker or the broker takes no new work; length: until it does
  Duration log_sync_max{0};
  Duration spool_sync_max{0};
  int64_t drift_ppm_max = 0;
  Duration offset_max{0};  // of clocks against each other

  // Of attempts, per mille.
  uint32_t test_fails = 0;
  uint32_t device_fails = 0;
  uint32_t device_breaks = 0;     // under a job, and stays so until it is repaired
  uint32_t peripheral_fails = 0;  // of verifications and repairs
  uint32_t hangs = 0;             // until its timeout
  // Of tasks, per mille.
  uint32_t cancelled = 0;
  uint32_t retried = 0;  // by a person, once they ended without a pass
  uint32_t queue_timeout = 0;
  uint32_t deadline = 0;
};

Faults draw_faults(Random& random);

}  // namespace muster::sim
