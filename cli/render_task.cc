#include "cli/render_task.h"

#include <algorithm>
#include <map>

#include "cli/values.h"
#include "core/burial.h"
#include "core/duration_text.h"
#include "core/guid.h"

namespace muster {
namespace {

Color verdict_color(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return Color::good;
    case Verdict::fail:
      return Color::bad;
    case Verdict::flaky:
    case Verdict::error:
      return Color::doubt;
    case Verdict::none:
    case Verdict::skip:
      break;
  }
  return Color::none;
}

// A name may have hundreds of bytes: on a terminal it must leave room for its neighbours.
constexpr size_t kNameShown = 32;

std::string name_shown(const std::string& name, const Look& look) {
  return look.terminal ? cut_text(name, kNameShown) : name;
}

// How long it ran, or has been on its way.
std::string task_time(const TaskInfo& task, const Look& look) {
  if (task.ending && task.ending->started != kNever) {
    return format_duration(task.ending->finished - task.ending->started);
  }
  if (task.state == TaskState::ended) return "-";
  return format_duration(
      std::chrono::floor<std::chrono::seconds>(std::max(look.now - task.submitted, Duration(0))));
}

std::string request_text(const DeviceRequest& request) {
  std::string what = !request.name.empty()       ? request.name
                     : !request.selector.empty() ? "any with " + request.selector
                                                 : "any";
  if (!request.with.empty()) what += ", in a stack with " + request.with;
  return request.role.empty() ? what : request.role + " = " + what;
}

std::string limits_text(const Timeouts& timeouts) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, Duration limit) {
    if (limit != Duration(0)) parts.push_back(std::string(name) + " " + format_duration(limit));
  };
  add("queue", timeouts.queue);
  add("run", timeouts.run);
  add("silence", timeouts.silence);
  add("grace", timeouts.grace);
  add("deadline", timeouts.deadline);
  return join(parts, ", ");
}

std::string child_text(const Ending& ending) {
  if (ending.signal) return "killed by signal " + std::to_string(*ending.signal);
  if (ending.exit_code) return "exit code " + std::to_string(*ending.exit_code);
  return "";
}

std::string span_text(Instant begin, Instant end) {
  if (begin == kNever) return "";
  if (end == kNever) return short_time(begin);
  return short_time(begin) + " to " + short_time(end) + " (" + format_duration(end - begin) + ")";
}

// "GUID  verify phone-7 for smoke: pass".
std::string child_line(const TaskInfo& child) {
  return child.spec.guid + "  " + task_label(child.spec.kind, child.spec.name) + ": " +
         task_outcome(child);
}

// What is done to its devices before it runs.
std::string before_text(const Before& before) {
  if (before.verify == VerifyFirst::none) return "";
  std::string text = "verify " + std::string(to_string(before.verify));
  if (!before.level.empty()) text += ", level " + before.level;
  if (before.repair) text += ", repair within " + format_duration(before.repair_budget);
  return text;
}

std::string render_attempt(const AttemptInfo& attempt, const Look& look) {
  Fields fields;
  fields.add("worker", attempt.worker);
  fields.add("devices", join(attempt.devices, ", "));
  fields.add("leased", short_time(attempt.leased));
  if (!attempt.ending) fields.add("progress", attempt.progress);
  if (attempt.ending) {
    const Ending& ending = *attempt.ending;
    fields.add("ran", span_text(ending.started, ending.finished));
    fields.add("ended", {ending_text(ending), outcome_color(ending.outcome)});
    fields.add("child", child_text(ending));
  }
  fields.add("log", attempt.log_url);
  return "attempt " + std::to_string(attempt.attempt) + "\n" + fields.render(look, "  ");
}

}  // namespace

std::string task_label(TaskKind kind, const std::string& name) {
  const std::string word(to_string(kind));
  if (name.empty()) return word;
  return name.starts_with(word + " ") ? name : word + " " + name;
}

