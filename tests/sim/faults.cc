#include "tests/sim/faults.h"

namespace muster::sim {
namespace {

uint32_t draw_per_mille(Random& random, uint32_t max) {
  return random.chance(500) ? 1 + static_cast<uint32_t>(random.below(max)) : 0;
}

Duration draw_length(Random& random, Duration max) {
  return random.chance(500) ? random.heavy_tail(1ms, max) : Duration(0);
}

Repeating draw_repeating(Random& random, Duration mean_min, Duration mean_max,
                         Duration length_max) {
  if (random.chance(500)) return {};
  return {random.between(mean_min, mean_max), random.heavy_tail(100ms, length_max)};
}

}  // namespace

Faults draw_faults(Random& random) {
  Faults faults;
  faults.loss = draw_per_mille(random, 100);
  faults.doubling = draw_per_mille(random, 100);
  faults.reorder = draw_per_mille(random, 100);
  faults.late = draw_per_mille(random, 100);
  faults.late_max = random.heavy_tail(100ms, 60s);
  faults.old_mail = draw_per_mille(random, 1000);
  faults.partition = draw_repeating(random, 10s, 60s, 60s);
  faults.reconnect = draw_repeating(random, 5s, 60s, 1s);
  faults.broker_crash = draw_repeating(random, 10s, 60s, 40s);
  faults.broker_stall = draw_repeating(random, 10s, 60s, 15s);
  faults.worker_crash = draw_repeating(random, 5s, 60s, 40s);
  faults.worker_freeze = draw_repeating(random, 10s, 60s, 40s);
  faults.unplug = draw_repeating(random, 5s, 60s, 20s);
  faults.inventory = draw_repeating(random, 10s, 60s, 20s);
  faults.change = draw_repeating(random, 5s, 60s, 60s);
  faults.device_breaks = draw_per_mille(random, 1000);
  faults.peripheral_fails = draw_per_mille(random, 300);
  faults.log_sync_max = draw_length(random, 500ms);
  faults.spool_sync_max = draw_length(random, 200ms);
  faults.drift_ppm_max = random.chance(500) ? 10'000 : 0;
  faults.offset_max = draw_length(random, 1h);
  faults.test_fails = draw_per_mille(random, 400);
  faults.device_fails = draw_per_mille(random, 400);
  faults.hangs = draw_per_mille(random, 100);
  faults.cancelled = draw_per_mille(random, 300);
  faults.queue_timeout = draw_per_mille(random, 400);
  faults.retried = draw_per_mille(random, 400);
  faults.drain = draw_repeating(random, 5s, 60s, 40s);
  faults.deadline = draw_per_mille(random, 300);
  return faults;
}

}  // namespace muster::sim
