#include "tests/chaos/kept_daemon.h"

#include <csignal>
#include <utility>

namespace muster {
namespace {

// As systemd's RestartSec.
constexpr Duration kPause = std::chrono::milliseconds(300);

}  // namespace

KeptDaemon::KeptDaemon(std::string name, Start start)
    : name_(std::move(name)), start_(std::move(start)), child_(start_()), starts_(1) {}

void KeptDaemon::tend(Instant now) {
  if (child_ != nullptr) {
    const std::optional<int> status = child_->wait(Duration{0});
    if (!status) return;
    child_.reset();
    start_at_ = now + kPause;
    ++ends_by_itself_;
    if (*status >= 128) crashes_.push_back(*status);
  }
  if (now < start_at_) return;
  child_ = start_();
  ++starts_;
}

void KeptDaemon::kill_now(Instant now, Duration away) {
  if (child_ != nullptr) {
    child_->kill_now();
    child_.reset();
  }
  start_at_ = now + away;
}

void KeptDaemon::signal(int signal) {
  if (child_ != nullptr) child_->signal(signal);
}

std::optional<int> KeptDaemon::stop() {
  const std::optional<int> status = child_ == nullptr ? std::optional<int>(0) : child_->stop();
  child_.reset();
  return status;
}

}  // namespace muster
