#include "collectors/task_log.h"

#include <time.h>

#include <utility>

#include "io/clock.h"

namespace muster {
namespace {

// "Jul 14 02:40:00" in the zone of this process.
std::string local_time(Instant instant) {
  const time_t seconds =
      std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count();
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, strftime(text, sizeof text, "%b %d %H:%M:%S", &parts));
}

std::string_view end_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "GOOD";
    case Outcome::fail:
      return "FAIL";
    case Outcome::skip:
      return "TEST_NA";
    case Outcome::error:
      break;
  }
  return "ABORT";
}

std::string describe(const AttemptEnded& event) {
  std::string text = "attempt " + std::to_string(event.token.attempt) +
                     " ended: " + std::string(to_string(event.ending.outcome));
  if (event.ending.cause != Cause::none) {
    text += " (" + std::string(to_string(event.ending.cause)) + ")";
  }
  if (!event.ending.message.empty()) text += ": " + event.ending.message;
  return text;
}

}  // namespace

TaskLog::TaskLog(TaskLogState state)
    : kind_(state.kind),
      has_records_(state.has_records),
      writer_(std::move(state.open)),
      ended_(state.ended) {}

std::string TaskLog::take(const Event& event) {
  if (const auto* retried = std::get_if<TaskRetried>(&event.body)) {
    ended_ = false;
    return info(
        "retried by " + retried->who + (retried->reason.empty() ? "" : ": " + retried->reason),
        event.time);
  }
  if (ended_) return {};
  if (std::holds_alternative<AttemptLeased>(event.body)) {
    has_records_ = false;
  } else if (const auto* reported = std::get_if<AttemptReported>(&event.body)) {
    const auto* record = std::get_if<Record>(&reported->body);
    if (record != nullptr) return take_record(*record, reported->time);
  } else if (const auto* attempt_ended = std::get_if<AttemptEnded>(&event.body)) {
    return take_end(*attempt_ended, event.time);
  } else if (const auto* task_ended = std::get_if<TaskEnded>(&event.body)) {
    ended_ = true;
    return bracket(task_ended->ending, event.time);
  }
  return {};
}

std::string TaskLog::take_record(const Record& record, Instant time) {
  const Result<std::string> text = writer_.write(record, time, local_time(time));
  if (!text.ok()) return info("a record was left out: " + text.error(), time);
  has_records_ = true;
  return *text;
}

std::string TaskLog::take_end(const AttemptEnded& event, Instant time) {
  const bool by_broker = event.origin.worker.empty();
  const bool again = event.verdict == Verdict::none;
  const bool was_open = !writer_.open().empty();
  const std::string& why = event.ending.message;
  std::string text;
  if (was_open) {
    text =
        writer_.close_all("ABORT", why.empty() ? "the attempt ended" : why, time, local_time(time));
  } else if (!has_records_) {
    text = bracket(event.ending, time);
  }
  if (again) {
    text += info(describe(event) + "; again at " + format_rfc3339(event.retry_at), time);
  } else if (by_broker && has_records_ && !was_open) {
    text += info(describe(event), time);
  }
  has_records_ = false;
  ended_ = !again;
  return text;
}

std::string TaskLog::bracket(const Ending& ending, Instant time) {
  const Instant finished = ending.finished == kNever ? time : ending.finished;
  const Instant started = ending.started == kNever ? finished : ending.started;
  std::string text = writer_.close_all("ABORT", ending.message, finished, local_time(finished));
  const std::string operation(to_string(kind_));
  const std::string end = "END " + std::string(end_word(ending.outcome));
  text += *writer_.write({"START", "", operation, {}, ""}, started, local_time(started));
  text += *writer_.write({end, "", operation, {}, ending.message}, finished, local_time(finished));
  return text;
}

std::string TaskLog::info(const std::string& message, Instant time) {
  return *writer_.write({"INFO", "", "", {}, message}, time, local_time(time));
}

}  // namespace muster
