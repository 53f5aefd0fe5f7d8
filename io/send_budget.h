// How many bytes are on their way to each peer of a server: queued, and not yet with the kernel.
// libzmq bounds its queues by messages, of which one may have 16 MiB; a peer that asks and never
// reads must not make the server hold ten thousand of those.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/limits.h"

namespace muster {

// To one peer. A few of the largest messages, so that one who reads never waits for it.
inline constexpr uint64_t kSendBytesPerPeerMax = 4 * kMessageBytesMax;

class SendBudget {
 public:
  // What one message takes of its peer's budget, until it is destroyed, in any thread.
  class Share {
   public:
    Share(std::shared_ptr<std::atomic<uint64_t>> used, uint64_t bytes);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    std::shared_ptr<std::atomic<uint64_t>> used_;
    uint64_t bytes_;
  };
  using SharePtr = std::unique_ptr<Share>;

  // Null when `bytes` more would be too much for `peer`.
  SharePtr take(const std::string& peer, uint64_t bytes);

  size_t peers() const { return used_.size(); }  // that are remembered

 private:
  void forget_idle();

  std::unordered_map<std::string, std::shared_ptr<std::atomic<uint64_t>>> used_;
  size_t forget_at_ = 64;
};

}  // namespace muster
