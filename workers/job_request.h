// One line of a job's socket as a request: a JSON object with one member, whose name is the verb
// (docs/job-api.md).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/report.h"
#include "core/result.h"
#include "core/work.h"

namespace muster {

// A report as it is: shout, report of one case, measure of one row, progress, call_failed,
// call_made.
struct SayRequest {
  ReportBody body;
};

// Test cases of a file.
struct ResultFileRequest {
  ResultFileFormat format = ResultFileFormat::junit;
  std::string path;
};

// Measurements of a file.
struct MeasureFileRequest {
  std::string table;
  std::string path;
};

struct PushRequest {
  std::string file;
  std::string as;  // relative, inside the attempt's artifacts
};

using JobRequest = std::variant<SayRequest, ResultFileRequest, MeasureFileRequest, PushRequest>;

// A request as a call, for CallMade and CallFailed: its verb, known or not, and its value as JSON,
// or as the beginning of that in a JSON string where it has more than 1 KiB. What is no request is
// "unreadable".
CallMade describe_request(std::string_view line);

// The request of `line`, or why it is none, as a sentence.
Result<JobRequest> parse_job_request(std::string_view line);

}  // namespace muster
