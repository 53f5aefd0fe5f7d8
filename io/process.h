// Child processes: started in a process group of their own, watched by descriptors, ended as a
// group.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in env's PATH when it has no slash
  std::map<std::string, std::string> env;  // the whole environment of the child
  std::string cwd;                         // empty: the caller's
  bool merge_stderr = true;  // stderr into the same pipe as stdout; false: to /dev/null
};

struct ProcessExit {
  std::optional<int> exit_code;
  std::optional<int> signal;
  Duration user{0};
  Duration system{0};
  uint64_t rss_max_bytes = 0;
};

// One running child. Its stdin is /dev/null; it dies with the thread that started it (PDEATHSIG).
// The child has all signals unblocked and default, descriptors above 2 closed, umask 022.
class Process {
 public:
  // A failed exec (not found, not executable, bad cwd) is an error here with errno's text, never a
  // running copy of the caller.
  static Result<std::unique_ptr<Process>> start(const ProcessSpec& spec);

  // Kills the group and reaps the child when it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int output_fd() const { return output_fd_; }  // non-blocking; -1 after end of file
  int exit_fd() const { return pid_fd_; }       // readable when the child has ended

  // Appends what is there to `out`, at most `max` bytes. False at end of file.
  bool read_output(std::string& out, size_t max);

  // The child's end, once; nothing while it runs. What is left of the group is killed then.
  std::optional<ProcessExit> try_reap();

  // Sends to the whole group. Harmless after the end.
  void signal_group(int signal);

 private:
  Process() = default;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int output_fd_ = -1;
  bool reaped_ = false;
};

}  // namespace muster
