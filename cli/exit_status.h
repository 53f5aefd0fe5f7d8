// Exit statuses of the muster command (docs/muster.1.scd, EXIT STATUS). 0 to 9 are a task's status
// code (StatusCode); several tasks exit with the worst, which is the greatest.
#pragma once

#include <vector>

#include "core/messages.h"
#include "core/task.h"

namespace muster {

enum ExitStatus : int {
  kExitOk = 0,
  kExitFailed = 1,           // doctor or inventory diff found something, or up lost a process
  kExitInfrastructure = 10,  // the task ended error for an infrastructure cause, after its retries
  kExitUsageError = 64,      // a flag, a name or a file is wrong
  kExitUnreachable = 69,     // the broker does not answer, or cannot serve now
  kExitLocal = 74,           // a file, directory or process of this machine stands in the way
  kExitNotEnded = 75,        // the time to wait is over and the task has not ended: try again
  kExitNotPermitted = 77,    // the broker says that this user may not
  kExitInterrupted = 130,    // left by Ctrl-C; tasks go on
  kExitTerminated = 143,     // left by SIGTERM; tasks go on
};

// Of a task that ended so.
int exit_status(const Ending& ending);

// Of a task that the CLI waited for; one without an ending counts as an infrastructure error.
int exit_status(const TaskInfo& task);

int worst_exit_status(const std::vector<TaskInfo>& tasks);

int exit_status(RefusalCode code);

}  // namespace muster
