// muster log: the console log of an attempt, from wherever it is.
#include <optional>

#include "cli/awaited_log.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "core/duration_text.h"
#include "core/guid.h"
#include "io/archive_name.h"

namespace muster {
namespace {

// How long the worker's uploader may bring nothing of a log whose attempt has ended.
constexpr Duration kRestPatience = 10s;
// The rest of most logs is there by then, and nobody needs a word about it.
constexpr Duration kRestUsual = 500ms;
constexpr Duration kBeginPatience = 2s;

// The attempt that was asked for, or why there is none yet.
Result<AttemptInfo> choose_attempt(const TaskInfo& task, uint32_t attempt) {
  if (task.attempts.empty()) return Error{"has not started yet"};
  if (attempt == 0) return task.attempts.back();
  for (const AttemptInfo& one : task.attempts) {
    if (one.attempt == attempt) return one;
  }
  return Error{"has no attempt " + std::to_string(attempt)};
}

// Whether the broker hears the worker whose uploader brings the rest, as words after its name.
std::string presence_of(Session& session, const std::string& worker) {
  std::variant<Message, ClientError> answer = session.broker().ask(ListWorkers{}, 1s);
  const auto* message = std::get_if<Message>(&answer);
  const auto* list = message == nullptr ? nullptr : std::get_if<WorkerList>(message);
  if (list == nullptr) return "";
  for (const WorkerInfo& info : list->workers) {
    if (info.name != worker) continue;
    if (info.present) return ", which is connected";
    const bool heard = info.last_heard != kNever;
    return ", which is away" + (heard ? " since " + short_time(info.last_heard) : std::string());
  }
  return ", which the broker does not know";
}

// Where it is besides, as long as the archive does not have it.
std::string place_on_worker(const std::string& guid, const AttemptInfo& attempt) {
  return "the machine of worker " + printable(attempt.worker) + ", in HOME/worker/" +
         printable(attempt.worker) + "/attempts/" + printable(percent_encode(guid)) + "/" +
         std::to_string(attempt.attempt) + "/log";
}

// Prints the rest of the log of an attempt that has ended, and says what that waits for.
void print_rest(Session& session, const std::string& guid, AwaitedLog& log) {
  if (log.print_rest(kRestUsual)) return;
  const AttemptInfo& attempt = log.attempt();
  const std::string archive = printable(without_credentials(attempt.log_url));
  session.output().talk("waiting for the rest of the log: worker " + printable(attempt.worker) +
                        presence_of(session, attempt.worker) + " brings it to " + archive +
                        " (for " + format_duration(kRestPatience) + ")");
  if (log.print_rest(kRestPatience)) return;
  const std::string fault = log.fault();
  session.output().talk(
      "the log ends here for now, at byte " + std::to_string(log.offset()) +
      ": the archive has no more of it" + (fault.empty() ? "" : " (" + fault + ")") +
      "; the rest is on " + place_on_worker(guid, attempt) +
      ", until the worker brings it; then: " + "muster log " + printable(guid) + " --attempt " +
      std::to_string(attempt.attempt) + " --offset " + std::to_string(log.offset()));
}

int print_log(Session& session, const std::string& guid, const LogOptions& options) {
  const TaskInfo task = find_task(session, guid);
  const Result<AttemptInfo> attempt = choose_attempt(task, options.attempt);
  if (!attempt && options.attempt != 0 && task.state == TaskState::ended) {
    throw Failure{kExitUsageError,
                  "task " + printable(guid) + " has ended and has no attempt " +
                      std::to_string(options.attempt) + ": it had " +
                      counted(task.attempts.size(), "attempt"),
                  "see: muster task show " + printable(guid)};
  }
  if (!attempt && task.state == TaskState::ended) {
    const std::string why = task.ending ? task.ending->message : "";
    throw Failure{kExitUsageError,
                  "task " + printable(guid) + " has ended without an attempt, so there is no log" +
                      (why.empty() ? "" : ": " + printable(why)),
                  "see: muster task show " + printable(guid)};
  }
  if (!attempt) {
    throw Failure{kExitNotEnded, "task " + printable(guid) + " " + attempt.error(),
                  "see: muster task explain " + printable(guid)};
  }
  const auto fail = [&](const std::string& reason) {
    return Failure{kExitLocal, "task " + printable(guid) + ": " + reason,
                   "see: muster task show " + printable(guid)};
  };
  const bool has_ended = attempt->ending || task.state == TaskState::ended;
  AwaitedLog log(session, guid, *attempt, options.offset);
  if (log.is_hopeless()) throw fail(log.why());
  if (const Result<Done> printed = log.print_all(); !printed) {
    // An attempt that has just begun may have nothing in the archive yet.
    log.print_rest(kBeginPatience);
    if (log.offset() == options.offset && !log.fault().empty()) {
      Failure failure = fail(printed.error() + "; as long as it is not there it is on " +
                             place_on_worker(guid, *attempt));
      if (!has_ended) failure.exit_status = kExitNotEnded;
      throw failure;
    }
  }
  if (has_ended) print_rest(session, guid, log);
  if (options.attempt == 0 && task.attempts.size() > 1) {
    session.output().talk("this was attempt " + std::to_string(attempt->attempt) +
                          "; earlier ones: muster log " + printable(guid) + " --attempt N");
  }
  return kExitOk;
}

// Shows the log of each attempt as it grows, until the task has ended.
class LogFollower {
 public:
  LogFollower(Session& session, const LogOptions& options)
      : session_(session), options_(options), offset_(options.offset) {}

  int run(const std::string& guid) {
    WatchHooks hooks;
    hooks.change = [this](const TaskChange& change) { take(change); };
    hooks.idle = [this] {
      if (log_) log_->print_new();
      return true;
    };
    watch_tasks(session_, {guid}, std::nullopt, hooks);
    if (!log_) return print_log(session_, guid, options_);
    finish_attempt(guid);
    return kExitOk;
  }

 private:
  void take(const TaskChange& change) {
    if (log_) log_->print_new();
    const bool is_wanted = options_.attempt == 0 || options_.attempt == change.attempt;
    if (!is_wanted || change.log_url.empty() || change.log_url == log_url_) return;
    finish_attempt(change.guid);
    log_url_ = change.log_url;
    AttemptInfo attempt;
    attempt.attempt = change.attempt;
    attempt.worker = change.worker;
    attempt.log_url = log_url_;
    log_.emplace(session_, change.guid, std::move(attempt), offset_);
    offset_ = 0;  // the next attempt's is read from its beginning
    if (log_->is_hopeless()) {
      throw Failure{kExitLocal, "task " + printable(change.guid) + ": " + log_->why(), ""};
    }
    log_->print_new();
  }

  void finish_attempt(const std::string& guid) {
    if (log_) print_rest(session_, guid, *log_);
    log_.reset();
  }

  Session& session_;
  const LogOptions& options_;
  uint64_t offset_;
  std::optional<AwaitedLog> log_;
  std::string log_url_;
};

}  // namespace

int do_verb(Session& session, const LogOptions& options) {
  const Format format = session.output().format();
  if (format == Format::json || format == Format::jsonl) {
    throw Failure{kExitUsageError, "a console log is bytes, which muster log prints as they are",
                  "leave -o out; for documents see: muster events, muster result"};
  }
  const std::string guid = resolve_guid(session, options.guid);
  if (!options.follow) return print_log(session, guid, options);
  return LogFollower(session, options).run(guid);
}

}  // namespace muster
