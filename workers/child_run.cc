#include "workers/child_run.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>

namespace muster {

namespace {

constexpr size_t kReadBytes = 64 << 10;
// Of one wake-up: a child that floods must not starve the others of this worker.
constexpr size_t kReadBytesPerWake = 1 << 20;
// After the KILL: what may not be killed now will not be later.
constexpr Duration kGiveUpAfter = std::chrono::seconds(5);

}  // namespace

ChildRun::ChildRun(const ProcessSpec& spec, const ChildLimits& limits,
                   std::function<void(std::string_view)> output, Instant now)
    : limits_(limits), output_(std::move(output)) {
  Result<std::unique_ptr<Process>> started = Process::start(spec);
  if (!started.ok()) {
    end_.not_started = started.error();
    ended_ = true;
    return;
  }
  process_ = std::move(*started);
  if (limits_.run > Duration{0}) run_until_ = now + limits_.run;
  if (limits_.silence > Duration{0}) silent_until_ = now + limits_.silence;
}

void ChildRun::wake(Instant now) {
  if (ended_) return;
  drain_output(now);
  if (!reaped_) {
    if (const std::optional<ProcessExit> exit = process_->try_reap()) {
      exit_ = *exit;
      end_.exit_code = exit->exit_code;
      end_.signal = exit->signal;
      reaped_ = true;
    }
  }
  if (reaped_) {
    if (!process_->group_gone()) {
      // The rest was killed with the end of the child.
      if (give_up_at_ == kNever) give_up_at_ = now + kGiveUpAfter;
      return consider_giving_up(now);
    }
    drain_output(now);  // what it wrote last; what left the group may keep the pipe open, we do not
                        // wait for that
    ended_ = true;
    return;
  }
  const bool over_run = run_until_ != kNever && now >= run_until_;
  const bool over_silence = silent_until_ != kNever && now >= silent_until_;
  if (kill_at_ == kNever && (over_run || over_silence)) {
    end_.run_timeout = over_run;
    end_.silence_timeout = !over_run;
    end_.limit = over_run ? limits_.run : limits_.silence;
    stop(now);
  }
  if (kill_at_ != kNever && now >= kill_at_ && !killed_) kill_group(now);
  consider_giving_up(now);
}

void ChildRun::kill_group(Instant now) {
  process_->signal_group(SIGKILL);
  killed_ = true;
  give_up_at_ = now + kGiveUpAfter;
}

// What does not die although it may be killed (it hangs in the kernel) is waited for: it may still
// touch the device.
void ChildRun::consider_giving_up(Instant now) {
  if (give_up_at_ == kNever || now < give_up_at_) return;
  give_up_at_ = now + kGiveUpAfter;
  if (process_->signal_group(SIGKILL) != EPERM) return;
  end_.not_killed = "could not be killed (not permitted): process group " +
                    std::to_string(process_->pid()) +
                    " is another user's; end it by hand, and let nothing that is run as somebody "
                    "else outlive its parent";
  ended_ = true;
}

void ChildRun::drain_output(Instant now) {
  size_t taken = 0;
  while (process_->output_fd() >= 0 && taken < kReadBytesPerWake) {
    buffer_.clear();
    const bool open = process_->read_output(buffer_, kReadBytes);
    if (buffer_.empty()) return;
    taken += buffer_.size();
    output_(buffer_);
    if (silent_until_ != kNever) silent_until_ = now + limits_.silence;
    if (!open) return;
  }
}

void ChildRun::stop(Instant now, Duration grace) {
  if (ended_ || reaped_) return;
  if (grace <= Duration{0} && !killed_) kill_group(now);
  const Instant kill_at = now + std::max(grace, Duration{0});
  if (kill_at_ == kNever && !killed_) {
    process_->signal_group(SIGTERM);
    if (on_term_) on_term_(process_->pid());
  }
  kill_at_ = kill_at_ == kNever ? kill_at : std::min(kill_at_, kill_at);
}

int ChildRun::exit_fd() const {
  if (!process_ || ended_) return -1;
  return reaped_ ? process_->straggler_fd() : process_->exit_fd();
}

std::optional<Instant> ChildRun::next_deadline() const {
  if (ended_) return std::nullopt;
  std::optional<Instant> next;
  const auto consider = [&](Instant instant) {
    if (instant != kNever && (!next || instant < *next)) next = instant;
  };
  consider(give_up_at_);
  if (reaped_) return next;
  if (kill_at_ == kNever) {
    consider(run_until_);
    consider(silent_until_);
  } else if (!killed_) {
    consider(kill_at_);
  }
  return next;
}

}  // namespace muster
