#include "collectors/ledger_http.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "collectors/http_answers.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/json_writer.h"
#include "io/ledger_json.h"
#include "io/measure_pages.h"
#include "io/measure_where.h"
#include "io/word.h"

namespace muster {
namespace {

// A row may have a record's 64 KiB.
constexpr uint32_t kPieceRows = 64;

// How a question to the ledger went wrong: it has failed, and so has its connection.
struct LedgerFault {
  std::string reason;
};

template <typename Value>
Value take(Result<Value> result) {
  if (!result) throw LedgerFault{result.error()};
  return std::move(*result);
}

// Of most pages the cursor is the number of an event.
template <typename Cursor>
struct PageOf {
  std::optional<Cursor> cursor;
  uint32_t max = kApiPageMax;
};
using Page = PageOf<uint64_t>;

Result<uint32_t> read_max(const HttpCall& call) {
  const std::optional<uint64_t> max = query_number(call, "max", kApiPageMax);
  if (!max || *max == 0 || *max > kApiPageMax) {
    return Error{"max is a number from 1 to " + std::to_string(kApiPageMax)};
  }
  return static_cast<uint32_t>(*max);
}

Result<Page> read_page(const HttpCall& call) {
  const Result<uint32_t> max = read_max(call);
  if (!max) return Error{max.error()};
  Page page;
  page.max = *max;
  if (!call.query.contains("cursor")) return page;
  page.cursor = query_number(call, "cursor", 0);
  if (!page.cursor) return Error{"cursor is what \"next\" of the page before says, a number"};
  return page;
}

template <typename Cursor>
struct PageRows {
  std::vector<std::string> texts;
  std::optional<Cursor> next;

  HttpAnswer answer(std::string_view name) const {
    return answer_json(page_to_json(name, texts, next));
  }
};

// Where the page after a row begins.
template <typename Row>
uint64_t place_of(const Row& row) {
  return row.seq;
}
std::string place_of(const LedgerDevice& device) { return device.name; }

// `ask` gives so many rows after a cursor, in the order of the page: a piece at a time, so that a
// page of long rows is full before many are read that it does not have. The row that has no room in
// it tells that there is another, which begins after the last row of this.
template <typename Cursor, typename Ask, typename ToJson>
PageRows<Cursor> read_rows(const PageOf<Cursor>& page, std::type_identity_t<Cursor> first,
                           const Ask& ask, const ToJson& to_json) {
  PageRows<Cursor> read;
  size_t bytes = 0;
  Cursor cursor = page.cursor.value_or(std::move(first));
  for (bool more = true; more && !read.next;) {
    const size_t left = page.max + 1 - read.texts.size();
    const auto wanted = static_cast<uint32_t>(std::min<size_t>(left, kPieceRows));
    const auto rows = take(ask(cursor, wanted));
    more = rows.size() == wanted;
    for (const auto& row : rows) {
      if (read.texts.size() == page.max || bytes >= kApiPageBytes) {
        read.next = cursor;
        break;
      }
      read.texts.push_back(to_json(row));
      bytes += read.texts.back().size();
      cursor = place_of(row);
    }
  }
  return read;
}

// The page of reports of a task that `ask` gives.
template <typename Rows, typename ToJson>
HttpAnswer answer_reports(Ledger& ledger, const HttpCall& call, const std::string& guid,
                          const char* name,
                          Result<Rows> (Ledger::*ask)(const std::string&, const LedgerSlice&),
                          const ToJson& to_json) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  const PageRows<uint64_t> rows = read_rows(
      *page, 0,
      [&](uint64_t after, uint32_t max) {
        return (ledger.*ask)(guid, LedgerSlice{after, max});
      },
      to_json);
  if (rows.texts.empty() && take(ledger.find_guids(guid, 1)) != std::vector{guid}) {
    return http_refusal(404, "the ledger knows no task " + quote_text(guid));
  }
  return rows.answer(name);
}

HttpAnswer tasks_by_prefix(Ledger& ledger, const std::string& prefix, uint32_t max) {
  std::vector<std::string> rows;
  for (const std::string& guid : take(ledger.find_guids(prefix, std::min(max, kApiPrefixMax)))) {
    if (const auto task = take(ledger.task(guid))) rows.push_back(task_to_json(*task, true));
  }
  return answer_json(page_to_json("tasks", rows));
}

HttpAnswer answer_tasks(Ledger& ledger, const HttpCall& call, const std::vector<std::string>&) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  if (const std::string prefix = query_text(call, "prefix"); !prefix.empty()) {
    for (const char* word : {"state", "kind", "parent", "cursor"}) {
      if (!call.query.contains(word)) continue;
      return http_refusal(400,
                          std::string(word) + " does not go with prefix: leave one of them out");
    }
    return tasks_by_prefix(ledger, prefix, page->max);
  }
  LedgerTaskFilter filter;
  if (const std::string state = query_text(call, "state"); !state.empty()) {
    filter.state = find_word(state, TaskState::ended);
    if (!filter.state) {
      return http_refusal(400, "no task has the state " + quote_text(state) +
                                   suggestion(state, words_up_to(TaskState::ended)));
    }
  }
  if (const std::string kind = query_text(call, "kind"); !kind.empty()) {
    filter.kind = parse_task_kind(kind);
    const std::vector<std::string> kinds = {"job", "verify", "repair"};
    if (!filter.kind) {
      return http_refusal(400,
                          "no task is of the kind " + quote_text(kind) + suggestion(kind, kinds));
    }
  }
  filter.parent = query_text(call, "parent");
  const auto ask = [&](uint64_t before, uint32_t max) {
    filter.before = before;
    filter.max = max;
    return ledger.tasks(filter);
  };
  const auto to_json = [](const LedgerTask& task) { return task_to_json(task, true); };
  return read_rows(*page, UINT64_MAX, ask, to_json).answer("tasks");
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
  const auto ask = [&](uint64_t after, uint32_t max) {
    filter.from = after == UINT64_MAX ? after : after + 1;
    filter.max = max;
    return ledger.events(filter);
  };
  const auto to_json = [](const LedgerEvent& event) { return event.json; };
  const PageRows<uint64_t> rows = read_rows(*page, 0, ask, to_json);
  if (rows.texts.empty() && take(ledger.find_guids(of[0], 1)) != std::vector{of[0]}) {
    return http_refusal(404, "the ledger knows no task " + quote_text(of[0]));
  }
  return rows.answer("events");
}

