#include "cli/submit.h"

#include <algorithm>

#include "cli/source_roles.h"
#include "cli/text.h"
#include "cli/values.h"
#include "core/limits.h"
#include "io/random.h"

namespace muster {
namespace {

// Of one Submit; the rest of a frame is names and small fields.
constexpr size_t kWorkBytesPerSubmit = kMessageBytesMax / 4;

std::string place_of(const std::string& path, Mark at) {
  return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

// The places of a file's tasks in an order in which each stands after those that it depends on. The
// file's own order stays as far as it can; there are no cycles.
std::vector<size_t> ordered_tasks(const TaskFile& file) {
  std::vector<std::vector<size_t>> on(file.tasks.size());
  for (const FileDependency& dependency : file.dependencies) {
    on[dependency.task].push_back(dependency.on);
  }
  std::vector<size_t> order;
  std::vector<bool> placed(file.tasks.size(), false);
  std::vector<size_t> path;
  for (size_t i = 0; i < file.tasks.size(); ++i) {
    path.push_back(i);
    while (!path.empty()) {
      const size_t task = path.back();
      if (!placed[task] && !on[task].empty()) {
        path.push_back(on[task].back());
        on[task].pop_back();
        continue;
      }
      path.pop_back();
      if (placed[task]) continue;
      placed[task] = true;
      order.push_back(task);
    }
  }
  return order;
}

// `roles`: null where devices are given.
void add_tasks(TaskFile file, const std::string& path, SourceRoles* roles, LoadedTasks& loaded) {
  sign_tasks(file.tasks);
  for (const auto& [first, end] : file.groups) group_tasks(file.tasks, first, end);
  for (const FileDependency& dependency : file.dependencies) {
    add_dependency(file.tasks[dependency.task].depends_on,
                   {file.tasks[dependency.on].guid, dependency.must_pass});
  }
  for (size_t i = 0; i < file.tasks.size(); ++i) {
    if (roles != nullptr && file.leaves_devices[i]) {
      roles->learn(file.tasks[i], place_of(path, file.at[i]));
    }
  }
  for (const size_t i : ordered_tasks(file)) {
    loaded.tasks.push_back(std::move(file.tasks[i]));
    loaded.places.push_back(place_of(path, file.at[i]));
    loaded.left_devices.push_back(file.leaves_devices[i]);
  }
}

}  // namespace

LoadedTasks load_tasks(const std::vector<std::string>& paths, const ArrayFlags& flags, Roles roles,
                       Output& output) {
  std::vector<TaskFile> files;
  FileProblems problems;
  for (const std::string& path : paths) {
    files.push_back(load_task_file(path, flags));
    problems.add_all(files.back().problems);
  }
  const std::string text = problems.to_text();
  if (!text.empty()) output.talk(text.substr(0, text.size() - 1));
  if (!problems.has_errors()) {
    LoadedTasks loaded;
    SourceRoles source_roles(output);
    for (size_t i = 0; i < files.size(); ++i) {
      add_tasks(std::move(files[i]), paths[i], roles == Roles::learned ? &source_roles : nullptr,
                loaded);
    }
    return loaded;
  }
  throw Failure{kExitUsageError, counted(problems.errors(), "error") + "; nothing was submitted",
                ""};
}

void group_tasks(std::vector<TaskSpec>& tasks, size_t first, size_t end) {
  SystemClock clock;
  const std::string group = new_uuid_v7(clock);
  for (size_t i = first; i < end; ++i) tasks[i].group = group;
}

void sign_tasks(std::vector<TaskSpec>& tasks) {
  SystemClock clock;
  const std::string user = Session::user();
  for (TaskSpec& task : tasks) {
    if (task.guid.empty()) task.guid = new_uuid_v7(clock);
    task.submitter = user;
  }
}

std::vector<SubmitResult> submit_tasks(Session& session, const std::vector<TaskSpec>& tasks) {
  std::vector<SubmitResult> results;
  for (size_t at = 0; at < tasks.size();) {
    Submit submit;
    size_t bytes = 0;
    while (at < tasks.size() && submit.tasks.size() < kSubmitTasksMax &&
           bytes < kWorkBytesPerSubmit) {
      bytes += tasks[at].work.size();
      submit.tasks.push_back(std::make_shared<const TaskSpec>(tasks[at++]));
    }
    SubmitReply reply = session.ask_for<SubmitReply>(submit);
    for (SubmitResult& result : reply.results) results.push_back(std::move(result));
  }
  return results;
}

void show_submissions(Output& output, const std::vector<SubmitResult>& results) {
  std::vector<SubmitResult> shown;
  const bool all = output.format() == Format::json || output.format() == Format::jsonl;
  for (const SubmitResult& result : results) {
    if (all || result.refused.empty()) shown.push_back(result);
  }
  output.show_list(
      "submission", shown,
      [&] {
        std::string text;
        for (const SubmitResult& result : shown) {
          text += printable(result.guid) + (result.known ? "  known already\n" : "\n");
        }
        return text;
      },
      submission_json, [](const SubmitResult& result) { return result.guid; });
}

void say_tasks_go_on(Output& output, const std::vector<std::string>& guids) {
  const std::string names = printable(join(guids, " "));
  output.talk(guids.size() == 1 ? "leaving; the task goes on" : "leaving; the tasks go on");
  output.talk("  muster wait " + names);
  output.talk("  muster cancel " + names + " --reason TEXT");
}

std::vector<std::string> accepted_or_throw(const std::vector<SubmitResult>& results,
                                           const std::vector<std::string>& places) {
  std::vector<std::string> accepted;
  std::vector<std::string> refused;
  int status = kExitUnreachable;
  for (size_t i = 0; i < results.size(); ++i) {
    const SubmitResult& result = results[i];
    if (result.refused.empty()) {
      accepted.push_back(result.guid);
      continue;
    }
    status = std::min(status, exit_status(result.code));
    const std::string place = i < places.size() ? printable(places[i]) + ": " : "";
    const std::string task = results.size() == 1 ? "the task" : "task " + printable(result.guid);
    refused.push_back(place + "the broker refused " + task + ": " + printable(result.refused));
  }
  if (refused.empty()) return accepted;
  if (accepted.empty()) throw Failure{status, join(refused, "\n"), ""};
  throw Failure{
      status, join(refused, "\n"),
      counted(accepted.size(), "task") + (accepted.size() == 1 ? " was" : " were") +
          " accepted and will run: " + printable(join(accepted, ", ")) +
          "\n    mend what was refused and submit only that again" +
          (places.empty() ? "" : "; a task with a guid of its own may come again as it is")};
}

}  // namespace muster
