#include "cli/lookup.h"

#include <algorithm>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr std::string_view kLast = "last";
constexpr std::string_view kBrokerName = "broker";  // as a submitter
// Of these, one was most likely submitted by somebody.
constexpr uint32_t kNewestAsked = 32;
// Enough to see whether a prefix is unique, and to name what it could mean.
constexpr uint32_t kCandidatesMax = 8;

std::optional<TaskInfo> task_of_broker(Session& session, const std::string& guid) {
  if (session.broker_or_none() == nullptr) return std::nullopt;
  return session.ask_if_known<TaskInfo>(ShowTask{guid});
}

// The newest task that somebody submitted: neither what was done on behalf of another, nor what the
// broker does of itself.
std::vector<std::string> last_of_broker(Session& session) {
  for (const uint32_t max : {kNewestAsked, uint32_t{kListTasksMax}}) {
    ListTasks question;
    question.max = max;
    const TaskList list = session.ask_for<TaskList>(question);
    for (const TaskInfo& task : list.tasks) {
      if (task.spec.parent.empty() && task.spec.submitter != kBrokerName) return {task.spec.guid};
    }
    if (list.total <= list.tasks.size()) break;
  }
  return {};
}

std::vector<std::string> guids_of_broker(Session& session, const std::string& text) {
  if (session.broker_or_none() == nullptr) return {};
  if (text == kLast) return last_of_broker(session);
  if (task_of_broker(session, text)) return {text};
  ListTasks question;
  question.guid_prefix = text;
  question.max = kCandidatesMax + 1;
  std::vector<std::string> guids;
  for (const TaskInfo& task : session.ask_for<TaskList>(question).tasks) {
    guids.push_back(task.spec.guid);
  }
  return guids;
}

std::vector<std::string> guids_of_ledger(Session& session, const std::string& text) {
  LedgerReader* ledger = session.ledger();
  if (ledger == nullptr) return {};
  Result<std::vector<std::string>> guids = ledger->find_guids(text, kCandidatesMax + 1);
  if (!guids) throw session.ledger_failure(guids.error());
  return std::move(*guids);
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Nobody knows it: say whom we could not ask.
Failure unknown_task(Session& session, const std::string& text) {
  const bool no_broker = session.broker_or_none() == nullptr;
  if (no_broker && session.ledger() == nullptr) {
    return {kExitUnreachable,
            "the broker at " + session.endpoint() + " does not answer, and there is no ledger",
            session.ledger_fault()};
  }
  if (text == kLast)
    return {kExitUsageError, "there is no task yet", "try: muster run -- uname -a"};
  return {kExitUsageError,
          "no task " + quote_text(text) + (no_broker ? " in the ledger" : " is known"),
          "see: muster task ls --all"};
}

}  // namespace

Failure ambiguous_guid(const std::string& text, const std::vector<std::string>& candidates) {
  std::string hint = "it could be:";
  for (size_t i = 0; i < candidates.size() && i < kCandidatesMax; ++i) {
    hint += "\n    " + printable(candidates[i]);
  }
  if (candidates.size() > kCandidatesMax) hint += "\n    ... and more";
  return {kExitUsageError, quote_text(text) + " is the beginning of more than one GUID", hint};
}

namespace {

std::string find_guid(Session& session, const std::string& text) {
  if (text.empty()) throw Failure{kExitUsageError, "a GUID must not be empty", ""};
  std::vector<std::string> guids = guids_of_broker(session, text);
  if (contains(guids, text) || (text == kLast && !guids.empty())) return guids.front();
  for (std::string& guid : guids_of_ledger(session, text)) {
    if (guid == text) return guid;
    if (!contains(guids, guid)) guids.push_back(std::move(guid));
  }
  if (guids.empty()) throw unknown_task(session, text);
  if (guids.size() > 1) throw ambiguous_guid(text, guids);
  return guids.front();
}

}  // namespace

std::string resolve_guid(Session& session, const std::string& text) {
  std::string guid = find_guid(session, text);
  if (guid != text && session.output().is_human()) {
    session.output().talk(text + " is task " + printable(guid));
  }
  return guid;
}

