#include "io/ledger_schema.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include "io/measure_tables.h"
#include "io/sql_dialect.h"
#include "sql/ledger.h"

namespace muster {
namespace {

constexpr uint32_t kMoveMeasurements = 7;

// Where tables do not belong to transactions each statement counts by itself, and is passed over
// when it is done again.
Result<Done> migrate_to(SqlStore& store, uint32_t version) {
  std::optional<SqlTransaction> transaction;
  if (has_transactional_tables(store.dialect())) {
    transaction.emplace(store);
    if (!transaction->status().ok()) return Error{transaction->status().reason};
  }
  std::vector<std::string> statements = translate_migration(kLedgerMigrations[version - 1], store);
  statements.push_back("REPLACE INTO schema_version VALUES (" + std::to_string(version) + ")");
  for (const std::string& sql : statements) {
    const DbStatus status = store.execute(sql);
    if (!status.ok() && status.fault != DbFault::exists) return Error{status.reason};
  }
  if (!transaction) return Done{};
  const DbStatus status = transaction->commit();
  if (!status.ok()) return Error{status.reason};
  return Done{};
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
  return Error{place + ": there is no ledger yet: start a collector (muster up does)"};
}

Result<uint32_t> read_ledger_version(SqlStore& store) {
  Result<std::unique_ptr<SqlStatement>> columns = store.prepare(select_columns(store.dialect()));
  if (!columns.ok()) return Error{columns.error()};
  (*columns)->start({"schema_version"});
  const bool found = (*columns)->next();
  if (DbStatus status = (*columns)->finish(); !status.ok()) return Error{status.reason};
  if (!found) return 0u;

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

Result<Done> migrate_ledger(SqlStore& store) {
  const Result<uint32_t> version = read_ledger_version(store);
  if (!version.ok()) return Error{version.error()};
  for (uint32_t next = *version + 1; next <= kLedgerSchemaVersion; ++next) {
    if (next == kMoveMeasurements) {
      if (Result<Done> done = move_measurements(store); !done.ok()) return done;
    }
    if (Result<Done> done = migrate_to(store, next); !done.ok()) return done;
  }
  return Done{};
}

}  // namespace muster
