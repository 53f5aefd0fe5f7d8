// One run: a house of one broker, some workers and the people around them, what goes wrong in it,
// and the wait until it has come to rest.
#pragma once

#include <cstdint>
#include <string>

#include "core/time.h"
#include "tests/sim/faults.h"
#include "tests/sim/marks.h"

namespace muster::sim {

struct RunOptions {
  Plant plant = Plant::none;
  bool trace = false;  // prints what happens to stdout
  bool race = false;   // twenty submitters want the three devices of one worker
};

struct RunResult {
  std::string failure;  // empty: no checker spoke
  uint64_t hash = 0;    // of all that happened
  Marks marks;
  Duration length{0};   // of virtual time
  uint64_t events = 0;  // in the log
};

RunResult run_seed(uint64_t seed, const RunOptions& options);

}  // namespace muster::sim
