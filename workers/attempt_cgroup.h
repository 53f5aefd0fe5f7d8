// The cgroup of a supervised attempt, where the worker may make any: below the worker's own, named
//
//   muster-<16 hex digits of HOME/worker/NAME>-<guid>-<attempt>
//
// Its supervisor makes it before the job's first process and removes it when nothing is left in it;
// after a supervisor that was killed the worker does. attempts/<guid>/<n>/cgroup says where it is,
// for a worker that was started somewhere else meanwhile.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "io/cgroup.h"
#include "workers/strays.h"

namespace muster {

// At most 235 bytes.
std::string attempt_cgroup_name(const std::string& worker_dir, const AttemptToken& token);

// Makes it, at `dir`. What an earlier attempt of this token left in it is killed.
Result<Cgroup> make_attempt_cgroup(const std::string& dir);

// After its supervisor's death: kills what is in it, and removes it.
std::vector<Stray> end_attempt_cgroup(const std::string& worker_dir, const std::string& attempt_dir,
                                      const AttemptToken& token);

// Does so with each of this worker's below `parent`, but for those of `running`.
std::vector<Stray> end_left_cgroups(const std::string& parent, const std::string& worker_dir,
                                    const std::set<AttemptToken>& running);

}  // namespace muster
