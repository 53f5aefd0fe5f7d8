// muster task ls.
#include <algorithm>

#include "cli/lookup.h"
#include "cli/render_task.h"
#include "cli/verbs.h"
#include "core/burial.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr uint32_t kShownUnlessAsked = 50;

struct FoundTasks {
  std::vector<TaskInfo> tasks;  // newest first
  uint64_t total = 0;           // that there are
};

// Adds ended tasks that the broker has forgotten.
void add_from_ledger(Session& session, const ListTasks& question, FoundTasks& found) {
  LedgerReader* ledger = session.ledger();
  if (ledger == nullptr) return;
  LedgerTaskFilter filter;
  filter.state = TaskState::ended;
  // The ledger knows states and kinds apart; with more asked, look at as many as it gives.
  if (question.kinds.size() == 1) filter.kind = question.kinds.front();
  const bool by_more = question.kinds.size() > 1 || !question.group_prefix.empty() ||
                       !question.verdicts.empty() || !question.name.empty() ||
                       !question.metadata.empty() || question.buried;
  filter.max = by_more ? uint32_t{kListTasksMax} : question.max;
  const Result<std::vector<LedgerTask>> rows = ledger->tasks(filter);
  if (!rows) throw session.ledger_failure(rows.error());
  for (const LedgerTask& row : *rows) {
    const TaskInfo& info = row.info;
    const bool known =
        std::any_of(found.tasks.begin(), found.tasks.end(),
                    [&](const TaskInfo& task) { return task.spec.guid == info.spec.guid; });
    const bool buried = info.ending && is_buried(info.spec, info.verdict, *info.ending);
    if (!known && is_meant(question, info.spec.guid, info.spec, info.state, info.verdict, buried)) {
      found.tasks.push_back(info);
    }
  }
  std::stable_sort(found.tasks.begin(), found.tasks.end(),
                   [](const TaskInfo& a, const TaskInfo& b) { return a.submitted > b.submitted; });
}

FoundTasks find_tasks(Session& session, const ListTasks& question) {
  TaskList list = session.ask_for<TaskList>(question);
  FoundTasks found{std::move(list.tasks), list.total};
  // An older broker knows states only.
  const size_t erased = std::erase_if(found.tasks, [&](const TaskInfo& task) {
    return !is_meant(question, task.spec.guid, task.spec, task.state, task.verdict, task.buried);
  });
  if (erased > 0) found.total = found.tasks.size();
  const bool wants_ended =
      question.states.empty() || std::find(question.states.begin(), question.states.end(),
                                           TaskState::ended) != question.states.end();
  if (wants_ended && found.tasks.size() < question.max) add_from_ledger(session, question, found);
  found.total = std::max<uint64_t>(found.total, found.tasks.size());
  if (found.tasks.size() > question.max) found.tasks.resize(question.max);
  return found;
}

ListTasks make_question(Session& session, const TaskListOptions& options) {
  ListTasks question;
  question.states = options.states;
  question.verdicts = options.verdicts;
  if (options.kind) question.kinds = {*options.kind};
  question.name = options.name;
  question.metadata = options.metadata;
  question.buried = options.buried;
  if (!options.group.empty()) question.group_prefix = resolve_group(session, options.group);
  if (question.states.empty() && (!options.verdicts.empty() || options.buried)) {
    question.states = {TaskState::ended};
  } else if (question.states.empty() && !options.all && options.group.empty()) {
    question.states = {TaskState::queued, TaskState::leased, TaskState::running};
  }
  // Of a group all are meant, for retry as for people.
  const uint32_t usual = options.group.empty() ? kShownUnlessAsked : uint32_t{kListTasksMax};
  question.max = options.count_max.value_or(usual);
  return question;
}

}  // namespace

int do_verb(Session& session, const TaskListOptions& options) {
  Output& output = session.output();
  const ListTasks question = make_question(session, options);
  const FoundTasks found = find_tasks(session, question);
  const auto human = [&] {
    ListTasks plain = make_question(session, {});
    plain.max = question.max;
    const bool hides_ended = question == plain;
    std::string text = render_task_table(found.tasks, found.total, output.look(), hides_ended);
    if (options.group.empty()) return text;
    ListTasks whole;
    whole.group_prefix = question.group_prefix;
    whole.max = kListTasksMax;
    const FoundTasks all = find_tasks(session, whole);
    return text + render_group(question.group_prefix, all.tasks, all.total);
  };
  output.show_list(
      "task", found.tasks, human, [](const TaskInfo& task) { return task_json(task, ""); },
      [](const TaskInfo& task) { return task.spec.guid; },
      "\"total\":" + std::to_string(found.total));
  if (!output.is_human() && found.total > found.tasks.size()) {
    output.talk("these are " + std::to_string(found.tasks.size()) + " of " +
                std::to_string(found.total) + " tasks; more with -n N");
  }
  return kExitOk;
}

}  // namespace muster
