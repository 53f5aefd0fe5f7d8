// JobAttempt: runs a job: a plain command, or jobs of a tree with a .vcsjob file one after the
// other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workers/attempt_run.h"
#include "workers/child_run.h"

namespace muster {

class JobAttempt final : public AttemptRun {
 public:
  JobAttempt(const RunContext& context, Assignment assignment, JobWork work, ReportSink report)
      : AttemptRun(context, std::move(assignment), std::move(report)), work_(std::move(work)) {}
  ~JobAttempt() override;

  void begin(Instant now) override;
  void wake(Instant now) override;
  void stop(Instant now, bool at_once) override;
  std::optional<Instant> next_deadline() const override;
  void descriptors(std::vector<int>& fds) const override;

 private:
  struct Step {
    std::string name;  // as records and results call it
    std::vector<std::string> argv;
    std::string broken;  // why it cannot run; empty: it can
  };

  bool make_steps(Instant now);
  void make_environment(const std::string& workspace);
  void refuse(Cause cause, StatusCode status, const std::string& reason, Instant now);
  void start_step(Instant now);
  void end_when_over(Instant now);
  void end_step(ChildEnd end, Instant now);
  void conclude(Instant now);

  const JobWork work_;
  AttemptLog log_;
  std::string workspace_;
  std::string cwd_;
  bool tree_ = false;
  std::map<std::string, std::string> env_;
  std::vector<Step> steps_;
  size_t step_ = 0;
  std::unique_ptr<ChildRun> child_;
  std::vector<Ending> endings_;
  Instant started_;
  Instant step_started_;
  bool stopping_ = false;
  bool log_lost_ = false;  // and the child is being ended for it
};

}  // namespace muster
