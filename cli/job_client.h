// The job's end of $MUSTER_SOCKET, for the verbs that work inside a job (docs/job-api.md).
#pragma once

#include <optional>
#include <string>

#include "core/result.h"

namespace muster {

// What the house answered to one request.
struct JobAnswer {
  bool ok = false;
  std::string error;     // when not ok
  bool dropped = false;  // because there were too many
  std::string json;      // the whole line
};

// $MUSTER_SOCKET, or empty outside of a job.
std::string job_socket();

// Sends one request, which is a JSON object without line feeds, and waits for its answer. An error:
// nobody answers.
Result<JobAnswer> ask_job_socket(const std::string& path, const std::string& request);

}  // namespace muster
