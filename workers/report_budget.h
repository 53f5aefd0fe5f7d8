// ReportBudget: how much one attempt may say altogether, through its socket and in the files that
// its steps declare, and what of all that it said had to be left out. What the worker tells of its
// calls (CallMade, CallFailed) has a bound of its own: a trace takes no room from results.
#pragma once

#include <cstdint>
#include <string>

#include "core/limits.h"
#include "core/report.h"

namespace muster {

// Of a trace of calls: a tenth of what a job may say itself, so that `trace_calls` costs no log.
inline constexpr uint64_t kCallsPerAttemptMax = kReportsPerAttemptMax / 10;
inline constexpr uint64_t kCallBytesPerAttemptMax = kReportBytesPerAttemptMax / 8;

struct ReportLimits {
  uint64_t reports = kReportsPerAttemptMax;
  uint64_t bytes = kReportBytesPerAttemptMax;
  uint64_t calls = kCallsPerAttemptMax;
  uint64_t call_bytes = kCallBytesPerAttemptMax;
};

class ReportBudget {
 public:
  explicit ReportBudget(const ReportLimits& limits)
      : said_{limits.reports, limits.bytes}, calls_{limits.calls, limits.call_bytes} {}

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

  // What was taken of one bound, and how much that may be.
  struct Share {
    uint64_t reports_max = 0;
    uint64_t bytes_max = 0;
    uint64_t reports = 0;
    uint64_t bytes = 0;
  };

  Share said_;
  Share calls_;
  uint64_t calls_left_out_ = 0;
  Counts too_many_;
  Counts too_fast_;
};

}  // namespace muster
