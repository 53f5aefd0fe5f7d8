// The mirrors that GitFetch (workers/git_fetch.h) leaves on a worker, and when they go.
#pragma once

#include <string>
#include <vector>

#include "core/time.h"

namespace muster {

struct RemovedMirrors {
  std::vector<std::string> paths;
  std::vector<std::string> problems;  // for people
};

// Removes the mirrors in `mirrors_dir` from which nothing was fetched for `keep` before `now`: it
// is the lock beside a mirror that was touched then. One that is locked is in use and stays, and so
// do all locks: whoever waits for one must not hold another than who comes next.
RemovedMirrors remove_idle_mirrors(const std::string& mirrors_dir, Duration keep, Instant now);

// In a mirror, refs/muster/NAME keeps what was fetched for one ref that was asked for, and the file
// muster/NAME was touched when it was asked for last. Both are to be called while the mirror's lock
// is held.
void touch_kept_ref(const std::string& mirror, const std::string& name);
// The names of those that nobody has asked for since `keep` before `now`: no attempt that did so
// goes on. One that was never touched counts as asked for now.
std::vector<std::string> idle_kept_refs(const std::string& mirror, Duration keep, Instant now);

}  // namespace muster
