#include "tests/sim/marks.h"

namespace muster::sim {

std::string_view to_string(Mark mark) {
  switch (mark) {
    case Mark::lease_lost:
      return "lease_lost";
    case Mark::self_stop:
      return "self_stop";
    case Mark::report_refused:
      return "report_refused";
    case Mark::report_gap:
      return "report_gap";
    case Mark::report_lost_unspooled:
      return "report_lost_unspooled";
    case Mark::desired_stale:
      return "desired_stale";
    case Mark::interrupted:
      return "interrupted";
    case Mark::spool_resent:
      return "spool_resent";
    case Mark::submit_repeated:
      return "submit_repeated";
    case Mark::submit_refused:
      return "submit_refused";
    case Mark::hello_first:
      return "hello_first";
    case Mark::device_retry:
      return "device_retry";
    case Mark::test_retry:
      return "test_retry";
    case Mark::retries_exhausted:
      return "retries_exhausted";
    case Mark::flaky:
      return "flaky";
    case Mark::cancel_queued:
      return "cancel_queued";
    case Mark::cancel_held:
      return "cancel_held";
    case Mark::queue_timeout:
      return "queue_timeout";
    case Mark::block_lost:
      return "block_lost";
    case Mark::block_kept:
      return "block_kept";
    case Mark::crash_before_sends:
      return "crash_before_sends";
    case Mark::crash_before_spool:
      return "crash_before_spool";
    case Mark::old_mail:
      return "old_mail";
    case Mark::device_moved_leased:
      return "device_moved_leased";
    case Mark::frozen_while_leased:
      return "frozen_while_leased";
    case Mark::child_verification:
      return "child_verification";
    case Mark::child_repair:
      return "child_repair";
    case Mark::verified_for_job:
      return "verified_for_job";
    case Mark::fresh_enough:
      return "fresh_enough";
    case Mark::recovered:
      return "recovered";
    case Mark::nowhere_to_go:
      return "nowhere_to_go";
    case Mark::orphan_stopped:
      return "orphan_stopped";
    case Mark::reverified:
      return "reverified";
    case Mark::quarantined:
      return "quarantined";
    case Mark::needs_human:
      return "needs_human";
    case Mark::blamed:
      return "blamed";
    case Mark::person_judged:
      return "person_judged";
    case Mark::collateral:
      return "collateral";
    case Mark::together:
      return "together";
    case Mark::undeclared_leased:
      return "undeclared_leased";
    case Mark::unplugged_leased:
      return "unplugged_leased";
    case Mark::count:
      break;
  }
  return "unknown";
}

}  // namespace muster::sim
