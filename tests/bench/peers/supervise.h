#pragma once

#include <functional>
#include <string>

namespace muster::bench {

// Runs `work` in a process of its own, with a directory under `parent` for all that it and its
// children leave. However it ends, by itself, by a crash or by SIGINT, SIGTERM or SIGHUP to this
// process: no process that it started is left afterwards, and no file. Returns its exit status, or
// 128 and the signal that ended it. Before any thread is started.
int supervise(const std::string& parent, const std::function<int(const std::string& dir)>& work);

}  // namespace muster::bench