// The one task whose GUID begins so, or that "last" means; or why there is none.
std::variant<std::string, HttpAnswer> whole_guid(Ledger& ledger, const std::string& beginning) {
  const std::vector<std::string> guids = take(ledger.find_guids(beginning, 2));
  if (guids.empty()) {
    return http_refusal(404, "the ledger knows no task " + quote_text(beginning));
  }
  if (guids.size() == 1 || guids[0] == beginning) return guids[0];
  return http_refusal(400, quote_text(beginning) + " is the beginning of more than one GUID");
}

// Makes beginnings of GUIDs whole; or why that cannot be done.
std::optional<HttpAnswer> make_guids_whole(Ledger& ledger,
                                           std::vector<MeasureCondition>& conditions) {
  for (MeasureCondition& condition : conditions) {
    if (!condition.names_task()) continue;
    std::variant<std::string, HttpAnswer> found = whole_guid(ledger, condition.value);
    if (auto* refusal = std::get_if<HttpAnswer>(&found)) return std::move(*refusal);
    condition.value = std::move(std::get<std::string>(found));
  }
  return std::nullopt;
}

HttpAnswer answer_measurements(Ledger& ledger, const HttpCall& call,
                               const std::vector<std::string>& of) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  MeasureQuery query;
  query.table = of[0];
  query.before = page->cursor.value_or(UINT64_MAX);
  if (call.query.contains("where")) {
    const std::string where = query_text(call, "where");
    Result<std::vector<MeasureCondition>> conditions = parse_measure_where(where);
    if (!conditions) return http_refusal(400, conditions.error());
    query.conditions = std::move(*conditions);
    std::optional<HttpAnswer> refusal = make_guids_whole(ledger, query.conditions);
    if (refusal) return std::move(*refusal);
  }
  MeasureAnswer whole;
  size_t bytes = 0;
  do {
    query.max = std::min(kPieceRows, page->max - static_cast<uint32_t>(whole.rows.size()));
    MeasureAnswer older = take(ledger.query_measurements(query));
    if (!older.wrong.empty()) return http_refusal(older.is_unknown ? 404 : 400, older.wrong);
    bytes = keep_newest(older, bytes, kApiPageBytes);
    whole.more = older.more;
    prepend(std::move(older), whole);
    if (!whole.rows.empty()) query.before = whole.rows.front().seq;
  } while (whole.more && whole.rows.size() < page->max && bytes < kApiPageBytes);
  return answer_json(measurements_to_json(query.table, whole));
}

Result<LedgerDeviceFilter> read_device_filter(const HttpCall& call) {
  LedgerDeviceFilter filter;
  if (const std::string health = query_text(call, "health"); !health.empty()) {
    filter.health = find_word(health, DeviceHealth::locked);
    if (!filter.health) {
      return Error{"no device's health is " + quote_text(health) +
                   suggestion(health, words_up_to(DeviceHealth::locked))};
    }
  }
  if (call.query.contains("declared")) {
    const std::optional<uint64_t> declared = query_number(call, "declared", 0);
    if (!declared || *declared > 1) return Error{"declared is 0 or 1"};
    filter.is_declared = *declared == 1;
  }
  filter.strategy = query_text(call, "strategy");
  filter.model = query_text(call, "model");
  return filter;
}

