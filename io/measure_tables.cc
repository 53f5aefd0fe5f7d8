#include "io/measure_tables.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "io/ledger_text.h"
#include "io/measure_json.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

constexpr int64_t kPageRows = 1'000;  // copied at a time

Result<Done> to_result(const DbStatus& status) {
  if (!status.ok()) return Error{status.reason};
  return Done{};
}

// Statements that may have been done before.
Result<Done> execute_all(SqlStore& store, const std::vector<std::string>& statements) {
  for (const std::string& sql : statements) {
    const DbStatus status = store.execute(sql);
    if (!status.ok() && status.fault != DbFault::exists) return Error{status.reason};
  }
  return Done{};
}

std::vector<std::string> fixed_columns() {
  return {std::begin(kMeasureFixedColumns), std::end(kMeasureFixedColumns)};
}

}  // namespace

Result<Done> MeasureTables::open(SqlStore& store) {
  store_ = &store;
  tables_.clear();
  sql_names_.clear();
  rows_ = store.make_inserter("measurements",
                              {"seq", "guid", "attempt", "time_us", "table_name", "row"});
  Result<std::map<std::string, MeasureTable>> catalogue = read_measure_catalogue(store);
  if (!catalogue.ok()) return Error{catalogue.error()};
  for (auto& [name, found] : *catalogue) {
    sql_names_.insert(found.sql_name);
    Table& table = tables_[name];
    table.name = name;
    table.sql_name = found.sql_name;
    table.exists = true;
    for (MeasureColumn& column : found.columns) {
      table.places[column.name] = table.columns.size();
      table.columns.push_back({std::move(column), true});
    }
    if (Result<Done> done = widen_to_what_is_there(table); !done.ok()) return done;
    if (Result<Done> done = reconcile(table); !done.ok()) return done;
  }
  return Done{};
}

// Somebody may have given a column another type, or one that says nothing to us: what it holds now
// must not be lost in a type that cannot.
Result<Done> MeasureTables::widen_to_what_is_there(Table& table) {
  const auto found = read_measure_columns(*store_, table.sql_name);
  if (!found.ok()) return Error{found.error()};
  if (!*found) return Done{};
  bool is_wider = false;
  for (Column& column : table.columns) {
    const auto there = (*found)->find(column.is.sql_name);
    if (there == (*found)->end()) continue;
    MeasureKinds kinds;
    kinds.add(column.is.type);
    kinds.add(there->second);
    is_wider = is_wider || kinds.type() != column.is.type;
    column.is.type = kinds.type();
  }
  return is_wider ? write_catalogue({&table}) : Result<Done>(Done{});
}

Result<Done> MeasureTables::make_room(std::span<const MeasureRow> rows) {
  std::set<Table*> asked;
  for (const MeasureRow& row : rows) note_row(*row.measurement, asked);
  std::vector<Table*> changed;
  for (Table* table : asked) {
    const Result<bool> is_new = choose_types(*table);
    if (!is_new.ok()) return Error{is_new.error()};
    if (*is_new) changed.push_back(table);
  }
  if (changed.empty()) return Done{};
  if (Result<Done> done = write_catalogue(changed); !done.ok()) return done;
  for (const Table* table : changed) {
    if (Result<Done> done = reconcile(*table); !done.ok()) return done;
  }
  return Done{};
}

void MeasureTables::note_row(const Measurement& row, std::set<Table*>& asked) {
  Table* const table = find_or_add(row.table);
  if (table == nullptr) return;
  asked.insert(table);
  for (const auto& [name, value] : row.row) {
    Column* const column = find_or_add_column(*table, name);
    if (column == nullptr) continue;
    column->asked = true;
    column->kinds.add(value);
  }
}

// Null where there are tables enough, or that is no name for one.
MeasureTables::Table* MeasureTables::find_or_add(const std::string& name) {
  const auto at = tables_.find(name);
  if (at != tables_.end()) return &at->second;
  if (tables_.size() >= kMeasureTablesKept || name.size() > kNameLengthMax) return nullptr;
  Table& table = tables_[name];
  table.name = name;
  table.sql_name = choose_sql_name("m_" + name, sql_names_);
  sql_names_.insert(table.sql_name);
  return &table;
}

