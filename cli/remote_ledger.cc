#include "cli/remote_ledger.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/archive_name.h"
#include "io/json_members.h"
#include "io/ledger_json.h"
#include "io/measure_pages.h"
#include "io/measure_where.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kPageRows = 1'000;  // as many as a page may have
constexpr int kNotFound = 404;

std::string to_query(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string text;
  for (const auto& [key, value] : query) {
    if (!value.empty()) text += (text.empty() ? "?" : "&") + key + "=" + url_encode(value);
  }
  return text;
}

std::string task_path(const std::string& guid) { return "/api/v1/tasks/" + url_encode(guid); }
std::string device_path(const std::string& name) { return "/api/v1/devices/" + url_encode(name); }

std::string cursor_text(uint64_t before) {
  return before == UINT64_MAX ? std::string() : std::to_string(before);
}

}  // namespace

Error RemoteLedger::fault(const std::string& reason) const {
  return Error{"the collector at " + api_.base() + " cannot tell: " + reason};
}

Result<JsonPage> RemoteLedger::read_page(const std::string& name, const std::string& target,
                                         const std::function<void(const std::string&)>& take) {
  const ApiReply reply = api_.ask("GET", target);
  if (reply.status == kNotFound) return JsonPage{};
  if (!reply.ok()) return fault(reply.reason);
  Result<JsonPage> page = page_from_json(name, reply.body);
  if (!page) return fault(page.error());
  for (const std::string& row : page->rows) take(row);
  return page;
}

Result<Done> RemoteLedger::read_pages(const std::string& name, const std::string& path, Query query,
                                      uint64_t cursor, uint32_t max,
                                      const std::function<void(const std::string&)>& take) {
  query.emplace_back("max", "");
  query.emplace_back("cursor", cursor == 0 ? std::string() : std::to_string(cursor));
  for (uint32_t left = max; left > 0;) {
    query[query.size() - 2].second = std::to_string(std::min(left, kPageRows));
    const Result<JsonPage> page = read_page(name, path + to_query(query), take);
    if (!page) return Error{page.error()};
    left -= std::min<uint32_t>(left, static_cast<uint32_t>(page->rows.size()));
    if (!page->next || page->rows.empty()) return Done{};
    query.back().second = std::to_string(*page->next);
  }
  return Done{};
}

Result<LedgerPosition> RemoteLedger::position() {
  const ApiReply reply = api_.ask("GET", "/api/v1/ledger");
  if (!reply.ok()) return fault(reply.reason);
  const Json json = Json::parse(reply.body, nullptr, false);
  if (!json.is_object()) return fault("its answer is no JSON");
  const JsonMembers members(json);
  return LedgerPosition{members.text("log"), members.number("seq")};
}

Result<std::vector<std::string>> RemoteLedger::find_guids(std::string_view prefix, uint32_t max) {
  std::vector<std::string> guids;
  if (prefix.empty()) return guids;
  const Result<Done> done = read_pages(
      "tasks", "/api/v1/tasks", {{"prefix", std::string(prefix)}}, 0, max,
      [&](const std::string& row) { guids.push_back(task_from_json(row).info.spec.guid); });
  if (!done) return Error{done.error()};
  return guids;
}

Result<std::optional<LedgerTask>> RemoteLedger::task(const std::string& guid) {
  const ApiReply reply = api_.ask("GET", task_path(guid));
  if (reply.status == kNotFound) return std::optional<LedgerTask>();
  if (!reply.ok()) return fault(reply.reason);
  return std::optional(task_from_json(reply.body));
}

Result<std::vector<LedgerTask>> RemoteLedger::tasks(const LedgerTaskFilter& filter) {
  std::vector<LedgerTask> tasks;
  Query query = {{"parent", filter.parent}};
  if (filter.state) query.emplace_back("state", to_string(*filter.state));
  if (filter.kind) query.emplace_back("kind", to_string(*filter.kind));
  const uint64_t cursor = filter.before == UINT64_MAX ? 0 : filter.before;
  const Result<Done> done =
      read_pages("tasks", "/api/v1/tasks", std::move(query), cursor, filter.max,
                 [&](const std::string& row) { tasks.push_back(task_from_json(row)); });
  if (!done) return Error{done.error()};
  return tasks;
}

Result<std::vector<LedgerResult>> RemoteLedger::results(const std::string& guid,
                                                        const LedgerSlice& slice) {
  std::vector<LedgerResult> results;
  const Result<Done> done =
      read_pages("results", task_path(guid) + "/results", {}, slice.after, slice.max,
                 [&](const std::string& row) { results.push_back(result_from_json(row)); });
  if (!done) return Error{done.error()};
  return results;
}

