// status.log: the format that ChromiumOS autotest writes and its TKO parser reads.
//
//   log       = { entry }
//   entry     = indent status TAB subdir TAB operation { TAB field } TAB message LF { extra }
//   extra     = SP SP text LF          ; never tab-indented
//   indent    = depth * TAB            ; depth = open groups; END uses depth - 1
//   status    = "START" | "INFO" | [ "END " ] word
//   word      = "TEST_NA" | "ABORT" | "ERROR" | "FAIL" | "WARN" | "GOOD"
//             | "ALERT" | "RUNNING" | "NOSTATUS"
//   subdir    = "----" | name
//   operation = "----" | name
//   field     = key "=" value          ; at least timestamp= and localtime=
//   message   = text without TAB LF CR VT FF
//                                      ; may be empty: the line then ends in TAB
//
// autotest writes some lines that its own parser loses. The writer here does not:
// - a name that begins with white space hides the whole line, so it is refused;
// - a field whose key has more than letters, digits and _, or whose value is empty, turns the rest
//   of the line into the reason, so it is refused;
// - a message like `word=...` would be taken for a field, so it is written with a blank in front
//   and read back as the reason " word=...".
//
// Source of the rules: autotest's base_job.status_log_entry and tko parsers version_1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

// Why `record` may not be written, as a sentence, or nothing: an unknown status; TAB, LF, CR, VT or
// FF in a name, key or value; a name or field that a reader would lose. The message may be
// anything.
std::optional<std::string> invalid_record(const Record& record);

// The reason that a reader finds for a record with this message: its first line with TAB as eight
// spaces, VT and FF as one, and a blank in front of what looks like a field.
std::string reason_of(std::string_view message);

// Open groups of one status.log, innermost last: what an END must close.
struct OpenGroup {
  std::string subdir;
  std::string operation;
  bool operator==(const OpenGroup&) const = default;
};

// Writes records one by one. State is only the open groups, so that a collector can store it.
class StatusLogWriter {
 public:
  explicit StatusLogWriter(std::vector<OpenGroup> open = {}) : open_(std::move(open)) {}

  // The text of one record (one line and its extra lines). `timestamp` is whole seconds of `time`;
  // `localtime` is "%b %d %H:%M:%S" as the caller's zone has it (the core knows no zones). Both
  // replace fields of these names. An END that does not name the innermost open group, or an
  // invalid record, is an error and changes nothing.
  Result<std::string> write(const Record& record, Instant time, std::string_view localtime);

  // Closes every open group from the inside out with END `word`, which must be a word of the
  // grammar. Every line has the message.
  std::string close_all(std::string_view word, std::string_view message, Instant time,
                        std::string_view localtime);

  const std::vector<OpenGroup>& open() const { return open_; }

 private:
  std::vector<OpenGroup> open_;
};

// A line as the TKO recogniser reads it: of an INFO line only indent, status and fields remain.
struct StatusLine {
  uint32_t indent = 0;
  std::string status;     // "START", "END GOOD", "GOOD", ...; need not be one of the grammar's
  std::string subdir;     // empty: ----
  std::string operation;  // empty: ----
  std::vector<std::pair<std::string, std::string>> fields;  // of equal keys the last value
  std::string reason;
  bool operator==(const StatusLine&) const = default;
};

// Nothing when `line` (without its LF) is not a status line; such lines are ignored by readers.
std::optional<StatusLine> parse_status_line(std::string_view line);

// A whole log, strictly: every line is a status line or an extra line and ends in LF, every status
// is known, every indent is right, every START has its END. At most kErrorsPerFileMax problems.
struct StatusLogProblem {
  size_t line = 0;  // from 1
  std::string message;
};
struct ParsedStatusLog {
  std::vector<StatusLine> lines;
  std::vector<StatusLogProblem> problems;
};
ParsedStatusLog parse_status_log(std::string_view text);

}  // namespace muster
