// ReportBudget: how much one attempt may say altogether, through its socket and in the files that
// its steps declare, and what of all that it said had to be left out.
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

  // What was left out because there were too many requests in a short time: one that says `body`,
  // one that names a file of results or measurements, another.
  void drop(const ReportBody& body);
  void drop_file() { ++too_fast_.files; }
  void drop_other() { ++too_fast_.others; }

  // "an attempt may say ... and this one has".
  std::string said_enough() const;

  // Whether test results or measurements were left out.
  bool has_left_out_results() const;
  // What was left out and why, as a sentence; empty: nothing was.
  std::string left_out() const;

 private:
  struct Counts {
    uint64_t cases = 0;
    uint64_t rows = 0;
    uint64_t files = 0;
    uint64_t others = 0;
  };

  static void count(const ReportBody& body, Counts& counts);
  static std::string describe(const Counts& counts);

  const ReportLimits limits_;
  uint64_t reports_ = 0;
  uint64_t bytes_ = 0;
  Counts too_many_;
  Counts too_fast_;
};

}  // namespace muster
