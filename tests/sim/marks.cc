#include "tests/sim/marks.h"

#include <iterator>

namespace muster::sim {
namespace {

// In the order of Mark.
constexpr std::string_view kNames[] = {"lease_lost",
                                       "woken",
                                       "self_stop",
                                       "report_refused",
                                       "report_gap",
                                       "report_lost_unspooled",
                                       "desired_stale",
                                       "interrupted",
                                       "spool_resent",
                                       "submit_repeated",
                                       "submit_refused",
                                       "hello_first",
                                       "device_retry",
                                       "test_retry",
                                       "retries_exhausted",
                                       "flaky",
                                       "retried",
                                       "retried_unleased",
                                       "cancel_queued",
                                       "cancel_held",
                                       "queue_timeout",
                                       "block_lost",
                                       "block_kept",
                                       "crash_before_sends",
                                       "crash_before_spool",
                                       "old_mail",
                                       "device_moved_leased",
                                       "frozen_while_leased",
                                       "child_verification",
                                       "child_repair",
                                       "verified_for_job",
                                       "fresh_enough",
                                       "recovered",
                                       "nowhere_to_go",
                                       "orphan_stopped",
                                       "reverified",
                                       "quarantined",
                                       "needs_human",
                                       "blamed",
                                       "person_judged",
                                       "collateral",
                                       "together",
                                       "undeclared_leased",
                                       "unplugged_leased",
                                       "dependant_leased",
                                       "dependant_blocked",
                                       "resumed",
                                       "resumed_ended",
                                       "supervisor_stop",
                                       "worker_left",
                                       "verified_in_part",
                                       "listed_twice",
                                       "decided_while_syncing",

                                       "turn_taken",
                                       "pool_capped",
                                       "lab_capped",
                                       "group_capped",
                                       "deadline_queued",
                                       "deadline_held",
                                       "buried",
                                       "worker_drained",
                                       "broker_drained"};
static_assert(std::size(kNames) == kMarks);

}  // namespace

std::string_view to_string(Mark mark) {
  const size_t index = static_cast<size_t>(mark);
  return index < kMarks ? kNames[index] : "unknown";
}

}  // namespace muster::sim