// Null where the table has columns enough, or that is no name for one.
MeasureTables::Column* MeasureTables::find_or_add_column(Table& table, const std::string& name) {
  const auto at = table.places.find(name);
  if (at != table.places.end()) return &table.columns[at->second];
  const bool is_name = !name.empty() && name.size() <= kNameLengthMax && is_utf8(name);
  if (table.columns.size() >= kMeasureColumnsKept || !is_name) return nullptr;
  std::set<std::string> taken(std::begin(kMeasureFixedColumns), std::end(kMeasureFixedColumns));
  for (const Column& other : table.columns) taken.insert(other.is.sql_name);
  table.places[name] = table.columns.size();
  table.columns.push_back({{name, choose_sql_name(name, taken)}});
  return &table.columns.back();
}

// Gives the columns that are asked for the type that holds what they have and what comes; true
// where that is news.
Result<bool> MeasureTables::choose_types(Table& table) {
  bool is_new = !table.exists;
  for (Column& column : table.columns) {
    if (!std::exchange(column.asked, false)) continue;
    MeasureKinds kinds = std::exchange(column.kinds, {});
    if (column.exists) {
      kinds.add(column.is.type);
      if (column.is.type == MeasureType::integer && kinds.type() == MeasureType::real) {
        const Result<bool> has_long = has_long_integers(table, column);
        if (!has_long.ok()) return has_long;
        if (*has_long) kinds.add_long_integer();
      }
    }
    is_new = is_new || !column.exists || kinds.type() != column.is.type;
    column.is.type = kinds.type();
  }
  return is_new;
}

Result<bool> MeasureTables::has_long_integers(const Table& table, const Column& column) {
  const std::string name = quote_identifier(column.is.sql_name);
  Result<std::unique_ptr<SqlStatement>> select =
      store_->prepare("SELECT 1 FROM " + quote_identifier(table.sql_name) + " WHERE " + name +
                      " > ? OR " + name + " < ? LIMIT 1");
  if (!select.ok()) return Error{select.error()};
  (*select)->start({kExactIntegerMax, -kExactIntegerMax});
  const bool found = (*select)->next();
  if (DbStatus status = (*select)->finish(); !status.ok()) return Error{status.reason};
  return found;
}

Result<Done> MeasureTables::write_catalogue(const std::vector<Table*>& changed) {
  const auto tables = store_->make_inserter("measure_tables", {"name", "sql_name"});
  const auto columns =
      store_->make_inserter("measure_columns", {"table_name", "place", "name", "sql_name", "type"});
  SqlTransaction transaction(*store_);
  DbStatus status = transaction.status();
  const auto note = [&](DbStatus next) {
    if (status.ok()) status = std::move(next);
  };
  for (Table* table : changed) {
    note(tables->add({table->name, table->sql_name}));
    for (size_t i = 0; i < table->columns.size(); ++i) {
      const MeasureColumn& column = table->columns[i].is;
      note(columns->add({table->name, static_cast<int64_t>(i), column.name, column.sql_name,
                         to_string(column.type)}));
    }
  }
  note(tables->flush());
  note(columns->flush());
  if (status.ok()) note(transaction.commit());
  if (!status.ok()) return Error{status.reason};
  for (Table* table : changed) {
    table->exists = true;
    table->inserter = nullptr;
    for (Column& column : table->columns) column.exists = true;
  }
  return Done{};
}

// Brings the table to what the catalogue says, however far that has come before.
Result<Done> MeasureTables::reconcile(const Table& table) {
  const auto found = read_measure_columns(*store_, table.sql_name);
  if (!found.ok()) return Error{found.error()};
  if (!*found) return create(table, table.sql_name);
  const std::map<std::string, MeasureType>& old = **found;
  std::vector<std::string> missing;
  for (const Column& column : table.columns) {
    const auto at = old.find(column.is.sql_name);
    if (at != old.end() && at->second != column.is.type) return rebuild(table, old);
    if (at != old.end()) continue;
    missing.push_back("ALTER TABLE " + quote_identifier(table.sql_name) + " ADD COLUMN " +
                      quote_identifier(column.is.sql_name) + " " +
                      declare_column(store_->dialect(), to_string(column.is.type)));
  }
  return execute_all(*store_, missing);
}

