// ReportBudget: how much one attempt may say altogether, through its socket and in the files that
// its steps declare, and what of it had to be left out.
#pragma once

#include <cstdint>
#include <string>

#include "core/limits.h"
#include "core/report.h"

namespace muster {

struct ReportLimits {
  uint64_t reports = kReportsPerAttemptMax;
  uint64_t bytes = kReportBytesPerAttemptMax;
};

class ReportBudget {
 public:
  explicit ReportBudget(const ReportLimits& limits) : limits_(limits) {}

  // False: it is too much, and counts as left out. Records and artifacts have bounds of their own
  // and cost nothing.
  bool take(const ReportBody& body);

  // "an attempt may say ... and this one has".
  std::string said_enough() const;

  // Cases that were left out, and rows of measurements.
  uint64_t cases() const { return cases_; }
  uint64_t rows() const { return rows_; }
  // What was left out and why, as a sentence; empty: nothing was.
  std::string left_out() const;

 private:
  const ReportLimits limits_;
  uint64_t reports_ = 0;
  uint64_t bytes_ = 0;
  uint64_t cases_ = 0;
  uint64_t rows_ = 0;
  uint64_t others_ = 0;
};

}  // namespace muster
