// Unix sockets of one machine that carry whole messages (SOCK_SEQPACKET): each send is one receive,
// and the end of the other side is seen at once. Everything is non-blocking. A socket lies in a
// directory whose path may be of any length: it is reached through a descriptor of the directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "io/file.h"

namespace muster {

// Listens at `dir`/`name`, which it replaces: whoever calls this holds the lock by which there is
// one listener only. The reason names the path.
Result<UniqueFd> listen_local(const std::string& dir, const std::string& name);

// Connects to `dir`/`name`. Nothing: nobody listens there now, or has room.
std::optional<UniqueFd> dial_local(const std::string& dir, const std::string& name);

// The next connection that waits at `listener`, or nothing.
std::optional<UniqueFd> accept_local(int listener);

// The process at the other end when it connected; -1: not known.
pid_t peer_of(int fd);

enum class Passed : uint8_t {
  done,
  later,  // sending: no room; receiving: nothing is there
  gone,   // the other end is closed, or what came is no message of ours
};

// One message. `passed_fd` >= 0: a descriptor that goes with it.
Passed send_local(int fd, std::string_view message, int passed_fd = -1);

// The next message into `message`. One of more than `bytes_max` bytes closes the connection: gone.
// A descriptor that came with it goes to `passed_fd`, or is closed when that is null.
Passed receive_local(int fd, std::string& message, size_t bytes_max, UniqueFd* passed_fd = nullptr);

}  // namespace muster
