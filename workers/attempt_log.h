// The console log of one attempt: a header line, raw bytes, a trailer line.
//
//   muster: {"guid": ..., "attempt": N, "argv": [...], "env": [NAMES], "devices": [...], "worker":
//   ..., "started": ...}
//   ...bytes of stdout and stderr as they came...
//   muster: {"status": "FAILURES", "outcome": "fail", "exit_code": 5, "signal": null, "message":
//   ..., "finished": ...}
//
// The trailer begins on a line of its own. Values of environment variables are never written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/messages.h"
#include "core/result.h"
#include "core/task.h"
#include "io/file.h"

namespace muster {

class AttemptLog {
 public:
  // Creates `path`, replacing what an interrupted attempt of the same number left there.
  Result<Done> open(const std::string& path);

  void header(const Assignment& assignment, const std::string& worker,
              const std::vector<std::string>& argv, const std::vector<std::string>& env_names,
              Instant started);
  void write(std::string_view bytes);
  void trailer(const Ending& ending);

  const std::string& path() const { return path_; }
  std::string url() const { return "file://" + path_; }
  // Why a write failed (disk full, ...), or empty. Writing goes on being tried.
  const std::string& fault() const { return fault_; }

 private:
  std::string path_;
  UniqueFd fd_;
  bool at_line_start_ = true;
  std::string fault_;
};

}  // namespace muster
