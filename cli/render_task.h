// Tasks as text for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "core/messages.h"

namespace muster {

// What is known about a task beside what the broker says of it.
struct TaskPlaces {
  std::string status_log;          // empty: not on this machine
  std::vector<TaskInfo> children;  // that run on its behalf
};

// "job smoke", "verify phone-7 for smoke": the kind and the name, the kind only once.
std::string task_label(TaskKind kind, const std::string& name);

// "pass", "flaky", "fail", "error (device)": the cause always stands beside an error, so that an
// infrastructure fault is never read as a failed test.
std::string outcome_text(Outcome outcome, Cause cause);
// Of a task: its verdict with the cause, or its state while it has none.
std::string task_outcome(const TaskInfo& task);
Color outcome_color(Outcome outcome);
Color task_color(const TaskInfo& task);

// "error (device): phone-7 is not on the bus", "fail: exit status 5", ...
std::string ending_text(const Ending& ending);

// `hides_ended`: tasks that ended were not asked for, which an empty answer says.
std::string render_task_table(const std::vector<TaskInfo>& tasks, uint64_t total, const Look& look,
                              bool hides_ended = false);
// "group 0193...: 12 of 40 ended: 10 pass, 2 fail". `tasks` are the newest of `total` in it.
std::string render_group(const std::string& group, const std::vector<TaskInfo>& tasks,
                         uint64_t total);

std::string render_task(const TaskInfo& task, const TaskPlaces& places, const Look& look);
std::string render_explanation(const Explanation& explanation);

// One line for a task that ended: "GUID  pass  job "smoke"  12s".
std::string render_task_line(const TaskInfo& task, const Look& look);

// One line for a step of its way: "queued", "running on bench-1 (attempt 2)", ...
std::string render_change(const TaskChange& change, const Look& look);

}  // namespace muster
