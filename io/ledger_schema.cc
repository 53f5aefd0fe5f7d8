#include "io/ledger_schema.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "io/ledger_reader.h"
#include "io/measure_tables.h"
#include "io/sql_dialect.h"
#include "sql/ledger.h"

namespace muster {
namespace {

constexpr uint32_t kMoveMeasurements = 7;
constexpr int kResetting = -1;  // the position of a ledger that is being made anew

std::string note_version(uint32_t version) {
  return "REPLACE INTO schema_version VALUES (" + std::to_string(version) + ")";
}

// "tasks" of "CREATE TABLE tasks (...", and of "CREATE INDEX tasks_by_state ON tasks (...".
// Empty: the statement makes nothing.
std::string made_in(std::string_view statement) {
  for (const std::string_view words : {"CREATE TABLE ", "CREATE INDEX "}) {
    if (!statement.starts_with(words)) continue;
    const size_t on = words == "CREATE INDEX " ? statement.find(" ON ") + 4 : words.size();
    return std::string(statement.substr(on, statement.find(' ', on) - on));
  }
  return {};
}

// The statements of the migrations up to `version` that make something, in their order.
std::vector<std::string> making_statements(const SqlStore& store, uint32_t version) {
  std::vector<std::string> all;
  for (uint32_t i = 0; i < version; ++i) {
    for (std::string& sql : translate_migration(kLedgerMigrations[i], store)) {
      if (!made_in(sql).empty()) all.push_back(std::move(sql));
    }
  }
  return all;
}

Result<bool> has_table(SqlStore& store, const std::string& table) {
  Result<std::unique_ptr<SqlStatement>> columns = store.prepare(select_columns(store.dialect()));
  if (!columns.ok()) return Error{columns.error()};
  (*columns)->start({std::string_view(table)});
  const bool found = (*columns)->next();
  if (DbStatus status = (*columns)->finish(); !status.ok()) return Error{status.reason};
  return found;
}

Result<std::set<std::string>> find_missing_tables(SqlStore& store, uint32_t version) {
  std::set<std::string> missing;
  for (const std::string& sql : making_statements(store, version)) {
    if (!sql.starts_with("CREATE TABLE ")) continue;
    const Result<bool> found = has_table(store, made_in(sql));
    if (!found.ok()) return Error{found.error()};
    if (!*found) missing.insert(made_in(sql));
  }
  return missing;
}

// One after the other: all or none of them where tables belong to transactions, else those up to
// the first that fails.
Result<Done> execute_together(SqlStore& store, const std::vector<std::string>& statements) {
  std::optional<SqlTransaction> transaction;
  if (has_transactional_tables(store.dialect())) {
    transaction.emplace(store);
    if (!transaction->status().ok()) return Error{transaction->status().reason};
  }
  for (const std::string& sql : statements) {
    const DbStatus status = store.execute(sql);
    if (!status.ok() && status.fault != DbFault::exists) return Error{status.reason};
  }
  if (!transaction) return Done{};
  const DbStatus status = transaction->commit();
  if (!status.ok()) return Error{status.reason};
  return Done{};
}

// Where tables do not belong to transactions each statement counts by itself, and is passed over
// when it is done again.
Result<Done> migrate_to(SqlStore& store, uint32_t version) {
  std::vector<std::string> statements = translate_migration(kLedgerMigrations[version - 1], store);
  statements.push_back(note_version(version));
  return execute_together(store, statements);
}

// Makes the tables that somebody has taken out of a ledger. Without schema_version its version is
// not known: then it is taken for the newest.
Result<Done> restore_tables(SqlStore& store) {
  const Result<uint32_t> noted = read_ledger_version(store);
  if (!noted.ok()) return Error{noted.error()};
  const uint32_t version = *noted == 0 ? kLedgerSchemaVersion : *noted;
  const Result<std::set<std::string>> missing = find_missing_tables(store, version);
  if (!missing.ok()) return Error{missing.error()};
  std::vector<std::string> statements;
  for (std::string& sql : making_statements(store, version)) {
    if (missing->contains(made_in(sql))) statements.push_back(std::move(sql));
  }
  statements.push_back(note_version(version));
  return execute_together(store, statements);
}

}  // namespace

const uint32_t kLedgerSchemaVersion = std::size(kLedgerMigrations);

Error ledger_error(std::string reason) {
  if (reason.ends_with(kDamaged)) {
    reason +=
        ": stop the collector, delete HOME/collector/ledger.db and what begins with that name, and "
        "start the collector: it is built again from the broker's log";
  }
  return Error{std::move(reason)};
}

Error no_ledger_error(const std::string& place) {
  return Error{
      place +
      ": there is no ledger yet: start a collector (muster up does), or wait for the one that "
      "runs: it makes it anew"};
}

Result<uint32_t> read_ledger_version(SqlStore& store) {
  const Result<bool> found = has_table(store, "schema_version");
  if (!found.ok()) return Error{found.error()};
  if (!*found) return 0u;
  Result<std::unique_ptr<SqlStatement>> newest =
      store.prepare("SELECT max(version) FROM schema_version");
  if (!newest.ok()) return Error{newest.error()};
  (*newest)->start({});
  const int64_t version = (*newest)->next() ? (*newest)->integer(0) : 0;
  if (DbStatus status = (*newest)->finish(); !status.ok()) return Error{status.reason};
  if (version > kLedgerSchemaVersion) {
    return Error{store.place() + ": was written by a newer muster (schema " +
                 std::to_string(version) + ", this build knows " +
                 std::to_string(kLedgerSchemaVersion) + "): upgrade this muster"};
  }
  return static_cast<uint32_t>(std::max<int64_t>(version, 0));
}

Result<LedgerPosition> read_ledger_position(SqlStore& store) {
  const Result<bool> found = has_table(store, "position");
  if (!found.ok()) return Error{found.error()};
  if (!*found) return LedgerPosition{};
  Result<std::unique_ptr<SqlStatement>> select = store.prepare("SELECT log_id, seq FROM position");
  if (!select.ok()) return Error{select.error()};
  (*select)->start({});
  LedgerPosition position;
  if ((*select)->next()) {
    position.log_id = std::string((*select)->text(0));
    // One that is being made anew has nothing.
    position.seq = static_cast<uint64_t>(std::max<int64_t>((*select)->integer(1), 0));
  }
  if (DbStatus status = (*select)->finish(); !status.ok()) return Error{status.reason};
  return position;
}

Result<Done> migrate_ledger(SqlStore& store) {
  const Result<uint32_t> version = read_ledger_version(store);
  if (!version.ok()) return Error{version.error()};
  for (uint32_t next = *version + 1; next <= kLedgerSchemaVersion; ++next) {
    if (next == kMoveMeasurements) {
      if (Result<Done> done = move_measurements(store); !done.ok()) return done;
    }
    if (Result<Done> done = migrate_to(store, next); !done.ok()) return done;
  }
  const Result<std::set<std::string>> missing = find_missing_tables(store, kLedgerSchemaVersion);
  if (!missing.ok()) return Error{missing.error()};
  if (missing->empty()) return Done{};
  return Error{store.place() + ": the table " + *missing->begin() +
               " is gone: muster sink replay ledger makes the ledger anew, from the broker's log"};
}

Result<Done> reset_ledger(SqlStore& store) {
  if (Result<Done> done = restore_tables(store); !done.ok()) return done;
  if (Result<Done> done = migrate_ledger(store); !done.ok()) return done;
  const Result<std::map<std::string, MeasureTable>> measured = read_measure_catalogue(store);
  if (!measured.ok()) return Error{measured.error()};
  // The position comes first and last, and the catalogue behind what it names.
  std::vector<std::string> statements = {"UPDATE position SET seq = " + std::to_string(kResetting)};
  for (const auto& [name, table] : *measured) {
    statements.push_back("DROP TABLE IF EXISTS " + quote_identifier(table.sql_name));
  }
  for (const std::string& sql : making_statements(store, kLedgerSchemaVersion)) {
    const std::string table = made_in(sql);
    const bool is_ours = table == "schema_version" || table == "position";
    if (!sql.starts_with("CREATE TABLE ") || is_ours) continue;
    statements.push_back(empty_table(store.dialect(), table));
  }
  statements.emplace_back("UPDATE position SET seq = 0");
  return execute_together(store, statements);
}

Result<Done> finish_reset_ledger(SqlStore& store) {
  Result<std::unique_ptr<SqlStatement>> select =
      store.prepare("SELECT 1 FROM position WHERE seq = " + std::to_string(kResetting));
  if (!select.ok()) return Error{select.error()};
  (*select)->start({});
  const bool is_half_done = (*select)->next();
  if (DbStatus status = (*select)->finish(); !status.ok()) return Error{status.reason};
  return is_half_done ? reset_ledger(store) : Result<Done>(Done{});
}

}  // namespace muster
