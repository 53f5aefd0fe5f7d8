// SIGTERM and SIGINT as a descriptor, so that a daemon's loop meets them where it meets everything
// else.
#pragma once

#include "core/result.h"
#include "io/file.h"

namespace muster {

// Blocks the signals in this thread and in all that it starts later (call it first in main), and
// ignores SIGPIPE. The descriptor becomes readable when one of them has come, and stays so.
Result<UniqueFd> make_stop_fd();

}  // namespace muster
