#include "broker/guard.h"

#include <utility>

namespace muster {

Guard::Guard(std::shared_ptr<KeyGate> gate) : gate_(std::move(gate)), list_(gate_->list()) {}

std::function<bool(std::string_view peer)> Guard::look() {
  AccessListPtr newest = gate_->list();
  if (newest == list_) return nullptr;
  std::set<std::string, std::less<>> changed;
  for (const auto& [key, grant] : list_->by_key()) {
    const Grant* now = newest->find(key);
    if (now == nullptr || *now != grant) changed.insert(key);
  }
  list_ = std::move(newest);
  if (changed.empty()) return nullptr;
  return [changed = std::move(changed)](std::string_view peer) {
    return changed.contains(ServerSocket::key_of(peer));
  };
}

std::optional<std::string> Guard::judge(const ServerSocket::Received& received, Message& message,
                                        const PoolOfTask& pool_of) {
  const std::string_view key = ServerSocket::key_of(received.peer);
  if (key.empty()) return std::nullopt;
  const Grant* grant = list_->find(key);
  std::string name;
  std::optional<std::string> reason;
  if (grant != nullptr) {
    name = grant->name;
    reason = barred(*grant, message, pool_of);
  } else {
    name = gate_->former_name(key);
    reason = "key " + (name.empty() ? std::string(key) : name) +
             " was revoked: ask an administrator for: muster key allow " + std::string(key) +
             " --name " + (name.empty() ? "NAME" : name) + " --role ROLE";
  }
  if (!reason) {
    sign(*grant, message);
    return std::nullopt;
  }
  gate_->note({std::string(key), std::move(name), received.frame.sender_address(),
               std::string(right_to(message).what), *reason});
  return reason;
}

void Guard::note(const ServerSocket::Strangers& strangers) {
  const auto note = [&](uint64_t count, std::string what, std::string reason) {
    if (count > 0) gate_->note({"", "", "", std::move(what), std::move(reason), count});
  };
  note(strangers.without_curve, "connect without a key", "the broker speaks with keys only");
  note(strangers.garbled, "connect with something else",
       "it was meant for another server's key, or was no ZeroMQ at all");
}

}  // namespace muster
