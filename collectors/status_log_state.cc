#include "collectors/status_log_state.h"

#include <utility>
#include <variant>

#include "core/limits.h"

namespace muster {
namespace {

// `open` holds the open groups, innermost last, as SUBDIR TAB OPERATION LF: no name has a TAB or
// LF.
constexpr const char* kCreate1 =
    "CREATE TABLE position ("
    "  only INTEGER PRIMARY KEY CHECK (only = 1), log_id TEXT NOT NULL, seq INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE logs ("
    "  guid TEXT PRIMARY KEY, kind INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  has_records INTEGER NOT NULL, open TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;";

// `ended` is 0 while the task has not ended, and then the cursor with which its end was delivered.
constexpr const char* kCreate2 =
    "ALTER TABLE logs ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX logs_by_end ON logs (ended) WHERE ended > 0;";

std::string encode_groups(const std::vector<OpenGroup>& groups) {
  std::string text;
  for (const OpenGroup& group : groups) text += group.subdir + "\t" + group.operation + "\n";
  return text;
}

std::vector<OpenGroup> decode_groups(std::string_view text) {
  std::vector<OpenGroup> groups;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t tab = std::min(line.find('\t'), line.size());
    groups.push_back({std::string(line.substr(0, tab)),
                      std::string(line.substr(std::min(tab + 1, line.size())))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return groups;
}

}  // namespace

Result<StatusLogState> StatusLogState::open(const std::string& file) {
  std::variant<Database, DbStatus> opened = Database::open(file);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{failed->reason};
  StatusLogState state(std::move(std::get<Database>(opened)));
  const char* const formats[] = {kCreate1, kCreate2};
  if (Result<Done> done = upgrade_tables(state.db_, formats); !done.ok()) {
    return Error{done.error()};
  }
  const std::pair<Statement*, std::string_view> statements[] = {
      {&state.find_, "SELECT kind, bytes, has_records, open, ended FROM logs WHERE guid = ?"},
      {&state.put_,
       "INSERT OR REPLACE INTO logs (guid, kind, bytes, has_records, open, ended)"
       " VALUES (?,?,?,?,?,?)"},
      {&state.prune_,
       "DELETE FROM logs WHERE ended > 0 AND ended <"
       " (SELECT ended FROM logs WHERE ended > 0 ORDER BY ended DESC LIMIT 1 OFFSET ?)"},
      {&state.set_position_, "INSERT OR REPLACE INTO position VALUES (1, ?, ?)"},
  };
  if (Result<Done> done = prepare_all(state.db_, statements); !done.ok()) {
    return Error{done.error()};
  }
  return state;
}

Result<SinkPosition> StatusLogState::read_position() {
  Result<Statement> select = db_.prepare("SELECT log_id, seq FROM position");
  if (!select.ok()) return Error{select.error()};
  SinkPosition position;
  if (select->next()) {
    position = {std::string(select->text(0)), static_cast<uint64_t>(select->integer(1))};
  }
  if (DbStatus status = select->finish(); !status.ok()) return Error{status.reason};
  return position;
}

Result<std::optional<StatusLogRow>> StatusLogState::find(std::string_view guid) {
  std::optional<StatusLogRow> row;
  find_.bind(1, guid);
  if (find_.next()) {
    row = StatusLogRow{static_cast<uint64_t>(find_.integer(1)),
                       {static_cast<TaskKind>(find_.integer(0)), find_.integer(2) != 0,
                        find_.integer(4) != 0, decode_groups(find_.text(3))}};
  }
  if (DbStatus status = find_.finish(); !status.ok()) return Error{status.reason};
  return row;
}

DbStatus StatusLogState::write(const StatusLogChange& change, uint64_t cursor) {
  const StatusLogRow& row = change.row;
  const std::string open = encode_groups(row.state.open);
  put_.bind(1, change.guid).bind(2, static_cast<int64_t>(row.state.kind));
  put_.bind(3, static_cast<int64_t>(row.bytes)).bind(4, int64_t{row.state.has_records});
  put_.bind(5, open).bind(6, row.state.ended ? static_cast<int64_t>(cursor) : 0);
  return put_.run();
}

Result<Done> StatusLogState::commit(const std::vector<StatusLogChange>& changes,
                                    const SinkPosition& position) {
  Transaction transaction(db_);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  bool ends = false;
  for (const StatusLogChange& change : changes) {
    if (DbStatus status = write(change, position.cursor); !status.ok()) return Error{status.reason};
    ends = ends || change.row.state.ended;
  }
  if (ends) {
    prune_.bind(1, static_cast<int64_t>(kEndedTasksKept) - 1);
    if (DbStatus status = prune_.run(); !status.ok()) return Error{status.reason};
  }
  set_position_.bind(1, position.log_id).bind(2, static_cast<int64_t>(position.cursor));
  if (DbStatus status = set_position_.run(); !status.ok()) return Error{status.reason};
  if (DbStatus status = transaction.commit(); !status.ok()) return Error{status.reason};
  return Done{};
}

Result<Done> StatusLogState::forget() {
  Transaction transaction(db_);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  for (const char* sql : {"DELETE FROM logs", "UPDATE position SET seq = 0"}) {
    if (DbStatus status = db_.execute(sql); !status.ok()) return Error{status.reason};
  }
  if (DbStatus status = transaction.commit(); !status.ok()) return Error{status.reason};
  return Done{};
}

}  // namespace muster
