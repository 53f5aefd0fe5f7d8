#include "core/exit_status.h"

#include <algorithm>
#include <cassert>

#include "core/duration_text.h"

namespace muster {

namespace {

// What neither depends on the exit code nor on who reads it; nothing when the child simply exited.
std::optional<Ending> abnormal_end(const ChildEnd& end, Instant started, Instant finished) {
  Ending ending;
  if (!end.not_started.empty()) {
    ending = make_ending(Outcome::error, Cause::config, StatusCode::norun, end.not_started, kNever,
                         finished);
  } else if (!end.not_killed.empty()) {
    ending = make_ending(Outcome::error, Cause::worker, StatusCode::error, end.not_killed, started,
                         finished);
  } else if (end.run_timeout) {
    ending = make_ending(Outcome::error, Cause::timeout, StatusCode::timeout,
                         "ran for longer than " + format_duration(end.limit), started, finished);
  } else if (end.silence_timeout) {
    ending =
        make_ending(Outcome::error, Cause::timeout, StatusCode::timeout,
                    "was silent for longer than " + format_duration(end.limit), started, finished);
  } else if (end.signal) {
    ending = make_ending(Outcome::error, Cause::test, StatusCode::killed,
                         "ended by signal " + std::to_string(*end.signal), started, finished);
  } else {
    return std::nullopt;
  }
  ending.exit_code = end.exit_code;
  ending.signal = end.signal;
  return ending;
}

}  // namespace

Ending ending_of_command(const ChildEnd& end, Instant started, Instant finished) {
  if (std::optional<Ending> abnormal = abnormal_end(end, started, finished)) return *abnormal;
  const int32_t code = end.exit_code.value_or(0);
  Ending ending =
      code == 0 ? make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", started, finished)
                : make_ending(Outcome::fail, Cause::test, StatusCode::failures,
                              "exit code " + std::to_string(code), started, finished);
  ending.exit_code = code;
  return ending;
}

Ending ending_of_tree_job(const ChildEnd& end, Instant started, Instant finished) {
  if (std::optional<Ending> abnormal = abnormal_end(end, started, finished)) return *abnormal;
  struct Row {
    Outcome outcome;
    Cause cause;
    StatusCode status;
  };
  static constexpr Row kRows[] = {
      {Outcome::pass, Cause::none, StatusCode::ok},
      {Outcome::error, Cause::test, StatusCode::error},
      {Outcome::skip, Cause::none, StatusCode::norun},
      {Outcome::error, Cause::device, StatusCode::blocked},
      {Outcome::error, Cause::capacity, StatusCode::busy},
      {Outcome::fail, Cause::test, StatusCode::failures},
      {Outcome::error, Cause::test, StatusCode::nolist},
      {Outcome::error, Cause::test, StatusCode::killed},
      {Outcome::error, Cause::test, StatusCode::nofetch},
      {Outcome::error, Cause::test, StatusCode::timeout},
  };
  const int32_t code = end.exit_code.value_or(0);
  const bool known = code >= 0 && code < static_cast<int32_t>(std::size(kRows));
  const Row& row = kRows[known ? code : 1];
  const std::string message =
      code == 0 ? ""
                : "exit code " + std::to_string(code) +
                      (known ? " (" + std::string(to_string(row.status)) + ")" : "");
  Ending ending = make_ending(row.outcome, row.cause, row.status, message, started, finished);
  ending.exit_code = code;
  return ending;
}

Ending worst_ending(const std::vector<Ending>& parts) {
  assert(!parts.empty());
  Ending worst = parts.front();
  Instant started = kNever;
  Instant finished = kNever;
  for (const Ending& part : parts) {
    if (part.status > worst.status) worst = part;
    if (part.started != kNever && (started == kNever || part.started < started))
      started = part.started;
    finished = std::max(finished, part.finished);
  }
  worst.started = started;
  worst.finished = finished;
  return worst;
}

}  // namespace muster
