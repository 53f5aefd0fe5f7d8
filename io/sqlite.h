// A thin wrapper over SQLite's C API for everything of ours that is stored in it: the event log,
// the worker's spool, the ledger, the state of sinks. Only *_sqlite, ledger, sink-state and spool
// files include it. Nothing here throws. Not thread-safe: one thread at a time per Database.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/result.h"
#include "core/time.h"
#include "io/db_status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster {

struct StatementWatch;  // sqlite.cc's

struct DatabaseOptions {
  bool create = true;   // false: a file that is missing is an error
  bool durable = true;  // true: a commit is on disk on return; false: power loss may undo the last
  bool read_only = false;
  Duration busy_timeout = std::chrono::seconds(10);
  // Where it becomes readable a statement that still runs `stop_grace` later fails.
  int stop_fd = -1;
  Duration stop_grace{0};
  Duration statement_max{0};  // a statement that runs for longer fails; zero: none does
  // Of the write-ahead log, after which the commit that reaches them folds it back in. 0: none
  // does.
  uint32_t checkpoint_pages = 1000;
};

// A prepared statement: bind from 1, then run() or next(), columns from 0. The bytes behind a bound
// view must live until the run ends. It must not outlive its Database.
class Statement {
 public:
  Statement() = default;

  Statement& bind(int index, int64_t value);
  Statement& bind_real(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);

  // Runs to the end and makes the statement ready to be bound again.
  DbStatus run();

  // Steps to the next row; false at the end or on failure. `while (s.next()) ...` is followed by
  // finish(), which says which of them it was.
  bool next();
  // Ends the run, however far it came, and gives up its read lock; the statement is ready to be
  // bound again.
  DbStatus finish();

  // Of the present row. Views live until the next step.
  int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3* db, sqlite3_stmt* statement, StatementWatch* watch)
      : db_(db), watch_(watch), statement_(statement) {}
  void note(int rc);

  sqlite3* db_ = nullptr;
  StatementWatch* watch_ = nullptr;  // null: nothing ends it
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  DbStatus status_;
};

class Database {
 public:
  // Opens `path` in WAL mode. The error has the fault: a DbStatus that is not ok.
  static std::variant<Database, DbStatus> open(const std::string& path,
                                               const DatabaseOptions& options = {});

  // Runs statements that take no values and give no rows.
  DbStatus execute(const char* sql);

  // A wrong statement is our bug; it can also be another program's table. The error says which.
  Result<Statement> prepare(std::string_view sql);

  // Folds the write-ahead log back into the file, as far as no reader is in the way. What cannot be
  // folded, for whatever reason, stays where it is, and nothing is lost: try again after a commit.
  // Only for the one connection that writes: SQLite before 3.51.3 may lose pages when another one
  // commits meanwhile (sqlite.org/wal.html#walresetbug).
  void checkpoint();
  // Pages of the write-ahead log after the newest commit of this connection.
  int64_t wal_pages() const { return *wal_pages_; }

  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changes() const;
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  struct DropWatch {
    void operator()(StatementWatch* watch) const;
  };
  Database() = default;
  std::string path_;
  std::unique_ptr<StatementWatch, DropWatch> watch_;  // outlives db_, which asks it
  std::unique_ptr<int64_t> wal_pages_;                // outlives db_, which notes it
  std::unique_ptr<sqlite3, Close> db_;
};

// The same as each of `statements` by itself.
Result<Done> prepare_all(Database& db,
                         std::span<const std::pair<Statement*, std::string_view>> statements);

// Brings the tables of a file of our own to its newest format: `formats[n]` makes format n + 1 of
// format n, and an empty file has format 0. All or nothing; the file notes its format
// (PRAGMA user_version). An error too when a newer muster has written it.
Result<Done> upgrade_tables(Database& db, std::span<const char* const> formats);

// BEGIN IMMEDIATE on construction; rolled back on destruction unless commit() was ok.
class Transaction {
 public:
  explicit Transaction(Database& db);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // How beginning went.
  const DbStatus& status() const { return status_; }
  DbStatus commit();

 private:
  Database& db_;
  DbStatus status_;
  bool open_ = false;
};

}  // namespace muster
