// Tasks that wait for the end of others (TaskSpec::depends_on). One that waits stands in no queue;
// the end of the last of its dependencies puts it there. One whose dependency did not pass, and had
// to, ends as skip, and so do those that depend on it in turn.
#include <algorithm>

#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

bool is_met(const Dependency& dependency, Verdict verdict) {
  return !dependency.must_pass || verdict == Verdict::pass || verdict == Verdict::flaky;
}

const Dependency* dependency_on(const TaskTerms& spec, std::string_view guid) {
  const auto found = std::find_if(spec.depends_on.begin(), spec.depends_on.end(),
                                  [&](const Dependency& one) { return one.guid == guid; });
  return found == spec.depends_on.end() ? nullptr : &*found;
}

Event make_blocked(const std::string& guid, std::string_view on, Verdict verdict, Instant now) {
  const std::string reason = "depends on " + cut_text(on, kGuidLengthMax) + ", which ended as " +
                             std::string(to_string(verdict));
  return Event{now, TaskEnded{guid,
                              make_ending(Outcome::skip, Cause::none, StatusCode::blocked, reason,
                                          kNever, now),
                              Verdict::skip}};
}

// The task that an event ends, and as what; nothing when it ends none.
struct End {
  std::string guid;
  Verdict verdict = Verdict::none;
};
End end_of(const Event& event) {
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    return {ended->verdict == Verdict::none ? "" : ended->token.guid, ended->verdict};
  }
  if (const auto* ended = std::get_if<TaskEnded>(&event.body)) {
    return {ended->guid, ended->verdict};
  }
  return {};
}

}  // namespace

// Why the task cannot depend on what it says, or empty. `before`: accepted with the same message.
std::string BrokerCore::decide_dependencies(const TaskSpec& spec, const SpecsByGuid& before) const {
  if (spec.depends_on.size() > kDependenciesMax) {
    return "a task depends on at most " + std::to_string(kDependenciesMax) + " others";
  }
  LookupSet<std::string> seen;
  for (const Dependency& dependency : spec.depends_on) {
    const std::string& guid = dependency.guid;
    if (const auto problem = invalid_guid(guid)) return "a dependency: " + *problem;
    if (guid == spec.guid) return "a task cannot depend on itself";
    if (!seen.insert(guid)) return "depends on " + guid + " twice";
    if (find_task(guid) || before.contains(std::string_view(guid))) continue;
    if (forgotten_.contains(guid)) {
      return "depends on " + guid + ", which ended too long ago to tell how; run it again";
    }
    return "depends on " + guid + ", which is not known; submit that first";
  }
  return "";
}

// The list of events grows on the way, by ends of tasks that others depend on in turn.
void BrokerCore::decide_dependants(Decision& decision, Instant now) const {
  std::map<std::string, std::vector<TaskSpecPtr>, std::less<>> submitted;  // by what they wait for
  for (const Event& event : decision.events) {
    const auto* task = std::get_if<TaskSubmitted>(&event.body);
    if (task == nullptr) continue;
    for (const Dependency& on : task->spec->depends_on) submitted[on.guid].push_back(task->spec);
  }
  if (submitted.empty() && dependants_waiting_ == 0) return;
  LookupSet<std::string> over;
  for (const Event& event : decision.events) {
    if (const End end = end_of(event); !end.guid.empty()) over.insert(end.guid);
  }
  const auto block = [&](const TaskTerms& terms, const std::string& guid, std::string_view on,
                         Verdict verdict) {
    const Dependency* dependency = dependency_on(terms, on);
    if (dependency == nullptr || is_met(*dependency, verdict) || !over.insert(guid)) return;
    decision.events.push_back(make_blocked(guid, on, verdict, now));
  };
  for (const auto& [on, specs] : submitted) {
    const Task* task = find_task(on);
    if (!task || task->state != TaskState::ended) continue;
    for (const TaskSpecPtr& spec : specs) block(*spec, spec->guid, on, task->verdict);
  }
  for (size_t i = 0; i < decision.events.size(); ++i) {
    const End end = end_of(decision.events[i]);
    if (end.guid.empty()) continue;
    const Task* task = find_task(end.guid);
    if (task && task->dependants) {
      for (const TaskRef& ref : *task->dependants) {
        const Task* dependant = live_task(ref);
        if (dependant && dependant->state == TaskState::queued)
          block(*dependant->spec, dependant->guid(), end.guid, end.verdict);
      }
    }
    const auto found = submitted.find(end.guid);
    if (found == submitted.end()) continue;
    for (const TaskSpecPtr& spec : found->second) block(*spec, spec->guid, end.guid, end.verdict);
  }
}

// After a restart: tasks whose dependency is recorded as not passed, and their own end is not.
void BrokerCore::decide_blocked(Decision& decision, Instant now) const {
  if (dependants_waiting_ == 0) return;
  for (TaskIx ix = 0; ix < tasks_.size(); ++ix) {
    const Task& task = tasks_[ix];
    if (!task.spec || task.state != TaskState::queued || task.waits_for == 0 || task.cancel)
      continue;
    for (const Dependency& dependency : task.spec->depends_on) {
      const Task* on = find_task(dependency.guid);
      if (!on || on->state != TaskState::ended || is_met(dependency, on->verdict)) continue;
      decision.events.push_back(make_blocked(task.guid(), dependency.guid, on->verdict, now));
      break;
    }
  }
}

void BrokerCore::apply_dependencies(TaskIx ix) {
  Task& task = tasks_[ix];
  for (const Dependency& dependency : task.spec->depends_on) {
    const TaskIx on_ix = task_ix(dependency.guid);
    if (on_ix == kNone) continue;  // ended, and forgotten since it was looked at
    Task& on = tasks_[on_ix];
    if (on.state == TaskState::ended) {
      task.waits_for += is_met(dependency, on.verdict) ? 0 : 1;
      continue;
    }
    ++task.waits_for;
    if (!on.dependants) on.dependants = Box(std::vector<TaskRef>());
    on.dependants->push_back(TaskRef{ix, task.seq});
  }
  if (task.waits_for > 0) ++dependants_waiting_;
}

// `task` has ended.
void BrokerCore::apply_dependants(Task& task) {
  if (task.waits_for > 0) --dependants_waiting_;
  if (!task.dependants) return;
  // Told once: should it be retried, those that it held up before do not wait for that.
  const Box<std::vector<TaskRef>> dependants = std::move(task.dependants);
  for (const TaskRef& ref : *dependants) {
    const Task* live = live_task(ref);
    if (!live || live->state != TaskState::queued) continue;
    Task& dependant = tasks_[ref.ix];
    if (!is_met(*dependency_on(*dependant.spec, task.guid()), task.verdict)) continue;
    if (--dependant.waits_for > 0) continue;
    --dependants_waiting_;
    enqueue(ref.ix, false);
  }
}

void BrokerCore::explain_dependencies(const Task& task, Explanation& answer) const {
  for (const Dependency& dependency : task.spec->depends_on) {
    const Task* on = find_task(dependency.guid);
    if (!on || on->state == TaskState::ended) continue;
    if (answer.reasons.size() >= kExplainReasonsMax) break;
    answer.reasons.push_back("task " + dependency.guid + " is " +
                             std::string(to_string(on->state)) +
                             (dependency.must_pass ? " and must pass" : ""));
  }
  answer.summary = "waits for the end of " + std::to_string(task.waits_for) +
                   (task.waits_for == 1 ? " task" : " tasks") + " that it depends on";
}

}  // namespace muster
