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

// A report as it is: shout, report of one case, measure of one row, progress, call_failed.
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

// The request of `line`, or why it is none, as a sentence.
Result<JobRequest> parse_job_request(std::string_view line);

}  // namespace muster
