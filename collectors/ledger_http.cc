#include "collectors/ledger_http.h"

#include <optional>
#include <utility>

#include "collectors/http_answers.h"
#include "core/guid.h"
#include "io/json_writer.h"
#include "io/ledger_json.h"
#include "io/measure_where.h"

namespace muster {
namespace {

// So many questions at once: each has a connection, and what it has read in memory.
constexpr size_t kQuestionsMax = 4;
constexpr Duration kQuestionPatience = 10s;

// How a question to the ledger went wrong: it has failed, and so has its connection.
struct LedgerFault {
  std::string reason;
};

template <typename Value>
Value take(Result<Value> result) {
  if (!result) throw LedgerFault{result.error()};
  return std::move(*result);
}

struct Page {
  std::optional<uint64_t> cursor;
  uint32_t max = kApiPageMax;
};

Result<Page> read_page(const HttpCall& call) {
  Page page;
  const std::optional<uint64_t> max = query_number(call, "max", kApiPageMax);
  if (!max || *max == 0 || *max > kApiPageMax) {
    return Error{"max is a number from 1 to " + std::to_string(kApiPageMax)};
  }
  page.max = static_cast<uint32_t>(*max);
  if (!call.query.contains("cursor")) return page;
  page.cursor = query_number(call, "cursor", 0);
  if (!page.cursor) return Error{"cursor is what \"next\" of the page before says, a number"};
  return page;
}

// One row more than the page has tells whether there is another page, which begins after the last
// row of this. A page of long rows ends before it has them all.
template <typename Rows, typename ToJson>
HttpAnswer answer_page(std::string_view name, Rows rows, uint32_t max, const ToJson& to_json) {
  std::optional<uint64_t> next;
  if (rows.size() > max) {
    rows.resize(max);
    next = rows.back().seq;
  }
  std::vector<std::string> texts;
  size_t bytes = 0;
  for (const auto& row : rows) {
    if (bytes >= kApiPageBytes) break;
    texts.push_back(to_json(row));
    bytes += texts.back().size();
  }
  if (texts.size() < rows.size()) next = rows[texts.size() - 1].seq;
  rows.clear();
  return answer_json(page_to_json(name, texts, next));
}

// The page of reports of a task that `ask` gives.
template <typename Rows, typename ToJson>
HttpAnswer answer_reports(Ledger& ledger, const HttpCall& call, const std::string& guid,
                          const char* name,
                          Result<Rows> (Ledger::*ask)(const std::string&, const LedgerSlice&),
                          const ToJson& to_json) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  Rows rows = take((ledger.*ask)(guid, LedgerSlice{page->cursor.value_or(0), page->max + 1}));
  if (rows.empty() && take(ledger.find_guids(guid, 1)) != std::vector{guid}) {
    return http_refusal(404, "the ledger knows no task " + quote_text(guid));
  }
  return answer_page(name, std::move(rows), page->max, to_json);
}

template <typename Enum>
std::optional<Enum> find_word(const std::string& text, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

HttpAnswer tasks_by_prefix(Ledger& ledger, const std::string& prefix, uint32_t max) {
  if (!is_utf8(prefix)) return http_refusal(400, "prefix is not UTF-8");
  std::vector<std::string> rows;
  for (const std::string& guid : take(ledger.find_guids(prefix, std::min(max, kApiPrefixMax)))) {
    if (const auto task = take(ledger.task(guid))) rows.push_back(task_to_json(*task, true));
  }
  return answer_json(page_to_json("tasks", rows, std::nullopt));
}

HttpAnswer answer_tasks(Ledger& ledger, const HttpCall& call, const std::vector<std::string>&) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  if (const std::string prefix = query_text(call, "prefix"); !prefix.empty()) {
    return tasks_by_prefix(ledger, prefix, page->max);
  }
  LedgerTaskFilter filter;
  if (const std::string state = query_text(call, "state"); !state.empty()) {
    filter.state = find_word(state, TaskState::ended);
    if (!filter.state) return http_refusal(400, "no task has the state " + quote_text(state));
  }
  if (const std::string kind = query_text(call, "kind"); !kind.empty()) {
    filter.kind = parse_task_kind(kind);
    if (!filter.kind) return http_refusal(400, "no task is of the kind " + quote_text(kind));
  }
  filter.parent = query_text(call, "parent");
  filter.before = page->cursor.value_or(UINT64_MAX);
  filter.max = page->max + 1;
  return answer_page("tasks", take(ledger.tasks(filter)), page->max,
                     [](const LedgerTask& task) { return task_to_json(task, true); });
}

HttpAnswer answer_task(Ledger& ledger, const HttpCall&, const std::vector<std::string>& of) {
  const std::optional<LedgerTask> task = take(ledger.task(of[0]));
  if (!task) return http_refusal(404, "the ledger knows no task " + quote_text(of[0]));
  return answer_json(task_to_json(*task, false));
}

HttpAnswer answer_events(Ledger& ledger, const HttpCall& call, const std::vector<std::string>& of) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  LedgerEventFilter filter;
  filter.guid = of[0];
  filter.from = page->cursor.value_or(0) + 1;
  filter.max = page->max + 1;
  return answer_page("events", take(ledger.events(filter)), page->max,
                     [](const LedgerEvent& event) { return event.json; });
}

