// The version of the ledger's tables (schemas/sql/*_ledger.sql), for its writer and its readers.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "io/sql.h"

namespace muster {

struct LedgerPosition;  // io/ledger_reader.h

// The number of the newest migration of this build.
extern const uint32_t kLedgerSchemaVersion;

// The version of an open ledger; 0 when it has no tables yet. A version newer than this build's is
// an error that says what to do.
Result<uint32_t> read_ledger_version(SqlStore& store);

// How far an open ledger has come, whichever of its tables are missing: nothing is taken in where
// the one that says so is.
Result<LedgerPosition> read_ledger_position(SqlStore& store);

// Why the ledger cannot be used, with what to do when it is damaged.
Error ledger_error(std::string reason);

// That there is none at `place`, and what makes one.
Error no_ledger_error(const std::string& place);

// Brings an empty or older ledger to kLedgerSchemaVersion. A crash in between is made good by doing
// it once more. An error when one of its tables is not there although it was made.
Result<Done> migrate_ledger(SqlStore& store);

// Makes the ledger anew: all of its tables are there, whichever are missing now, and empty, those
// of measurements are gone, and its position is the beginning of its log. A crash in between is
// made good by finish_reset_ledger.
Result<Done> reset_ledger(SqlStore& store);
// Of a ledger that is migrated, before its position is used.
Result<Done> finish_reset_ledger(SqlStore& store);

}  // namespace muster
