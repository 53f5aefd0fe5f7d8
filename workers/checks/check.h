// Checks and actions: what the verifiers and the repair actions of a strategy do on a worker.
//
// Everything but noop and wait runs in a child process with a process group of its own, so that one
// that hangs (a dead mount, a server that never answers) can be ended with all it started. command,
// ping and ssh are the program itself; the others are this executable called as
//
//   muster-worker --run-check KIND
//
// with the rest on its standard input, since who may list the worker's processes sees command lines
// and a check may hold a password. It does its work with plain blocking calls, prints one line and
// exits 0 (passed) or 1 (failed). To add a check: a kind in core/strategy.h, its keys in
// io/check_file.cc, a file pair here, and one line each in process_for_check and run_check_child.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/strategy.h"
#include "io/process.h"

namespace muster {

// What follows the executable's name on the command line of a check's child.
inline constexpr std::string_view kRunCheckFlag = "--run-check";

// How a check that ran ended. The line is for people: why it failed, or what it saw.
struct CheckVerdict {
  bool passed = false;
  std::string line;
};

// What the children of one attempt have in common.
struct CheckContext {
  std::string self;                        // path of this executable
  std::map<std::string, std::string> env;  // the whole environment of a child
  std::span<const DeviceSpec> devices;     // of the lease; the first is the one that is judged
  std::string guid;                        // of the task
  std::string ssh_control;  // SshControl::path(); empty: every ssh client logs in by itself
  std::string cwd;          // where they start; empty: where the worker is
};

// The child for a check or an action: its placeholders are expanded here, and what an ssh or adb
// check leaves out is taken from the device's profile. An action of kind power becomes what the
// relay that it names, one of `context.devices`, has as its `power`. The error says what is missing
// and where; it is what the record of the check or action shows.
//
// Neither for noop nor for wait, which have no child.
Result<ProcessSpec> process_for_check(const CheckSpec& check, const CheckContext& context);
Result<ProcessSpec> process_for_action(const ActionRun& run, const CheckContext& context);

// `text` (the blame of a verifier) with its placeholders filled in as in a check.
Result<std::string> expand_in_context(std::string_view text, const CheckContext& context);

// True when the command line of main is that of a check's child.
bool is_check_child(int argc, char** argv);

// The child: runs the check, prints its line on stdout. The result is the exit status: 0 passed, 1
// failed, 64 for a command line that process_for_check did not make.
int run_check_child(int argc, char** argv);

// The one line that a check's record shows, from all it printed (`output`, any bytes, stderr
// included): the last line that is not blank, without control characters and cut to
// kMessageLengthMax. How the child ended is said when that is not plain from the line: "exit 3",
// "killed by signal 9", "timed out after 5s".
std::string diagnostic_line(std::string_view output, const ProcessExit& exit, bool timed_out,
                            Duration timeout);

}  // namespace muster
