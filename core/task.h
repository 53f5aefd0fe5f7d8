// The words of a task: what is asked for (TaskSpec), how an attempt ended (Ending) and what a task
// came to (Verdict). DESIGN section 1 and 6 define them; schemas/task.capnp is their wire form.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace muster {

enum class TaskKind : uint8_t {
  verify,  // run the strategy's checks on a device
  repair,  // run the strategy's repair actions on a device
  job,     // run a test job
};

// Where a task is on its way. `ended` is final, unless a person has it retried.
enum class TaskState : uint8_t {
  queued,   // accepted; waits for a worker slot and its devices, or for a retry's back-off
  leased,   // an attempt holds a slot and devices; the worker has not said that it started
  running,  // the worker reported that the attempt started
  ended,    // has a verdict; nothing more will happen to it by itself
};

// How an attempt ended.
enum class Outcome : uint8_t { pass, fail, error, skip };

// Whose doing the outcome is. An infrastructure fault is never reported as a failed test.
enum class Cause : uint8_t {
  none,        // passed; nobody's fault
  test,        // what was tested, or the test itself
  device,      // the device under test
  peripheral,  // a relay, hub or host beside the device
  worker,      // the worker or its machine
  broker,      // the broker
  user,        // cancelled, or asked for by a person
  config,      // a file, a path, a strategy or a flag is wrong
  timeout,     // ran or was silent for longer than it may
  capacity,    // nothing could serve it in time
};

// What a task came to, folded over its attempts (fold_verdict).
enum class Verdict : uint8_t {
  none,   // not ended
  pass,   // the only attempt that counts passed
  fail,   // a test failed
  flaky,  // passed after an attempt in which a test failed
  error,  // never came to a test result
  skip,   // had nothing to do
};

// AVE's status codes. They are also the exit status of the CLI for a task's result.
enum class StatusCode : uint8_t {
  ok = 0,
  error = 1,
  norun = 2,
  blocked = 3,
  busy = 4,
  failures = 5,
  nolist = 6,
  killed = 7,
  nofetch = 8,
  timeout = 9,
};

// How an attempt, or a task without one, ended. A child's own exit code and signal are kept beside
// the status code, never folded into it.
struct Ending {
  Outcome outcome = Outcome::error;
  Cause cause = Cause::none;
  StatusCode status = StatusCode::error;
  std::optional<int32_t> exit_code;  // of the child, when it exited
  std::optional<int32_t> signal;     // that ended the child, when one did
  std::string message;               // one line for people; empty when there is nothing to say
  std::string blame;  // cause peripheral: the name of the device, or what a strategy calls it
  Instant started;    // kNever: never started
  Instant finished;
  bool lost = false;  // its worker died under it: was lost, or came back without it

  bool operator==(const Ending&) const = default;
};

// One device that a task needs. All devices of a task are leased together or not at all.
struct DeviceRequest {
  std::string role;  // the job's word for it ("dut"); may be empty when there is only one
  std::string name;  // a device's name, or empty: any device that the selector matches
  std::string
      selector;      // canonical text of a Selector over profiles (core/selector.h); may be empty
  std::string with;  // role of another request, in a stack with which this one must be; or empty

  bool operator==(const DeviceRequest&) const = default;
};

// Zero means "no limit", except for grace, which is the time between TERM and KILL, and for
// finally.
struct Timeouts {
  Duration queue{0};    // from submission to the first lease
  Duration run{0};      // of one attempt
  Duration silence{0};  // without a byte of output
  Duration grace{std::chrono::seconds(10)};
  Duration finally{std::chrono::minutes(5)};  // of all of a job's `finally` steps
  Duration deadline{0};                       // from submission to the end of the task

  bool operator==(const Timeouts&) const = default;
};

// Whether a job's devices are verified before it runs.
enum class VerifyFirst : uint8_t {
  none,    // they are taken as they are
  fresh,   // unless a good verification is younger than HealthPolicy::fresh
  always,  // for this job, after whatever ran before
};