HttpAnswer answer_measurements(Ledger& ledger, const HttpCall& call,
                               const std::vector<std::string>& of) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  MeasureQuery query;
  query.table = of[0];
  query.max = page->max;
  query.before = page->cursor.value_or(UINT64_MAX);
  if (const std::string where = query_text(call, "where"); !where.empty()) {
    Result<std::vector<MeasureCondition>> conditions = parse_measure_where(where);
    if (!conditions) return http_refusal(400, conditions.error());
    query.conditions = std::move(*conditions);
  }
  const MeasureAnswer answer = take(ledger.query_measurements(query));
  if (!answer.wrong.empty()) return http_refusal(404, answer.wrong);
  return answer_json(measurements_to_json(query.table, answer));
}

HttpAnswer answer_history(Ledger& ledger, const HttpCall& call,
                          const std::vector<std::string>& of) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  std::vector<HistoryEntry> entries =
      take(ledger.device_history(of[0], page->max + 1, page->cursor.value_or(UINT64_MAX)));
  std::optional<uint64_t> next;
  if (entries.size() > page->max) {
    entries.erase(entries.begin());
    next = entries.front().seq;
  }
  std::vector<std::string> rows;
  for (const HistoryEntry& entry : entries) rows.push_back(history_to_json(entry));
  return answer_json(page_to_json("device_history", rows, next));
}

HttpAnswer answer_stats(Ledger& ledger, const HttpCall& call, const std::vector<std::string>&) {
  std::vector<std::string> rows;
  for (const ActionStat& stat : take(ledger.action_stats(query_text(call, "strategy")))) {
    rows.push_back(action_stat_to_json(stat));
  }
  return answer_json(page_to_json("action_stats", rows, std::nullopt));
}

HttpAnswer answer_names(std::string_view what, const std::vector<std::string>& names) {
  std::vector<std::string> rows;
  for (const std::string& name : names) {
    JsonWriter json;
    json.begin_object();
    json.text("name", name);
    json.end_object();
    rows.push_back(json.take());
  }
  return answer_json(page_to_json(what, rows, std::nullopt));
}

}  // namespace

LedgerHttp::LedgerHttp(LedgerPool::Open open, std::string place)
    : pool_(std::move(open), kQuestionsMax, kQuestionPatience), place_(std::move(place)) {}

void LedgerHttp::add(ApiRoutes& api, std::string path, Ask ask) {
  api.add("GET", std::move(path),
          [this, ask = std::move(ask)](const HttpCall& call, const Parameters& parameters) {
            Result<LedgerPool::Lease> ledger = pool_.borrow();
            if (!ledger) return http_refusal(503, ledger.error());
            try {
              return ask(**ledger, call, parameters);
            } catch (const LedgerFault& fault) {
              ledger->discard();
              return http_refusal(503, fault.reason);
            }
          });
}

void LedgerHttp::add_routes(ApiRoutes& api) {
  add(api, "/api/v1/ledger", [this](Ledger& ledger, const HttpCall&, const Parameters&) {
    const LedgerPosition position = take(ledger.position());
    JsonWriter json;
    json.begin_object();
    json.text("schema", "muster.ledger/1");
    json.text("place", place_);
    json.text("log", position.log_id);
    json.number("seq", position.seq);
    json.end_object();
    return answer_json(json.take());
  });
  add(api, "/api/v1/tasks", answer_tasks);
  add(api, "/api/v1/tasks/{guid}", answer_task);
  add(api, "/api/v1/tasks/{guid}/events", answer_events);
  add(api, "/api/v1/tasks/{guid}/results",
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "results", &Ledger::results, result_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/sources",
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "sources", &Ledger::sources, source_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/artifacts",
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "artifacts", &Ledger::artifacts,
                              artifact_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/measurements",
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "measurements", &Ledger::measurements,
                              measurement_to_json);
      });
  add(api, "/api/v1/measurements", [](Ledger& ledger, const HttpCall&, const Parameters&) {
    return answer_names("measure_tables", take(ledger.measure_tables()));
  });
  add(api, "/api/v1/measurements/{table}", answer_measurements);
  add(api, "/api/v1/devices/{name}/history", answer_history);
  add(api, "/api/v1/strategies", [](Ledger& ledger, const HttpCall&, const Parameters&) {
    return answer_names("strategies", take(ledger.strategies()));
  });
  add(api, "/api/v1/strategies/stats", answer_stats);
}

}  // namespace muster
