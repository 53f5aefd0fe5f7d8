// What a job asks of its results beyond that its steps pass: bounds for its measurements, and a
// number of test cases. Also the values of measurements as they are written in text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/report.h"
#include "core/task.h"
#include "core/work.h"

namespace muster {

// A value as CSV files and command lines have it. Whole numbers are integers when 64 bits hold
// them; numbers with a point or an exponent are doubles; `true` and `false` are booleans.
// Everything else is text: what would lose digits (a longer number), what is a name (007) and what
// is no number to compare with (nan, inf).
MeasureValue parse_measure_value(std::string_view text);

// A value as people read it.
std::string describe(const MeasureValue& value);

// Why this is no row of a table, as a sentence, or nothing. A table is named as devices are, a
// column by up to kNameLengthMax bytes of printable UTF-8, each once; there is at least one column.
// The whole fits into a report.
std::optional<std::string> invalid_measurement(const Measurement& measurement);

// Why `row` breaks `limit`, as a sentence, or nothing: also when it is a row of another table or
// has no such column. "perf.latency is 12.5 ms, more than 10 ms". What is no number breaks it.
std::optional<std::string> broken_limit(const MeasureLimit& limit, const Measurement& row);

// Rows of one attempt on their way, against its limits.
class LimitCheck {
 public:
  explicit LimitCheck(std::vector<MeasureLimit> limits);

  void take(const Measurement& row);

  // Rows outside, in order: the first kErrorsPerFileMax of them.
  const std::vector<std::string>& broken() const { return broken_; }
  uint64_t broken_count() const { return broken_count_; }
  // Limits for which no row came.
  std::vector<std::string> unmeasured() const;

 private:
  struct Watched {
    MeasureLimit limit;
    bool measured = false;
  };
  std::vector<Watched> limits_;
  std::vector<std::string> broken_;
  uint64_t broken_count_ = 0;
};

// The Ending of an attempt that came to `ending` by its steps, once these rules are applied.
// - A broken limit makes a pass or skip a fail: cause test, status FAILURES.
// - Fewer results than `expect_tests` (0: not said), or a limit without a row, make a pass or skip
// an
//   error: cause test, status ERROR. It cannot be told what the missing ones would have said.
// - A fail stays one: that a test failed is known. Its message says the rest.
// - An error stays as it is: what went wrong explains what is missing.
Ending apply_job_rules(Ending ending, uint32_t expect_tests, uint64_t results,
                       const LimitCheck& limits);

}  // namespace muster
