// The writer of the tables of measurements (io/measure_table.h), for the one process that writes
// the ledger.
//
// A table is made, and widened, before the transaction that has the rows which ask for it: a server
// ends a transaction where a table changes. First the catalogue says what is wanted, then the
// tables are brought to it, and open() does so again: a crash in between is made good by doing it
// once more.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/time.h"
#include "io/measure_table.h"
#include "io/sql.h"

namespace muster {

// A row on its way, and where it comes from.
struct MeasureRow {
  uint64_t seq = 0;
  std::string_view guid;
  uint32_t attempt = 0;
  Instant time;
  const Measurement* measurement = nullptr;
};

class MeasureTables {
 public:
  // `store` must be migrated and outlive this.
  Result<Done> open(SqlStore& store);

  // Outside a transaction: sees to it that add() has a column for every cell of `rows`, of a type
  // that holds it. After an error this must be opened again.
  Result<Done> make_room(std::span<const MeasureRow> rows);

  // In the caller's transaction; make_room knows the row.
  DbStatus add(const MeasureRow& row);
  DbStatus flush();

  // The largest seq in any of the tables; -1 when they are empty.
  Result<int64_t> newest();

 private:
  struct Column {
    MeasureColumn is;
    bool exists = false;  // in the catalogue, with that type
    bool asked = false;   // by rows on their way, for
    MeasureKinds kinds;
  };
  struct Table {
    std::string name;
    std::string sql_name;
    bool exists = false;
    std::vector<Column> columns;
    std::map<std::string, size_t, std::less<>> places;  // in `columns`, by name
    std::unique_ptr<SqlInserter> inserter;              // null: the columns have changed
  };

  void note_row(const Measurement& row, std::set<Table*>& asked);
  Table* find_or_add(const std::string& name);
  Column* find_or_add_column(Table& table, const std::string& name);
  Result<bool> choose_types(Table& table);
  Result<bool> has_long_integers(const Table& table, const Column& column);
  Result<Done> write_catalogue(const std::vector<Table*>& changed);
  Result<Done> widen_to_what_is_there(Table& table);
  Result<Done> reconcile(const Table& table);
  Result<Done> create(const Table& table, const std::string& sql_name);
  Result<Done> rebuild(const Table& table, const std::map<std::string, MeasureType>& old);
  Result<Done> copy_rows(const Table& table, const std::map<std::string, MeasureType>& old,
                         const std::string& fresh);
  DbStatus add_cells(Table& table, const MeasureRow& row, Measurement& rest);

  SqlStore* store_ = nullptr;
  std::map<std::string, Table, std::less<>> tables_;
  std::set<std::string> sql_names_;
  std::unique_ptr<SqlInserter> rows_;
  std::vector<SqlValue> values_;    // of the row in hand
  std::vector<std::string> texts_;  // behind them
  std::deque<std::string> names_;
};

// Gives the rows that ledgers before version 7 keep as JSON in "measurements" tables of their own.
// May be done again, as long as nothing else is written.
Result<Done> move_measurements(SqlStore& store);

}  // namespace muster
