// Strategy: verifiers (a DAG) and repair actions for one class of device, as data (DESIGN section
// 5). A Strategy value is already checked: tags are unique, dependencies exist and have no cycle.
// The file reader (io/strategy_file.h) reports what is wrong with a file; check_strategy() holds
// the rules both use.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

// What a verifier does. Each kind has one file pair in workers/checks/. Strings may hold
// placeholders, filled in by the worker (PlaceholderScope).
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
struct PingCheck {
  std::string host;    // answers an ICMP echo request
  uint32_t count = 1;  // requests; one answer passes
  bool operator==(const PingCheck&) const = default;
};
// The system's ssh client, without a prompt and with a control master for each host. What is empty
// is taken from the device's profile: host, ssh_port, ssh_user, ssh_key and ssh_known_hosts.
struct SshCheck {
  std::string host;
  std::string port;
  std::string user;
  std::string key;                // path of the private key, on the worker
  std::string known_hosts;        // path, on the worker; strangers are refused
  std::vector<std::string> argv;  // run there; exit 0 passes. Empty: to log in is enough
  bool operator==(const SshCheck&) const = default;
};
struct HttpCheck {
  std::string method = "GET";
  std::string url;                   // http or https
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  uint32_t status = 0;   // the status that is wanted; 0: any 2xx
  std::string contains;  // of the answer's body; empty: anything
  bool operator==(const HttpCheck&) const = default;
};
// Asks the adb server for the device's state, in its own protocol; no adb binary is needed.
struct AdbCheck {
  std::string serial;            // empty: {device.serial}
  std::string state = "device";  // wanted: device, recovery, sideload, bootloader, ...
  std::string server;            // HOST:PORT; empty: 127.0.0.1:5037
  bool operator==(const AdbCheck&) const = default;
};
// A device on the USB bus, by sysfs. Everything that is not empty must match.
struct UsbCheck {
  std::string vendor;   // four hexadecimal digits
  std::string product;  // four hexadecimal digits
  std::string serial;
  std::string sysfs;  // empty: /sys/bus/usb/devices
  bool operator==(const UsbCheck&) const = default;
};
using CheckSpec = std::variant<CommandCheck, TcpCheck, DiskCheck, FileCheck, NoopCheck, PingCheck,
                               SshCheck, HttpCheck, AdbCheck, UsbCheck>;

// "command", "tcp", "disk", "file", "noop", "ping", "ssh", "http", "adb", "usb".
std::string_view check_kind(const CheckSpec& check);

// What a repair action does. Commands, ssh and http work like the checks of those names, and
// succeed where those pass.
struct WaitAction {
  Duration duration{0};
  bool operator==(const WaitAction&) const = default;
};
// Switches a device's power by the `power` of a relay or PDU in the inventory.
struct PowerAction {
  std::string relay;      // name of the device that has `power`; mostly {stack.relay.name}
  std::string operation;  // handed to its command or URL as {operation}: on, off, cycle
  bool operator==(const PowerAction&) const = default;
};
using ActionRun =
    std::variant<CommandCheck, SshCheck, HttpCheck, WaitAction, PowerAction, NoopCheck>;

// "command", "ssh", "http", "wait", "power", "noop".
std::string_view action_kind(const ActionRun& run);

struct Verifier {
  std::string tag;
  std::string description;
  CheckSpec check;
  std::vector<std::string> deps;  // tags, in the order they are checked
  Duration timeout{0};            // never 0 in a checked Strategy
  std::string when;   // canonical selector over the device's profile; where it does not match the
                      // verifier counts as passed, without a run and without a record
  std::string blame;  // whose fault a failure is: a peripheral's name, with placeholders; empty:
                      // the device's own
  std::vector<std::string> levels;  // verify levels that it belongs to, beside the whole
  bool operator==(const Verifier&) const = default;
};