Result<Done> MeasureTables::create(const Table& table, const std::string& sql_name) {
  std::string sql = "CREATE TABLE " + quote_identifier(sql_name) +
                    " (seq INTEGER PRIMARY KEY, guid GUID NOT NULL, attempt INTEGER NOT NULL, "
                    "time_us INTEGER NOT NULL";
  for (const Column& column : table.columns) {
    sql += ", " + quote_identifier(column.is.sql_name) + " " +
           declare_column(store_->dialect(), to_string(column.is.type));
  }
  return execute_all(*store_, translate_migration(sql + ", UNIQUE (guid, seq));", *store_));
}

// Makes the table anew with the types of now, and its rows with it.
Result<Done> MeasureTables::rebuild(const Table& table,
                                    const std::map<std::string, MeasureType>& old) {
  const std::string fresh = "new_" + table.sql_name;
  std::optional<SqlTransaction> transaction;
  if (has_transactional_tables(store_->dialect())) {
    transaction.emplace(*store_);
    if (!transaction->status().ok()) return Error{transaction->status().reason};
  }
  const std::string drop = "DROP TABLE IF EXISTS " + quote_identifier(fresh);
  if (DbStatus status = store_->execute(drop); !status.ok()) return Error{status.reason};
  Result<Done> done = create(table, fresh);
  if (done.ok()) done = copy_rows(table, old, fresh);
  if (done.ok()) {
    done = execute_all(*store_, replace_table(store_->dialect(), table.sql_name, fresh));
  }
  if (done.ok() && transaction) done = to_result(transaction->commit());
  return done;
}

Result<Done> MeasureTables::copy_rows(const Table& table,
                                      const std::map<std::string, MeasureType>& old,
                                      const std::string& fresh) {
  std::string sql = "SELECT seq, guid, attempt, time_us";
  std::vector<std::string> names = fixed_columns();
  std::vector<std::pair<MeasureType, MeasureType>> types;  // before and after
  for (const Column& column : table.columns) {
    const auto before = old.find(column.is.sql_name);
    if (before == old.end()) continue;
    sql += ", " + quote_identifier(column.is.sql_name);
    names.push_back(column.is.sql_name);
    types.emplace_back(before->second, column.is.type);
  }
  Result<std::unique_ptr<SqlStatement>> select = store_->prepare(
      sql + " FROM " + quote_identifier(table.sql_name) + " WHERE seq > ? ORDER BY seq LIMIT ?");
  if (!select.ok()) return Error{select.error()};
  SqlStatement& row = **select;
  const std::unique_ptr<SqlInserter> inserter = store_->make_inserter(fresh, names);
  values_.resize(names.size());
  texts_.resize(types.size());
  for (int64_t last = -1, copied = kPageRows; copied == kPageRows;) {
    copied = 0;
    DbStatus status;
    for (row.start({last, kPageRows}); status.ok() && row.next(); ++copied) {
      last = row.integer(0);
      values_[0] = last;
      values_[1] = row.text(1);
      values_[2] = row.integer(2);
      values_[3] = row.integer(3);
      for (size_t i = 0; i < types.size(); ++i) {
        const int at = static_cast<int>(i) + 4;
        const auto [before, after] = types[i];
        values_[i + 4] = SqlNull{};
        if (row.is_null(at)) continue;
        values_[i + 4] = to_sql(from_sql(row, at, before), after, texts_[i]);
      }
      status = inserter->add(values_);
    }
    const DbStatus read = row.finish();
    if (!read.ok()) return Error{read.reason};
    if (status.ok()) status = inserter->flush();
    if (!status.ok()) return Error{status.reason};
  }
  return Done{};
}

