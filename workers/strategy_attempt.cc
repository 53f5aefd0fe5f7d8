#include "workers/strategy_attempt.h"

#include <algorithm>
#include <utility>

#include "core/duration_text.h"
#include "core/selector.h"
#include "io/codec.h"
#include "io/file.h"

namespace muster {

namespace {

// Checks of one device at the same time: enough that waiting costs nothing, few enough not to storm
// it.
constexpr uint32_t kParallelChecks = 16;
// Of these, so many by ssh: they share one connection, and sshd allows 10 sessions on one
// (MaxSessions), of which one may still be closing.
constexpr std::ptrdiff_t kParallelSshChecks = 8;
// Of a step's output, kept for its diagnostic line.
constexpr size_t kOutputKept = 64 << 10;
// A check has nothing to tidy up.
constexpr Duration kCheckGraceMax = std::chrono::seconds(2);

Record record(std::string status, std::string operation, std::string message = "") {
  return Record{std::move(status), "", std::move(operation), {}, std::move(message)};
}

}  // namespace

std::string StrategyAttempt::device_name() const {
  return assignment_.devices.empty() ? context_.worker : assignment_.devices[0].name;
}

void StrategyAttempt::begin(Instant now) {
  started_ = now;
  const Duration run_limit = assignment_.spec->timeouts.run;
  if (run_limit > Duration{0}) run_until_ = now + run_limit;
  const std::string dir = attempt_dir();
  Result<Done> ready = make_dirs(dir);
  if (ready.ok()) ready = log_.open(dir + "/log", context_.log_limits);
  if (ready.ok()) log_.header(assignment_, context_.worker, {}, {}, now);
  if (!log_.fault().empty()) ready = Error{log_.fault()};
  report(AttemptStarted{ready.ok() ? url_of("log", log_.path()) : "", {}});
  report(record("START", operation()));
  if (!ready.ok()) return fail_at_once(Cause::worker, ready.error(), now);
  if (const std::optional<std::string> reason = load_strategy()) {
    return fail_at_once(Cause::config, *reason, now);
  }
  check_context_.self = context_.self_exe;
  check_context_.env = base_environment(home_of_user());
  check_context_.cwd = dir;
  check_context_.env["MUSTER_GUID"] = assignment_.spec->guid;
  check_context_.env["MUSTER_ATTEMPT"] = std::to_string(assignment_.attempt);
  check_context_.env["MUSTER_DEVICES"] = devices_json(assignment_);
  check_context_.devices = assignment_.devices;
  check_context_.guid = assignment_.spec->guid;
  StrategyRunOptions options;
  options.kind = kind_;
  options.level = level_;
  if (!assignment_.devices.empty()) options.profile = match_profile(assignment_.devices[0]);
  options.parallel_max = kParallelChecks;
  options.used = assignment_.used;
  run_.emplace(strategy_, std::move(options), now);
  report(record("INFO", "",
                "Beginning " + operation() + " for device " + device_name() + " strategy " +
                    strategy_.name + (level_.empty() ? "" : " level " + level_)));
  advance(now);
}

// Why the device cannot be verified at all, or nothing.
std::optional<std::string> StrategyAttempt::load_strategy() {
  if (assignment_.strategy.empty()) {
    return "device " + device_name() + " has no strategy in the inventory";
  }
  Result<Strategy> strategy = decode_strategy(assignment_.strategy);
  if (!strategy.ok()) return "the strategy: " + strategy.error();
  strategy_ = std::move(*strategy);
  return std::nullopt;
}

void StrategyAttempt::fail_at_once(Cause cause, const std::string& reason, Instant now) {
  report(record("END ERROR", operation(), reason));
  const Ending ending =
      make_ending(Outcome::error, cause, StatusCode::error, reason, started_, now);
  log_.trailer(ending);
  finish(ending);
}

// Starts what is to run next. A step that ends at once may make others ready.
void StrategyAttempt::advance(Instant now) {
  while (!at_once_) {
    const std::vector<EngineStep> steps = run_->next(now);
    for (const EngineStep& step : steps) start_step(step, now);
    if (steps.empty() && !start_waiting(now)) break;
  }
  pass_on();
  if (running_.empty() && (at_once_ || run_->done())) conclude(now);
}

// What the step runs when it is an action or a closing action; null for checks and waits.
const ActionRun* StrategyAttempt::action_of(const EngineStep& step) const {
  if (step.kind == StepKind::action) return &strategy_.actions[step.index].run;
  if (step.kind == StepKind::closing) return &strategy_.closing[step.index].run;
  return nullptr;
}

// For the console log.
std::string StrategyAttempt::describe(const EngineStep& step) const {
  switch (step.kind) {
    case StepKind::check: {
      const Verifier& verifier = strategy_.verifiers[step.index];
      return "check " + verifier.tag + " (" + std::string(check_kind(verifier.check)) + ")";
    }
    case StepKind::wait:
      return "wait of " + format_duration(step.duration);
    case StepKind::action:
      return "action " + strategy_.actions[step.index].tag + " (" +
             std::string(action_kind(*action_of(step))) + ")";
    case StepKind::closing:
      break;
  }
  return "closing action " + strategy_.closing[step.index].tag + " (" +
         std::string(action_kind(*action_of(step))) + ")";
}

void StrategyAttempt::start_step(const EngineStep& step, Instant now) {
  if (step.kind == StepKind::wait) return start_wait(step, step.duration, now);
  const ActionRun* action = action_of(step);
  const auto fail = [&](const std::string& why) { finish_step(step, {false, why}, "", now, now); };
  if (action == nullptr) {
    const CheckSpec& check = strategy_.verifiers[step.index].check;
    if (is_ssh_check(step) && !has_room_for_ssh()) return ssh_waiting_.push_back(step);
    if (std::holds_alternative<NoopCheck>(check))
      return finish_step(step, {true, ""}, "", now, now);
    if (std::holds_alternative<SshCheck>(check)) check_context_.ssh_control = ssh_control_.path();
    const Result<ProcessSpec> spec = process_for_check(check, check_context_);
    return spec.ok() ? start_child(step, *spec, now) : fail(spec.error());
  }
  if (std::holds_alternative<NoopCheck>(*action)) {
    return finish_step(step, {true, ""}, "", now, now);
  }
  if (const auto* wait = std::get_if<WaitAction>(action)) {
    return start_wait(step, wait->duration, now);
  }
  const Result<ProcessSpec> spec = process_for_action(*action, check_context_);
  return spec.ok() ? start_child(step, *spec, now) : fail(spec.error());
}

bool StrategyAttempt::is_ssh_check(const EngineStep& step) const {
  return step.kind == StepKind::check &&
         std::holds_alternative<SshCheck>(strategy_.verifiers[step.index].check);
}

bool StrategyAttempt::has_room_for_ssh() const {
  const auto is_ssh = [this](const Running& each) { return is_ssh_check(each.step); };
  return std::count_if(running_.begin(), running_.end(), is_ssh) < kParallelSshChecks;
}

// Starts an ssh check that waits for the others. False when there is none, or no room.
bool StrategyAttempt::start_waiting(Instant now) {
  if (ssh_waiting_.empty() || !has_room_for_ssh()) return false;
  const EngineStep step = ssh_waiting_.front();
  ssh_waiting_.pop_front();
  start_step(step, now);
  return true;
}

void StrategyAttempt::start_wait(const EngineStep& step, Duration duration, Instant now) {
  Running& running = running_.emplace_back();
  running.step = step;
  running.started = now;
  running.wait_until = now + duration;
}

void StrategyAttempt::start_child(const EngineStep& step, const ProcessSpec& spec, Instant now) {
  Running& running = running_.emplace_back();
  running.step = step;
  running.started = now;
  ChildLimits limits;
  limits.run = step.duration;
  limits.grace = assignment_.spec->timeouts.grace;
  if (step.kind == StepKind::check) limits.grace = std::min(limits.grace, kCheckGraceMax);
  // An action is alone, so people may watch it work.
  const bool watched = step.kind != StepKind::check;
  if (watched) log_.write("--- " + describe(step) + "\n");
  running.child = std::make_unique<ChildRun>(
      spec, limits,
      [this, watched, &output = running.output](std::string_view bytes) {
        if (watched) log_.write(bytes);
        output += bytes;
        if (output.size() > 2 * kOutputKept) output.erase(0, output.size() - kOutputKept);
      },
      now);
  if (running.child->pid() > 0) context_.note_group(token(), running.child->pid());
  // It may have ended already, or never begun.
  if (std::optional<StepEnd> end = wake_step(running, now)) {
    const Running ended = std::move(running);
    running_.pop_back();
    finish_step(ended.step, std::move(*end), ended.output, now, now);
  }
}

void StrategyAttempt::wake(Instant now) {
  if (over()) return;
  const bool closing = !running_.empty() && running_.front().step.kind == StepKind::closing;
  if (closing) run_until_ = kNever;  // what the limit is for is over
  if (run_until_ != kNever && now >= run_until_ && !stopping_) {
    timed_out_ = true;
    interrupt(now);
  }
  for (auto next = running_.begin(); next != running_.end();) {
    const auto current = next++;
    std::optional<StepEnd> end = wake_step(*current, now);
    if (!end) continue;
    const Running ended = std::move(*current);
    running_.erase(current);
    finish_step(ended.step, std::move(*end), ended.output, ended.started, now);
  }
  // Nothing else may touch the device beside it.
  if (!left_behind_.empty()) interrupt(now);
  advance(now);
}

std::optional<StrategyAttempt::StepEnd> StrategyAttempt::wake_step(Running& running, Instant now) {
  if (!running.child) {
    if (now < running.wait_until) return std::nullopt;
    return StepEnd{true, ""};
  }
  ChildRun& child = *running.child;
  child.wake(now);
  if (!child.ended()) return std::nullopt;
  const ChildEnd& end = child.end();
  // What an action broke, or a client that hung, must not fail the checks that come after it.
  if (end.run_timeout || running.step.kind != StepKind::check) ssh_control_.renew();
  if (!end.not_started.empty()) return StepEnd{false, end.not_started};
  if (!end.not_killed.empty()) {
    left_behind_ = describe(running.step) + " " + end.not_killed;
    return StepEnd{false, end.not_killed};
  }
  if (end.exit_code == 0 && !end.run_timeout) return StepEnd{true, ""};
  return StepEnd{
      false, diagnostic_line(running.output, child.exit(), end.run_timeout, running.step.duration)};
}

void StrategyAttempt::finish_step(const EngineStep& step, StepEnd end, const std::string& output,
                                  Instant started, Instant now) {
  const bool interrupted = stopping_ && step.kind != StepKind::closing;
  const std::string how = interrupted  ? "interrupted"
                          : end.passed ? "passed"
                                       : "FAILED: " + end.message;
  const bool was_written = step.kind != StepKind::check;
  if (was_written && !output.empty() && output.back() != '\n') log_.write("\n");
  log_.write("--- " + describe(step) + ": " + how + "\n");
  if (!was_written) {
    log_.write(output);
    if (!output.empty() && output.back() != '\n') log_.write("\n");
  }
  run_->finish(step, StepOutcome{end.passed, std::move(end.message), now - started}, now);
}

// Ends what runs, but for closing actions; those that have not run yet do so now.
void StrategyAttempt::interrupt(Instant now) {
  if (stopping_) return;
  stopping_ = true;
  run_->stop();
  for (const EngineStep& step : std::exchange(ssh_waiting_, {})) run_->finish(step, {}, now);
  for (Running& running : running_) {
    if (running.step.kind != StepKind::closing) end_running(running, now);
  }
}

void StrategyAttempt::end_running(Running& running, Instant now) {
  if (!running.child) {
    running.wait_until = now;
  } else if (at_once_) {
    running.child->stop(now, Duration{0});
  } else {
    running.child->stop(now);
  }
}

void StrategyAttempt::stop(Instant now, bool at_once) {
  if (over()) return;
  interrupt(now);
  if (at_once) {
    at_once_ = true;
    for (Running& running : running_) end_running(running, now);
  }
  wake(now);
}

void StrategyAttempt::pass_on() {
  for (Record& each : run_->take_records()) report(std::move(each));
  for (CaseResult& result : run_->take_results()) report(std::move(result));
  for (Progress& progress : run_->take_progress()) report(std::move(progress));
}

// The peripheral whose fault all failures are; empty when one of them is the device's own.
std::string StrategyAttempt::blame_of(const std::vector<StrategyFailure>& failures) const {
  std::string first;
  for (const StrategyFailure& failure : failures) {
    if (failure.blame.empty()) return "";
    // A placeholder that this device's stack has nothing for: there is no such peripheral.
    const Result<std::string> blame = expand_in_context(failure.blame, check_context_);
    if (!blame.ok() || blame->empty()) return "";
    if (first.empty()) first = *blame;
  }
  return first;
}

Ending StrategyAttempt::make_verdict(Instant now) const {
  if (!left_behind_.empty()) {
    return make_ending(Outcome::error, Cause::worker, StatusCode::error, left_behind_, started_,
                       now);
  }
  if (timed_out_) {
    return make_ending(Outcome::error, Cause::timeout, StatusCode::timeout,
                       "the " + operation() + " ran for longer than its timeout of " +
                           format_duration(assignment_.spec->timeouts.run),
                       started_, now);
  }
  if (stopping_) return ending_of_stop(started_, now);
  if (run_->passed()) {
    return make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", started_, now);
  }
  const std::vector<StrategyFailure> failures = run_->failures();
  std::string text;
  for (const StrategyFailure& failure : failures) {
    text += (text.empty() ? "" : "; ") + failure.tag + ": " + failure.message;
  }
  const std::string blame = blame_of(failures);
  if (blame.empty()) {
    return make_ending(Outcome::fail, Cause::device, StatusCode::failures, text, started_, now);
  }
  Ending ending =
      make_ending(Outcome::error, Cause::peripheral, StatusCode::error, text, started_, now);
  ending.blame = blame;
  return ending;
}

void StrategyAttempt::conclude(Instant now) {
  const std::vector<Stray> left = end_strays(log_);
  if (!left.empty() && left_behind_.empty()) {
    left_behind_ = operation() + " has ended, but could not kill " + muster::describe(left);
  }
  const bool lost = !stopping_ && !log_.fault().empty();
  const Ending ending = lost ? ending_of_lost_log(log_.fault(), started_, now) : make_verdict(now);
  if (stopping_ && left_behind_.empty()) {
    report(record("END ABORT", operation(), ending.message));
  } else if (lost || stopping_) {
    report(record("END ERROR", operation(), ending.message));
  } else if (ending.outcome == Outcome::pass) {
    const char* done =
        kind_ == RunKind::verify ? " verified successfully" : " repaired successfully";
    report(record("END GOOD", operation(), device_name() + done));
  } else {
    report(record("END FAIL", operation()));
  }
  log_.trailer(ending);
  finish(ending);
}

std::optional<Instant> StrategyAttempt::next_deadline() const {
  Instant next = stopping_ ? kNever : run_until_;
  const auto consider = [&](Instant instant) {
    if (next == kNever || instant < next) next = instant;
  };
  for (const Running& running : running_) {
    if (!running.child) {
      consider(running.wait_until);
    } else if (const std::optional<Instant> deadline = running.child->next_deadline()) {
      consider(*deadline);
    }
  }
  if (next == kNever) return std::nullopt;
  return next;
}

void StrategyAttempt::descriptors(std::vector<int>& fds) const {
  for (const Running& running : running_) {
    if (!running.child) continue;
    if (running.child->output_fd() >= 0) fds.push_back(running.child->output_fd());
    if (running.child->exit_fd() >= 0) fds.push_back(running.child->exit_fd());
  }
}

}  // namespace muster
