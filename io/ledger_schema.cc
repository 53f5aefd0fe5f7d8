#include "io/ledger_schema.h"

#include <algorithm>
#include <iterator>

#include "sql/ledger.h"

namespace muster {

const uint32_t kLedgerSchemaVersion = std::size(kLedgerMigrations);

Error ledger_error(std::string reason) {
  if (reason.ends_with(kDamaged)) {
    reason +=
        ": stop the collector, delete HOME/collector/ledger.db and what begins with that name, and "
        "start the collector: it is built again from the broker's log";
  }
  return Error{std::move(reason)};
}

Result<uint32_t> read_ledger_version(Database& db) {
  Result<Statement> exists =
      db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'");
  if (!exists.ok()) return Error{exists.error()};
  const bool found = exists->next();
  if (DbStatus status = exists->finish(); !status.ok()) return Error{status.reason};
  if (!found) return 0u;

  Result<Statement> newest = db.prepare("SELECT max(version) FROM schema_version");
  if (!newest.ok()) return Error{newest.error()};
  const int64_t version = newest->next() ? newest->integer(0) : 0;
  if (DbStatus status = newest->finish(); !status.ok()) return Error{status.reason};
  if (version > kLedgerSchemaVersion) {
    return Error{db.path() + ": was written by a newer muster (schema " + std::to_string(version) +
                 ", this build knows " + std::to_string(kLedgerSchemaVersion) +
                 "): upgrade this muster"};
  }
  return static_cast<uint32_t>(std::max<int64_t>(version, 0));
}

Result<Done> migrate_ledger(Database& db) {
  const Result<uint32_t> version = read_ledger_version(db);
  if (!version.ok()) return Error{version.error()};
  for (uint32_t next = *version + 1; next <= kLedgerSchemaVersion; ++next) {
    Transaction transaction(db);
    if (!transaction.status().ok()) return Error{transaction.status().reason};
    DbStatus status = db.execute(kLedgerMigrations[next - 1]);
    if (!status.ok()) return Error{status.reason};
    const std::string note = "INSERT INTO schema_version VALUES (" + std::to_string(next) + ")";
    status = db.execute(note.c_str());
    if (!status.ok()) return Error{status.reason};
    status = transaction.commit();
    if (!status.ok()) return Error{status.reason};
  }
  return Done{};
}

}  // namespace muster
