// JobTests: what one job has told of its tests and measurements, step by step, and what that makes
// of how its steps ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/job_rules.h"
#include "core/report.h"
#include "core/work.h"
#include "workers/job_request.h"
#include "workers/report_budget.h"

namespace muster {

class JobTests {
 public:
  JobTests(const JobWork& work, const ReportLimits& limits)
      : expected_(work.expect_tests), rows_(work.limits), budget_(limits) {}

  // Something that the job said. It counts also when it is too much to be reported: why, as a
  // sentence; empty: it is to be reported.
  std::string take(const ReportBody& body);
  // A request that was dropped because there were too many in a short time.
  void drop(const JobRequest& request);
  // A declared file of results that is not there or not whole. It stands for no test. Whether there
  // is room to report it.
  bool take_fault(const CaseResult& fault);

  void begin_step();
  // What its tests make of the step that ended so: one that exits with 0 and tells of a test that
  // failed has failed; one of which a declared file cannot be read is an error.
  Ending judge_step(const Ending& ending) const;
  // Whether the step that ended so by itself is a case of its own: it told none that say what
  // became of it.
  bool is_own_case(const Ending& ending) const;
  // A step that was reported as a case of its own.
  void count_own_case() { ++own_cases_; }

  // What the whole comes to whose steps ended so.
  Ending judge(Ending ending) const;
  // What could not be reported and why, as a sentence; empty: nothing.
  std::string left_out() const { return budget_.left_out(); }

 private:
  struct Told {
    uint64_t cases = 0;
    uint64_t failed = 0;
    size_t faults = 0;
  };

  void count(const ReportBody& body);
  // What was told beyond `before`, of a step or whole that passed by itself.
  Ending with_tests(Ending ending, const Told& before) const;

  const uint32_t expected_;
  LimitCheck rows_;
  ReportBudget budget_;
  Told told_;
  Told before_step_;
  std::vector<std::string> faults_;  // the first of them
  uint64_t reported_cases_ = 0;      // of those that were told
  uint64_t own_cases_ = 0;
};

}  // namespace muster
