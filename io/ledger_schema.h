// The version of the ledger's tables (schemas/sql/*_ledger.sql), for its writer and its readers.
#pragma once

#include <cstdint>
#include <string>

#include "io/sqlite.h"

namespace muster {

// The number of the newest migration of this build.
extern const uint32_t kLedgerSchemaVersion;

// The version of an open ledger; 0 when it has no tables yet. A version newer than this build's is
// an error that says what to do.
Result<uint32_t> read_ledger_version(Database& db);

// Why the ledger cannot be used, with what to do when it is damaged.
Error ledger_error(std::string reason);

// Brings an empty or older ledger to kLedgerSchemaVersion, one transaction a migration.
Result<Done> migrate_ledger(Database& db);

}  // namespace muster
