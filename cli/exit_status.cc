#include "cli/exit_status.h"

#include <algorithm>

namespace muster {

int exit_status(const Ending& ending) {
  if (ending.outcome == Outcome::error && is_infrastructure(ending.cause)) {
    return kExitInfrastructure;
  }
  if (ending.outcome != Outcome::pass && ending.status == StatusCode::ok) {
    // A skip is nothing to complain about; anything else must not look like success.
    return ending.outcome == Outcome::skip ? kExitOk : static_cast<int>(StatusCode::error);
  }
  return static_cast<int>(ending.status);
}

int exit_status(const TaskInfo& task) {
  return task.ending ? exit_status(*task.ending) : kExitInfrastructure;
}

int worst_exit_status(const std::vector<TaskInfo>& tasks) {
  int worst = kExitOk;
  for (const TaskInfo& task : tasks) worst = std::max(worst, exit_status(task));
  return worst;
}

int exit_status(RefusalCode code) {
  switch (code) {
    case RefusalCode::not_permitted:
      return kExitNotPermitted;
    case RefusalCode::protocol:
    case RefusalCode::unavailable:
    case RefusalCode::hello_first:
      return kExitUnreachable;
    case RefusalCode::malformed:
    case RefusalCode::invalid:
    case RefusalCode::limit:
    case RefusalCode::unknown:
      break;
  }
  return kExitUsageError;
}

}  // namespace muster
