// A big lab in virtual time: the broker's core, many simulated workers and devices, and a queue of
// tasks that want them, while workers drop out and come back. Without codec, log and network, whose
// faults house.h has: what is asked here is whether the broker still does right, and how much work
// it has, where everything is many.
#pragma once

#include <cstdint>
#include <string>

#include "core/time.h"

namespace muster::sim {

struct ScaleOptions {
  uint64_t seed = 1;
  uint32_t devices = 100'000;
  uint64_t tasks = 1'000'000;
};

struct ScaleResult {
  std::string failure;  // empty: none
  uint64_t hash = 0;    // of all that happened
  uint64_t events = 0;
  uint64_t attempts = 0;
  uint64_t workers_lost = 0;
  Duration length{0};  // virtual
};

// Asks that every task ends once and passes, that no device is had by two, that each is what the
// task wanted, and that all is done within a bound that devices left idle would exceed.
ScaleResult run_scale(const ScaleOptions& options);

}  // namespace muster::sim