std::string outcome_text(Outcome outcome, Cause cause) {
  std::string text(to_string(outcome));
  const bool is_plain = cause == Cause::none || (outcome == Outcome::fail && cause == Cause::test);
  if (!is_plain) text += " (" + std::string(to_string(cause)) + ")";
  return text;
}

std::string task_outcome(const TaskInfo& task) {
  if (task.verdict == Verdict::none) {
    std::string text(to_string(task.state));
    if (!task.cancelling.empty()) text += ", being cancelled";
    return text;
  }
  if (task.verdict == Verdict::flaky || !task.ending) return std::string(to_string(task.verdict));
  return outcome_text(task.ending->outcome, task.ending->cause);
}

Color outcome_color(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return Color::good;
    case Outcome::fail:
      return Color::bad;
    case Outcome::error:
      return Color::doubt;
    case Outcome::skip:
      break;
  }
  return Color::none;
}

Color task_color(const TaskInfo& task) { return verdict_color(task.verdict); }

std::string ending_text(const Ending& ending) {
  std::string text = outcome_text(ending.outcome, ending.cause);
  if (!ending.message.empty()) {
    text += ": " + ending.message;
  } else if (ending.outcome != Outcome::pass) {
    const std::string child = child_text(ending);
    text += ": " + (child.empty() ? "status " + std::string(to_string(ending.status)) : child);
  }
  return text;
}

std::string render_task_table(const std::vector<TaskInfo>& tasks, uint64_t total, const Look& look,
                              bool hides_ended) {
  if (tasks.empty()) {
    return hides_ended ? "no tasks wait or run; those that ended: muster task ls --all\n"
                       : "no tasks\n";
  }
  const bool any_parent = std::any_of(
      tasks.begin(), tasks.end(), [](const TaskInfo& task) { return !task.spec.parent.empty(); });
  std::vector<std::string> head = {"GUID",     "KIND", "NAME",     "STATE",
                                   "ATTEMPTS", "TIME", "SUBMITTED"};
  if (any_parent) head.emplace_back("PARENT");
  Table table(std::move(head));
  for (const TaskInfo& task : tasks) {
    std::vector<Cell> row = {task.spec.guid,
                             to_string(task.spec.kind),
                             name_shown(task.spec.name, look),
                             {task_outcome(task), task_color(task)},
                             std::to_string(task.attempt_count),
                             task_time(task, look),
                             relative_time(task.submitted, look)};
    if (any_parent) row.emplace_back(task.spec.parent);
    table.add(std::move(row));
  }
  std::string out = table.render(look);
  if (total > tasks.size()) {
    out += std::to_string(tasks.size()) + " of " + std::to_string(total) + "; more with -n N\n";
  }
  return out;
}

// Of a task that has used up its retries: what it left, and how it is dug up.
std::string burial_text(const TaskInfo& task) {
  if (!task.ending || !is_buried(task.spec, task.verdict, *task.ending)) return "";
  const std::string tried = task.attempt_count == 0
                                ? "without an attempt"
                                : "after " + counted(task.attempt_count, "attempt");
  return tried + "; muster retry gives it another go";
}

std::string render_group(const std::string& group, const std::vector<TaskInfo>& tasks,
                         uint64_t total) {
  std::map<Verdict, uint64_t> counts;
  uint64_t ended = 0;
  for (const TaskInfo& task : tasks) {
    if (task.state != TaskState::ended) continue;
    ++ended;
    ++counts[task.verdict];
  }
  std::string text = "group " + printable(group) + ": " + std::to_string(ended) + " of " +
                     std::to_string(tasks.size()) + " ended";
  std::string_view separator = ": ";
  for (const auto& [verdict, count] : counts) {
    text += std::string(separator) + std::to_string(count) + " " + std::string(to_string(verdict));
    separator = ", ";
  }
  if (total > tasks.size()) text += " (of the newest; it has " + std::to_string(total) + ")";
  return text + "\n";
}

