#include "core/task.h"

#include <algorithm>
#include <utility>

namespace muster {

std::string_view to_string(TaskKind kind) {
  switch (kind) {
    case TaskKind::verify:
      return "verify";
    case TaskKind::repair:
      return "repair";
    case TaskKind::job:
      return "job";
  }
  return "unknown";
}

std::string_view to_string(TaskState state) {
  switch (state) {
    case TaskState::queued:
      return "queued";
    case TaskState::leased:
      return "leased";
    case TaskState::running:
      return "running";
    case TaskState::ended:
      return "ended";
  }
  return "unknown";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::fail:
      return "fail";
    case Outcome::error:
      return "error";
    case Outcome::skip:
      return "skip";
  }
  return "unknown";
}

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::test:
      return "test";
    case Cause::device:
      return "device";
    case Cause::peripheral:
      return "peripheral";
    case Cause::worker:
      return "worker";
    case Cause::broker:
      return "broker";
    case Cause::user:
      return "user";
    case Cause::config:
      return "config";
    case Cause::timeout:
      return "timeout";
    case Cause::capacity:
      return "capacity";
  }
  return "unknown";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::none:
      return "none";
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::flaky:
      return "flaky";
    case Verdict::error:
      return "error";
    case Verdict::skip:
      return "skip";
  }
  return "unknown";
}

std::string_view to_string(VerifyFirst verify) {
  switch (verify) {
    case VerifyFirst::none:
      return "none";
    case VerifyFirst::fresh:
      return "fresh";
    case VerifyFirst::always:
      return "always";
  }
  return "unknown";
}

std::string_view to_string(StatusCode status) {
  switch (status) {
    case StatusCode::ok:
      return "OK";
    case StatusCode::error:
      return "ERROR";
    case StatusCode::norun:
      return "NORUN";
    case StatusCode::blocked:
      return "BLOCKED";
    case StatusCode::busy:
      return "BUSY";
    case StatusCode::failures:
      return "FAILURES";
    case StatusCode::nolist:
      return "NOLIST";
    case StatusCode::killed:
      return "KILLED";
    case StatusCode::nofetch:
      return "NOFETCH";
    case StatusCode::timeout:
      return "TIMEOUT";
  }
  return "UNKNOWN";
}

std::optional<TaskKind> parse_task_kind(std::string_view text) {
  for (TaskKind kind : {TaskKind::verify, TaskKind::repair, TaskKind::job}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

std::optional<VerifyFirst> parse_verify_first(std::string_view text) {
  for (VerifyFirst verify : {VerifyFirst::none, VerifyFirst::fresh, VerifyFirst::always}) {
    if (to_string(verify) == text) return verify;
  }
  return std::nullopt;
}

bool is_infrastructure(Cause cause) {
  switch (cause) {
    case Cause::device:
    case Cause::peripheral:
    case Cause::worker:
    case Cause::broker:
    case Cause::capacity:
      return true;
    case Cause::none:
    case Cause::test:
    case Cause::user:
    case Cause::config:
    case Cause::timeout:
      return false;
  }
  return false;
}

namespace {

// True when the ending says that the test itself went wrong, so that a later pass is flaky.
bool speaks_against_test(const Ending* ending) {
  if (is_infrastructure(ending->cause)) return false;
  if (ending->outcome == Outcome::fail) return true;
  return ending->outcome == Outcome::error &&
         (ending->cause == Cause::test || ending->cause == Cause::timeout);
}

}  // namespace

Verdict fold_verdict(const std::vector<const Ending*>& endings) {
  if (endings.empty()) return Verdict::none;
  switch (endings.back()->outcome) {
    case Outcome::pass:
      return std::any_of(endings.begin(), endings.end() - 1, speaks_against_test) ? Verdict::flaky
                                                                                  : Verdict::pass;
    case Outcome::fail:
      return Verdict::fail;
    case Outcome::error:
      return Verdict::error;
    case Outcome::skip:
      return Verdict::skip;
  }
  return Verdict::error;
}

void add_dependency(std::vector<Dependency>& dependencies, Dependency added) {
  const auto known = std::find_if(dependencies.begin(), dependencies.end(),
                                  [&](const Dependency& one) { return one.guid == added.guid; });
  if (known == dependencies.end()) {
    dependencies.push_back(std::move(added));
  } else {
    known->must_pass = known->must_pass || added.must_pass;
  }
}

Ending make_ending(Outcome outcome, Cause cause, StatusCode status, std::string message,
                   Instant started, Instant finished) {
  Ending ending;
  ending.outcome = outcome;
  ending.cause = cause;
  ending.status = status;
  ending.message = std::move(message);
  ending.started = started;
  ending.finished = finished;
  return ending;
}

}  // namespace muster
