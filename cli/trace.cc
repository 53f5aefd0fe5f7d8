#include "cli/trace.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "cli/render_event.h"
#include "cli/render_task.h"
#include "cli/values.h"
#include "core/repair_ladder.h"

namespace muster {
namespace {

// Folds the events of one task.
void take(const Event& event, TraceTask& task) {
  if (const auto* submitted = std::get_if<TaskSubmitted>(&event.body)) {
    task.spec = submitted->spec;
  } else if (const auto* leased = std::get_if<AttemptLeased>(&event.body)) {
    task.state = TaskState::leased;
    task.devices = leased->devices;
  } else if (const auto* said = std::get_if<AttemptReported>(&event.body)) {
    if (std::holds_alternative<AttemptStarted>(said->body)) task.state = TaskState::running;
  } else if (const auto* attempt = std::get_if<AttemptEnded>(&event.body)) {
    task.state = attempt->verdict == Verdict::none ? TaskState::queued : TaskState::ended;
    task.verdict = attempt->verdict;
    task.ending = attempt->ending;
  } else if (const auto* ended = std::get_if<TaskEnded>(&event.body)) {
    task.state = TaskState::ended;
    task.verdict = ended->verdict;
    task.ending = ended->ending;
  } else if (std::holds_alternative<TaskRetried>(event.body)) {
    task.state = TaskState::queued;
    task.verdict = Verdict::none;
    task.ending.reset();
  }
}

// Puts the tasks below `guid` after it, depth first.
void put_below(const std::string& guid, uint32_t depth,
               const std::map<std::string, std::vector<std::string>>& children,
               std::map<std::string, TraceTask>& found, std::vector<TraceTask>& tasks) {
  const auto at = found.find(guid);
  if (at == found.end()) return;
  TraceTask task = std::move(at->second);
  found.erase(at);
  task.depth = depth;
  tasks.push_back(std::move(task));
  const auto below = children.find(guid);
  if (below == children.end()) return;
  for (const std::string& child : below->second) {
    put_below(child, depth + 1, children, found, tasks);
  }
}

std::string indent(uint32_t depth) { return std::string(size_t{2} * depth, ' '); }

// "job smoke", "verify phone-7 for smoke", "job smoke on phone-7".
std::string label(const TraceTask& task) {
  std::string text = task_label(task.spec->kind, task.spec->name);
  const bool named = std::any_of(
      task.devices.begin(), task.devices.end(),
      [&](const std::string& device) { return text.find(device) != std::string::npos; });
  if (!task.devices.empty() && !named) text += " on " + join(task.devices, ", ");
  return text;
}

TaskInfo info_of(const TraceTask& task) {
  TaskInfo info;
  info.state = task.state;
  info.verdict = task.verdict;
  info.ending = task.ending;
  return info;
}

bool is_told_by_others(const Event& event, const TraceTask& task) {
  const auto* said = std::get_if<AttemptReported>(&event.body);
  if (said == nullptr) return false;
  if (std::holds_alternative<Progress>(said->body)) return true;
  const auto* one = std::get_if<CaseResult>(&said->body);
  if (one == nullptr || task.spec->kind == TaskKind::job) return false;
  // An action that was not tried leaves no record.
  const bool not_tried =
      one->suite == "repair" && one->outcome == Outcome::skip && !one->message.empty();
  return !not_tried || one->message.starts_with(kNotNeeded);
}

}  // namespace

std::vector<std::string> find_chain(
    const std::string& guid, const std::function<std::string(const std::string&)>& parent_of,
    const std::function<std::vector<std::string>(const std::string&)>& children_of,
    size_t count_max) {
  std::string root = guid;
  std::set<std::string> seen = {guid};
  for (std::string parent = parent_of(root); !parent.empty() && seen.size() < count_max;
       parent = parent_of(root)) {
    if (!seen.insert(parent).second) break;
    root = std::move(parent);
  }
  std::vector<std::string> chain = {root};
  seen = {root};
  for (size_t at = 0; at < chain.size(); ++at) {
    for (const std::string& child : children_of(chain[at])) {
      if (chain.size() < count_max && seen.insert(child).second) chain.push_back(child);
    }
  }
  return chain;
}

Trace make_trace(const std::string& guid, const std::vector<std::string>& chain,
                 std::vector<TraceEvent> events) {
  Trace trace;
  trace.guid = guid;
  std::sort(events.begin(), events.end(),
            [](const TraceEvent& a, const TraceEvent& b) { return a.seq < b.seq; });
  std::map<std::string, TraceTask> found;
  std::map<std::string, std::vector<std::string>> children;
  for (const TraceEvent& one : events) {
    const std::string of(event_guid(one.event));
    take(one.event, found[of]);
    const auto* submitted = std::get_if<TaskSubmitted>(&one.event.body);
    if (submitted != nullptr) children[submitted->spec->parent].push_back(of);
  }
  for (auto& [of, task] : found) {
    if (task.spec) continue;
    // Its submission is not in what the source still has.
    auto spec = std::make_shared<TaskSpec>();
    spec->guid = of;
    task.spec = std::move(spec);
  }
  // The root first; what hangs on a task that nobody knows any more follows it.
  for (const std::string& of : chain) put_below(of, 0, children, found, trace.tasks);
  trace.events = std::move(events);
  return trace;
}

std::string render_trace(const Trace& trace, const Look& look) {
  Table tasks({"TASK", "STATE", "GUID"});
  std::map<std::string, const TraceTask*> by_guid;
  for (const TraceTask& task : trace.tasks) {
    by_guid[task.spec->guid] = &task;
    const TaskInfo info = info_of(task);
    tasks.add({indent(task.depth) + label(task),
               {task_outcome(info), task_color(info)},
               task.spec->guid});
  }
  Table events({"TIME", "TASK", "EVENT", "WHAT"});
  for (const TraceEvent& one : trace.events) {
    const auto task = by_guid.find(std::string(event_guid(one.event)));
    if (task == by_guid.end() || is_told_by_others(one.event, *task->second)) continue;
    events.add({short_time(one.event.time),
                indent(task->second->depth) + label(*task->second),
                event_type(one.event),
                {event_text(one.event), event_color(one.event)}});
  }
  return tasks.render(look) + "\n" + events.render(look);
}

}  // namespace muster
