// Real processes for end-to-end tests and benchmarks: started with their output in files, stopped
// by their id, never outliving the test.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace muster {

// A directory of its own under `parent`, removed with all that is in it. Its path is short: a Unix
// socket's may have 107 bytes.
class ScratchDir {
 public:
  explicit ScratchDir(const std::string& parent = "/tmp");
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ChildSpec {
  std::vector<std::string> argv;           // argv[0] is a path
  std::map<std::string, std::string> env;  // added to PATH and LANG, which is all there is else
  std::string stdout_file;
  std::string stderr_file;  // may be the same as stdout_file
};

class Child {
 public:
  // Aborts the test program when it cannot fork; a program that is not there exits 127.
  explicit Child(const ChildSpec& spec);
  ~Child();  // kills it when it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int signal);

  // Waits for its end: the exit status, or 128 and the signal as a shell says it. Nothing when it
  // still runs after `timeout`.
  std::optional<int> wait(Duration timeout);

  // SIGKILL and wait.
  void kill_now();
  // SIGTERM and wait; nothing when that did not end it in time (then it is killed).
  std::optional<int> stop(Duration timeout = std::chrono::seconds(20));

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::optional<int> status_;
};

}  // namespace muster
