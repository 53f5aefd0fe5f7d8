// One child process with its limits: how long it may run, how long it may be silent, and how it is
// ended: TERM to the group, a grace time, then KILL. It has ended when its whole group has; or, of
// what may not be killed because it has become another user's (sudo), some seconds after the KILL:
// then ChildEnd::not_killed says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/exit_status.h"
#include "core/time.h"
#include "io/process.h"

namespace muster {

struct ChildLimits {
  Duration run{0};      // 0: no limit
  Duration silence{0};  // 0: no limit
  Duration grace{std::chrono::seconds(10)};
};

class ChildRun {
 public:
  // `output` is given every byte the child writes, in order. A child that cannot be started has
  // ended at once; end() says why.
  ChildRun(const ProcessSpec& spec, const ChildLimits& limits,
           std::function<void(std::string_view)> output, Instant now);

  // Called when it is told to end (TERM), with the id of its group: for what has left that.
  void on_term(std::function<void(pid_t group)> hook) { on_term_ = std::move(hook); }

  // To be called when one of its descriptors is readable or next_deadline() has passed.
  void wake(Instant now);

  // Begins to end it; with `grace` zero the whole group is killed at once.
  void stop(Instant now, Duration grace);
  void stop(Instant now) { stop(now, limits_.grace); }

  bool ended() const { return ended_; }
  const ChildEnd& end() const { return end_; }       // only when ended
  const ProcessExit& exit() const { return exit_; }  // of a child that was started and has ended
  std::optional<Instant> next_deadline() const;
  int output_fd() const { return process_ && !ended_ ? process_->output_fd() : -1; }
  int exit_fd() const;
  pid_t pid() const { return process_ ? process_->pid() : -1; }

 private:
  void drain_output(Instant now);
  void kill_group(Instant now);
  void consider_giving_up(Instant now);

  ChildLimits limits_;
  std::function<void(std::string_view)> output_;
  std::function<void(pid_t)> on_term_;
  std::unique_ptr<Process> process_;
  std::string buffer_;
  Instant run_until_;
  Instant silent_until_;
  Instant kill_at_;     // kNever: not being ended
  Instant give_up_at_;  // kNever: what is left of it has not been killed yet
  bool killed_ = false;
  bool reaped_ = false;  // and what is left of its group is being waited for
  bool ended_ = false;
  ChildEnd end_;
  ProcessExit exit_;
};

}  // namespace muster
