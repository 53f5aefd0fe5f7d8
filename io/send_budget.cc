#include "io/send_budget.h"

#include <algorithm>
#include <utility>

namespace muster {

SendBudget::Share::Share(std::shared_ptr<std::atomic<uint64_t>> used, uint64_t bytes)
    : used_(std::move(used)), bytes_(bytes) {
  used_->fetch_add(bytes_);
}

SendBudget::Share::~Share() { used_->fetch_sub(bytes_); }

SendBudget::SharePtr SendBudget::take(const std::string& peer, uint64_t bytes) {
  if (used_.size() >= forget_at_) forget_idle();
  std::shared_ptr<std::atomic<uint64_t>>& used = used_[peer];
  if (!used) used = std::make_shared<std::atomic<uint64_t>>(0);
  if (used->load() + bytes > kSendBytesPerPeerMax) return nullptr;
  return std::make_unique<Share>(used, bytes);
}

// Those to whom nothing is on its way.
void SendBudget::forget_idle() {
  std::erase_if(used_, [](const auto& peer) { return peer.second->load() == 0; });
  forget_at_ = std::max<size_t>(64, 2 * used_.size());
}

}  // namespace muster
