// The supervisor's end of the connection to its worker. Whenever there is none it dials again: a
// worker that comes back finds its supervisors by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/task.h"
#include "core/time.h"
#include "io/file.h"
#include "workers/supervise_protocol.h"

namespace muster {

class SupervisorLink {
 public:
  // The worker listens at `worker_dir`/run.sock.
  SupervisorLink(std::string worker_dir, AttemptToken token)
      : worker_dir_(std::move(worker_dir)), token_(std::move(token)) {}

  // Dials when that is due, tells what was not told yet, and returns what the worker said.
  std::vector<SuperviseMessage> wake(int64_t boot_us, uint64_t journal_bytes);

  int fd() const { return fd_.get(); }  // -1: there is no connection
  bool wants_to_write() const {
    return fd_.valid() && !(greeted_ && told_bytes_ == journal_bytes_);
  }
  int64_t next_wake_us() const { return fd_.valid() ? next_alive_us_ : next_dial_us_; }

 private:
  void dial(int64_t boot_us);
  void tell(int64_t boot_us);
  void lose(int64_t boot_us);

  std::string worker_dir_;
  AttemptToken token_;
  UniqueFd fd_;
  int64_t next_dial_us_ = 0;
  int64_t next_alive_us_ = 0;
  uint64_t journal_bytes_ = 0;
  uint64_t told_bytes_ = 0;
  bool greeted_ = false;
};

inline constexpr char kSuperviseSocket[] = "run.sock";

}  // namespace muster
