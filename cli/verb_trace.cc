// muster task trace: from the ledger when it has everything, else from the broker's log.
#include <set>

#include "cli/event_stream.h"
#include "cli/ledger_wait.h"
#include "cli/lookup.h"
#include "cli/render_json.h"
#include "cli/trace.h"
#include "cli/verbs.h"
#include "io/event_json.h"

namespace muster {
namespace {

constexpr size_t kTraceTasksMax = 10'000;
constexpr uint32_t kEventsPerTaskMax = 1'000'000;

template <typename Rows>
Rows rows_or_throw(const Session& session, Result<Rows> rows) {
  if (!rows) throw session.ledger_failure(rows.error());
  return std::move(*rows);
}

Trace trace_of_ledger(const Session& session, LedgerReader& ledger, const std::string& guid) {
  const auto parent_of = [&](const std::string& of) {
    const std::optional<LedgerTask> task = rows_or_throw(session, ledger.task(of));
    return task ? task->info.spec.parent : std::string();
  };
  const auto children_of = [&](const std::string& of) {
    LedgerTaskFilter filter;
    filter.parent = of;
    filter.max = kTraceTasksMax;
    std::vector<std::string> guids;
    for (const LedgerTask& child : rows_or_throw(session, ledger.tasks(filter))) {
      guids.push_back(child.info.spec.guid);
    }
    return guids;
  };
  const std::vector<std::string> chain = find_chain(guid, parent_of, children_of, kTraceTasksMax);
  std::vector<TraceEvent> events;
  for (const std::string& of : chain) {
    LedgerEventFilter filter;
    filter.guid = of;
    filter.max = kEventsPerTaskMax;
    for (LedgerEvent& row : rows_or_throw(session, ledger.events(filter))) {
      std::optional<Event> event = event_from_json(row.json);
      if (event) events.push_back({row.seq, std::move(*event), std::move(row.json)});
    }
  }
  return make_trace(guid, chain, std::move(events));
}

// Hands every event up to `head` to `take`.
template <typename Take>
void read_log(Session& session, uint64_t head, const Take& take) {
  EventStream stream(session, 1, session.broker().welcome().log_id, EventStream::Patience::give_up);
  while (stream.position() <= head) {
    for (const NumberedEvent& numbered : stream.next(Duration(0))) take(numbered);
  }
}

// Twice through the whole log: who caused whom, then what happened to them.
Trace trace_of_log(Session& session, const std::string& guid) {
  const uint64_t head = session.ask_for<BrokerStatus>(AskStatus{}).head;
  std::map<std::string, std::string> parents;
  std::map<std::string, std::vector<std::string>> children;
  read_log(session, head, [&](const NumberedEvent& numbered) {
    const auto* submitted = std::get_if<TaskSubmitted>(&numbered.event.body);
    if (submitted == nullptr || submitted->spec->parent.empty()) return;
    parents[submitted->spec->guid] = submitted->spec->parent;
    children[submitted->spec->parent].push_back(submitted->spec->guid);
  });
  const std::vector<std::string> chain = find_chain(
      guid, [&](const std::string& of) { return parents[of]; },
      [&](const std::string& of) { return children[of]; }, kTraceTasksMax);
  const std::set<std::string> members(chain.begin(), chain.end());
  std::vector<TraceEvent> events;
  read_log(session, head, [&](const NumberedEvent& numbered) {
    if (!members.contains(std::string(event_guid(numbered.event)))) return;
    events.push_back({numbered.seq, numbered.event, event_to_json(numbered.seq, numbered.event)});
  });
  return make_trace(guid, chain, std::move(events));
}

Trace load_trace(Session& session, const std::string& guid) {
  LedgerReader* ledger = session.ledger();
  if (ledger != nullptr && await_ledger(session, *ledger))
    return trace_of_ledger(session, *ledger, guid);
  if (session.broker_or_none() != nullptr) return trace_of_log(session, guid);
  Trace trace = trace_of_ledger(session, ledger_or_throw(session, "trace"), guid);
  trace.complete = false;
  return trace;
}

}  // namespace

int do_verb(Session& session, const TaskTraceOptions& options) {
  Output& output = session.output();
  const std::string guid = resolve_guid(session, options.guid);
  const Trace trace = load_trace(session, guid);
  if (!trace.complete) {
    output.talk("the broker does not answer: this is what the ledger knows");
  }
  if (output.format() == Format::jsonl) {
    for (const TraceEvent& one : trace.events) output.print(event_json(one.json) + "\n");
    return kExitOk;
  }
  if (output.format() == Format::quiet) {
    for (const TraceTask& task : trace.tasks) output.print(task.spec->guid + "\n");
    return kExitOk;
  }
  output.show_one([&] { return render_trace(trace, output.look()); },
                  [&] { return trace_json(trace); }, [&] { return guid; });
  return kExitOk;
}

}  // namespace muster
