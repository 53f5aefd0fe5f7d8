#include "collectors/sink_desk.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <climits>
#include <utility>

namespace muster {

SinkDesk::SinkDesk(const Stop& stop)
    : stop_(stop), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SinkStatus SinkDesk::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

SinkOrderResult SinkDesk::ask(SinkOrder order, Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock(mutex_);
  moved_.wait_until(lock, deadline, [&] { return closed_ || stage_ == Stage::free; });
  if (closed_ || stage_ != Stage::free) return refuse();
  order_ = std::move(order);
  stage_ = Stage::waiting;
  ::eventfd_write(event_.get(), 1);
  moved_.wait_until(lock, deadline, [&] { return closed_ || stage_ != Stage::waiting; });
  // What has begun ends: every delivery has a limit of its own.
  moved_.wait(lock, [&] { return stage_ != Stage::begun; });
  const bool done = stage_ == Stage::done;
  eventfd_t drained = 0;
  ::eventfd_read(event_.get(), &drained);
  stage_ = Stage::free;
  moved_.notify_all();
  return done ? std::exchange(result_, {}) : refuse();
}

// Nothing was begun.
SinkOrderResult SinkDesk::refuse() const {
  if (closed_) return {"the collector is stopping: try again when it runs", {}, {}, {}};
  return {
      "the sink is busy with a delivery; nothing was changed: try again in a while", {}, {}, {}};
}

bool SinkDesk::has_order() const {
  const std::lock_guard lock(mutex_);
  return stage_ == Stage::waiting && !held_;
}

void SinkDesk::hold_orders(bool held) {
  const std::lock_guard lock(mutex_);
  held_ = held;
}

void SinkDesk::serve(const std::function<SinkOrderResult(const SinkOrder&)>& handle) {
  std::unique_lock lock(mutex_);
  if (stage_ != Stage::waiting) return;
  stage_ = Stage::begun;
  eventfd_t drained = 0;  // so that the next wait is one
  ::eventfd_read(event_.get(), &drained);
  const SinkOrder order = std::move(order_);
  lock.unlock();
  SinkOrderResult result = handle(order);
  lock.lock();
  result_ = std::move(result);
  stage_ = Stage::done;
  moved_.notify_all();
}

void SinkDesk::wait_for(Duration duration) const {
  pollfd fds[] = {{stop_.fd(), POLLIN, 0}, {event_.get(), POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  ::poll(fds, 2, static_cast<int>(std::clamp<int64_t>(ms, 0, INT_MAX)));
}

void SinkDesk::update(const std::function<void(SinkStatus&)>& change) {
  const std::lock_guard lock(mutex_);
  change(status_);
}

void SinkDesk::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  moved_.notify_all();
}

}  // namespace muster
