// The ledger in a file of SQLite's.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "io/sql.h"
#include "io/sqlite.h"

namespace muster {

std::variant<std::unique_ptr<SqlStore>, DbStatus> open_sqlite_store(const std::string& file,
                                                                    const DatabaseOptions& options);

}  // namespace muster
