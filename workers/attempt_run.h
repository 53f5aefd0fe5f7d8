// AttemptRun: one attempt being executed near the hardware. The worker's loop drives it: it is
// woken when a descriptor is readable or a deadline has passed, and says what happens through
// `report`. Its last report is its Ending.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/messages.h"
#include "core/report.h"
#include "core/work.h"
#include "workers/attempt_log.h"
#include "workers/git_fetch.h"
#include "workers/report_budget.h"
#include "workers/strays.h"

namespace muster {

// That an earlier supervisor of the attempt died in mid-job.
struct LostRun {
  std::string why;
  Instant started;  // the attempt
};

// What every attempt of a worker shares.
struct RunContext {
  std::string worker;        // its name
  std::string self_exe;      // to run built-in checks as children
  std::string attempts_dir;  // attempts/<guid>/<attempt>/{log,workspace/}
  std::string home;          // of the installation, for muster inside a job; empty: not told
  LogLimits log_limits;      // of each console log
  ReportLimits report_limits;
  bool trace_calls = false;  // calls of a job that go well are reported too
  // A process group of a strategy attempt, for the spool: what is left of it is killed after a
  // crash. Jobs do not need it, for their supervisor is there to end them.
  std::function<void(const AttemptToken&, pid_t)> note_group;
  // Kills what the attempt has left outside of its process groups (workers/strays.h), and says what
  // that was.
  std::function<std::vector<Stray>(const AttemptToken&)> end_strays;
  // Tells what the attempt has left outside of the process group `group` to end (TERM); the result
  // are pidfds of it. Null: it is killed only.
  std::function<std::vector<UniqueFd>(const AttemptToken&, pid_t group)> term_strays = nullptr;
  // Where a file that the attempt leaves (`log`, or what lies in its artifacts/) can be read. Null:
  // on this worker's disk only.
  std::function<std::string(const AttemptToken&, const std::string& name)> archive_url;
  GitFetchConfig git;  // how jobs' sources are fetched
  int cgroup_fd = -1;  // ProcessSpec::cgroup_fd of a job's steps
  // Of the attempt that there is to run, where it is to be brought to its end only: `finally`.
  std::optional<LostRun> lost = std::nullopt;
};

class AttemptRun {
 public:
  using ReportSink = std::function<void(ReportBody)>;

  AttemptRun(const RunContext& context, Assignment assignment, ReportSink report)
      : context_(context), assignment_(std::move(assignment)), report_(std::move(report)) {}
  virtual ~AttemptRun() = default;
  AttemptRun(const AttemptRun&) = delete;
  AttemptRun& operator=(const AttemptRun&) = delete;

  virtual void begin(Instant now) = 0;
  virtual void wake(Instant now) = 0;
  // Ends it: TERM, the task's grace time, KILL; or KILL `at_once`, which may follow the former. The
  // Ending follows when all is over.
  virtual void stop(Instant now, bool at_once) = 0;
  // Who had it stopped, and why: what its log, its test cases and its Ending say of it. `cause`:
  // user, or worker for what nobody asked for. To be said before stop().
  void set_stop_reason(const std::string& reason, Cause cause = Cause::user) {
    if (!reason.empty()) stop_reason_ = reason;
    stop_cause_ = cause;
  }
  virtual std::optional<Instant> next_deadline() const = 0;
  virtual void descriptors(std::vector<int>& fds) const = 0;

  bool over() const { return over_; }
  AttemptToken token() const { return {assignment_.spec->guid, assignment_.attempt}; }

 protected:
  void report(ReportBody body) { report_(std::move(body)); }
  // Before the trailer, when all of its children have ended: nothing of it stays. The log says what
  // had to be killed; the result is what did not die of it.
  std::vector<Stray> end_strays(AttemptLog& log);
  // The last word. Strays are ended before, so that nobody else meets them on the devices.
  void finish(Ending ending) {
    if (!strays_ended_) context_.end_strays(token());
    over_ = true;
    report_(std::move(ending));
  }
  std::string attempt_dir() const;
  // Of `name` in the attempt's folder, where it lies at `path`.
  std::string url_of(const std::string& name, const std::string& path) const;
  const std::string& stop_reason() const { return stop_reason_; }
  // What becomes of what was stopped.
  Ending ending_of_stop(Instant started, Instant now) const;

  const RunContext& context_;
  const Assignment assignment_;

 private:
  ReportSink report_;
  std::string stop_reason_ = "stopped";
  Cause stop_cause_ = Cause::user;
  bool strays_ended_ = false;
  bool over_ = false;
};

// Ends at once with pass. The message is the payload, made text where it is none and cut where it
// is too long for one.
Ending run_noop(const NoopWork& work, Instant now);

// The attempt that `assignment` asks for. What cannot be run at all still is an AttemptRun: it ends
// as error/config when it begins.
std::unique_ptr<AttemptRun> make_attempt_run(const RunContext& context, Assignment assignment,
                                             const Work& work, AttemptRun::ReportSink report);

// The home directory of the worker's own user; "/" when it has none.
std::string home_of_user();

// `[{"name": ..., "role": ..., "profile": {...}}, ...]`: MUSTER_DEVICES.
std::string devices_json(const Assignment& assignment);

// The name for status.log: no slashes, no blanks at its ends, nothing the grammar forbids.
std::string record_name(const std::string& text);

}  // namespace muster