std::string render_task(const TaskInfo& task, const TaskPlaces& places, const Look& look) {
  const TaskSpec& spec = task.spec;
  Fields fields;
  fields.add("task", spec.guid);
  fields.add("kind", to_string(spec.kind));
  fields.add("name", spec.name);
  fields.add("parent", spec.parent);
  fields.add("submitter", spec.submitter);
  fields.add("state", to_string(task.state));
  if (task.verdict != Verdict::none)
    fields.add("verdict", {to_string(task.verdict), task_color(task)});
  if (task.ending) {
    fields.add("ended", {ending_text(*task.ending), outcome_color(task.ending->outcome)});
  }
  fields.add("buried", burial_text(task));
  if (!task.cancelling.empty()) fields.add("cancelling", task.cancelling);
  fields.add(
      "group",
      spec.group + (spec.at_once > 0 ? ", " + std::to_string(spec.at_once) + " at once" : ""));
  for (const Dependency& on : spec.depends_on) {
    fields.add("depends on", on.guid + (on.must_pass ? "" : ", however it ends"));
  }
  for (const auto& [key, value] : spec.metadata) fields.add("metadata", key + "=" + value);
  fields.add("pool", spec.pool);
  for (const DeviceRequest& request : spec.devices) fields.add("wants", request_text(request));
  fields.add("before", before_text(spec.before));
  fields.add("priority", std::to_string(spec.priority));
  fields.add("limits", limits_text(spec.timeouts));
  fields.add("retries", "infra " + std::to_string(spec.retry.infra) + ", test " +
                            std::to_string(spec.retry.test) + ", crash limit " +
                            std::to_string(spec.retry.crash_limit));
  fields.add("submitted", short_time(task.submitted));
  if (task.state == TaskState::queued && task.not_before > look.now) {
    fields.add("next try", relative_time(task.not_before, look));
  }
  if (task.ended != kNever) fields.add("finished", short_time(task.ended));
  fields.add("status.log", places.status_log);
  for (const TaskInfo& child : places.children) {
    fields.add("child", {child_line(child), task_color(child)});
  }
  std::string out = fields.render(look);
  for (const AttemptInfo& attempt : task.attempts) out += "\n" + render_attempt(attempt, look);
  return out;
}

std::string render_explanation(const Explanation& explanation) {
  std::string out = printable(explanation.summary) + "\n";
  for (const std::string& reason : explanation.reasons) out += "  " + printable(reason) + "\n";
  if (explanation.state != TaskState::queued) return out;
  if (explanation.estimate > Duration{0}) {
    out += "may start in about " + format_duration(explanation.estimate) +
           ", by what such tasks took before; ";
  }
  return out + counted(explanation.ahead, "task") + " would be served first\n";
}

std::string render_task_line(const TaskInfo& task, const Look& look) {
  std::string out = printable(task.spec.guid) + "  " +
                    paint(task_outcome(task), task_color(task), look) + "  " +
                    std::string(to_string(task.spec.kind));
  if (!task.spec.name.empty()) out += " " + printable(task.spec.name);
  if (task.ending && task.ending->started != kNever) {
    out += ", " + format_duration(task.ending->finished - task.ending->started);
  }
  if (task.attempt_count > 1) out += ", " + counted(task.attempt_count, "attempt");
  if (task.ending && task.ending->outcome != Outcome::pass) {
    const std::string text = ending_text(*task.ending);
    const size_t colon = text.find(": ");
    if (colon != std::string::npos) out += printable(text.substr(colon));
  }
  return out + "\n";
}

std::string render_change(const TaskChange& change, const Look& look) {
  const std::string attempt =
      change.attempt > 1 ? " (attempt " + std::to_string(change.attempt) + ")" : "";
  switch (change.state) {
    case TaskState::queued:
      return change.attempt > 0 ? "queued again after attempt " + std::to_string(change.attempt)
                                : "queued";
    case TaskState::leased:
      return "given to " + printable(change.worker) + attempt;
    case TaskState::running:
      return "running on " + printable(change.worker) + attempt;
    case TaskState::ended:
      break;
  }
  if (!change.ending) return "ended";
  return paint(printable(ending_text(*change.ending)), outcome_color(change.ending->outcome), look);
}

}  // namespace muster
