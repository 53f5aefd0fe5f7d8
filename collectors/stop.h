// The wish to stop, as one flag that threads can look at, wait for, and poll.
#pragma once

#include <atomic>

#include "core/time.h"
#include "io/file.h"

namespace muster {

class Stop {
 public:
  Stop();

  void raise();
  bool raised() const { return raised_.load(); }

  // Sleeps for `duration`, or less when the flag is or gets raised.
  void wait_for(Duration duration) const;

  // Readable once the flag is raised.
  int fd() const { return event_.get(); }

 private:
  std::atomic<bool> raised_{false};
  UniqueFd event_;
};

}  // namespace muster
