// Work: what a worker is to do in an attempt. The broker never looks inside; it carries the encoded
// form from the submitter to the worker (TaskSpec::work; encode_work / decode_work in io/codec.h).
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"

namespace muster {

// Ends at once with pass, in the worker's own process. It measures the house itself.
struct NoopWork {
  std::string payload;  // carried and ignored

  bool operator==(const NoopWork&) const = default;
};

// Runs the checks of the device's strategy, which the broker attaches when it leases the device.
struct VerifyWork {
  std::string level;  // "" runs every check

  bool operator==(const VerifyWork&) const = default;
};

// Verifies the device by its strategy and runs the strategy's repair actions where that fails.
struct RepairWork {
  std::string reason;  // what failed before, for people; may be empty

  bool operator==(const RepairWork&) const = default;
};

// A plain command.
struct CommandSource {
  std::vector<std::string> argv;  // never a shell string; argv[0] is looked up in PATH

  bool operator==(const CommandSource&) const = default;
};

// Jobs of a directory that has a .vcsjob file: one by path, or all that carry every tag.
struct TreeSource {
  std::string dir;   // absolute, on the worker
  std::string path;  // relative to dir; empty: select by tags
  std::vector<std::string> tags;

  bool operator==(const TreeSource&) const = default;
};

struct JobWork {
  std::variant<CommandSource, TreeSource> source;
  std::string cwd;  // absolute; empty: a fresh workspace (command) or dir (tree)
  std::map<std::string, std::string> env;  // set in the child's otherwise empty environment
  std::vector<std::string> env_pass;       // names passed on from the worker's environment

  bool operator==(const JobWork&) const = default;
};

using Work = std::variant<NoopWork, VerifyWork, JobWork, RepairWork>;

}  // namespace muster
