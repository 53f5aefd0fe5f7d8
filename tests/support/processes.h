// The processes of this machine, for tests that look for those of a house.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace muster {

struct ProcessLook {
  pid_t pid = -1;
  pid_t parent = -1;
  std::string name;  // the kernel has 15 characters of it
  char state = 'X';
};
std::vector<ProcessLook> all_processes();

// Those that work in `dir` or below it, or have a file open there. This process is not among them.
std::vector<ProcessLook> processes_using(const std::string& dir);

// A variable of the environment that the process was started with, or empty.
std::string started_with(pid_t pid, const std::string& variable);

}  // namespace muster
