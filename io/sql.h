// What the ledger asks of a database, so that it is written once and lies in SQLite
// (io/sqlite_store) or on a MariaDB server (io/mariadb_store). Nothing here throws. One thread at a
// time per SqlStore; what a store has made must not outlive it.
//
// Statements are in the words that all of them know: question marks for values, identifiers that
// might be words of SQL in double quotes, REPLACE. Where there is no common word, io/sql_dialect
// has one for each.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"
#include "io/db_status.h"

namespace muster {

enum class SqlDialect : uint8_t { sqlite, mariadb };

struct SqlNull {};
struct SqlBlob {
  std::string_view bytes;
};

// A value on its way in. Texts are UTF-8. The bytes behind a view must live until the call that
// takes the value has returned; for SqlStatement::start, until the run ends.
using SqlValue = std::variant<SqlNull, int64_t, double, std::string_view, SqlBlob>;
using SqlValues = std::span<const SqlValue>;

// A statement that is run as often as one likes. `start(...); while (next()) ...` is followed by
// finish(), which says how it went.
class SqlStatement {
 public:
  virtual ~SqlStatement() = default;

  // Begins a run with a value for each question mark.
  virtual void start(SqlValues values) = 0;
  void start(std::initializer_list<SqlValue> values) {
    start(SqlValues(values.begin(), values.size()));
  }
  // Steps to the next row; false at the end or on failure.
  virtual bool next() = 0;
  // Ends the run, however far it came.
  virtual DbStatus finish() = 0;

  // All of that, for a statement whose rows nobody wants.
  DbStatus run(SqlValues values);
  DbStatus run(std::initializer_list<SqlValue> values = {}) {
    return run(SqlValues(values.begin(), values.size()));
  }

  // Of the present row, columns from 0. Views live until the next step.
  virtual int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;  // or blob
  virtual bool is_null(int column) const = 0;
};

// Rows on their way into one table, in bulk. A row takes the place of any that has its key.
class SqlInserter {
 public:
  virtual ~SqlInserter() = default;
  // Rows may wait for others. After a failure, and when its transaction is rolled back, an inserter
  // is of no use any more.
  virtual DbStatus add(SqlValues row) = 0;
  DbStatus add(std::initializer_list<SqlValue> row) {
    return add(SqlValues(row.begin(), row.size()));
  }
  // Sends what waits.
  virtual DbStatus flush() = 0;
};

class SqlStore {
 public:
  virtual ~SqlStore() = default;

  virtual SqlDialect dialect() const = 0;
  // For people: the file, or "mariadb://USER@HOST:PORT/DATABASE".
  virtual const std::string& place() const = 0;
  // The collation by which texts are compared byte by byte, for a server's CREATE TABLE; empty
  // where that goes without saying.
  virtual std::string bytewise_collation() const { return {}; }

  // Runs one statement without values or rows.
  virtual DbStatus execute(std::string_view sql) = 0;
  // The error is that of a wrong statement, or of another program's table.
  virtual Result<std::unique_ptr<SqlStatement>> prepare(std::string_view sql) = 0;
  virtual std::unique_ptr<SqlInserter> make_inserter(std::string_view table,
                                                     const std::vector<std::string>& columns) = 0;

  // Begins a transaction that writes. On a server whose connection was lost since the last one it
  // connects anew.
  virtual DbStatus begin() = 0;
  // An error that is no fault of ours does not say whether it is committed: ask.
  virtual DbStatus commit() = 0;
  virtual void rollback() = 0;
};

// Begun on construction; rolled back on destruction unless commit() was ok.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlStore& store) : store_(store), status_(store.begin()) {
    open_ = status_.ok();
  }
  ~SqlTransaction() {
    if (open_) store_.rollback();
  }
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;

  const DbStatus& status() const { return status_; }
  DbStatus commit();

 private:
  SqlStore& store_;
  DbStatus status_;
  bool open_ = false;
};

}  // namespace muster
