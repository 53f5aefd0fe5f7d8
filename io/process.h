// Child processes: started in a process group of their own, watched by descriptors, ended as a
// group.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

enum class StderrTo : uint8_t {
  output,   // the same pipe as stdout
  own,      // a pipe of its own: Process::error_fd
  nowhere,  // /dev/null
};

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in env's PATH when it has no slash
  std::map<std::string, std::string> env;  // the whole environment of the child
  std::string cwd;                         // empty: the caller's
  StderrTo stderr_to = StderrTo::output;
  std::string input;  // its stdin, which only its user can see; empty: /dev/null
  // stdout and stderr are a terminal of its own, which changes nothing in what is written. The
  // child leads a session then, and stderr_to says nothing.
  bool pty = false;
  // Directory of a cgroup (io/cgroup.h) that the child is born in. Where the kernel does not let it
  // in it is born beside its parent. -1: none.
  int cgroup_fd = -1;
  // It leads a session without a terminal: nothing in it can open /dev/tty and ask the caller's
  // user. Without, it only has a process group of its own.
  bool session = false;
};

// What a child of ours has where nobody says otherwise: PATH, LANG and HOME.
std::map<std::string, std::string> base_environment(const std::string& home);

struct ProcessExit {
  std::optional<int> exit_code;
  std::optional<int> signal;
  Duration user{0};
  Duration system{0};
  uint64_t rss_max_bytes = 0;
};

// One running child. It dies with the thread that started it (PDEATHSIG).
// The child has all signals unblocked and default, descriptors above 2 closed, umask 022.
class Process {
 public:
  // A failed exec (not found, not executable, bad cwd) is an error here with errno's text, never a
  // running copy of the caller.
  static Result<std::unique_ptr<Process>> start(const ProcessSpec& spec);

  // Kills the group and reaps the child when it still runs. What may not be killed, or does not die
  // within some seconds, is left behind.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Whether `pid` is a child that a living Process of this program stands for. A child that is not
  // was adopted (workers/strays.h).
  static bool is_own_child(pid_t pid);

  pid_t pid() const { return pid_; }
  int output_fd() const { return output_fd_; }  // non-blocking; -1 after end of file
  int exit_fd() const { return pid_fd_; }       // readable when the child has ended

  int error_fd() const { return error_fd_; }  // as output_fd, of StderrTo::own; -1 otherwise

  // Appends what is there to `out`, at most `max` bytes. False at end of file.
  bool read_output(std::string& out, size_t max);
  bool read_error(std::string& out, size_t max);

  // The child's end, once; nothing while it runs. What is left of the group is killed then.
  std::optional<ProcessExit> try_reap();

  // After the child's end: whether everything else of its group is dead too. What is killed needs a
  // moment, and until then it may still touch what the next one works on. While it is false,
  // straggler_fd() becomes readable when it is worth asking again. A straggler that may not be
  // killed (it has become another user's) may stay for ever.
  bool group_gone();
  int straggler_fd() const { return straggler_fd_; }

  // Sends to the whole group, as long as anything is in it. 0, or errno: EPERM when nothing of it
  // may be signalled.
  int signal_group(int signal);

 private:
  Process() = default;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  int output_fd_ = -1;
  int error_fd_ = -1;
  int terminal_fd_ = -1;   // the child's end: a child that closes it is not hung up
  int straggler_fd_ = -1;  // a pidfd of one that is still dying
  bool reaped_ = false;
};

}  // namespace muster
