// Work: what a worker is to do in an attempt. The broker never looks inside; it carries the encoded
// form from the submitter to the worker (TaskSpec::work; encode_work / decode_work in io/codec.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"

namespace muster {

// Ends at once with pass, in the worker's own process. It measures the house itself.
struct NoopWork {
  std::string payload;  // comes back as the ending's message

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

// A plain command, or nothing but a fresh workspace for JobWork::steps.
struct CommandSource {
  std::vector<std::string> argv;  // never a shell string; argv[0] is looked up in PATH

  bool operator==(const CommandSource&) const = default;
};

// Jobs of a directory that has a .vcsjob file: one by path, or all that its tags select. Each
// element of `tags` must hold: "A" the job carries A, "any:A,B" one of them, "not:A" it does not.
struct TreeSource {
  std::string dir;   // absolute, on the worker
  std::string path;  // relative to dir; empty: select by tags
  std::vector<std::string> tags;

  bool operator==(const TreeSource&) const = default;
};

// The same of a git repository: fetched by the worker, at one commit, into a tree of its own.
struct GitSource {
  std::string url;  // file://, ssh://, http(s)://, git://, USER@HOST:PATH or an absolute path
  std::string ref;  // branch, tag or sha; empty: what the repository's HEAD names
  std::string path;
  std::vector<std::string> tags;
  // What people called `ref`, where whoever submitted the job has made it the sha that this named
  // then. Empty: `ref` is as it was asked for.
  std::string asked_ref;

  // For people.
  const std::string& shown_ref() const { return asked_ref.empty() ? ref : asked_ref; }

  bool operator==(const GitSource&) const = default;
};

// Reports of tests that a step leaves as files, read when it has ended, however it ended.
enum class ResultFileFormat : uint8_t {
  junit,  // XML
  gtest,  // googletest's XML or JSON; what is missing there is read from the step's output
};
struct ResultFiles {
  ResultFileFormat format = ResultFileFormat::junit;
  std::string pattern;  // a glob relative to the working directory; empty: the output only (gtest)

  bool operator==(const ResultFiles&) const = default;
};

// Measurements that a step leaves: CSV whose first line names the columns.
struct MeasureFiles {
  std::string table;
  std::string pattern;

  bool operator==(const MeasureFiles&) const = default;
};

struct JobStep {
  std::string id;  // unique in the job; records and results call the step so
  std::vector<std::string> argv;
  Duration timeout{0};           // 0: only the attempt's
  bool uninterruptible = false;  // a cancel waits for its end
  std::vector<ResultFiles> results;
  std::vector<MeasureFiles> measures;

  bool operator==(const JobStep&) const = default;
};

// A bound for a column of a measurement: a row outside of it fails the job.
struct MeasureLimit {
  std::string table;
  std::string column;
  std::optional<double> min;
  std::optional<double> max;
  std::string unit;  // for people

  bool operator==(const MeasureLimit&) const = default;
};

// Which jobs' workspaces stay on the worker after the attempt.
enum class Keep : uint8_t { never, on_failure, always };

struct JobWork {
  std::variant<CommandSource, TreeSource, GitSource> source;
  std::string cwd;  // absolute, or relative to the tree; empty: a fresh workspace or the tree
  std::map<std::string, std::string> env;  // set in the child's otherwise empty environment
  std::vector<std::string> env_pass;       // names passed on from the worker's environment
  // Run in order in place of what `source` offers, until one fails. A CommandSource has no argv
  // then.
  std::vector<JobStep> steps;
  std::vector<ResultFiles> results;    // of each job that a tree offers, in place of a step's own
  std::vector<JobStep> finally;        // run after all that, however it ended, each of them
  std::vector<std::string> artifacts;  // globs, collected however the job ended
  uint32_t expect_tests = 0;           // fewer results are an error; 0: not said
  std::vector<MeasureLimit> limits;
  Keep keep = Keep::never;
  Duration keep_for{std::chrono::hours(24)};
  bool pty = false;  // stdout and stderr are a terminal

  bool operator==(const JobWork&) const = default;
};

using Work = std::variant<NoopWork, VerifyWork, JobWork, RepairWork>;

}  // namespace muster
