// A supervisor: the process that owns one job attempt. It runs the attempt, keeps what it says in
// the attempt's journal, and lets it go on when the worker is killed or upgraded. It ends with its
// attempt; until then:
//
//   - the worker says how long the lease lasts; when it runs out, whoever is gone, the job is
//     killed at once, because its devices may be somebody else's from then on;
//   - the worker says when a person or the broker wants the attempt stopped;
//   - SIGTERM ends the job as a cancel does, with its grace and its `finally` steps, as a fault of
//     the worker: a machine that shuts down.
//
// When it dies itself its job's processes are killed: the first ones by the kernel, the rest by the
// worker, by their environment (workers/strays.h).
#pragma once

#include "io/file.h"
#include "workers/launcher.h"

namespace muster {

// The whole life of a supervisor, in a process just forked. Returns the exit status.
int run_supervisor(const LaunchOrder& order, UniqueFd lock);

}  // namespace muster
