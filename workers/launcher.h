// The launcher: a small process without threads that forks the supervisors of attempts, so that
// they outlive the worker. It is this program again, run by its worker, and it ends with it.
//
// Worker and launcher are joined by a local socket pair. Each order is one packet with the locked
// file of its attempt; nothing is answered: a supervisor that lives holds the lock and says hello,
// and a lock that nobody holds any more means that there is none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "io/file.h"
#include "io/rotating_file.h"

namespace muster {

// What a supervisor needs to know beside its attempt's folder.
struct LaunchOrder {
  std::string attempt_dir;  // attempts/<guid>/<n>, with its assignment
  std::string worker_dir;   // HOME/worker/NAME, where the worker listens
  std::string worker;       // its name
  uint64_t log_max = 0;
  uint64_t disk_reserve = 0;
  std::string archive;                 // where the worker's uploader archives, without secrets
  std::vector<std::string> git_allow;  // patterns of URLs that may be fetched; empty: any
  bool trace_calls = false;            // calls of its job that go well are reported too

  bool operator==(const LaunchOrder&) const = default;
};

// The worker's end.
class Launcher {
 public:
  // Runs `self_exe` as a launcher. What it and its supervisors say about themselves, which is
  // nothing unless they are broken, goes to `errors`.err; what is too much of it already is set
  // aside as `errors`.1.err.
  static Result<std::unique_ptr<Launcher>> start(const std::string& self_exe,
                                                 const std::string& errors);

  // Readable when the launcher has died.
  int fd() const { return fd_.get(); }
  bool is_gone();
  pid_t pid() const { return pid_; }

  // Keeps `errors` bounded while the launcher and its supervisors write there: to be called every
  // few seconds.
  void look() { errors_.look(); }

  // Has a supervisor forked that holds `lock_fd`. An error: it is gone, or does not take orders.
  Result<Done> launch(const LaunchOrder& order, int lock_fd);

 private:
  Launcher(UniqueFd fd, pid_t pid, RotatingFile errors)
      : fd_(std::move(fd)), pid_(pid), errors_(std::move(errors)) {}
  UniqueFd fd_;
  pid_t pid_;
  RotatingFile errors_;
};

// Whether this program was run as a launcher; then main() returns what run_launcher does, and does
// nothing else.
bool is_launcher(int argc, char** argv);
int run_launcher();

}  // namespace muster
