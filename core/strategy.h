// Strategy: verifiers (a DAG) and repair actions for one class of device, as data (DESIGN section
// 5). A Strategy value is already checked: tags are unique, dependencies exist and have no cycle.
// The file reader (io/strategy_file.h) reports what is wrong with a file; check_strategy() holds
// the rules both use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

// What a verifier does. Each kind has one file pair in workers/checks/. Strings may hold
// placeholders {device.KEY} and {device.name}, filled in by the worker (expand_placeholders).
struct CommandCheck {
  std::vector<std::string> argv;  // exit 0 passes; otherwise the last line it printed is the reason
  bool operator==(const CommandCheck&) const = default;
};
struct TcpCheck {
  std::string host;
  std::string port;    // a number, or a placeholder that becomes one
  std::string expect;  // prefix of what the server says first; empty: a connection is enough
  bool operator==(const TcpCheck&) const = default;
};
struct DiskCheck {
  std::string path;
  uint64_t free_bytes_min = 0;
  uint32_t free_percent_min = 0;
  uint64_t free_inodes_min = 0;
  uint32_t free_inodes_percent_min = 0;
  bool operator==(const DiskCheck&) const = default;
};
struct FileCheck {
  std::string path;
  bool exists = true;  // false: must not exist
  bool writable =
      false;             // a directory: a file can be made in it; a file: can be opened for writing
  std::string contains;  // empty: anything
  Duration age_max{0};   // since last modification; 0: any
  bool operator==(const FileCheck&) const = default;
};
struct NoopCheck {  // passes in the worker's process; for measuring
  bool operator==(const NoopCheck&) const = default;
};
using CheckSpec = std::variant<CommandCheck, TcpCheck, DiskCheck, FileCheck, NoopCheck>;

// "command", "tcp", "disk", "file", "noop".
std::string_view check_kind(const CheckSpec& check);

struct Verifier {
  std::string tag;
  std::string description;
  CheckSpec check;
  std::vector<std::string> deps;  // tags, in the order they are checked
  Duration timeout{0};            // never 0 in a checked Strategy
  bool operator==(const Verifier&) const = default;
};

// Declared and checked now; the engine runs actions with the repair issue.
struct RepairActionSpec {
  std::string tag;
  std::string description;
  std::vector<std::string> run;  // argv
  std::vector<std::string> deps;
  std::vector<std::string> triggers;
  Duration timeout{0};
  bool operator==(const RepairActionSpec&) const = default;
};

struct Strategy {
  std::string name;
  std::string for_selector;         // canonical selector over profiles; empty: only by name
  std::vector<Verifier> verifiers;  // in declared order
  std::vector<RepairActionSpec> actions;
  bool operator==(const Strategy&) const = default;
};

// Tag of the hidden root that depends on every verifier nobody depends on.
inline constexpr std::string_view kRootTag = "PASS";

// One thing wrong with a strategy. `where` is a path into it: "verify[2].deps[0]", "repair[0]", "".
struct StrategyProblem {
  std::string where;
  std::string message;  // with a suggestion where there is one
  bool operator==(const StrategyProblem&) const = default;
};

// Every error at once, in the order of the file and cycles last: duplicate or invalid tags, PASS,
// dangling dependencies and triggers (with the nearest known tag as suggestion), cycles (each named
// once: a -> b -> a), checks that can never work, limits. At most kErrorsPerFileMax.
//
// A tag is 1 to kNameLengthMax of letters, digits and _ . - and is unique among the verifiers, or
// among the actions. A verifier may depend on one declared later. Actions may name PASS.
std::vector<StrategyProblem> check_strategy(const Strategy& strategy);

// Replaces {device.name}, {device.KEY} (from the profile) and {task.guid} in `text`. An unknown
// placeholder is an error that names it and lists what there is; "{{" is a literal brace. Without a
// device (null) there is only {task.guid}.
Result<std::string> expand_placeholders(std::string_view text, const DeviceSpec* device,
                                        std::string_view guid);

// Why `text` could not be expanded for any device, as a sentence, or nothing.
std::optional<std::string> invalid_placeholders(std::string_view text);

// The same as expand_placeholders for every string of a check.
Result<CheckSpec> expand_check(const CheckSpec& check, const DeviceSpec* device,
                               std::string_view guid);

}  // namespace muster
