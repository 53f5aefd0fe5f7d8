#include "io/sqlite.h"

#include <poll.h>
#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>

#include "io/file.h"

namespace muster {

// When a statement is to end before it has come to its end.
struct StatementWatch {
  using Steady = std::chrono::steady_clock;

  explicit StatementWatch(const DatabaseOptions& options)
      : stop_fd(options.stop_fd), stop_grace(options.stop_grace), max(options.statement_max) {}

  void begin() {
    begun = Steady::now();
    is_late = false;
  }

  bool is_over() {
    const Steady::time_point now = Steady::now();
    is_late = max > Duration(0) && now - begun > max;
    if (is_late) return true;
    if (stop_fd < 0) return false;
    if (!give_up_at) {
      pollfd look{stop_fd, POLLIN, 0};
      if (::poll(&look, 1, 0) > 0) give_up_at = now + stop_grace;
    }
    return give_up_at && now >= *give_up_at;
  }

  const int stop_fd;
  const Duration stop_grace;
  const Duration max;
  Steady::time_point begun;
  bool is_late = false;                          // it ended the last one for its time
  std::optional<Steady::time_point> give_up_at;  // once a stop is wanted
};

namespace {

// The errno behind an I/O error. SQLite passes it on for some statements; for a commit, only the
// write-ahead file knows it.
int last_errno(sqlite3* db) {
  int error_number = 0;
  sqlite3_file* wal = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&wal));
  if (wal != nullptr && wal->pMethods != nullptr) {
    wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error_number);
  }
  return error_number != 0 ? error_number : sqlite3_system_errno(db);
}

bool is_io_error(int rc) { return (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN; }

// SQLite reports a full disk as SQLITE_FULL where it meets it in a write, and as an I/O error with
// an errno elsewhere (a quota, a file size limit, the shared memory file).
bool is_disk_full(sqlite3* db, int rc) {
  if ((rc & 0xff) == SQLITE_FULL) return true;
  if (!is_io_error(rc)) return false;
  const int error_number = last_errno(db);
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

// A failed sync leaves unknown what is on disk, whatever its errno was.
bool is_failed_sync(int rc) {
  return rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_CLOSE;
}

DbFault fault_of(sqlite3* db, int rc) {
  if (is_failed_sync(rc)) return DbFault::broken;
  if (is_disk_full(db, rc)) return DbFault::disk_full;
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return DbFault::busy;
    case SQLITE_CONSTRAINT:
      return DbFault::constraint;
    default:
      return DbFault::broken;
  }
}

// Must be called right after the call that gave `rc`: SQLite keeps only the last error. It does not
// know the name of a file that it could not open: then the caller gives it as `path`.
DbStatus make_status(sqlite3* db, int rc, const char* path = nullptr) {
  if (rc == SQLITE_OK) return {};
  if (path == nullptr) path = sqlite3_db_filename(db, "main");
  std::string reason = std::string(path == nullptr ? "database" : path) + ": " + sqlite3_errmsg(db);
  if (is_io_error(rc) && last_errno(db) != 0) reason += " (" + errno_text(last_errno(db)) + ")";
  const int kind = rc & 0xff;
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) reason += "; " + std::string(kDamaged);
  return {fault_of(db, rc), std::move(reason)};
}

std::string_view view(const void* bytes, int size) {
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

// SQLite takes a null pointer for NULL: an empty view must not become one.
const char* data_of(std::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }

// Steps of SQLite's machine between two looks at whether to stop: about a millisecond.
constexpr int kStepsPerLook = 50'000;

int is_over(void* watch) { return static_cast<StatementWatch*>(watch)->is_over() ? 1 : 0; }

int note_wal_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int64_t*>(pages) = count;
  return SQLITE_OK;
}

