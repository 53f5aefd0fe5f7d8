// StrategyAttempt: verifies or repairs a device by its strategy. The engine (core/strategy_run.h)
// says which checks and actions to run; here they become child processes, several checks at the
// same time.
//
// However the attempt goes, also when it is cancelled or out of time, the closing actions of the
// strategy run, each within its own timeout; only a stop at once leaves them out.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/strategy_run.h"
#include "workers/attempt_run.h"
#include "workers/checks/check.h"
#include "workers/checks/ssh_control.h"
#include "workers/child_run.h"

namespace muster {

class StrategyAttempt final : public AttemptRun {
 public:
  // `level`: of the verification; empty: every check.
  StrategyAttempt(const RunContext& context, Assignment assignment, RunKind kind, std::string level,
                  ReportSink report)
      : AttemptRun(context, std::move(assignment), std::move(report)),
        kind_(kind),
        level_(std::move(level)) {}

  void begin(Instant now) override;
  void wake(Instant now) override;
  void stop(Instant now, bool at_once) override;
  std::optional<Instant> next_deadline() const override;
  void descriptors(std::vector<int>& fds) const override;

 private:
  // A step under way: a child, or a wait without one.
  struct Running {
    EngineStep step;
    std::unique_ptr<ChildRun> child;
    std::string output;  // the last of it
    Instant started;
    Instant wait_until;
  };
  // How the step ended.
  struct StepEnd {
    bool passed = false;
    std::string message;
  };

  std::optional<std::string> load_strategy();
  void fail_at_once(Cause cause, const std::string& reason, Instant now);
  void advance(Instant now);
  void start_step(const EngineStep& step, Instant now);
  bool start_waiting(Instant now);
  bool has_room_for_ssh() const;
  bool is_ssh_check(const EngineStep& step) const;
  void start_child(const EngineStep& step, const ProcessSpec& spec, Instant now);
  void start_wait(const EngineStep& step, Duration duration, Instant now);
  std::optional<StepEnd> wake_step(Running& running, Instant now);
  void finish_step(const EngineStep& step, StepEnd end, const std::string& output, Instant started,
                   Instant now);
  void interrupt(Instant now);
  void end_running(Running& running, Instant now);
  void pass_on();
  void conclude(Instant now);
  Ending make_verdict(Instant now) const;
  std::string blame_of(const std::vector<StrategyFailure>& failures) const;

  const ActionRun* action_of(const EngineStep& step) const;
  std::string describe(const EngineStep& step) const;
  std::string device_name() const;
  std::string operation() const { return kind_ == RunKind::verify ? "verify" : "repair"; }

  const RunKind kind_;
  const std::string level_;
  AttemptLog log_;
  Strategy strategy_;
  std::optional<StrategyRun> run_;
  SshControl ssh_control_;
  CheckContext check_context_;
  std::list<Running> running_;
  std::deque<EngineStep> ssh_waiting_;  // until fewer ssh clients share a connection
  Instant started_;
  Instant run_until_;  // kNever: no limit
  bool stopping_ = false;
  bool timed_out_ = false;
  bool at_once_ = false;     // nothing is started any more
  std::string left_behind_;  // what could not be killed, and why; empty: nothing
};

}  // namespace muster