// What is done to a job's devices before it runs. A device without a strategy is taken as it is.
struct Before {
  VerifyFirst verify = VerifyFirst::none;
  std::string level;                                 // of the verification; empty: every check
  bool repair = false;                               // what fails is repaired
  Duration repair_budget{std::chrono::minutes(30)};  // of all repairs on this job's behalf

  bool operator==(const Before&) const = default;
};

// What a person's job gets unless it says otherwise.
inline Before usual_before() {
  Before before;
  before.verify = VerifyFirst::fresh;
  before.repair = true;
  return before;
}

// How many further attempts a task may have, by cause.
struct Retry {
  uint32_t infra = 2;  // causes device, peripheral, worker, broker, capacity
  uint32_t test = 0;   // outcome fail, and causes test and timeout
  // When so many attempts that had begun were lost with their workers (Ending::lost), the task is
  // buried whatever is left of `infra`: it may be what kills them. 0: never.
  uint32_t crash_limit = 3;

  bool operator==(const Retry&) const = default;
};

// Another task that must have ended before this one may run.
struct Dependency {
  std::string guid;
  // False: however it ended. True: its verdict is pass or flaky; a task whose dependency came to
  // anything else ends as skip.
  bool must_pass = true;

  bool operator==(const Dependency&) const = default;
};

// Adds it, or where the task is named already makes that as strict as both.
void add_dependency(std::vector<Dependency>& dependencies, Dependency added);

// What a task asks for, but for its name and its work: many tasks of one submitter have the same
// terms.
struct TaskTerms {
  TaskKind kind = TaskKind::job;
  std::string name;                    // for people and for status.log; not unique
  std::string parent;                  // GUID of the task on whose behalf this one runs, or empty
  std::string submitter;               // user@host
  std::string pool;                    // empty: any
  std::vector<DeviceRequest> devices;  // empty: needs a worker slot only
  uint32_t priority = 50;              // 0..100, higher first
  Timeouts timeouts;
  Retry retry;
  bool wait_for_capacity = false;  // accept even when no known device could ever serve it
  Before before;                   // of a job
  std::vector<Dependency> depends_on;
  std::string group;  // shared by the tasks of one array or matrix; empty: in none
  // So many tasks of the group that say so hold a slot at once; 0: as many as there is room for.
  uint32_t at_once = 0;
  std::map<std::string, std::string> metadata;  // the submitter's own, told with all that it is

  bool operator==(const TaskTerms&) const = default;
};
using TaskTermsPtr = std::shared_ptr<const TaskTerms>;

// What a submitter asks for. `work` is an encoded Work (core/work.h): the broker checks that it
// decodes and carries it to the worker as it is.
struct TaskSpec : TaskTerms {
  std::string guid;
  std::string work;

  bool operator==(const TaskSpec&) const = default;
};
using TaskSpecPtr = std::shared_ptr<const TaskSpec>;

// (GUID, attempt number) is the fencing token: every message about work carries it.
struct AttemptToken {
  std::string guid;
  uint32_t attempt = 0;  // from 1

  auto operator<=>(const AttemptToken&) const = default;
};

struct TokenHash {
  size_t operator()(const AttemptToken& token) const {
    return std::hash<std::string>{}(token.guid) + token.attempt;
  }
};

std::string_view to_string(TaskKind kind);
std::string_view to_string(TaskState state);
std::string_view to_string(Outcome outcome);
std::string_view to_string(Cause cause);
std::string_view to_string(Verdict verdict);
std::string_view to_string(VerifyFirst verify);
std::string_view to_string(StatusCode status);  // "OK", "FAILURES", ...

std::optional<TaskKind> parse_task_kind(std::string_view text);
std::optional<VerifyFirst> parse_verify_first(std::string_view text);

// True for causes that the retry budget `infra` covers.
bool is_infrastructure(Cause cause);

// The verdict of a task whose attempts ended so, in order. Attempts before the last one that ended
// for an infrastructure cause do not count: they said nothing about the test.
Verdict fold_verdict(const std::vector<const Ending*>& endings);

// Makes an Ending that no child process stands behind.
Ending make_ending(Outcome outcome, Cause cause, StatusCode status, std::string message,
                   Instant started, Instant finished);

}  // namespace muster
