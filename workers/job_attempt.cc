#include "workers/job_attempt.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/guid.h"
#include "io/file.h"
#include "io/vcsjob.h"

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

}  // namespace

JobAttempt::~JobAttempt() {
  child_.reset();
  std::error_code
      ignored;  // a file that cannot be removed is no reason to fail a job that has ended
  if (!workspace_.empty()) std::filesystem::remove_all(workspace_, ignored);
}

void JobAttempt::begin(Instant now) {
  started_ = now;
  const std::string dir = attempt_dir();
  workspace_ = dir + "/workspace";
  std::error_code ignored;
  std::filesystem::remove_all(workspace_, ignored);  // of an attempt that was interrupted
  Result<Done> ready = make_dirs(workspace_);
  if (ready.ok()) ready = log_.open(dir + "/log", context_.log_limits);
  if (!ready.ok()) return refuse(Cause::worker, StatusCode::error, ready.error(), now);
  if (!make_steps(now)) return;
  make_environment(workspace_);
  std::vector<std::string> env_names;
  for (const auto& [name, value] : env_) env_names.push_back(name);
  log_.header(assignment_, context_.worker, steps_[0].argv, env_names, now);
  if (!log_.fault().empty()) return refuse(Cause::worker, StatusCode::error, log_.fault(), now);
  report(AttemptStarted{log_address(log_), steps_[0].argv});
  start_step(now);
}

// What there is to run, and where. False: the attempt was refused.
bool JobAttempt::make_steps(Instant now) {
  if (const auto* command = std::get_if<CommandSource>(&work_.source)) {
    const std::string& name = assignment_.spec->name;
    steps_.push_back(Step{record_name(name.empty() ? command->argv[0] : name), command->argv, ""});
    cwd_ = work_.cwd.empty() ? workspace_ : work_.cwd;
    return true;
  }
  const auto& tree = std::get<TreeSource>(work_.source);
  tree_ = true;
  cwd_ = work_.cwd.empty() ? tree.dir : work_.cwd;
  const VcsJobFile file = load_vcsjob(tree.dir);
  VcsJobChoice choice = choose_vcsjobs(file, tree);
  if (choice.status != StatusCode::ok) {
    refuse(Cause::config, choice.status, choice.message, now);
    return false;
  }
  for (VcsJob& job : choice.jobs) {
    steps_.push_back(
        Step{record_name(job.path), {tree.dir + "/" + job.path}, std::move(job.broken)});
  }
  return true;
}

void JobAttempt::make_environment(const std::string& workspace) {
  env_ = base_environment(workspace);
  for (const std::string& name : work_.env_pass) {
    if (const char* value = std::getenv(name.c_str())) env_[name] = value;
  }
  for (const auto& [name, value] : work_.env) env_[name] = value;
  const std::string devices = devices_json(assignment_);
  env_["MUSTER_GUID"] = env_["VCSJOB_GUID"] = assignment_.spec->guid;
  env_["MUSTER_ATTEMPT"] = std::to_string(assignment_.attempt);
  env_["MUSTER_DEVICES"] = env_["VCSJOB_PROFILES"] = devices;
  env_["MUSTER_LOG_PATH"] = env_["VCSJOB_LOG_PATH"] = log_.path();
}

// Ends before anything ran.
void JobAttempt::refuse(Cause cause, StatusCode status, const std::string& reason, Instant now) {
  const std::string name = record_name(assignment_.spec->name);
  report(AttemptStarted{log_.path().empty() ? "" : log_address(log_), {}});
  report(Record{"START", name, name, {}, ""});
  report(Record{"END ERROR", name, name, {}, reason});
  const Ending ending = make_ending(Outcome::error, cause, status, reason, started_, now);
  log_.trailer(ending);
  finish(ending);
}

