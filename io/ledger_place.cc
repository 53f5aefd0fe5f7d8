#include "io/ledger_place.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>
#include <variant>

#include "io/file.h"
#include "io/ledger_schema.h"
#include "io/sqlite_store.h"

namespace muster {
namespace {

constexpr size_t kPasswordBytesMax = 4 << 10;
// Large transactions come fast: 16 MB are folded back at once.
constexpr uint32_t kCheckpointPages = 4'000;
// A server that has not even ended a question by itself is silent.
constexpr Duration kSilence = std::chrono::seconds(5);
// What is being written may take so long once a stop is wanted: all but a large table made anew.
constexpr Duration kStopGrace = std::chrono::seconds(2);

Result<std::string> read_password(const LedgerServer& server) {
  if (!server.password_file.empty()) {
    Result<std::string> text = read_file(server.password_file, kPasswordBytesMax);
    if (!text.ok()) return text;
    return text->substr(0, text->find_first_of("\r\n"));
  }
  if (!server.password.empty()) return server.password;
  const char* const variable = std::getenv(kLedgerPasswordVariable);
  return std::string(variable == nullptr ? "" : variable);
}

Result<std::unique_ptr<SqlStore>> open_server(const LedgerPlace& place, bool read_only) {
  const LedgerServer& server = *place.server;
  MariadbOptions options = server.options;
  options.read_only = read_only;
  options.question_max = place.question_max;
  if (place.question_max > Duration(0)) {
    // The server says first that it takes too long, where it says anything.
    options.answer_timeout = std::min(options.answer_timeout, place.question_max + kSilence);
  }
  options.stop_fd = place.stop_fd;
  Result<std::string> password = read_password(server);
  if (!password.ok()) return Error{"the ledger's password: " + password.error()};
  options.password = std::move(*password);
  auto opened = open_mariadb_store(options);
  if (DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{std::move(failed->reason)};
  return std::move(std::get<std::unique_ptr<SqlStore>>(opened));
}

Result<std::unique_ptr<SqlStore>> open_file(const std::string& file,
                                            const DatabaseOptions& options) {
  auto opened = open_sqlite_store(file, options);
  if (DbStatus* failed = std::get_if<DbStatus>(&opened)) {
    return ledger_error(std::move(failed->reason));
  }
  return std::move(std::get<std::unique_ptr<SqlStore>>(opened));
}

}  // namespace

LedgerPlace ledger_place(const Home& home, const std::optional<LedgerServer>& server) {
  return {home.ledger_file(), server};
}

std::string describe(const LedgerPlace& place) {
  return place.server ? mariadb_place(place.server->options) : place.file;
}

Result<std::unique_ptr<SqlStore>> open_ledger_store(const LedgerPlace& place) {
  if (place.server) return open_server(place, false);
  DatabaseOptions options;
  options.checkpoint_pages = kCheckpointPages;
  options.stop_fd = place.stop_fd;
  options.stop_grace = kStopGrace;
  return open_file(place.file, options);
}

Result<std::unique_ptr<SqlStore>> open_ledger_store_read_only(const LedgerPlace& place) {
  if (place.server) return open_server(place, true);
  struct stat status;
  if (::stat(place.file.c_str(), &status) != 0) return no_ledger_error(place.file);
  DatabaseOptions options;
  options.create = false;
  options.read_only = true;
  options.stop_fd = place.stop_fd;
  options.statement_max = place.question_max;
  return open_file(place.file, options);
}

}  // namespace muster
