// The console log of one attempt: a header line, raw bytes, a trailer line.
//
//   muster: {"guid": ..., "attempt": N, "argv": [...], "env": [NAMES], "devices": [...], "worker":
//   ..., "started": ..., "source": {"url": ..., "ref": ..., "sha": ...}, "steps": [{"id": ...,
//   "argv": [...]}]}
//   ...bytes of stdout and stderr as they came...
//   muster: {"status": "FAILURES", "outcome": "fail", "exit_code": 5, "signal": null, "message":
//   ..., "finished": ..., "usage": {"user": SECONDS, "system": SECONDS, "rss_max_bytes": N}}
//
// `source` is that of a job fetched from git, `steps` are those that a job file declares, `usage`
// is that of a job's processes: all three are left out where there is none.
// The trailer begins on a line of its own. Values of environment variables are never written.
// Bytes past the limit, and those for which the disk has no room beside its reserve, are dropped: a
// line that begins with "muster: " says so where they would have been, and `dropped_bytes` in the
// trailer how many they were.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/messages.h"
#include "core/result.h"
#include "core/task.h"
#include "io/file.h"
#include "workers/disk_watch.h"

namespace muster {

struct LogLimits {
  uint64_t bytes_max = kConsoleLogBytesMax;  // of what the attempt writes
  DiskWatch* disk = nullptr;                 // null: no reserve is kept
};

// What the header says of a job beyond its first command.
struct LogJob {
  std::string url;
  std::string ref;
  std::string sha;                                                      // empty: it was not fetched
  std::vector<std::pair<std::string, std::vector<std::string>>> steps;  // id, argv
};

// What an attempt's processes took.
struct LogUsage {
  Duration user{0};
  Duration system{0};
  uint64_t rss_max_bytes = 0;
};

class AttemptLog {
 public:
  // Creates `path`, replacing what an interrupted attempt of the same number left there.
  // `limits.disk` must outlive the log.
  Result<Done> open(const std::string& path, const LogLimits& limits = {});

  // Goes on with one whose writer has died.
  Result<Done> reopen(const std::string& path, const LogLimits& limits = {});

  void header(const Assignment& assignment, const std::string& worker,
              const std::vector<std::string>& argv, const std::vector<std::string>& env_names,
              Instant started, const LogJob& job = {});
  // What the attempt writes: within the limits.
  void write(std::string_view bytes);
  // A line of our own in its midst.
  void note(const std::string& text);
  void trailer(const Ending& ending, const std::optional<LogUsage>& usage = std::nullopt);

  const std::string& path() const { return path_; }
  std::string url() const { return "file://" + path_; }
  // Why a write failed (disk full, ...), or empty. What comes afterwards is dropped.
  const std::string& fault() const { return fault_; }

 private:
  void write_line(const std::string& line);
  void append(std::string_view bytes);
  void drop(size_t bytes, const std::string& why);

  std::string path_;
  LogLimits limits_;
  UniqueFd fd_;
  bool at_line_start_ = true;
  uint64_t kept_ = 0;      // of what the attempt wrote
  uint64_t dropped_ = 0;   // likewise
  bool dropping_ = false;  // and the log says so
  std::string fault_;
};

// How an attempt ends whose log could not be written, and is `fault`: its evidence is not whole, so
// that whatever it came to is not worth much. Nothing that it did is its test's fault.
Ending ending_of_lost_log(const std::string& fault, Instant started, Instant finished);

}  // namespace muster
