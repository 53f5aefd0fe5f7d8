// VerifyAttempt: runs the checks of a device's strategy, each in a child process of its own,
// several at the same time, and says what the engine (core/engine.h) makes of them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine.h"
#include "workers/attempt_run.h"
#include "workers/checks/ssh_control.h"
#include "workers/child_run.h"

namespace muster {

class VerifyAttempt final : public AttemptRun {
 public:
  VerifyAttempt(const RunContext& context, Assignment assignment, ReportSink report)
      : AttemptRun(context, std::move(assignment), std::move(report)) {}

  void begin(Instant now) override;
  void wake(Instant now) override;
  void stop(Instant now, bool at_once) override;
  std::optional<Instant> next_deadline() const override;
  void descriptors(std::vector<int>& fds) const override;

 private:
  struct RunningCheck {
    std::unique_ptr<ChildRun> child;
    std::string output;  // the last of it
    Instant started;
  };

  void fail_at_once(Cause cause, const std::string& reason, Instant now);
  void start_checks(Instant now);
  void start_check(size_t verifier, Instant now);
  void finish_check(size_t verifier, bool passed, std::string message, const std::string& output,
                    Instant started, Instant now);
  void pass_on();
  void conclude(Instant now);
  std::string failure_text() const;

  AttemptLog log_;
  Strategy strategy_;
  std::optional<VerifyRun> run_;
  SshControl ssh_control_;
  std::map<size_t, RunningCheck> running_;
  Instant started_;
  Instant run_until_;  // kNever: no limit
  bool stopping_ = false;
  bool timed_out_ = false;
};

}  // namespace muster
