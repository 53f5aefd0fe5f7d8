// A daemon that is started again whenever it ends, as an init system does it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/time.h"
#include "tests/support/child.h"

namespace muster {

class KeptDaemon {
 public:
  using Start = std::function<std::unique_ptr<Child>()>;
  KeptDaemon(std::string name, Start start);

  const std::string& name() const { return name_; }
  pid_t pid() const { return child_ == nullptr ? -1 : child_->pid(); }

  // Starts it again when it has ended and its time has come.
  void tend(Instant now);
  // It stays away for so long.
  void kill_now(Instant now, Duration away);
  void signal(int signal);
  // To be kept no longer: SIGTERM. Its exit status, or nothing when it had to be killed.
  std::optional<int> stop();

  size_t starts() const { return starts_; }
  size_t ends_by_itself() const { return ends_by_itself_; }
  // Statuses with which it ended that are not its own choice: a signal that nobody sent.
  const std::vector<int>& crashes() const { return crashes_; }

 private:
  const std::string name_;
  const Start start_;
  std::unique_ptr<Child> child_;
  Instant start_at_;
  size_t starts_ = 0;
  size_t ends_by_itself_ = 0;
  std::vector<int> crashes_;
};

}  // namespace muster
