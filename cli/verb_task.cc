// muster submit, wait, cancel, retry, task show, task explain.
#include <algorithm>

#include "cli/end_report.h"
#include "cli/lookup.h"
#include "cli/render_task.h"
#include "cli/submit.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "core/limits.h"
#include "io/random.h"
#include "io/task_file.h"

namespace muster {
namespace {

TaskPlaces places_of(Session& session, const std::string& guid) {
  return {session.status_log(guid), find_children(session, guid)};
}

// Waits until the tasks have ended, reports each end, and returns the worst exit status.
int wait_for(Session& session, const std::vector<std::string>& guids,
             const std::optional<Duration>& timeout) {
  Output& output = session.output();
  EndReport report(session, guids.size(), false);
  WatchHooks hooks;
  hooks.change = [&](const TaskChange& change) {
    if (change.state == TaskState::ended) report.add(task_after_watch(session, change));
    output.progress("waiting: " + std::to_string(report.tasks().size()) + " of " +
                    counted(guids.size(), "task") + " ended");
  };
  const WatchResult result = watch_tasks(session, guids, timeout, hooks);
  const int status = report.finish();
  if (result.end == WatchEnd::ended) return status;
  throw Failure{kExitNotEnded,
                counted(guids.size() - report.tasks().size(), "task") + " not ended in time",
                "they go on; see: muster task ls"};
}

// Prints what was done to each task: `done`, or why not.
template <typename Result>
void show_done(Output& output, const std::string& kind, const std::vector<Result>& results,
               const std::string& done, std::string (*json)(const Result&)) {
  output.show_list(
      kind, results,
      [&] {
        std::string text;
        for (const Result& result : results) {
          text += printable(result.guid) + "  " +
                  (result.refused.empty() ? done : printable(result.refused)) + "\n";
        }
        return text;
      },
      json, [](const Result& result) { return result.guid; });
}

}  // namespace

int do_verb(Session& session, const SubmitOptions& options) {
  Output& output = session.output();
  const LoadedTasks loaded = load_tasks(options.files, {}, Roles::learned, output);
  const std::vector<SubmitResult> results = submit_tasks(session, loaded.tasks);
  show_submissions(output, results);
  accepted_or_throw(results, loaded.places);
  return kExitOk;
}

int do_verb(Session& session, const WaitOptions& options) {
  session.broker();
  return wait_for(session, resolve_guids(session, options.guids), options.timeout);
}

int do_verb(Session& session, const CancelOptions& options) {
  session.broker();
  const Cancel cancel{resolve_guids(session, options.guids), options.reason, Session::user()};
  const CancelReply reply = session.ask_for<CancelReply>(cancel);
  show_done(session.output(), "cancellation", reply.results, "cancelled", cancellation_json);
  const bool refused =
      std::any_of(reply.results.begin(), reply.results.end(),
                  [](const CancelResult& result) { return !result.refused.empty(); });
  return refused ? kExitUsageError : kExitOk;
}

int do_verb(Session& session, const RetryOptions& options) {
  Output& output = session.output();
  session.broker();
  SystemClock clock;
  const RetryTasks retry{resolve_guids(session, options.guids), options.reason, Session::user(),
                         new_uuid_v7(clock)};
  const RetryTasksReply reply = session.ask_for<RetryTasksReply>(retry);
  if (!options.wait) show_done(output, "retry", reply.results, "queued again", retry_json);
  std::vector<std::string> queued;
  int status = kExitOk;
  for (const RetryTasksResult& result : reply.results) {
    if (result.refused.empty()) {
      queued.push_back(result.guid);
      continue;
    }
    status = std::max(status, exit_status(result.code));
    if (options.wait) output.talk(printable(result.guid) + "  " + printable(result.refused));
  }
  if (!options.wait || queued.empty()) return status;
  return std::max(status, wait_for(session, queued, std::nullopt));
}

int do_verb(Session& session, const TaskShowOptions& options) {
  Output& output = session.output();
  std::vector<TaskInfo> tasks;
  for (const std::string& guid : resolve_guids(session, options.guids)) {
    tasks.push_back(find_task(session, guid));
  }
  const auto human = [&] {
    std::string text;
    for (const TaskInfo& task : tasks) {
      if (!text.empty()) text += "\n";
      text += render_task(task, places_of(session, task.spec.guid), output.look());
    }
    return text;
  };
  const auto json = [&](const TaskInfo& task) {
    const TaskPlaces places = places_of(session, task.spec.guid);
    return task_json(task, places.status_log, places.children);
  };
  const auto name = [](const TaskInfo& task) { return task.spec.guid; };
  if (tasks.size() == 1) {
    output.show_one(
        human, [&] { return json(tasks.front()); }, [&] { return name(tasks.front()); });
  } else {
    output.show_list("task", tasks, human, json, name);
  }
  return kExitOk;
}

int do_verb(Session& session, const TaskExplainOptions& options) {
  Output& output = session.output();
  const std::string guid = resolve_guid(session, options.guid);
  std::optional<Explanation> explanation;
  if (session.broker_or_none() != nullptr) {
    explanation = session.ask_if_known<Explanation>(ExplainTask{guid});
  }
  if (!explanation) {
    const TaskInfo task = find_task(session, guid);
    explanation = Explanation{guid, task.state, task_outcome(task), {}, 0, {}};
    if (task.ending) explanation->summary = "ended: " + ending_text(*task.ending);
  }
  output.show_one([&] { return render_explanation(*explanation); },
                  [&] { return explanation_json(*explanation); }, [&] { return guid; });
  return kExitOk;
}

}  // namespace muster
