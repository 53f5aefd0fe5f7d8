#include "io/ledger.h"

#include <algorithm>
#include <utility>

#include "core/guid.h"
#include "io/event_json.h"
#include "io/ledger_rows.h"
#include "io/ledger_schema.h"
#include "io/word.h"

namespace muster {
namespace {

enum class TaskForm : uint8_t { brief, whole };

// The work may be large: who does not show it does not ask for it.
std::string select_task(TaskForm form) {
  return "SELECT spec, state, verdict, outcome, cause, status, exit_code, \"signal\", message, "
         "submitted_us, started_us, ended_us, retry_us, cancelling, attempts, worker, seq" +
         std::string(form == TaskForm::whole ? ", work" : "") + " FROM tasks ";
}

// Of a row of select_task.
LedgerTask task_at(const SqlStatement& row, TaskForm form) {
  LedgerTask task;
  task.seq = static_cast<uint64_t>(row.integer(16));
  task.spec_json = text_at(row, 0);
  TaskInfo& info = task.info;
  info.spec = task_spec_from_json(task.spec_json);
  info.state = parse_word(row.text(1), TaskState::ended);
  info.verdict = parse_word(row.text(2), Verdict::skip);
  info.submitted = time_at(row, 9);
  task.started = time_at(row, 10);
  info.ended = time_at(row, 11);
  info.ending = ending_at(row, 3, task.started, info.ended);
  info.not_before = time_at(row, 12);
  info.cancelling = text_at(row, 13);
  info.attempt_count = static_cast<uint32_t>(row.integer(14));
  task.worker = text_at(row, 15);
  if (form == TaskForm::whole) info.spec.work = std::string(row.text(17));
  return task;
}

// How a prefix of GUIDs is looked for. GUIDs are UTF-8, but a prefix may end in the middle of a
// character: then what is found is looked at again.
struct Prefix {
  std::string whole;   // characters
  std::string beyond;  // greater than everything that begins with them
  bool is_cut = false;
};

// Nothing where no GUID can begin so. U+10FFFF is no character, and no greater one can be.
std::optional<Prefix> split_prefix(std::string_view text) {
  Prefix prefix;
  for (size_t cut = 0; cut < 4 && cut <= text.size(); ++cut) {
    const std::string_view whole = text.substr(0, text.size() - cut);
    if (!is_utf8(whole)) continue;
    prefix.whole = whole;
    prefix.beyond = prefix.whole + "\xf4\x8f\xbf\xbf";
    prefix.is_cut = cut > 0;
    const bool may_go_on = cut == 0 || (static_cast<unsigned char>(text[whole.size()]) >= 0xc2 &&
                                        static_cast<unsigned char>(text[whole.size()]) <= 0xf4);
    if (may_go_on) return prefix;
    return std::nullopt;
  }
  return std::nullopt;
}

// Of rows that begin with seq, attempt and time; `read_body` reads the others, from column 3 on.
template <typename Body, typename ReadBody>
Result<std::vector<LedgerReport<Body>>> read_reports(SqlStore& store, const std::string& columns,
                                                     const std::string& guid,
                                                     const LedgerSlice& slice,
                                                     const ReadBody& read_body) {
  return select_rows(store,
                     "SELECT seq, attempt, time_us, " + columns +
                         " WHERE guid = ? AND seq > ? ORDER BY seq LIMIT ?",
                     {std::string_view(guid), seq_value(slice.after), row_limit(slice.max)},
                     [&](const SqlStatement& row) {
                       return LedgerReport<Body>{static_cast<uint64_t>(row.integer(0)),
                                                 static_cast<uint32_t>(row.integer(1)),
                                                 time_at(row, 2), read_body(row)};
                     });
}

// Nothing was taken in yet: its tables are being made, one version after the other.
bool is_new(SqlStore& store) {
  const auto taken = select_rows(store, "SELECT seq FROM position WHERE log_id <> '' OR seq > 0",
                                 {}, [](const SqlStatement& row) { return row.integer(0); });
  return taken.ok() && taken->empty();
}

Error being_made_error(const std::string& place) {
  return Error{place + ": the ledger is being made anew by the collector: try again in a while"};
}

}  // namespace

Ledger::Ledger(std::unique_ptr<SqlStore> store) : store_(std::move(store)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::open(const LedgerPlace& place) {
  Result<std::unique_ptr<SqlStore>> store = open_ledger_store_read_only(place);
  if (!store.ok()) return Error{store.error()};
  return open(std::move(*store));
}

Result<Ledger> Ledger::open(std::unique_ptr<SqlStore> store) {
  const Result<uint32_t> version = read_ledger_version(*store);
  if (!version.ok()) return ledger_error(version.error());
  if (*version == 0) return no_ledger_error(store->place());
  if (*version < kLedgerSchemaVersion) {
    if (is_new(*store)) return being_made_error(store->place());
    return Error{store->place() + ": was written by an older muster (schema " +
                 std::to_string(*version) + "): restart the collector, which brings it up to date"};
  }
  return Ledger(std::move(store));
}

Result<LedgerPosition> Ledger::position() {
  const auto rows =
      select_rows(*store_, "SELECT log_id, seq FROM position", {}, [](const SqlStatement& row) {
        return LedgerPosition{text_at(row, 0),
                              static_cast<uint64_t>(std::max<int64_t>(row.integer(1), 0))};
      });
  if (!rows.ok()) return Error{rows.error()};
  return rows->empty() ? LedgerPosition{} : rows->front();
}

Result<std::vector<std::string>> Ledger::find_guids(std::string_view prefix, uint32_t max) {
  const auto read = [](const SqlStatement& row) { return text_at(row, 0); };
  const std::optional<Prefix> parts = split_prefix(prefix);
  if (prefix.empty() || !parts) return std::vector<std::string>();
  if (!parts->is_cut) {
    auto found = select_rows(*store_, "SELECT guid FROM tasks WHERE guid = ?", {prefix}, read);
    if (!found.ok() || !found->empty()) return found;
  }
  if (prefix == "last") {
    return select_rows(*store_,
                       "SELECT guid FROM tasks WHERE parent IS NULL AND submitter <> 'broker' "
                       "ORDER BY seq DESC LIMIT 1",
                       {}, read);
  }
  auto found = select_rows(
      *store_, "SELECT guid FROM tasks WHERE guid >= ? AND guid < ? ORDER BY seq DESC LIMIT ?",
      {std::string_view(parts->whole), std::string_view(parts->beyond),
       parts->is_cut ? int64_t{kRowsMax} : row_limit(max)},
      read);
  if (!found.ok() || !parts->is_cut) return found;
  std::erase_if(*found, [&](const std::string& guid) { return !guid.starts_with(prefix); });
  found->resize(std::min<size_t>(found->size(), max));
  return found;
}

Result<std::optional<LedgerTask>> Ledger::task(const std::string& guid) {
  Result<std::vector<LedgerTask>> tasks = select_rows(
      *store_, select_task(TaskForm::whole) + "WHERE guid = ?", {std::string_view(guid)},
      [](const SqlStatement& row) { return task_at(row, TaskForm::whole); });
  if (!tasks.ok()) return Error{tasks.error()};
  if (tasks->empty()) return std::optional<LedgerTask>();
  LedgerTask& task = tasks->front();
  Result<std::vector<AttemptInfo>> attempts = select_rows(
      *store_, std::string(kSelectAttempt) + " FROM attempts a WHERE a.guid = ? ORDER BY a.attempt",
      {std::string_view(guid)}, attempt_at);
  if (!attempts.ok()) return Error{attempts.error()};
  task.info.attempts = std::move(*attempts);
  return std::optional(std::move(task));
}

Result<std::vector<LedgerTask>> Ledger::tasks(const LedgerTaskFilter& filter) {
  std::string sql = select_task(TaskForm::brief);
  std::vector<SqlValue> values;
  const auto also = [&](const char* condition, std::string_view value) {
    sql += condition;
    values.emplace_back(value);
  };
  sql += "WHERE 1 = 1";
  if (filter.state) also(" AND state = ?", to_string(*filter.state));
  if (filter.kind) also(" AND kind = ?", to_string(*filter.kind));
  if (!filter.parent.empty()) also(" AND parent = ?", filter.parent);
  sql += " AND seq < ?";
  values.emplace_back(seq_value(filter.before));
  values.emplace_back(row_limit(filter.max));
  return select_rows(*store_, sql + " ORDER BY seq DESC LIMIT ?", values,
                     [](const SqlStatement& row) { return task_at(row, TaskForm::brief); });
}

Result<std::vector<LedgerResult>> Ledger::results(const std::string& guid,
                                                  const LedgerSlice& slice) {
  return select_rows(
      *store_,
      "SELECT seq, attempt, time_us, suite, name, outcome, duration_us, message FROM results "
      "WHERE guid = ? AND seq > ? ORDER BY seq LIMIT ?",
      {std::string_view(guid), seq_value(slice.after), row_limit(slice.max)},
      [](const SqlStatement& row) {
        return LedgerResult{
            static_cast<uint64_t>(row.integer(0)),
            static_cast<uint32_t>(row.integer(1)),
            time_at(row, 2),
            {text_at(row, 3), text_at(row, 4), parse_word(row.text(5), Outcome::skip),
             Duration(row.integer(6)), text_at(row, 7)}};
      });
}

Result<std::vector<LedgerReport<SourceFetched>>> Ledger::sources(const std::string& guid,
                                                                 const LedgerSlice& slice) {
  return read_reports<SourceFetched>(
      *store_, "url, ref, sha FROM sources", guid, slice, [](const SqlStatement& row) {
        return SourceFetched{text_at(row, 3), text_at(row, 4), text_at(row, 5)};
      });
}

Result<std::vector<LedgerReport<Artifact>>> Ledger::artifacts(const std::string& guid,
                                                              const LedgerSlice& slice) {
  return read_reports<Artifact>(
      *store_, "name, url, bytes, sha256 FROM artifacts", guid, slice, [](const SqlStatement& row) {
        return Artifact{text_at(row, 3), text_at(row, 4), static_cast<uint64_t>(row.integer(5)),
                        text_at(row, 6)};
      });
}

Result<std::vector<LedgerEvent>> Ledger::events(const LedgerEventFilter& filter) {
  std::string sql = "SELECT seq, time_us, type, guid, worker, json FROM events WHERE seq >= ?";
  std::vector<SqlValue> values = {seq_value(filter.from)};
  const auto also = [&](const char* condition, std::string_view value) {
    sql += condition;
    values.emplace_back(value);
  };
  if (!filter.guid.empty()) also(" AND guid = ?", filter.guid);
  if (!filter.type.empty()) also(" AND type = ?", filter.type);
  values.emplace_back(row_limit(filter.max));
  return select_rows(*store_, sql + " ORDER BY seq LIMIT ?", values, [](const SqlStatement& row) {
    return LedgerEvent{static_cast<uint64_t>(row.integer(0)),
                       time_at(row, 1),
                       text_at(row, 2),
                       text_at(row, 3),
                       text_at(row, 4),
                       text_at(row, 5)};
  });
}

}  // namespace muster