namespace {

// Adds the groups of those tasks that are in one which begins with `prefix`, each once.
void add_group(const TaskSpec& task, const std::string& prefix, std::vector<std::string>& groups) {
  const bool is_one = !task.group.empty() && task.group.starts_with(prefix);
  if (is_one && !contains(groups, task.group)) groups.push_back(task.group);
}

std::vector<std::string> groups_of_broker(Session& session, const std::string& prefix) {
  std::vector<std::string> groups;
  if (session.broker_or_none() == nullptr) return groups;
  ListTasks question;
  question.group_prefix = prefix;
  for (const TaskInfo& task : session.ask_for<TaskList>(question).tasks) {
    add_group(task.spec, prefix, groups);
  }
  return groups;
}

std::vector<std::string> groups_of_ledger(Session& session, const std::string& prefix) {
  std::vector<std::string> groups;
  LedgerReader* ledger = session.ledger();
  if (ledger == nullptr) return groups;
  LedgerTaskFilter filter;
  filter.max = kListTasksMax;
  const Result<std::vector<LedgerTask>> rows = ledger->tasks(filter);
  if (!rows) throw session.ledger_failure(rows.error());
  for (const LedgerTask& row : *rows) add_group(row.info.spec, prefix, groups);
  return groups;
}

}  // namespace

std::string resolve_group(Session& session, const std::string& text) {
  const bool last = text == kLast;
  const std::string prefix = last ? "" : text;
  std::vector<std::string> groups = groups_of_broker(session, prefix);
  if (contains(groups, text)) return text;
  if (!last || groups.empty()) {
    for (std::string& group : groups_of_ledger(session, prefix)) {
      if (!contains(groups, group)) groups.push_back(std::move(group));
    }
  }
  if (contains(groups, text)) return text;
  if (groups.empty()) {
    throw Failure{kExitUsageError,
                  last ? "there is no group of tasks yet" : "no group " + quote_text(text),
                  "an array or a matrix is one: muster run --array 1-100 -- COMMAND"};
  }
  if (!last && groups.size() > 1) throw ambiguous_guid(text, groups);
  return groups.front();
}

std::vector<std::string> resolve_guids(Session& session, const std::vector<std::string>& texts) {
  std::vector<std::string> guids;
  for (const std::string& text : texts) {
    const std::string guid = resolve_guid(session, text);
    if (!contains(guids, guid)) guids.push_back(guid);
  }
  return guids;
}

std::optional<TaskInfo> task_of_ledger(Session& session, const std::string& guid) {
  LedgerReader* ledger = session.ledger();
  if (ledger == nullptr) return std::nullopt;
  Result<std::optional<LedgerTask>> task = ledger->task(guid);
  if (!task) throw session.ledger_failure(task.error());
  if (!*task) return std::nullopt;
  return std::move((*task)->info);
}

TaskInfo find_task(Session& session, const std::string& guid) {
  if (std::optional<TaskInfo> task = task_of_broker(session, guid)) return std::move(*task);
  if (std::optional<TaskInfo> task = task_of_ledger(session, guid)) return std::move(*task);
  throw unknown_task(session, guid);
}

std::vector<TaskInfo> find_children(Session& session, const std::string& guid) {
  std::vector<TaskInfo> children;
  if (session.broker_or_none() != nullptr) {
    // The broker's own tasks carry the GUID of the one they run for in theirs where it fits.
    ListTasks question;
    question.guid_prefix = guid + "/";
    for (TaskInfo& task : session.ask_for<TaskList>(question).tasks) {
      if (task.spec.parent == guid) children.push_back(std::move(task));
    }
  }
  if (LedgerReader* ledger = session.ledger()) {
    LedgerTaskFilter filter;
    filter.parent = guid;
    Result<std::vector<LedgerTask>> rows = ledger->tasks(filter);
    if (!rows) throw session.ledger_failure(rows.error());
    for (LedgerTask& row : *rows) {
      const bool known = std::any_of(children.begin(), children.end(), [&](const TaskInfo& task) {
        return task.spec.guid == row.info.spec.guid;
      });
      if (!known) children.push_back(std::move(row.info));
    }
  }
  std::stable_sort(children.begin(), children.end(),
                   [](const TaskInfo& a, const TaskInfo& b) { return a.submitted < b.submitted; });
  return children;
}

}  // namespace muster
