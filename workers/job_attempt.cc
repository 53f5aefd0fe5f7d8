#include "workers/job_attempt.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/duration_text.h"
#include "core/git_url.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/file.h"
#include "workers/attempt_files.h"
#include "workers/job_artifacts.h"

namespace muster {

namespace {

// The word that status.log has for an outcome.
std::string status_word(const Ending& ending) {
  switch (ending.outcome) {
    case Outcome::pass:
      return "GOOD";
    case Outcome::fail:
      return "FAIL";
    case Outcome::skip:
      return "TEST_NA";
    case Outcome::error:
      break;
  }
  const bool aborted = ending.cause == Cause::timeout || ending.cause == Cause::user;
  return aborted ? "ABORT" : "ERROR";
}

bool has_failed(const Ending& ending) {
  return ending.outcome == Outcome::fail || ending.outcome == Outcome::error;
}

// How often what does not die is looked for, and how long what may not be killed is.
constexpr Duration kStraysAgain = std::chrono::seconds(1);
constexpr Duration kStraysPatience = std::chrono::seconds(5);
// What git says of a fetch that the log keeps.
constexpr size_t kFetchSaidMax = 64 << 10;

}  // namespace

JobAttempt::~JobAttempt() {
  fetch_.reset();
  api_.reset();
  child_.reset();
  std::error_code
      ignored;  // a file that cannot be removed is no reason to fail a job that has ended
  if (!workspace_.empty() && !keep_) std::filesystem::remove_all(workspace_, ignored);
}

void JobAttempt::begin(Instant now) {
  started_ = now;
  const std::string dir = attempt_dir();
  workspace_ = dir + "/workspace";
  if (context_.lost) return begin_finally(now);
  std::error_code ignored;
  for (const char* left : {"/workspace", "/artifacts", "/keep_until"}) {
    std::filesystem::remove_all(dir + left, ignored);  // of an attempt that was interrupted
  }
  Result<Done> ready = make_dirs(workspace_);
  if (ready.ok()) ready = log_.open(dir + "/log", context_.log_limits);
  if (!ready.ok()) return refuse(Cause::worker, StatusCode::error, ready.error(), now);
  if (const auto* git = std::get_if<GitSource>(&work_.source)) return fetch_source(*git, now);
  const auto* tree = std::get_if<TreeSource>(&work_.source);
  source_ready(tree == nullptr ? workspace_ : tree->dir, {}, now);
}

// Of a run that was lost: what it left is where it was, and none of it goes on.
void JobAttempt::begin_finally(Instant now) {
  started_ = context_.lost->started;
  std::string base = workspace_;
  if (std::holds_alternative<GitSource>(work_.source)) base += "/source";
  if (const auto* tree = std::get_if<TreeSource>(&work_.source)) base = tree->dir;
  const Result<Done> ready = log_.reopen(attempt_dir() + "/log", context_.log_limits);
  if (!ready.ok() || !std::filesystem::is_directory(base)) return finish(judge(now));
  plan_ = make_job_plan(*assignment_.spec, work_, base);
  log_.note(context_.lost->why + "; what it is to do finally is done now");
  if (plan_.finally.empty()) log_.note("it cannot be: " + plan_.problem);
  listen(now);
  make_environment();
  phase_ = Phase::finally;
  finally_until_ = now + assignment_.spec->timeouts.finally;
  advance(now);
}

void JobAttempt::fetch_source(const GitSource& source, Instant now) {
  const std::string shown = shown_git_url(source.url);
  report(AttemptStarted{url_of("log", log_.path()), {"git", "fetch", shown, source.ref}});
  GitFetchConfig config = context_.git;
  const Duration run = assignment_.spec->timeouts.run;
  if (run > Duration{0}) config.timeout = std::min(config.timeout, run);
  fetch_ = std::make_unique<GitFetch>(
      std::move(config), source, workspace_ + "/source",
      [this](std::string_view bytes) {
        fetch_said_ += bytes.substr(0, kFetchSaidMax - std::min(kFetchSaidMax, fetch_said_.size()));
      },
      now);
  take_fetched(now);
}

void JobAttempt::take_fetched(Instant now) {
  if (!fetch_->ended()) return;
  const std::unique_ptr<GitFetch> fetch = std::move(fetch_);
  const auto& source = std::get<GitSource>(work_.source);
  const std::string shown = shown_git_url(source.url);
  if (!fetch->problem().empty()) {
    if (stopping_) {
      const Ending stopped = ending_of_stop(started_, now);
      return refuse(stopped.cause, stopped.status, stopped.message, now);
    }
    const Cause cause = fetch->timed_out()    ? Cause::timeout
                        : fetch->is_request() ? Cause::config
                                              : Cause::worker;
    return refuse(cause, StatusCode::nofetch, fetch->problem(), now);
  }
  report(SourceFetched{shown, source.shown_ref(), fetch->sha()});
  source_ready(workspace_ + "/source", LogJob{shown, source.shown_ref(), fetch->sha(), {}}, now);
}

// What is to be run is there, below `base`.
void JobAttempt::source_ready(const std::string& base, LogJob source, Instant now) {
  plan_ = make_job_plan(*assignment_.spec, work_, base);
  if (!plan_.problem.empty()) return refuse(Cause::config, plan_.status, plan_.problem, now);
  listen(now);
  make_environment();
  std::vector<std::string> env_names;
  for (const auto& [name, value] : env_) env_names.push_back(name);
  source.steps = plan_.described();
  const std::vector<std::string>& argv = plan_.steps[0].argv;
  log_.header(assignment_, context_.worker, argv, env_names, now, source);
  has_header_ = true;
  if (!log_.fault().empty()) return refuse(Cause::worker, StatusCode::error, log_.fault(), now);
  log_.write(fetch_said_);
  if (!api_) log_.note("the job cannot report: " + api_fault_);
  if (source.sha.empty()) report(AttemptStarted{url_of("log", log_.path()), argv});
  advance(now);
}

// A job that cannot report still runs: most never do.
void JobAttempt::listen(Instant now) {
  const std::string dir = attempt_dir();
  Result<std::unique_ptr<JobApi>> api = JobApi::listen(
      {dir + "/api.sock", {plan_.cwd, workspace_}, dir + "/artifacts"}, {},
      [this](ReportBody body) { return tell(std::move(body)); },
      [this](const std::string& name) { return artifact_url(name); }, now);
  if (!api.ok()) {
    api_fault_ = api.error();
    return;
  }
  api_ = std::move(*api);
  api_->trace_calls(context_.trace_calls);
  api_->on_drop([this](const JobRequest& request) { tests_.drop(request); });
}

void JobAttempt::make_environment() {
  env_ = base_environment(workspace_);
  // So that a job finds `muster` wherever that was put.
  if (const Result<std::string> dir = own_program_dir(); dir.ok()) env_["PATH"] += ":" + *dir;
  for (const std::string& name : work_.env_pass) {
    if (const char* value = std::getenv(name.c_str())) env_[name] = value;
  }
  for (const auto& [name, value] : work_.env) env_[name] = value;
  const std::string devices = devices_json(assignment_);
  env_["MUSTER_GUID"] = env_["VCSJOB_GUID"] = assignment_.spec->guid;
  env_["MUSTER_ATTEMPT"] = std::to_string(assignment_.attempt);
  env_["MUSTER_DEVICES"] = env_["VCSJOB_PROFILES"] = devices;
  env_["MUSTER_LOG_PATH"] = env_["VCSJOB_LOG_PATH"] = log_.path();
  if (api_) env_["MUSTER_SOCKET"] = api_->path();
  if (context_.trace_calls) env_["MUSTER_TRACE_CALLS"] = "1";
  if (!context_.home.empty()) env_["MUSTER_HOME"] = context_.home;
}

// Ends before anything ran.
void JobAttempt::refuse(Cause cause, StatusCode status, const std::string& reason, Instant now) {
  const std::string name = record_name(assignment_.spec->name);
  if (!std::holds_alternative<GitSource>(work_.source) || log_.path().empty()) {
    report(AttemptStarted{log_.path().empty() ? "" : url_of("log", log_.path()), {}});
  }
  if (!has_header_) log_.header(assignment_, context_.worker, {}, {}, now);
  log_.write(fetch_said_);
  report(Record{"START", name, name, {}, ""});
  report(Record{"END ERROR", name, name, {}, reason});
  const Ending ending = make_ending(Outcome::error, cause, status, reason, started_, now);
  log_.trailer(ending);
  finish(ending);
}

// Starts what is next; what cannot be started has ended, and then the one after it.
void JobAttempt::advance(Instant now) {
  while (!child_) {
    step_ = next_step(now);
    if (step_ == nullptr) return begin_conclusion(now);
    ++next_;
    start(*step_, now);
  }
}

const PlannedStep* JobAttempt::next_step(Instant now) {
  if (phase_ == Phase::steps) {
    if (next_ < plan_.steps.size() && !steps_are_over()) return &plan_.steps[next_];
    phase_ = Phase::finally;
    next_ = 0;
    finally_until_ = now + assignment_.spec->timeouts.finally;
  }
  return at_once_ || next_ == plan_.finally.size() ? nullptr : &plan_.finally[next_];
}

bool JobAttempt::steps_are_over() const {
  if (stopping_ || left_behind_ || !log_.fault().empty()) return true;
  if (endings_.empty()) return false;
  const Ending& last = endings_.back();
  return last.cause == Cause::timeout || (plan_.until_one_fails && has_failed(last));
}

ChildLimits JobAttempt::limits_of(const PlannedStep& step, Instant now) const {
  const Timeouts& timeouts = assignment_.spec->timeouts;
  ChildLimits limits;
  limits.silence = timeouts.silence;
  limits.grace = timeouts.grace;
  const auto limit = [&](Duration left) {
    left = std::max(left, Duration{1});
    limits.run = limits.run == Duration{0} ? left : std::min(limits.run, left);
  };
  if (step.timeout > Duration{0}) limit(step.timeout);
  if (phase_ == Phase::finally) {
    limit(finally_until_ - now);
  } else if (timeouts.run > Duration{0}) {
    limit(timeouts.run - (now - started_));
  }
  return limits;
}

void JobAttempt::start(const PlannedStep& step, Instant now) {
  step_started_ = now;
  tests_.begin_step();
  report(Record{"START", step.name, step.name, {}, ""});
  ChildEnd end;
  end.not_started = step.broken;
  if (phase_ == Phase::finally && now >= finally_until_) {
    end.not_started = "the time for finally steps (" +
                      format_duration(assignment_.spec->timeouts.finally) + ") was used up";
  }
  if (plan_.until_one_fails || phase_ == Phase::finally) log_.note("step " + step.name);
  if (!end.not_started.empty()) return end_step(std::move(end), now);
  ProcessSpec spec;
  spec.argv = step.argv;
  spec.env = env_;
  // As AVE has it: what the job's own entry asks for.
  if (step.is_tree_job) spec.env["VCSJOB_PROFILES"] = step.profiles.empty() ? "[]" : step.profiles;
  spec.cwd = plan_.cwd;
  spec.pty = work_.pty;
  spec.cgroup_fd = context_.cgroup_fd;
  if (!step.declared.results.empty() || !step.declared.measures.empty()) {
    results_ = std::make_unique<StepResults>(
        step.declared, plan_.cwd, now, [this](ReportBody body) { tell(std::move(body)); },
        [this](CaseResult fault) { tell_fault(std::move(fault)); });
  }
  child_ = std::make_unique<ChildRun>(
      spec, limits_of(step, now), [this](std::string_view bytes) { take_output(bytes); }, now);
  child_->on_term([this](pid_t group) { term_strays(group); });
  if (!child_->ended()) return;
  results_.reset();  // it never ran
  end = child_->end();
  child_.reset();
  end_step(std::move(end), now);
}

void JobAttempt::take_output(std::string_view bytes) {
  log_.write(bytes);
  if (results_) results_->output(bytes, now_);
}

void JobAttempt::wake(Instant now) {
  if (fetch_) {
    fetch_->wake(now);
    return take_fetched(now);
  }
  if (over()) return;
  now_ = now;
  if (api_) api_->wake(now);
  if (strays_have_grace_) return begin_conclusion(now);
  if (strays_until_ != kNever) {
    if (now >= strays_again_) begin_conclusion(now);
    return;
  }
  if (concluding_) {
    if (!api_ || api_->over()) conclude(now);
    return;
  }
  if (child_) return wake_child(now);
  if (step_ != nullptr) wake_results(now);
}

void JobAttempt::wake_child(Instant now) {
  child_->wake(now);
  // What nobody will be able to look into need not go on.
  if (!log_.fault().empty() && !log_lost_) {
    log_lost_ = true;
    child_->stop(now);
  }
  if (!child_->ended()) return;
  ChildEnd end = child_->end();
  usage_.user += child_->exit().user;
  usage_.system += child_->exit().system;
  usage_.rss_max_bytes = std::max(usage_.rss_max_bytes, child_->exit().rss_max_bytes);
  child_.reset();
  child_end_ = std::move(end);
  if (results_) results_->end(child_end_, now);
  if (api_) api_->settle(now);
  wake_results(now);
}

// What the step left is read a piece at a time, and what it sent: only then it is judged.
void JobAttempt::wake_results(Instant now) {
  if (results_) results_->wake();
  if (results_ && results_->over()) results_.reset();
  if (results_ || (api_ && !api_->settled() && !at_once_)) return;
  end_step(std::move(child_end_), now);
  advance(now);
}

Ending JobAttempt::judge_step(const PlannedStep& step, ChildEnd end, Instant now) const {
  const Timeouts& timeouts = assignment_.spec->timeouts;
  if (end.run_timeout) {
    // Of the limits that held, the one that was reached: the others had more left.
    const bool own = step.timeout > Duration{0} && now - step_started_ >= step.timeout;
    end.limit = own ? step.timeout : phase_ == Phase::finally ? timeouts.finally : timeouts.run;
  }
  Ending ending = step.is_tree_job ? ending_of_tree_job(end, step_started_, now)
                                   : ending_of_command(end, step_started_, now);
  const bool stopped = at_once_ || (stopping_ && phase_ == Phase::steps && !deferred_);
  if (stopped && end.not_killed.empty()) {
    ending = ending_of_stop(step_started_, now);
    ending.exit_code = end.exit_code;
    ending.signal = end.signal;
  } else if (!log_.fault().empty()) {
    ending = ending_of_lost_log(log_.fault(), step_started_, now);
  }
  return ending;
}

void JobAttempt::report_step(const PlannedStep& step, const Ending& ending, Instant now) {
  const Ending judged = tests_.judge_step(ending);
  const std::string word = status_word(judged);
  const bool passed = judged.outcome == Outcome::pass;
  words_.insert(word);
  report(
      Record{word, step.name, step.name, {}, passed ? "completed successfully" : judged.message});
  report(Record{"END " + word, step.name, step.name, {}, ""});
  if (phase_ == Phase::finally) return;  // it tests nothing
  // Nor does one that told its tests, where these say what became of it.
  if (!tests_.is_own_case(ending)) return;
  tests_.count_own_case();
  report(CaseResult{record_name(assignment_.spec->name), step.name, ending.outcome,
                    now - step_started_, ending.message});
}

void JobAttempt::end_step(ChildEnd end, Instant now) {
  left_behind_ = left_behind_ || !end.not_killed.empty();
  if (!end.not_started.empty()) {
    log_.note("it was not run: " + end.not_started);
    if (phase_ == Phase::finally) finally_not_run_.push_back(step_->name + ": " + end.not_started);
  }
  Ending ending = judge_step(*step_, std::move(end), now);
  report_step(*step_, ending, now);
  (phase_ == Phase::finally ? finally_endings_ : endings_).push_back(std::move(ending));
  step_ = nullptr;
}

std::string JobAttempt::tell(ReportBody body) {
  std::string left_out = tests_.take(body);
  if (left_out.empty()) report(std::move(body));
  return left_out;
}

void JobAttempt::tell_fault(CaseResult fault) {
  log_.note(fault.message);
  if (tests_.take_fault(fault)) report(std::move(fault));
}

std::string JobAttempt::artifact_url(const std::string& name) const {
  return url_of(archived_as(name), attempt_dir() + "/artifacts/" + name);
}

void JobAttempt::collect() {
  const std::string into = attempt_dir() + "/artifacts";
  const Collected collected = collect_artifacts(
      {plan_.cwd, work_.artifacts, into, workspace_, kPushedBytesMax, context_.log_limits.disk});
  for (const std::string& problem : collected.problems) {
    log_.note(problem);
    report(Record{"WARN", "", "artifacts", {}, problem});
  }
  not_collected_ = describe_problems(collected);
  for (const CollectedFile& file : collected.files) {
    report(Artifact{file.name, artifact_url(file.name), file.bytes, file.sha256});
  }
}

void JobAttempt::tell_left_out() {
  const std::string left_out = tests_.left_out();
  if (left_out.empty()) return;
  log_.note(left_out);
  report(Record{"WARN", "", "results", {}, left_out});
}

// Where no step came to that, status.log has it as a group of its own.
void JobAttempt::tell_verdict(const Ending& ending) {
  const std::string word = status_word(ending);
  if (ending.outcome == Outcome::pass || words_.contains(word)) return;
  report(Record{"START", "verdict", "verdict", {}, ""});
  report(Record{word, "verdict", "verdict", {}, ending.message});
  report(Record{"END " + word, "verdict", "verdict", {}, ""});
}

// What the whole came to.
Ending JobAttempt::judge(Instant now) const {
  Ending ending = endings_.empty() ? Ending{} : worst_ending(endings_);
  if (context_.lost) {
    ending = make_ending(Outcome::error, Cause::worker, StatusCode::error, context_.lost->why,
                         started_, now);
    ending.lost = true;
  }
  const auto named = [](const std::vector<PlannedStep>& steps, const std::vector<Ending>& endings,
                        StatusCode status) {
    const auto worst = std::find_if(endings.begin(), endings.end(),
                                    [&](const Ending& part) { return part.status == status; });
    return steps[static_cast<size_t>(worst - endings.begin())].name + ": ";
  };
  if (plan_.steps.size() > 1 && ending.outcome != Outcome::pass && !context_.lost) {
    ending.message = named(plan_.steps, endings_, ending.status) + ending.message;
  }
  if (stopping_) {
    ending = ending_of_stop(started_, now);
    if (!endings_.empty()) {
      ending.exit_code = endings_.back().exit_code;
      ending.signal = endings_.back().signal;
    }
  } else if (ending.outcome == Outcome::pass && !finally_endings_.empty()) {
    Ending last = worst_ending(finally_endings_);
    if (has_failed(last)) {
      last.message =
          "finally: " + named(plan_.finally, finally_endings_, last.status) + last.message;
      ending = std::move(last);
    }
  }
  if (const size_t left = plan_.steps.size() - endings_.size(); left > 0 && !context_.lost) {
    ending.message += " (" + std::to_string(left) + " of " + std::to_string(plan_.steps.size()) +
                      (plan_.until_one_fails ? " steps" : " jobs") + " were not run)";
  }
  ending = tests_.judge(std::move(ending));
  if (!not_killed_.empty()) {
    ending.outcome = Outcome::error;
    ending.cause = Cause::worker;
    ending.status = StatusCode::error;
    ending.message = not_killed_;
  }
  const auto append = [&](const std::string& text) {
    ending.message =
        cut_text(ending.message + (ending.message.empty() ? "" : "; ") + text, kMessageLengthMax);
  };
  for (const std::string& step : finally_not_run_) {
    if (ending.message.find(step) == std::string::npos) append("finally was not run: " + step);
  }
  if (!not_collected_.empty()) append(not_collected_);
  ending.started = started_;
  ending.finished = now;
  return ending;
}

// Whether nothing of the job is left. What the kernel holds up is waited for: it may still touch
// the devices. What may not be killed now will not be later.
bool JobAttempt::end_all_strays(Instant now) {
  const std::vector<Stray> left = end_strays(log_);
  if (left.empty()) return true;
  if (strays_until_ == kNever) strays_until_ = now + kStraysPatience;
  strays_again_ = now + kStraysAgain;
  const bool is_hopeless = std::all_of(
      left.begin(), left.end(), [](const Stray& stray) { return stray.fate == Fate::untouched; });
  if (!is_hopeless || now < strays_until_) return false;
  not_killed_ = "could not be killed (not permitted): " + describe(left) +
                "; end it by hand, and let nothing that is run as somebody else outlive its parent";
  log_.note(not_killed_);
  return true;
}

// What has left the step's process group is told to end when that is, and has as long for it.
void JobAttempt::term_strays(pid_t group) {
  if (!context_.term_strays) return;
  termed_ = context_.term_strays(token(), group);
  strays_grace_until_ = now_ + assignment_.spec->timeouts.grace;
}

// Whether all that was told to end has, or had its time.
bool JobAttempt::grace_is_over(Instant now) {
  std::erase_if(termed_, [](const UniqueFd& process) {
    pollfd death{process.get(), POLLIN, 0};
    return ::poll(&death, 1, 0) == 1;
  });
  if (at_once_ || now >= strays_grace_until_) termed_.clear();
  return termed_.empty();
}

// What it has sent before it ended is still taken.
void JobAttempt::begin_conclusion(Instant now) {
  strays_have_grace_ = !grace_is_over(now);
  if (strays_have_grace_ || !end_all_strays(now)) return;
  strays_until_ = kNever;
  if (!api_) return conclude(now);
  api_->finish(now);
  concluding_ = true;
  if (api_->over()) conclude(now);
}

void JobAttempt::conclude(Instant now) {
  api_.reset();
  tell_left_out();
  collect();
  const Ending ending = judge(now);
  tell_verdict(ending);
  keep_workspace(ending, now);
  log_.trailer(ending, usage_);
  finish(ending);
}

void JobAttempt::keep_workspace(const Ending& ending, Instant now) {
  keep_ = work_.keep == Keep::always ||
          (work_.keep == Keep::on_failure && ending.outcome != Outcome::pass);
  if (!keep_) return;
  const std::string until = format_rfc3339(now + work_.keep_for);
  const std::string path = attempt_dir() + "/" + kKeepUntilFile;
  // What nobody would ever remove is not kept.
  const Result<Done> written = write_file_atomically(path, until + "\n");
  keep_ = written.ok();
  log_.note(keep_ ? "the workspace is kept until " + until + ": " + workspace_
                  : "the workspace is not kept: " + written.error());
}

void JobAttempt::stop(Instant now, bool at_once) {
  if (over()) return;
  now_ = now;
  const bool first = !stopping_;
  stopping_ = true;
  at_once_ = at_once_ || at_once;
  if (fetch_) {
    fetch_->stop(now);
    return take_fetched(now);
  }
  if (concluding_ && at_once) return conclude(now);
  if (strays_have_grace_ && at_once) return begin_conclusion(now);
  if (!child_ && step_ != nullptr && at_once) return wake_results(now);
  if (!child_) return;  // that includes the wait for what is dying: it was killed
  if (at_once) return child_->stop(now, Duration{0});
  if (phase_ == Phase::finally) return;  // it is what a stop comes to
  if (!step_->uninterruptible) return child_->stop(now);
  if (!first) return;
  deferred_ = true;
  const std::string text = "stopping waits for the end of step " + step_->name;
  log_.note(text);
  report(Record{"INFO", step_->name, step_->name, {}, text + ": " + stop_reason()});
  report(Progress{0, text});
}

std::optional<Instant> JobAttempt::next_deadline() const {
  if (fetch_) return fetch_->next_deadline();
  std::optional<Instant> next = child_ ? child_->next_deadline() : std::nullopt;
  if (strays_have_grace_) next = strays_grace_until_;
  if (strays_until_ != kNever) next = strays_again_;
  if (results_ && !child_) next = now_;  // there is more to be read
  const std::optional<Instant> api = api_ ? api_->next_deadline() : std::nullopt;
  return api && (!next || *api < *next) ? api : next;
}

void JobAttempt::descriptors(std::vector<int>& fds) const {
  if (fetch_) return fetch_->descriptors(fds);
  if (api_) api_->descriptors(fds);
  if (strays_have_grace_) {
    for (const UniqueFd& process : termed_) fds.push_back(process.get());
  }
  if (!child_) return;
  if (child_->output_fd() >= 0) fds.push_back(child_->output_fd());
  if (child_->exit_fd() >= 0) fds.push_back(child_->exit_fd());
}

}  // namespace muster
