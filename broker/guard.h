// Judges what peers with keys ask for, message by message, by the grants as they are now: a key
// that is revoked is refused with its next message, whatever connection it has.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/access.h"
#include "core/messages.h"
#include "io/key_gate.h"
#include "io/socket.h"

namespace muster {

class Guard {
 public:
  explicit Guard(std::shared_ptr<KeyGate> gate);

  // Looks whether the grants have changed. True of peers whose key has lost its grant, or has
  // another now: what they have said before does not count any more. Null: of none.
  std::function<bool(std::string_view peer)> look();

  // Why the peer may not say this; then it is noted. Nothing: it may, and the message says whose
  // key it came with. Peers without a key came by ipc:// and may do everything.
  std::optional<std::string> judge(const ServerSocket::Received& received, Message& message,
                                   const PoolOfTask& pool_of);

  // Connections that came to nothing before a key was seen.
  void note(const ServerSocket::Strangers& strangers);

  KeyGate& gate() { return *gate_; }

 private:
  std::shared_ptr<KeyGate> gate_;
  AccessListPtr list_;
};

}  // namespace muster
