// The collector: every sink in a thread of its own, with its own connection and cursor, so that one
// that is slow or fails delays no other.
#pragma once

#include <string>
#include <vector>

#include "collectors/sink_post.h"
#include "collectors/stop.h"
#include "core/messages.h"
#include "core/result.h"
#include "io/config.h"
#include "io/home.h"
#include "io/socket.h"

namespace muster {

// The sinks of an installation: status_log and ledger, and those that its configuration asks for.
// `stop` outlives them. Errors: a file that the configuration names cannot be read.
Result<SinkPosts> make_sinks(const Home& home, const Config& config, const Stop& stop);

// Readers of the broker's log that sinks of this machine and home were, and none of `posts` is:
// what the log keeps for them nobody fetches.
std::vector<LogReader> left_readers(const LogState& log, const SinkPosts& posts);

// Carries the log of the broker at `endpoint` into the sinks until `stop_fd` is readable; then
// raises `stop` and waits for all. Readers that are left of sinks that are not there any more are
// named in the collector's log, as soon as the broker is there.
void collect(SinkPosts& posts, SocketContext& sockets, const std::string& endpoint, Stop& stop,
             int stop_fd);

}  // namespace muster
