#include "workers/verify_attempt.h"

#include <algorithm>

#include "io/codec.h"
#include "workers/checks/check.h"

namespace muster {

namespace {

// Checks of one device at the same time: enough that waiting costs nothing, few enough not to storm
// it.
constexpr uint32_t kParallelChecks = 16;
// Of a check's output, kept for its diagnostic line.
constexpr size_t kOutputKept = 64 << 10;

Record record(std::string status, std::string operation, std::string message = "") {
  return Record{std::move(status), "", std::move(operation), {}, std::move(message)};
}

}  // namespace

void VerifyAttempt::begin(Instant now) {
  started_ = now;
  const Duration run_limit = assignment_.spec->timeouts.run;
  if (run_limit > Duration{0}) run_until_ = now + run_limit;
  const std::string dir = attempt_dir();
  Result<Done> ready = make_dirs(dir);
  if (ready.ok()) ready = log_.open(dir + "/log");
  if (ready.ok()) log_.header(assignment_, context_.worker, {}, {}, now);
  report(AttemptStarted{ready.ok() ? log_.url() : "", {}});
  report(record("START", "verify"));
  if (!ready.ok()) return fail_at_once(Cause::worker, ready.error(), now);
  const std::string& device =
      assignment_.devices.empty() ? context_.worker : assignment_.devices[0].name;
  if (assignment_.strategy.empty()) {
    return fail_at_once(Cause::config, "device " + device + " has no strategy in the inventory",
                        now);
  }
  Result<Strategy> strategy = decode_strategy(assignment_.strategy);
  if (!strategy.ok()) return fail_at_once(Cause::config, "the strategy: " + strategy.error(), now);
  strategy_ = std::move(*strategy);
  run_.emplace(strategy_, kParallelChecks);
  report(Record{
      "INFO", "", "", {}, "Beginning verify for device " + device + " strategy " + strategy_.name});
  start_checks(now);
}

void VerifyAttempt::fail_at_once(Cause cause, const std::string& reason, Instant now) {
  report(record("END ERROR", "verify", reason));
  const Ending ending =
      make_ending(Outcome::error, cause, StatusCode::error, reason, started_, now);
  log_.trailer(ending);
  finish(ending);
}

void VerifyAttempt::start_checks(Instant now) {
  // A check that ends at once may make others ready.
  for (std::vector<size_t> ready = run_->next(); !ready.empty() && !stopping_;
       ready = run_->next()) {
    for (const size_t verifier : ready) start_check(verifier, now);
  }
  pass_on();
  if (running_.empty() && (run_->done() || stopping_)) conclude(now);
}

void VerifyAttempt::start_check(size_t verifier, Instant now) {
  const Verifier& node = strategy_.verifiers[verifier];
  if (std::holds_alternative<NoopCheck>(node.check)) {
    return finish_check(verifier, true, "", "", now, now);
  }
  CheckContext check_context{context_.self_exe, base_environment("/"), assignment_.devices,
                             assignment_.spec->guid, ssh_control_.path()};
  check_context.env["MUSTER_GUID"] = assignment_.spec->guid;
  check_context.env["MUSTER_ATTEMPT"] = std::to_string(assignment_.attempt);
  check_context.env["MUSTER_DEVICES"] = devices_json(assignment_);
  const Result<ProcessSpec> spec = process_for_check(node.check, check_context);
  if (!spec.ok()) return finish_check(verifier, false, spec.error(), "", now, now);
  RunningCheck& running = running_[verifier];
  running.started = now;
  ChildLimits limits;
  limits.run = node.timeout;
  limits.grace = std::min<Duration>(assignment_.spec->timeouts.grace, std::chrono::seconds(2));
  running.child = std::make_unique<ChildRun>(
      *spec, limits,
      [&output = running.output](std::string_view bytes) {
        output += bytes;
        if (output.size() > 2 * kOutputKept) output.erase(0, output.size() - kOutputKept);
      },
      now);
  if (running.child->pid() > 0) context_.note_group(token(), running.child->pid());
}

void VerifyAttempt::wake(Instant now) {
  if (over()) return;
  if (run_until_ != kNever && now >= run_until_ && !stopping_) {
    timed_out_ = true;
    stop(now, false);
  }
  for (auto next = running_.begin(); next != running_.end();) {
    const auto current = next++;
    ChildRun& child = *current->second.child;
    child.wake(now);
    if (!child.ended()) continue;
    const size_t verifier = current->first;
    RunningCheck ended = std::move(current->second);
    running_.erase(current);
    if (stopping_) continue;
    const ChildEnd& end = ended.child->end();
    const bool passed = end.exit_code == 0 && !end.run_timeout;
    if (end.run_timeout) ssh_control_.renew();
    std::string message = end.not_started;
    if (!passed && message.empty()) {
      message = diagnostic_line(ended.output, ended.child->exit(), end.run_timeout,
                                strategy_.verifiers[verifier].timeout);
    }
    finish_check(verifier, passed, std::move(message), ended.output, ended.started, now);
  }
  start_checks(now);
}

void VerifyAttempt::finish_check(size_t verifier, bool passed, std::string message,
                                 const std::string& output, Instant started, Instant now) {
  const Verifier& node = strategy_.verifiers[verifier];
  log_.write("--- check " + node.tag + " (" + std::string(check_kind(node.check)) +
             "): " + (passed ? "passed" : "FAILED: " + message) + "\n" + output);
  if (!output.empty() && output.back() != '\n') log_.write("\n");
  run_->finish(verifier, CheckOutcome{passed, std::move(message), now - started});
}

void VerifyAttempt::pass_on() {
  for (Record& final : run_->take_records()) report(std::move(final));
  for (CaseResult& result : run_->take_results()) report(std::move(result));
}

std::string VerifyAttempt::failure_text() const {
  std::string text;
  for (const StrategyFailure& failure : run_->failures()) {
    text += (text.empty() ? "" : "; ") + failure.tag + ": " + failure.message;
  }
  return text;
}

void VerifyAttempt::conclude(Instant now) {
  if (over()) return;
  Ending ending;
  const std::string device =
      assignment_.devices.empty() ? context_.worker : assignment_.devices[0].name;
  if (stopping_) {
    ending = make_ending(
        Outcome::error, timed_out_ ? Cause::timeout : Cause::user,
        timed_out_ ? StatusCode::timeout : StatusCode::killed,
        timed_out_ ? "the verification ran for longer than its timeout" : "stopped", started_, now);
    report(record("END ABORT", "verify", ending.message));
  } else if (run_->passed()) {
    ending = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", started_, now);
    report(record("END GOOD", "verify", device + " verified successfully"));
  } else {
    ending = make_ending(Outcome::fail, Cause::device, StatusCode::failures, failure_text(),
                         started_, now);
    report(record("END FAIL", "verify"));
  }
  log_.trailer(ending);
  finish(ending);
}

void VerifyAttempt::stop(Instant now, bool at_once) {
  if (over()) return;
  stopping_ = true;
  for (auto& [verifier, running] : running_) {
    if (at_once) {
      running.child->stop(now, Duration{0});
    } else {
      running.child->stop(now);
    }
  }
  if (running_.empty()) conclude(now);
}

std::optional<Instant> VerifyAttempt::next_deadline() const {
  std::optional<Instant> next;
  if (run_until_ != kNever && !stopping_) next = run_until_;
  for (const auto& [verifier, running] : running_) {
    const std::optional<Instant> deadline = running.child->next_deadline();
    if (deadline && (!next || *deadline < *next)) next = deadline;
  }
  return next;
}

void VerifyAttempt::descriptors(std::vector<int>& fds) const {
  for (const auto& [verifier, running] : running_) {
    if (running.child->output_fd() >= 0) fds.push_back(running.child->output_fd());
    if (running.child->exit_fd() >= 0) fds.push_back(running.child->exit_fd());
  }
}

}  // namespace muster
