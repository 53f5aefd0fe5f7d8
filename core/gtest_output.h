// GtestOutput: what a googletest program has come to, read from what it prints. Only the output
// knows what a run that crashed or timed out had finished: its report file is written at the end.
//
//   [ RUN      ] Suite.Name
//   ...                              ; the case's own output, and its failures
//   [       OK ] Suite.Name (12 ms)  ; or FAILED (", where ..." may follow the name), or SKIPPED
//
// The end of a case may stand after output without a line feed, and escape sequences of a terminal
// may be anywhere. What looks like the end of another case is output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exit_status.h"
#include "core/limits.h"
#include "core/report.h"
#include "core/time.h"

namespace muster {

class GtestOutput {
 public:
  // Of more cases than that, and than kResultBytesPerStepMax, only the count is kept.
  explicit GtestOutput(size_t results_max = kResultsPerStepMax) : results_max_(results_max) {}

  // The next bytes of the output, cut anywhere, and when they came.
  void feed(std::string_view bytes, Instant now);

  // The program has ended: what stands on a line without an end counts.
  void finish(Instant now);

  // Cases that have ended, in order.
  const std::vector<CaseResult>& finished() const { return finished_; }
  uint64_t dropped() const { return dropped_; }
  // The case that has begun and not ended, with its duration until the last feed() and what it
  // printed.
  std::optional<CaseResult> running() const;
  // Whether the program printed anything that googletest prints.
  bool is_gtest() const { return announced_ || begun_ > 0; }
  // Cases that it said it would run, and those that never began.
  std::optional<uint64_t> announced() const { return announced_; }
  uint64_t not_begun() const;
  // The last line that was not empty.
  const std::string& last_line() const { return last_line_; }

 private:
  void take_line(std::string_view line, Instant now);
  bool begin_case(std::string_view line, Instant now);
  bool end_case(std::string_view line);
  void end_running(Outcome outcome, Duration duration);
  void take_text(std::string_view line);
  void add(CaseResult result);

  const size_t results_max_;
  std::string line_;  // begun; its middle is dropped when it is too long
  std::vector<CaseResult> finished_;
  size_t bytes_ = 0;  // of all that finished
  uint64_t dropped_ = 0;
  uint64_t begun_ = 0;
  std::optional<uint64_t> announced_;
  std::string running_;  // "Suite.Name"; empty: none
  Instant running_since_;
  Instant last_;
  std::string failures_;  // of the running case, from the first that it printed
  std::string text_;      // what it printed, the last of it
  bool failing_ = false;
  std::string last_line_;
};

// What a step that ran a googletest program came to. `reported` are the cases of its report file;
// `whole`, whether that file was. Cases of the output are added where the file does not have them;
// a case that was running when the program ended is an error whose message says what ended it; one
// error in the name of `step` stands for a program that ended badly before its first case, or after
// its last one with no failure to show for it. Never "invalid executable".
std::vector<CaseResult> results_of_gtest_step(const GtestOutput& output,
                                              std::vector<CaseResult> reported, bool whole,
                                              const ChildEnd& end, const std::string& step);

// How a child ended, as the message of a case has it: "ended by signal 11 (SIGSEGV)".
std::string end_text(const ChildEnd& end);

}  // namespace muster
