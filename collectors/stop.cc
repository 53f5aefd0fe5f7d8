#include "collectors/stop.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <climits>

namespace muster {

Stop::Stop() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Stop::raise() {
  raised_.store(true);
  ::eventfd_write(event_.get(), 1);
}

void Stop::wait_for(Duration duration) const {
  pollfd event{event_.get(), POLLIN, 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  ::poll(&event, 1, static_cast<int>(std::clamp<int64_t>(ms, 0, INT_MAX)));
}

}  // namespace muster