Result<std::vector<LedgerReport<SourceFetched>>> RemoteLedger::sources(const std::string& guid,
                                                                       const LedgerSlice& slice) {
  std::vector<LedgerReport<SourceFetched>> sources;
  const Result<Done> done =
      read_pages("sources", task_path(guid) + "/sources", {}, slice.after, slice.max,
                 [&](const std::string& row) { sources.push_back(source_from_json(row)); });
  if (!done) return Error{done.error()};
  return sources;
}

Result<std::vector<LedgerEvent>> RemoteLedger::events(const LedgerEventFilter& filter) {
  if (filter.guid.empty()) return fault("it gives the events of one task only");
  std::vector<LedgerEvent> events;
  const uint64_t cursor = std::max<uint64_t>(filter.from, 1) - 1;
  const Result<Done> done =
      read_pages("events", task_path(filter.guid) + "/events", {}, cursor, filter.max,
                 [&](const std::string& row) { events.push_back(ledger_event_from_json(row)); });
  if (!done) return Error{done.error()};
  std::erase_if(events, [&](const LedgerEvent& event) {
    return !filter.type.empty() && event.type != filter.type;
  });
  return events;
}

Result<MeasureAnswer> RemoteLedger::query_measurements(const MeasureQuery& query) {
  MeasureAnswer whole;
  uint64_t before = query.before;
  for (uint32_t left = query.max; left > 0;) {
    const ApiReply reply =
        api_.ask("GET", "/api/v1/measurements/" + url_encode(query.table) +
                            to_query({{"where", format_measure_where(query.conditions)},
                                      {"max", std::to_string(std::min(left, kPageRows))},
                                      {"cursor", cursor_text(before)}}));
    if (reply.status == kNotFound || reply.status == 400) {
      whole.wrong = reply.reason;
      return whole;
    }
    if (!reply.ok()) return fault(reply.reason);
    Result<MeasureAnswer> page = measurements_from_json(reply.body);
    if (!page) return fault(page.error());
    left -= std::min<uint32_t>(left, static_cast<uint32_t>(page->rows.size()));
    whole.more = page->more && !page->rows.empty();
    if (!page->rows.empty()) before = page->rows.front().seq;
    prepend(std::move(*page), whole);
    if (!whole.more) break;
  }
  return whole;
}

Result<std::vector<MeasureTable>> RemoteLedger::measure_tables() {
  std::vector<MeasureTable> tables;
  const Result<JsonPage> done =
      read_page("measure_tables", "/api/v1/measurements",
                [&](const std::string& row) { tables.push_back(measure_table_from_json(row)); });
  if (!done) return Error{done.error()};
  return tables;
}

Result<bool> RemoteLedger::has_device(const std::string& name) {
  const ApiReply reply = api_.ask("GET", device_path(name));
  if (reply.status == kNotFound) return false;
  if (!reply.ok()) return fault(reply.reason);
  return true;
}

Result<std::vector<HistoryEntry>> RemoteLedger::device_history(const std::string& device,
                                                               uint32_t max, uint64_t before) {
  // Pages go back in time, and each is in the order of time.
  std::vector<HistoryEntry> entries;
  const std::string path = device_path(device) + "/history";
  while (entries.size() < max) {
    const uint32_t left = max - static_cast<uint32_t>(entries.size());
    const ApiReply reply =
        api_.ask("GET", path + to_query({{"max", std::to_string(std::min(left, kPageRows))},
                                         {"cursor", cursor_text(before)}}));
    if (reply.status == kNotFound) break;
    if (!reply.ok()) return fault(reply.reason);
    const Result<JsonPage> page = page_from_json("device_history", reply.body);
    if (!page) return fault(page.error());
    std::vector<HistoryEntry> older;
    for (const std::string& row : page->rows) older.push_back(history_from_json(device, row));
    entries.insert(entries.begin(), older.begin(), older.end());
    if (!page->next || older.empty()) break;
    before = *page->next;
  }
  return entries;
}

Result<std::vector<ActionStat>> RemoteLedger::action_stats(const std::string& strategy) {
  std::vector<ActionStat> stats;
  const Result<JsonPage> done =
      read_page("action_stats", "/api/v1/strategies/stats" + to_query({{"strategy", strategy}}),
                [&](const std::string& row) { stats.push_back(action_stat_from_json(row)); });
  if (!done) return Error{done.error()};
  return stats;
}

Result<std::vector<std::string>> RemoteLedger::strategies() {
  std::vector<std::string> names;
  const Result<JsonPage> done =
      read_page("strategies", "/api/v1/strategies", [&](const std::string& row) {
        const Json json = Json::parse(row, nullptr, false);
        names.push_back(JsonMembers(json).text("name"));
      });
  if (!done) return Error{done.error()};
  return names;
}

}  // namespace muster