struct RepairActionSpec {
  std::string tag;
  std::string description;
  ActionRun run;
  std::vector<std::string> deps;      // verifiers that must pass for it to be tried; may name PASS
  std::vector<std::string> triggers;  // verifiers one of which must fail; may name PASS
  Duration timeout{0};                // never 0 in a checked Strategy
  std::string when;                   // as of Verifier; where it does not match it is skipped
  Duration then_wait{0};              // after it succeeded, before its triggers are verified again
  uint32_t attempts = 1;              // runs in one repair, while its triggers still fail; from 1
  uint32_t per_day = 0;               // runs on one device in 24 hours; 0: no limit
  bool operator==(const RepairActionSpec&) const = default;
};

// A closing action: runs when everything else is over, whatever happened; its failure is recorded
// and changes nothing.
enum class FinallyWhen : uint8_t { always, failed, passed };
struct FinallySpec {
  std::string tag;
  std::string description;
  ActionRun run;
  FinallyWhen when = FinallyWhen::always;
  Duration timeout{0};  // never 0 in a checked Strategy
  bool operator==(const FinallySpec&) const = default;
};

struct Strategy {
  std::string name;
  std::string for_selector;               // canonical selector over profiles; empty: only by name
  std::vector<Verifier> verifiers;        // in declared order
  std::vector<RepairActionSpec> actions;  // in the order in which they are tried
  std::vector<FinallySpec> closing;
  Duration total{0};  // of one whole repair, closing actions not counted; 0: no limit
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
// once: a -> b -> a), checks that can never work, actions that need all that they could mend,
// limits. At most kErrorsPerFileMax.
//
// A tag is 1 to kNameLengthMax of letters, digits and _ . - and is unique among the verifiers,
// among the actions, or among the closing actions. A verifier may depend on one declared later.
// Actions may name PASS.
std::vector<StrategyProblem> check_strategy(const Strategy& strategy);

// What is allowed and yet most likely not meant, of a strategy without errors (strategy_review.cc):
// verifiers that no action is tried for when there are actions at all, actions that nothing
// triggers, and a repair that may take longer than its limit.
std::vector<StrategyProblem> review_strategy(const Strategy& strategy);

// The longest that a repair may take when every check and action needs its whole timeout, checks
// that do not depend on each other run together, and no limit ends it. Closing actions not counted.
Duration worst_case_repair(const Strategy& strategy);

// What the placeholders of a strategy's strings may speak of:
//
//   {device.name} {device.KEY}            the device, by a key of its profile
//   {stack.TYPE.name} {stack.TYPE.KEY}    the member of its lease whose profile has `type: TYPE`
//   {task.guid}
//
// "{{" is a literal brace. A value is not expanded again. Of a TYPE that several members have, what
// they do not agree on is an error: nobody can tell whose power would be cut.
struct PlaceholderScope {
  const DeviceSpec* device = nullptr;   // null: there is only {task.guid}
  std::span<const DeviceSpec> stack{};  // the members of the lease; `device` itself is passed over
  std::string_view guid;
};

// `text` with its placeholders filled in. An unknown one is an error that names it and lists what
// there is.
Result<std::string> expand_placeholders(std::string_view text, const PlaceholderScope& scope);

// Why `text` could not be expanded for any device, as a sentence, or nothing.
std::optional<std::string> invalid_placeholders(std::string_view text);

// The same as expand_placeholders for every string of a check or of what an action runs. In a text
// for /bin/sh -c no value becomes code (core/shell_text.h).
Result<CheckSpec> expand_check(const CheckSpec& check, const PlaceholderScope& scope);
Result<ActionRun> expand_action(const ActionRun& run, const PlaceholderScope& scope);

// What a strategy asks of a device and its stack that they do not have, with where ("verifier
// usb"); of parts whose `when` does not match it, and of what is blamed, nothing. `scope.device` is
// not null.
std::vector<StrategyProblem> missing_values(const Strategy& strategy,
                                            const PlaceholderScope& scope);

// Why a text of a PowerSpec could not be expanded for any device, as a sentence, or nothing.
std::optional<std::string> invalid_power_placeholders(std::string_view text);

// How a relay or PDU switches `target`: {operation}, {target.name} and {target.KEY} of its profile
// filled in. The same rules hold.
Result<PowerSpec> expand_power(const PowerSpec& power, const DeviceSpec& target,
                               std::string_view operation);

}  // namespace muster
