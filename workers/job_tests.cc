#include "workers/job_tests.h"

#include <utility>
#include <variant>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

// So many faults are told in the message of an Ending.
constexpr size_t kFaultsTold = 3;

bool is_bad(Outcome outcome) { return outcome == Outcome::fail || outcome == Outcome::error; }

void append(std::string& message, const std::string& text) {
  message += (message.empty() || text.empty() ? "" : "; ") + text;
}

void set(Ending& ending, Outcome outcome, StatusCode status) {
  ending.outcome = outcome;
  ending.cause = Cause::test;
  ending.status = status;
}

}  // namespace

void JobTests::count(const ReportBody& body) {
  if (const auto* result = std::get_if<CaseResult>(&body)) {
    ++told_.cases;
    told_.failed += is_bad(result->outcome);
  } else if (const auto* row = std::get_if<Measurement>(&body)) {
    rows_.take(*row);
  }
}

std::string JobTests::take(const ReportBody& body) {
  count(body);
  if (!budget_.take(body)) return budget_.said_enough();
  reported_cases_ += std::holds_alternative<CaseResult>(body);
  return "";
}

void JobTests::drop(const JobRequest& request) {
  if (const auto* said = std::get_if<SayRequest>(&request)) {
    count(said->body);
    budget_.drop(said->body);
  } else if (std::holds_alternative<PushRequest>(request)) {
    budget_.drop_other();
  } else {
    budget_.drop_file();
  }
}

bool JobTests::take_fault(const CaseResult& fault) {
  ++told_.faults;
  if (faults_.size() < kErrorsPerFileMax) faults_.push_back(fault.message);
  return budget_.take(fault);
}

void JobTests::begin_step() { before_step_ = told_; }

Ending JobTests::judge_step(const Ending& ending) const { return with_tests(ending, before_step_); }

bool JobTests::is_own_case(const Ending& ending) const {
  if (is_bad(ending.outcome)) return told_.failed == before_step_.failed;
  return told_.cases == before_step_.cases && told_.faults == before_step_.faults;
}

Ending JobTests::with_tests(Ending ending, const Told& before) const {
  if (is_bad(ending.outcome)) return ending;
  const uint64_t failed = told_.failed - before.failed;
  if (failed > 0) {
    set(ending, Outcome::fail, StatusCode::failures);
    append(ending.message, std::to_string(failed) + " of " +
                               std::to_string(told_.cases - before.cases) +
                               " reported tests did not pass");
  }
  const size_t faults = told_.faults - before.faults;
  if (faults == 0) return ending;
  if (failed == 0) set(ending, Outcome::error, StatusCode::error);
  size_t named = 0;
  for (size_t i = before.faults; i < faults_.size() && named < kFaultsTold; ++i, ++named) {
    append(ending.message, faults_[i]);
  }
  if (faults > named) ending.message += " (and " + std::to_string(faults - named) + " more)";
  ending.message = cut_text(std::move(ending.message), kMessageLengthMax);
  return ending;
}

Ending JobTests::judge(Ending ending) const {
  ending = with_tests(std::move(ending), Told{});
  // Where the job reports tests of its own, its steps are no tests.
  const uint64_t cases = told_.cases > 0 ? reported_cases_ : own_cases_;
  ending = apply_job_rules(std::move(ending), expected_, cases, rows_);
  if (!budget_.has_left_out_results()) return ending;
  // Who looks into the results will not find all that it passed by.
  if (!is_bad(ending.outcome)) set(ending, Outcome::error, StatusCode::error);
  if (ending.cause == Cause::test) {
    append(ending.message, budget_.left_out());
    ending.message = cut_text(std::move(ending.message), kMessageLengthMax);
  }
  return ending;
}

}  // namespace muster