void JobAttempt::start_step(Instant now) {
  const Step& step = steps_[step_];
  step_started_ = now;
  report(Record{"START", step.name, step.name, {}, ""});
  if (!step.broken.empty()) {
    ChildEnd end;
    end.not_started = step.broken;
    return end_step(std::move(end), now);
  }
  ProcessSpec spec;
  spec.argv = step.argv;
  spec.env = env_;
  spec.cwd = cwd_;
  const Timeouts& timeouts = assignment_.spec->timeouts;
  ChildLimits limits;
  limits.silence = timeouts.silence;
  limits.grace = timeouts.grace;
  if (timeouts.run > Duration{0})
    limits.run = std::max(timeouts.run - (now - started_), Duration{1});
  child_ = std::make_unique<ChildRun>(
      spec, limits, [this](std::string_view bytes) { log_.write(bytes); }, now);
  if (child_->pid() > 0) context_.note_group(token(), child_->pid());
  end_when_over(now);
}

void JobAttempt::wake(Instant now) {
  if (over() || !child_) return;
  child_->wake(now);
  // What nobody will be able to look into need not go on.
  if (!log_.fault().empty() && !log_lost_) {
    log_lost_ = true;
    child_->stop(now);
  }
  end_when_over(now);
}

void JobAttempt::end_when_over(Instant now) {
  if (!child_->ended()) return;
  ChildEnd end = child_->end();
  child_.reset();
  end_step(std::move(end), now);
}

void JobAttempt::end_step(ChildEnd end, Instant now) {
  const Step& step = steps_[step_];
  if (end.run_timeout) end.limit = assignment_.spec->timeouts.run;  // it is the whole attempt's
  Ending ending = tree_ ? ending_of_tree_job(end, step_started_, now)
                        : ending_of_command(end, step_started_, now);
  const bool left_behind = !end.not_killed.empty();
  if (stopping_ && !left_behind) {
    ending = make_ending(Outcome::error, Cause::user, StatusCode::killed, stop_reason(),
                         step_started_, now);
    ending.exit_code = end.exit_code;
    ending.signal = end.signal;
  } else if (!log_.fault().empty()) {
    ending = ending_of_lost_log(log_.fault(), step_started_, now);
  }
  const std::string word = status_word(ending);
  report(Record{word,
                step.name,
                step.name,
                {},
                ending.outcome == Outcome::pass ? "completed successfully" : ending.message});
  report(Record{"END " + word, step.name, step.name, {}, ""});
  report(CaseResult{record_name(assignment_.spec->name), step.name, ending.outcome,
                    now - step_started_, ending.message});
  endings_.push_back(std::move(ending));
  ++step_;
  const bool out_of_time = endings_.back().cause == Cause::timeout;
  const bool lost = !log_.fault().empty();
  if (stopping_ || out_of_time || lost || left_behind || step_ == steps_.size()) {
    return conclude(now);
  }
  start_step(now);
}

void JobAttempt::conclude(Instant now) {
  Ending ending = worst_ending(endings_);
  if (steps_.size() > 1 && ending.outcome != Outcome::pass) {
    const auto worst = std::find_if(endings_.begin(), endings_.end(), [&](const Ending& part) {
      return part.status == ending.status;
    });
    ending.message =
        steps_[static_cast<size_t>(worst - endings_.begin())].name + ": " + ending.message;
  }
  if (step_ < steps_.size()) {
    ending.message += " (" + std::to_string(steps_.size() - step_) + " of " +
                      std::to_string(steps_.size()) + " jobs were not run)";
  }
  ending.finished = now;
  end_strays(log_);
  log_.trailer(ending);
  finish(ending);
}

void JobAttempt::stop(Instant now, bool at_once) {
  if (over()) return;
  stopping_ = true;
  if (child_) child_->stop(now, at_once ? Duration{0} : assignment_.spec->timeouts.grace);
}

std::optional<Instant> JobAttempt::next_deadline() const {
  return child_ ? child_->next_deadline() : std::nullopt;
}

void JobAttempt::descriptors(std::vector<int>& fds) const {
  if (!child_) return;
  if (child_->output_fd() >= 0) fds.push_back(child_->output_fd());
  if (child_->exit_fd() >= 0) fds.push_back(child_->exit_fd());
}

}  // namespace muster
