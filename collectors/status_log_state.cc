#include "collectors/status_log_state.h"

#include <utility>
#include <variant>

namespace muster {
namespace {

constexpr int64_t kVersion = 1;

// `open` holds the open groups, innermost last, as SUBDIR TAB OPERATION LF: no name has a TAB or
// LF.
constexpr const char* kCreate =
    "CREATE TABLE position ("
    "  only INTEGER PRIMARY KEY CHECK (only = 1), log_id TEXT NOT NULL, seq INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE logs ("
    "  guid TEXT PRIMARY KEY, kind INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  has_records INTEGER NOT NULL, open TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

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

Result<Done> create_tables(Database& db) {
  Result<Statement> ask = db.prepare("PRAGMA user_version");
  if (!ask.ok()) return Error{ask.error()};
  const int64_t version = ask->next() ? ask->integer(0) : 0;
  if (DbStatus status = ask->finish(); !status.ok()) return Error{status.reason};
  if (version == kVersion) return Done{};
  if (version != 0) {
    return Error{db.path() + ": was written by a newer muster (format " + std::to_string(version) +
                 ", this build knows " + std::to_string(kVersion) + "): upgrade this muster"};
  }
  Transaction transaction(db);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  if (DbStatus status = db.execute(kCreate); !status.ok()) return Error{status.reason};
  if (DbStatus status = transaction.commit(); !status.ok()) return Error{status.reason};
  return Done{};
}

}  // namespace

Result<StatusLogState> StatusLogState::open(const std::string& file) {
  std::variant<Database, DbStatus> opened = Database::open(file);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{failed->reason};
  StatusLogState state(std::move(std::get<Database>(opened)));
  if (Result<Done> done = create_tables(state.db_); !done.ok()) return Error{done.error()};
  const std::pair<Statement*, std::string_view> statements[] = {
      {&state.find_, "SELECT kind, bytes, has_records, open FROM logs WHERE guid = ?"},
      {&state.put_, "INSERT OR REPLACE INTO logs VALUES (?,?,?,?,?)"},
      {&state.remove_, "DELETE FROM logs WHERE guid = ?"},
      {&state.set_position_, "INSERT OR REPLACE INTO position VALUES (1, ?, ?)"},
  };
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = state.db_.prepare(sql);
    if (!prepared.ok()) return Error{prepared.error()};
    *statement = std::move(*prepared);
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
                        decode_groups(find_.text(3))}};
  }
  if (DbStatus status = find_.finish(); !status.ok()) return Error{status.reason};
  return row;
}

DbStatus StatusLogState::write(const StatusLogChange& change) {
  if (!change.row) {
    remove_.bind(1, change.guid);
    return remove_.run();
  }
  const StatusLogRow& row = *change.row;
  const std::string open = encode_groups(row.state.open);
  put_.bind(1, change.guid).bind(2, static_cast<int64_t>(row.state.kind));
  put_.bind(3, static_cast<int64_t>(row.bytes)).bind(4, int64_t{row.state.has_records});
  put_.bind(5, open);
  return put_.run();
}

Result<Done> StatusLogState::commit(const std::vector<StatusLogChange>& changes,
                                    const SinkPosition& position) {
  Transaction transaction(db_);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  for (const StatusLogChange& change : changes) {
    if (DbStatus status = write(change); !status.ok()) return Error{status.reason};
  }
  set_position_.bind(1, position.log_id).bind(2, static_cast<int64_t>(position.cursor));
  if (DbStatus status = set_position_.run(); !status.ok()) return Error{status.reason};
  if (DbStatus status = transaction.commit(); !status.ok()) return Error{status.reason};
  return Done{};
}

}  // namespace muster
