#include <poll.h>
#include <zmq.h>

#include <algorithm>
#include <limits>

#include "io/socket.h"

namespace muster {

struct Poller::Impl {
  std::vector<zmq_pollitem_t> items;
  std::vector<uint64_t> keys;
  std::vector<uint64_t> ready;
};

Poller::Poller() : impl_(std::make_unique<Impl>()) {}
Poller::~Poller() = default;

void Poller::add_socket(void* handle, uint64_t key) {
  impl_->items.push_back({handle, -1, ZMQ_POLLIN, 0});
  impl_->keys.push_back(key);
}

void Poller::add_fd(int fd, short events, uint64_t key) {
  const int wanted =
      ((events & POLLIN) != 0 ? ZMQ_POLLIN : 0) | ((events & POLLOUT) != 0 ? ZMQ_POLLOUT : 0);
  impl_->items.push_back({nullptr, fd, static_cast<short>(wanted), 0});
  impl_->keys.push_back(key);
}

void Poller::clear() {
  impl_->items.clear();
  impl_->keys.clear();
}

const std::vector<uint64_t>& Poller::wait(Duration timeout) {
  constexpr int64_t kWaitMsMax = std::numeric_limits<int>::max();  // libzmq narrows it
  const int64_t ms =
      std::min(std::chrono::ceil<std::chrono::milliseconds>(timeout).count(), kWaitMsMax);
  impl_->ready.clear();
  const int count = static_cast<int>(impl_->items.size());
  if (::zmq_poll(impl_->items.data(), count, timeout < Duration(0) ? -1 : ms) <= 0) {
    return impl_->ready;
  }
  for (size_t i = 0; i < impl_->items.size(); ++i) {
    if (impl_->items[i].revents != 0) impl_->ready.push_back(impl_->keys[i]);
  }
  return impl_->ready;
}

}  // namespace muster
