// Waiting for tasks: their steps as they happen, over broker restarts.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"

namespace muster {

struct WatchHooks {
  // Each step of each task, once.
  std::function<void(const TaskChange&)> change = [](const TaskChange&) {};
  // Several times a second; false ends the watch.
  std::function<bool()> idle = [] { return true; };
};

enum class WatchEnd : uint8_t {
  ended,     // all tasks have ended
  deadline,  // the time was over first
  left,      // idle said so
};

// The last known step of each task is in `changes` afterwards, by GUID.
struct WatchResult {
  WatchEnd end = WatchEnd::ended;
  std::map<std::string, TaskChange> changes;
};

// Throws Failure when the broker and the ledger do not know one of the tasks, or when the broker
// cannot be reached at the start. Later it is waited for, and stderr says so.
WatchResult watch_tasks(Session& session, const std::vector<std::string>& guids,
                        std::optional<Duration> timeout, const WatchHooks& hooks);

// The whole task after a watch: from the broker, the ledger, or at least what the watch told.
TaskInfo task_after_watch(Session& session, const TaskChange& change);

}  // namespace muster