DbStatus configure(Database& db, const DatabaseOptions& options) {
  if (options.read_only) return db.execute("PRAGMA query_only=ON");
  // Debian's SQLite writes zeros over all that is deleted: on a full disk nothing could be trimmed.
  const std::string pragmas =
      "PRAGMA journal_mode=WAL;PRAGMA synchronous=" +
      std::string(options.durable ? "FULL" : "NORMAL") +
      ";PRAGMA secure_delete=OFF;PRAGMA foreign_keys=ON;PRAGMA wal_autocheckpoint=" +
      std::to_string(options.checkpoint_pages);
  return db.execute(pragmas.c_str());
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Database::DropWatch::operator()(StatementWatch* watch) const { delete watch; }

void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Statement& Statement::bind(int index, int64_t value) {
  note(sqlite3_bind_int64(statement_.get(), index, value));
  return *this;
}

Statement& Statement::bind_real(int index, double value) {
  note(sqlite3_bind_double(statement_.get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  note(sqlite3_bind_text64(statement_.get(), index, data_of(text), text.size(), SQLITE_STATIC,
                           SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  note(sqlite3_bind_blob64(statement_.get(), index, data_of(bytes), bytes.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null(int index) {
  note(sqlite3_bind_null(statement_.get(), index));
  return *this;
}

void Statement::note(int rc) {
  if (rc == SQLITE_OK || !status_.ok()) return;
  status_ = make_status(db_, rc);
  if (rc != SQLITE_INTERRUPT || watch_ == nullptr || !watch_->is_late) return;
  status_.reason += ": it took longer than " + std::to_string(watch_->max / 1s) +
                    " s: ask for less, or for what an index has";
}

DbStatus Statement::run() {
  while (next()) {
  }
  return finish();
}

bool Statement::next() {
  if (!status_.ok()) return false;
  if (watch_ != nullptr && sqlite3_stmt_busy(statement_.get()) == 0) watch_->begin();
  const int rc = sqlite3_step(statement_.get());
  note(rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc);
  return rc == SQLITE_ROW;
}

DbStatus Statement::finish() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  return std::exchange(status_, {});
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string_view Statement::text(int column) const {
  const void* bytes = sqlite3_column_text(statement_.get(), column);
  return view(bytes, sqlite3_column_bytes(statement_.get(), column));
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  return view(bytes, sqlite3_column_bytes(statement_.get(), column));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::variant<Database, DbStatus> Database::open(const std::string& path,
                                                const DatabaseOptions& options) {
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    (options.create && !options.read_only ? SQLITE_OPEN_CREATE : 0) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database db;
  db.path_ = path;
  db.wal_pages_ = std::make_unique<int64_t>(0);
  db.db_.reset(handle);
  if (handle == nullptr) return DbStatus{DbFault::broken, path + ": out of memory"};
  if (rc != SQLITE_OK) return make_status(handle, rc, path.c_str());
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout / 1ms));
  if (options.stop_fd >= 0 || options.statement_max > Duration(0)) {
    db.watch_.reset(new StatementWatch(options));
    sqlite3_progress_handler(handle, kStepsPerLook, is_over, db.watch_.get());
  }
  DbStatus configured = configure(db, options);
  if (!configured.ok()) return configured;
  // SQLite folds back by the same hook: it is one or the other.
  if (options.checkpoint_pages == 0) {
    sqlite3_wal_hook(handle, note_wal_pages, db.wal_pages_.get());
  }
  return db;
}

DbStatus Database::execute(const char* sql) {
  if (watch_) watch_->begin();
  return make_status(db_.get(), sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr));
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return Error{make_status(db_.get(), rc).reason};
  return Statement(db_.get(), statement, watch_.get());
}

void Database::checkpoint() {
  sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

int64_t Database::changes() const { return sqlite3_changes64(db_.get()); }

Transaction::Transaction(Database& db) : db_(db), status_(db.execute("BEGIN IMMEDIATE")) {
  open_ = status_.ok();
}

Transaction::~Transaction() {
  // SQLite may have rolled back by itself; then this says so and changes nothing.
  if (open_) static_cast<void>(db_.execute("ROLLBACK"));
}

DbStatus Transaction::commit() {
  if (!open_) return status_;
  DbStatus committed = db_.execute("COMMIT");
  open_ = !committed.ok();
  return committed;
}

Result<Done> prepare_all(Database& db,
                         std::span<const std::pair<Statement*, std::string_view>> statements) {
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = db.prepare(sql);
    if (!prepared.ok()) return Error{prepared.error()};
    *statement = std::move(*prepared);
  }
  return Done{};
}

Result<Done> upgrade_tables(Database& db, std::span<const char* const> formats) {
  Result<Statement> ask = db.prepare("PRAGMA user_version");
  if (!ask.ok()) return Error{ask.error()};
  const int64_t format = ask->next() ? ask->integer(0) : 0;
  if (DbStatus status = ask->finish(); !status.ok()) return Error{status.reason};
  const auto newest = static_cast<int64_t>(formats.size());
  if (format == newest) return Done{};
  if (format > newest) {
    return Error{db.path() + ": was written by a newer muster (format " + std::to_string(format) +
                 ", this build knows " + std::to_string(newest) + "): upgrade this muster"};
  }
  Transaction transaction(db);
  if (!transaction.status().ok()) return Error{transaction.status().reason};
  for (int64_t next = format; next < newest; ++next) {
    const std::string note = "PRAGMA user_version = " + std::to_string(next + 1);
    for (const char* sql : {formats[static_cast<size_t>(next)], note.c_str()}) {
      if (DbStatus status = db.execute(sql); !status.ok()) return Error{status.reason};
    }
  }
  if (DbStatus status = transaction.commit(); !status.ok()) return Error{status.reason};
  return Done{};
}

}  // namespace muster
