// cgroup v2: where this process is in the tree of control groups, and groups below there that hold
// what they are given, and all that descends from it, wherever it goes (setsid, daemons, an
// environment that was cleared).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

// The directory of a process's cgroup, from the texts of its /proc/PID/cgroup and
// /proc/PID/mountinfo. The error says why there is none: no cgroup2, or not mounted so that it can
// be seen.
Result<std::string> find_cgroup_dir(std::string_view cgroup, std::string_view mountinfo);

// This process's own, if it may make groups there and move processes into them. The error says why
// not, for people.
Result<std::string> find_own_cgroup_dir();

// A cgroup that is ours alone. It stays when the object goes.
class Cgroup {
 public:
  // Makes `dir`, whose parent is a cgroup. One that is there already was left by somebody dead and
  // is taken over: what is in it is the caller's to end.
  static Result<Cgroup> make(const std::string& dir);
  // An error when there is none.
  static Result<Cgroup> open(const std::string& dir);

  const std::string& dir() const { return dir_; }
  int fd() const { return fd_.get(); }  // ProcessSpec::cgroup_fd

  // Something in it, or in a group below it, has not died. Zombies have.
  bool is_populated() const;
  // Processes in it and in the groups below it, in order.
  std::vector<pid_t> processes() const;

  // Moves a process to the parent.
  void release(pid_t pid) const;
  // SIGKILL to all that is in it and below it, and to what they are just begetting. A kernel
  // without cgroup.kill (before 5.14) does that for one process at a time: to be repeated while it
  // is populated.
  void kill() const;
  // Until nothing is in it, but no longer than `patience`. Whether that is so.
  bool await_empty(Duration patience) const;

  // Removes it and the groups below it, which must be empty.
  Result<Done> remove() const;

 private:
  Cgroup(std::string dir, UniqueFd fd) : dir_(std::move(dir)), fd_(std::move(fd)) {}
  std::string dir_;
  UniqueFd fd_;
};

}  // namespace muster
