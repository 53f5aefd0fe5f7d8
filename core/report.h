// Reports: what attempts say while they run. A worker numbers them, keeps them in its spool and
// resends them until the broker has acknowledged them (core/delivery.h).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/task.h"
#include "core/time.h"

namespace muster {

// The attempt began.
struct AttemptStarted {
  std::string log_url;  // where its console log can be read, e.g. file:///...; may be empty
  std::vector<std::string> argv;  // of the first child; empty for what runs in the worker

  bool operator==(const AttemptStarted&) const = default;
};

// One line of status.log (core/status_record.h has the grammar). The collector adds indentation,
// timestamp= and localtime=.
struct Record {
  std::string status;     // "START", "END GOOD", "GOOD", "FAIL", "INFO", ...
  std::string subdir;     // empty: ----
  std::string operation;  // "verify.adb"; empty: ----
  std::vector<std::pair<std::string, std::string>> fields;
  std::string message;  // lines after the first become extra lines

  bool operator==(const Record&) const = default;
};

// One test case, or one check of a verification.
struct CaseResult {
  std::string suite;
  std::string name;
  Outcome outcome = Outcome::error;
  Duration duration{0};
  std::string message;

  bool operator==(const CaseResult&) const = default;
};

// How far an attempt has come. The newest one counts.
struct Progress {
  uint32_t percent = 0;  // 0 to 100
  std::string text;      // "repair action power_cycle (4 of 9)"

  bool operator==(const Progress&) const = default;
};

// The job's source is there, at this commit.
struct SourceFetched {
  std::string url;
  std::string ref;  // as people asked for it
  std::string sha;  // the commit, in full

  bool operator==(const SourceFetched&) const = default;
};

// Something that a job shouted: any JSON object, for whoever listens.
struct Shout {
  std::string json;

  bool operator==(const Shout&) const = default;
};

// One row of a table of measurements.
using MeasureValue = std::variant<int64_t, double, bool, std::string>;
struct Measurement {
  std::string table;
  std::vector<std::pair<std::string, MeasureValue>> row;  // columns, no name twice

  bool operator==(const Measurement&) const = default;
};

// A file of the attempt that the archive has, whole.
struct Artifact {
  std::string name;  // relative, inside the attempt's folder
  std::string url;
  uint64_t bytes = 0;
  std::string sha256;  // hexadecimal

  bool operator==(const Artifact&) const = default;
};

// A call to the house from inside a task that went wrong.
struct CallFailed {
  std::string method;
  std::string arguments;  // JSON
  std::string peer;       // that was asked
  std::string error;

  bool operator==(const CallFailed&) const = default;
};

// A call to the house from inside a task that went well; said where `trace_calls` is on only.
struct CallMade {
  std::string method;
  std::string arguments;  // JSON
  std::string peer;       // that was asked

  bool operator==(const CallMade&) const = default;
};

// How often a repair action ran on a device in the last 24 hours.
struct ActionUse {
  std::string tag;
  uint32_t count = 0;
  bool operator==(const ActionUse&) const = default;
};

// The last report of an attempt is its Ending.
using ReportBody = std::variant<AttemptStarted, Record, CaseResult, Ending, Progress, SourceFetched,
                                Shout, Measurement, Artifact, CallFailed, CallMade>;

struct Report {
  // Position in the worker's stream: (incarnation << 32) | counter, counter from 1. It grows over
  // restarts of the worker, with gaps where a restart lost what needed no spool.
  uint64_t seq = 0;
  AttemptToken token;
  Instant time;  // the worker's clock
  ReportBody body;

  bool operator==(const Report&) const = default;
};

}  // namespace muster
