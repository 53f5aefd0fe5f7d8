// What /proc tells of the processes of this machine. Each answer may be out of date when it is
// given.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "core/time.h"

namespace muster {

struct ProcStat {
  char state = 'X';
  pid_t parent = 0;
  // On its way out: it may have closed its files already, and its state does not say so yet.
  bool is_exiting = false;
};
using Processes = std::map<pid_t, ProcStat>;

// What stands in /proc/PID/stat. Nothing: it is no such line.
std::optional<ProcStat> parse_stat(const std::string& line);
// Nothing: it has gone.
std::optional<ProcStat> read_stat(pid_t pid);
Processes all_processes();

// Stopped by a signal or a tracer: it does nothing until somebody lets it.
bool is_stopped(pid_t pid);

// Waits until it has ended, at most so long. Its children have been adopted by then.
void await_death(pid_t pid, Duration patience);

// Whether it has the file at `path` open; false where that cannot be told.
bool has_open(pid_t pid, const std::string& path);

// What a process says in its environment; nothing where that cannot be read or says nothing.
struct Mark {
  std::optional<std::string> guid;
  std::string attempt;
  std::string log_path;
};
Mark read_mark(pid_t pid);

// What it calls itself; the kernel keeps 15 bytes of it.
std::string name_of(pid_t pid);

// Its argument list, for people, cut.
std::string command_of(pid_t pid);

}  // namespace muster
