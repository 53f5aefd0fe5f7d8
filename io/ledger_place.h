// Where the ledger of an installation lies, and opening it there.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "io/home.h"
#include "io/mariadb_store.h"
#include "io/sql.h"

namespace muster {

// The password of a server whose configuration has none.
inline constexpr const char* kLedgerPasswordVariable = "MUSTER_LEDGER_PASSWORD";

struct LedgerServer {
  MariadbOptions options;     // but for the password
  std::string password;       // as configured; or
  std::string password_file;  // its first line, read anew at each connection; or else the variable
};

struct LedgerPlace {
  std::string file;                    // of SQLite's
  std::optional<LedgerServer> server;  // instead
  // Where it becomes readable a question to a file is given up. So is, two seconds later, what then
  // still writes to a file, and a server that says nothing (MariadbOptions).
  int stop_fd = -1;
  // For those that ask: a statement that takes longer fails. Zero: none does in a file, and on a
  // server what takes longer than its answer_timeout.
  Duration question_max{0};
};

// That of a home, whose configuration says `server` or nothing.
LedgerPlace ledger_place(const Home& home, const std::optional<LedgerServer>& server);

// For people; without the password.
std::string describe(const LedgerPlace& place);

// For the one that writes it: makes it where it is missing.
Result<std::unique_ptr<SqlStore>> open_ledger_store(const LedgerPlace& place);
// For those that ask: of a file that is not there the error says that nothing was collected yet.
Result<std::unique_ptr<SqlStore>> open_ledger_store_read_only(const LedgerPlace& place);

}  // namespace muster
