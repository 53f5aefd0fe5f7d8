// From the flags of `run` to task specs.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "core/result.h"
#include "core/task.h"
#include "io/task_matrix.h"

namespace muster {

// A plain command, or the jobs of a directory. Relative paths are meant relative to `cwd`
// (absolute). GUID and submitter are left to the caller.
TaskSpec make_command_task(const RunOptions& options, const std::string& cwd);
TaskSpec make_tree_task(const RunOptions& options, const std::string& cwd);

// Tells a job of an array its words by its environment, and by its name unless that has them.
void set_words(TaskSpec& task, const Words& words);

// What the flags say over what `task` has, from a file or from above. `has_before`: its `before`
// holds also for devices that the flags give; so it does when it had some. The reason names the
// flag.
Result<Done> apply_flags(const RunOptions& options, const std::string& cwd, TaskSpec& task,
                         bool has_before = false);

// How long a verification or repair waits for its device and a slot when nobody says otherwise: a
// sweep through few slots takes long, but a nightly one must end although devices are away.
inline constexpr Duration kVerifyQueueTimeout = 1h;

// One verify task for a device, or one repair task.
TaskSpec make_verify_task(const VerifyOptions& options, const std::string& device);

}  // namespace muster
