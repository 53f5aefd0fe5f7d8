// What the user asked for, as plain structs: cli/parse.cc fills them in, the verbs read them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/messages.h"
#include "core/task.h"
#include "core/time.h"
#include "io/ledger.h"

namespace muster {

// How answers are written to stdout. Talk goes to stderr in every format.
enum class Format : uint8_t {
  human,  // aligned text
  json,   // one document
  jsonl,  // one document a line, as soon as each is known
  quiet,  // names only, one a line
};

// Options that every verb takes.
struct GlobalOptions {
  std::string home;        // empty: $MUSTER_HOME, or the default (io/home.h)
  std::string endpoint;    // empty: $MUSTER_ENDPOINT, the configuration, or the home's own broker
  std::string key;         // name or file; empty: $MUSTER_KEY, or the configuration's
  std::string server_key;  // empty: $MUSTER_SERVER_KEY, or the configuration's
  Format format = Format::human;
  bool no_color = false;
};

// What the submitting process does after the broker has recorded a task.
enum class After : uint8_t {
  unsaid,  // follow on a terminal, else wait
  wait,    // wait for the verdict
  follow,  // wait, and show the console log meanwhile
  detach,  // leave at once
};

struct UpOptions {
  std::string worker_name;  // empty: the configuration's
  uint32_t slots = 0;       // 0: the configuration's
  std::string inventory;    // file to apply once everything is up; empty: none
};

// Which devices a verb is about: either by name or by a selector.
struct DeviceChoice {
  std::vector<std::string> names;
  std::string selector;
};

struct VerifyOptions {
  bool repair = false;  // what fails is repaired
  DeviceChoice devices;
  bool all = false;
  std::string level;   // of a verification; empty: every check
  std::string reason;  // of a repair, for people
  bool detach = false;
  std::optional<uint32_t> priority;
  std::optional<Duration> timeout;
  std::optional<Duration> queue_timeout;  // without it: `timeout`, or kVerifyQueueTimeout
};

struct RunOptions {
  std::string source;                // JOB.yaml or a directory; empty: `command`
  std::vector<std::string> command;  // what stood after --
  std::vector<std::string> devices;  // NAME, or ROLE=NAME
  std::vector<std::string> selectors;
  std::string path;               // of a job in a directory
  std::vector<std::string> tags;  // of jobs in a directory: terms of core/tag_choice.h
  std::optional<std::string> pool;
  std::optional<uint32_t> priority;
  std::optional<Duration> timeout;
  std::optional<Duration> silence;
  std::optional<Duration> queue_timeout;
  std::optional<Duration> grace;
  std::optional<uint32_t> retry_infra;
  std::optional<uint32_t> retry_test;
  std::optional<uint32_t> crash_limit;
  std::optional<Duration> deadline;
  std::optional<uint32_t> at_once;  // of an array
  std::string guid;
  std::string name;
  std::map<std::string, std::string> env;
  std::vector<std::string> env_pass;
  std::string cwd;
  std::vector<uint64_t> array;  // a task for each number; empty: one
  std::string each_line;        // a file with a task for each line; empty: none
  bool wait_for_capacity = false;
  std::optional<VerifyFirst> verify;
  bool no_repair = false;
  After after = After::unsaid;
};

struct SubmitOptions {
  std::vector<std::string> files;
};
struct WaitOptions {
  std::vector<std::string> guids;
  std::optional<Duration> timeout;
};
struct CancelOptions {
  std::vector<std::string> guids;
  std::string reason;
};
struct RetryOptions {
  std::vector<std::string> guids;
  std::string reason;
  bool wait = false;
};

struct TaskListOptions {
  std::vector<TaskState> states;
  std::optional<TaskKind> kind;
  std::optional<uint32_t> count_max;  // without it: 50, or all of a group
  bool all = false;                   // ended ones too
  std::string group;                  // GUID of an array or matrix, a prefix, or "last"; empty: any
  std::vector<Verdict> verdicts;      // empty: any
  std::string name;                   // a glob; empty: any
  std::map<std::string, std::string> metadata;  // all of these
  bool buried = false;                          // only those that came to nothing
};
struct TaskShowOptions {
  std::vector<std::string> guids;
};
struct TaskExplainOptions {
  std::string guid;
};
struct TaskTraceOptions {
  std::string guid;  // of any task of the chain
};

struct LogOptions {
  std::string guid;
  bool follow = false;
  uint32_t attempt = 0;  // 0: the newest
  uint64_t offset = 0;   // bytes that are left out at the beginning
};
struct ArtifactListOptions {
  std::string guid;
  std::string pattern;   // a glob over names; empty: all
  uint32_t attempt = 0;  // 0: all
};
struct ArtifactGetOptions {
  std::string guid;
  std::string pattern;
  uint32_t attempt = 0;  // 0: the newest
  std::string dir = ".";
};
struct ArtifactPinOptions {
  std::string guid;
  bool pinned = true;
};
struct EventsOptions {
  bool follow = false;
  std::optional<uint64_t> from;
  std::string guid;
  std::string type;
  uint64_t count_max = 0;  // 0: no limit
};
enum class ResultFormat : uint8_t { unsaid, junit, json, status_log };
struct ResultOptions {
  std::string guid;
  ResultFormat format = ResultFormat::unsaid;
};

// Inside a job (docs/job-api.md).
struct ShoutOptions {
  std::string json;
};
struct ReportOptions {
  std::string suite;
  std::string name;
  std::string outcome;
  std::optional<Duration> seconds;
  std::string message;
  std::string junit;  // a file instead of a case
  std::string gtest;  // likewise
};
struct MeasureOptions {
  std::string table;
  std::vector<std::pair<std::string, std::string>> row;
  std::string csv;  // a file instead of a row
};
struct MeasureQueryOptions {
  MeasureQuery query;
  bool csv = false;  // whatever the format
};
struct MeasureListOptions {};
struct PushOptions {
  std::string file;
  std::string as;
};
struct ProgressOptions {
  uint32_t percent = 0;
  std::string text;
};
struct CallOptions {
  std::string method;                  // the verb
  std::vector<std::string> arguments;  // of muster, with the options that stood before
};

struct DeviceListOptions {
  std::string selector;
};
struct DeviceShowOptions {
  std::vector<std::string> names;
};
struct DeviceChangeOptions {
  DeviceChange change = DeviceChange::lock;
  DeviceChoice devices;
  std::string reason;
};
struct DeviceHistoryOptions {
  std::string name;
  uint32_t count_max = 50;
};
struct WorkerListOptions {};

enum class InventoryVerb { check, diff, apply };
struct InventoryOptions {
  std::string file;
  InventoryVerb verb = InventoryVerb::check;
  bool dry_run = false;  // of apply: say what it would change, and change nothing
};
struct StrategyCheckOptions {
  std::vector<std::string> files;
};
struct StrategyTreeOptions {
  std::string file;
  bool brief = false;  // tags only
};

struct StrategyStatsOptions {
  std::string strategy;  // a file or a name; empty: all
};
struct StrategyScenarioOptions {
  std::string file;     // holds one scenario
  bool lines = false;   // instead: one a line on stdin
  bool compat = false;  // autotest's rules to the letter
};
struct StrategySimulateOptions {
  std::string file;
  std::vector<std::string> failing;            // tags of verifiers
  std::string level;                           // empty: all verifiers
  std::map<std::string, std::string> profile;  // of the device, for `when`
};

struct JobSchemaOptions {};
struct JobListOptions {
  std::string dir;                // or a git URL; empty: the current directory
  std::string ref;                // of a git URL
  std::vector<std::string> tags;  // terms of core/tag_choice.h
};
struct JobCheckOptions {
  std::vector<std::string> dirs;  // or git URLs; empty: the current directory
  std::string ref;                // of git URLs
};

// Of the collector's sinks (docs/sinks.md).
struct SinkStatusOptions {
  std::vector<std::string> names;  // empty: all
};
struct SinkReplayOptions {
  std::string name;
  uint64_t from = 1;
};
struct SinkDeadListOptions {
  std::string name;
};
struct SinkDeadChangeOptions {
  bool drop = false;  // else: try again
  std::string name;
  std::vector<uint64_t> seqs;
  bool all = false;
};

// Of the broker's event log (docs/event-log.md).
struct LogStatusOptions {};
struct LogVerifyOptions {};
struct LogExportOptions {
  uint64_t from = 1;
  uint64_t to = UINT64_MAX;
  std::string file;  // empty: stdout
};
struct LogTrimOptions {
  uint64_t before = 0;  // 0: all that may go
  bool dry_run = false;
};
struct LogForgetOptions {
  std::string reader;
};
// Of tcp:// endpoints (docs/security.md).
struct KeyNewOptions {
  std::string name;
};
struct KeyAllowOptions {
  std::string key;   // the name of a pair in the home, or a public key
  std::string name;  // empty: as the pair
  Role role = Role::submitter;
  std::vector<std::string> labs;   // empty: any
  std::vector<std::string> pools;  // empty: any
};
struct KeyRevokeOptions {
  std::string name;
};
struct KeyListOptions {};

// Of workers, or of the broker.
struct DrainOptions {
  std::vector<std::string> workers;  // empty: the broker
  bool resume = false;               // they take work again
  std::string reason;
  std::optional<Duration> wait;  // for the end of what they hold, so long at most; 0: for ever
};

struct DoctorOptions {
  std::optional<Duration> wait;
};
struct VersionOptions {};

using VerbOptions = std::variant<
    UpOptions, VerifyOptions, RunOptions, SubmitOptions, WaitOptions, CancelOptions, RetryOptions,
    TaskListOptions, TaskShowOptions, TaskExplainOptions, LogOptions, ArtifactListOptions,
    ArtifactGetOptions, ArtifactPinOptions, EventsOptions, ResultOptions, DeviceListOptions,
    DeviceShowOptions, WorkerListOptions, DeviceChangeOptions, DeviceHistoryOptions,
    TaskTraceOptions, StrategyStatsOptions, InventoryOptions, StrategyCheckOptions,
    StrategyTreeOptions, StrategyScenarioOptions, StrategySimulateOptions, JobListOptions,
    JobCheckOptions, JobSchemaOptions, DoctorOptions, VersionOptions, ShoutOptions, ReportOptions,
    MeasureOptions, MeasureQueryOptions, MeasureListOptions, PushOptions, ProgressOptions,
    CallOptions, SinkStatusOptions, SinkReplayOptions, SinkDeadListOptions, SinkDeadChangeOptions,
    LogStatusOptions, LogVerifyOptions, LogExportOptions, LogTrimOptions, LogForgetOptions,
    KeyNewOptions, KeyAllowOptions, KeyRevokeOptions, KeyListOptions, DrainOptions>;

struct Invocation {
  GlobalOptions global;
  VerbOptions verb;
};

}  // namespace muster