HttpAnswer answer_devices(Ledger& ledger, const HttpCall& call, const std::vector<std::string>&) {
  const Result<uint32_t> max = read_max(call);
  if (!max) return http_refusal(400, max.error());
  const Result<LedgerDeviceFilter> asked = read_device_filter(call);
  if (!asked) return http_refusal(400, asked.error());
  const auto ask = [&](const std::string& after, uint32_t count) {
    LedgerDeviceFilter filter = *asked;
    filter.after = after;
    filter.max = count;
    return ledger.devices(filter);
  };
  const auto to_json = [](const LedgerDevice& device) { return ledger_device_to_json(device); };
  const PageOf<std::string> page{query_text(call, "cursor"), *max};
  return read_rows(page, "", ask, to_json).answer("devices");
}

HttpAnswer refuse_device(const std::string& name) {
  return http_refusal(404, "the ledger knows no device " + quote_text(name));
}

HttpAnswer answer_device(Ledger& ledger, const HttpCall&, const std::vector<std::string>& of) {
  LedgerDeviceFilter filter;
  filter.name = of[0];
  const std::vector<LedgerDevice> found = take(ledger.devices(filter));
  if (found.empty()) return refuse_device(of[0]);
  return answer_json(ledger_device_to_json(found[0], take(ledger.device_use_counts(of[0]))));
}

HttpAnswer answer_history(Ledger& ledger, const HttpCall& call,
                          const std::vector<std::string>& of) {
  const Result<Page> page = read_page(call);
  if (!page) return http_refusal(400, page.error());
  // Pages go back in time, and each is in the order of time.
  const auto ask = [&](uint64_t before, uint32_t max) {
    Result<std::vector<HistoryEntry>> entries = ledger.device_history(of[0], max, before);
    if (entries.ok()) std::reverse(entries->begin(), entries->end());
    return entries;
  };
  PageRows<uint64_t> rows = read_rows(*page, UINT64_MAX, ask, history_to_json);
  if (rows.texts.empty() && !take(ledger.has_device(of[0]))) return refuse_device(of[0]);
  std::reverse(rows.texts.begin(), rows.texts.end());
  return rows.answer("device_history");
}

HttpAnswer answer_stats(Ledger& ledger, const HttpCall& call, const std::vector<std::string>&) {
  std::vector<std::string> rows;
  for (const ActionStat& stat : take(ledger.action_stats(query_text(call, "strategy")))) {
    rows.push_back(action_stat_to_json(stat));
  }
  return answer_json(page_to_json("action_stats", rows));
}

HttpAnswer answer_strategies(Ledger& ledger, const HttpCall&, const std::vector<std::string>&) {
  std::vector<std::string> rows;
  for (const std::string& name : take(ledger.strategies())) {
    JsonWriter json;
    json.begin_object();
    json.text("name", name);
    json.end_object();
    rows.push_back(json.take());
  }
  return answer_json(page_to_json("strategies", rows));
}

HttpAnswer answer_measure_tables(Ledger& ledger, const HttpCall&, const std::vector<std::string>&) {
  std::vector<std::string> rows;
  for (const MeasureTable& table : take(ledger.measure_tables())) {
    rows.push_back(measure_table_to_json(table));
  }
  return answer_json(page_to_json("measure_tables", rows));
}

}  // namespace

LedgerHttp::LedgerHttp(LedgerPool::Open open, std::string place)
    : pool_(std::move(open), kQuestionsMax, kQuestionPatience), place_(std::move(place)) {}

void LedgerHttp::add(ApiRoutes& api, std::string path, std::vector<std::string> words, Ask ask) {
  api.add("GET", std::move(path), std::move(words),
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
  add(api, "/api/v1/ledger", {}, [this](Ledger& ledger, const HttpCall&, const Parameters&) {
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
  const std::vector<std::string> page = {"max", "cursor"};
  add(api, "/api/v1/tasks", {"state", "kind", "parent", "prefix", "max", "cursor"}, answer_tasks);
  add(api, "/api/v1/tasks/{guid}", {}, answer_task);
  add(api, "/api/v1/tasks/{guid}/events", page, answer_events);
  add(api, "/api/v1/tasks/{guid}/results", page,
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "results", &Ledger::results, result_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/sources", page,
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "sources", &Ledger::sources, source_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/artifacts", page,
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "artifacts", &Ledger::artifacts,
                              artifact_to_json);
      });
  add(api, "/api/v1/tasks/{guid}/measurements", page,
      [](Ledger& ledger, const HttpCall& call, const Parameters& of) {
        return answer_reports(ledger, call, of[0], "measurements", &Ledger::measurements,
                              measurement_to_json);
      });
  add(api, "/api/v1/measurements", {}, answer_measure_tables);
  add(api, "/api/v1/measurements/{table}", {"where", "max", "cursor"}, answer_measurements);
  add(api, "/api/v1/devices", {"health", "declared", "strategy", "model", "max", "cursor"},
      answer_devices);
  add(api, "/api/v1/devices/{name}", {}, answer_device);
  add(api, "/api/v1/devices/{name}/history", page, answer_history);
  add(api, "/api/v1/strategies", {}, answer_strategies);
  add(api, "/api/v1/strategies/stats", {"strategy"}, answer_stats);
}

}  // namespace muster
