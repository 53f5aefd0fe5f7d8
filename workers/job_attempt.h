// JobAttempt: runs a job: a plain command, declared steps, or jobs of a tree with a .vcsjob file,
// one after the other; then its `finally` steps; then it collects what the job is to leave.
//
// `finally` steps run however the rest ended (a failure, a timeout, a cancel), each of them, within
// Timeouts::finally; in an attempt of their own after the death of a supervisor (RunContext::lost),
// which then is what became of it. Only a stop at once leaves them out: the devices may be
// another's by then.
//
// What becomes of the whole: the worst of the steps; where they passed, what a `finally` step came
// to; where those passed too, whether a test that was reported failed, or too few were reported.
//
// It is over when nothing of it is left, strays included; or, of what may not be killed, some
// seconds later: then that is what became of it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workers/attempt_run.h"
#include "workers/child_run.h"
#include "workers/git_fetch.h"
#include "workers/job_api.h"
#include "workers/job_plan.h"
#include "workers/job_tests.h"
#include "workers/step_results.h"

namespace muster {

class JobAttempt final : public AttemptRun {
 public:
  JobAttempt(const RunContext& context, Assignment assignment, JobWork work, ReportSink report)
      : AttemptRun(context, std::move(assignment), std::move(report)),
        work_(std::move(work)),
        tests_(work_, context_.report_limits) {}
  // Removes the workspace unless it is to be kept; that is until the time in the file `keep_until`
  // (RFC 3339) beside it.
  ~JobAttempt() override;

  void begin(Instant now) override;
  void wake(Instant now) override;
  void stop(Instant now, bool at_once) override;
  std::optional<Instant> next_deadline() const override;
  void descriptors(std::vector<int>& fds) const override;

  // Something that the job said of itself: results of tests count for what it comes to, also those
  // that are too many to be reported. Why it was left out, as a sentence; empty: it was not.
  std::string tell(ReportBody body);

 private:
  enum class Phase : uint8_t { steps, finally };

  void begin_finally(Instant now);
  void fetch_source(const GitSource& source, Instant now);
  void take_fetched(Instant now);
  void source_ready(const std::string& base, LogJob source, Instant now);
  void listen(Instant now);
  void take_output(std::string_view bytes);
  void wake_child(Instant now);
  void wake_results(Instant now);
  void make_environment();
  void refuse(Cause cause, StatusCode status, const std::string& reason, Instant now);
  void advance(Instant now);
  const PlannedStep* next_step(Instant now);
  bool steps_are_over() const;
  void start(const PlannedStep& step, Instant now);
  ChildLimits limits_of(const PlannedStep& step, Instant now) const;
  void end_step(ChildEnd end, Instant now);
  Ending judge_step(const PlannedStep& step, ChildEnd end, Instant now) const;
  void report_step(const PlannedStep& step, const Ending& ending, Instant now);
  // Where the archive has what the attempt left as `name`.
  std::string artifact_url(const std::string& name) const;
  void collect();
  Ending judge(Instant now) const;
  void term_strays(pid_t group);
  bool grace_is_over(Instant now);
  bool end_all_strays(Instant now);
  void begin_conclusion(Instant now);
  void conclude(Instant now);
  void tell_fault(CaseResult fault);
  void tell_left_out();
  void tell_verdict(const Ending& ending);
  void keep_workspace(const Ending& ending, Instant now);

  const JobWork work_;
  AttemptLog log_;
  std::string workspace_;
  JobPlan plan_;
  std::map<std::string, std::string> env_;
  Phase phase_ = Phase::steps;
  size_t next_ = 0;  // step of the phase
  const PlannedStep* step_ = nullptr;
  std::unique_ptr<GitFetch> fetch_;       // while the source is being fetched
  std::string fetch_said_;                // by git; the log has it after its header
  std::unique_ptr<JobApi> api_;           // from when the source is there; null: it could not be
  std::unique_ptr<ChildRun> child_;       // of step_
  std::unique_ptr<StepResults> results_;  // of step_, where it declares any
  std::string api_fault_;                 // why there is none
  ChildEnd child_end_;                    // of step_, while its results are taken
  Instant now_;                           // of the last wake
  std::vector<Ending> endings_;           // of plan_.steps that ran
  std::vector<Ending> finally_endings_;
  std::vector<std::string> finally_not_run_;  // "STEP: why"
  Instant started_;
  Instant step_started_;
  Instant finally_until_;
  bool has_header_ = false;   // the log
  bool left_behind_ = false;  // a child could not be killed
  bool stopping_ = false;
  bool at_once_ = false;
  bool deferred_ = false;  // a stop that waits for the end of an uninterruptible step
  bool log_lost_ = false;  // and the child is being ended for it
  LogUsage usage_;
  std::vector<UniqueFd> termed_;  // pidfds of strays that were told to end
  Instant strays_grace_until_;    // and may take so long for it
  bool strays_have_grace_ = false;
  Instant strays_until_;  // when those that may not be killed are given up; kNever: none is known
  Instant strays_again_;
  std::string not_killed_;
  std::string not_collected_;
  bool concluding_ = false;  // what the job has said last is still being taken
  JobTests tests_;
  std::set<std::string> words_;  // of status.log, that its steps came to
  bool keep_ = false;
};

}  // namespace muster