DbStatus MeasureTables::add(const MeasureRow& row) {
  Measurement rest;
  const auto at = tables_.find(row.measurement->table);
  const bool has_table = at != tables_.end();
  const Measurement* beside = row.measurement;
  if (has_table) {
    if (DbStatus status = add_cells(at->second, row, rest); !status.ok()) return status;
    beside = &rest;
  }
  const std::string json = measure_row_to_json(*beside);
  names_.clear();
  return rows_->add({static_cast<int64_t>(row.seq), row.guid, int64_t{row.attempt}, to_us(row.time),
                     ledger_text(row.measurement->table, names_, kSqlNameMax),
                     std::string_view(json)});
}

// Cells without a column go to `rest`.
DbStatus MeasureTables::add_cells(Table& table, const MeasureRow& row, Measurement& rest) {
  if (table.inserter == nullptr) {
    std::vector<std::string> names = fixed_columns();
    for (const Column& column : table.columns) names.push_back(column.is.sql_name);
    table.inserter = store_->make_inserter(table.sql_name, names);
  }
  values_.assign(table.columns.size() + 4, SqlNull{});
  texts_.resize(std::max(texts_.size(), table.columns.size()));
  values_[0] = static_cast<int64_t>(row.seq);
  values_[1] = row.guid;
  values_[2] = int64_t{row.attempt};
  values_[3] = to_us(row.time);
  for (const auto& [name, value] : row.measurement->row) {
    const auto at = table.places.find(name);
    if (at == table.places.end()) {
      rest.row.emplace_back(name, value);
      continue;
    }
    const size_t i = at->second;
    values_[i + 4] = to_sql(value, table.columns[i].is.type, texts_[i]);
  }
  return table.inserter->add(values_);
}

Result<int64_t> MeasureTables::newest() {
  int64_t newest = -1;
  for (const auto& [name, table] : tables_) {
    Result<std::unique_ptr<SqlStatement>> select =
        store_->prepare("SELECT max(seq) FROM " + quote_identifier(table.sql_name));
    if (!select.ok()) return Error{select.error()};
    (*select)->start({});
    if ((*select)->next() && !(*select)->is_null(0)) {
      newest = std::max(newest, (*select)->integer(0));
    }
    if (DbStatus status = (*select)->finish(); !status.ok()) return Error{status.reason};
  }
  return newest;
}

DbStatus MeasureTables::flush() {
  DbStatus status = rows_->flush();
  for (auto& [name, table] : tables_) {
    if (status.ok() && table.inserter) status = table.inserter->flush();
  }
  return status;
}

Result<Done> move_measurements(SqlStore& store) {
  MeasureTables tables;
  if (Result<Done> done = tables.open(store); !done.ok()) return done;
  Result<std::unique_ptr<SqlStatement>> select = store.prepare(
      "SELECT seq, guid, attempt, time_us, table_name, \"row\" FROM measurements "
      "WHERE seq > ? ORDER BY seq LIMIT ?");
  if (!select.ok()) return Error{select.error()};
  SqlStatement& row = **select;
  // What was moved before is older than the rest, and must not be taken for all of a row.
  const Result<int64_t> newest = tables.newest();
  if (!newest.ok()) return Error{newest.error()};
  for (int64_t last = *newest, taken = kPageRows; taken == kPageRows;) {
    std::vector<std::string> guids;
    std::vector<Measurement> measurements;
    std::vector<MeasureRow> rows;
    taken = 0;
    for (row.start({last, kPageRows}); row.next(); ++taken) {
      last = row.integer(0);
      guids.emplace_back(row.text(1));
      measurements.push_back(measure_row_from_json(std::string(row.text(4)), row.text(5)));
      rows.push_back({static_cast<uint64_t>(last),
                      {},
                      static_cast<uint32_t>(row.integer(2)),
                      from_us(row.integer(3))});
    }
    if (DbStatus status = row.finish(); !status.ok()) return Error{status.reason};
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].guid = guids[i];
      rows[i].measurement = &measurements[i];
    }
    if (Result<Done> done = tables.make_room(rows); !done.ok()) return done;
    SqlTransaction transaction(store);
    DbStatus status = transaction.status();
    for (size_t i = 0; i < rows.size() && status.ok(); ++i) status = tables.add(rows[i]);
    if (status.ok()) status = tables.flush();
    if (status.ok()) status = transaction.commit();
    if (!status.ok()) return Error{status.reason};
  }
  return Done{};
}

}  // namespace muster
