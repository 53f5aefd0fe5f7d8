// What the ledger knows of measurements.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "core/guid.h"
#include "core/suggest.h"
#include "io/ledger.h"
#include "io/ledger_rows.h"
#include "io/measure_json.h"
#include "io/measure_table.h"
#include "io/sql_dialect.h"

namespace muster {
namespace {

constexpr int kFixed = 5;  // seq, guid, attempt, time_us, row
// A table that is made anew more often than this while one question is asked is none to wait for.
constexpr int kReadingsMax = 10;

// Of a table that came up when there were enough all rows are in "measurements".
constexpr std::string_view kSelectOthers =
    "SELECT t.seq, t.guid, t.attempt, t.time_us, t.\"row\" FROM measurements t "
    "WHERE t.table_name = ? AND ";

std::string select_measurements(const MeasureTable& table) {
  std::string sql = "SELECT t.seq, t.guid, t.attempt, t.time_us, m.\"row\"";
  for (const MeasureColumn& column : table.columns) {
    sql += ", t." + quote_identifier(column.sql_name);
  }
  return sql + " FROM " + quote_identifier(table.sql_name) +
         " t JOIN measurements m ON m.seq = t.seq WHERE ";
}

std::string_view sql_of(MeasureOperator op) {
  switch (op) {
    case MeasureOperator::equal:
      return " = ?";
    case MeasureOperator::not_equal:
      return " <> ?";
    case MeasureOperator::less:
      return " < ?";
    case MeasureOperator::at_most:
      return " <= ?";
    case MeasureOperator::greater:
      return " > ?";
    case MeasureOperator::at_least:
      return " >= ?";
  }
  return " = ?";
}

template <typename Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A column that a condition may name, and what its values are.
struct Operand {
  std::string sql;
  MeasureType type = MeasureType::text;
};

Result<Operand> find_operand(const MeasureTable& table, const std::string& name) {
  // Before a column that a job has called so: that one is asked for in quotes.
  if (name == "guid") return Operand{"t.guid", MeasureType::text};
  if (name == "attempt") return Operand{"t.attempt", MeasureType::integer};
  if (name == "time") return Operand{"t.time_us", MeasureType::time};
  const MeasureColumn* column = table.find(name);
  // In quotes it is the job's whatever it is called.
  const bool is_quoted = name.size() > 2 && name.starts_with('"') && name.ends_with('"');
  if (column == nullptr && is_quoted) column = table.find(name.substr(1, name.size() - 2));
  if (column != nullptr) return Operand{"t." + quote_identifier(column->sql_name), column->type};
  std::vector<std::string> names = {"guid", "attempt", "time"};
  for (const MeasureColumn& known : table.columns) names.push_back(known.name);
  return Error{"table " + quote_text(table.name) + " has no column " + quote_text(name) +
               suggestion(name, names)};
}

// An integer is compared with a real as numbers are.
std::optional<SqlValue> read_number(std::string_view text) {
  if (const std::optional<int64_t> integer = parse_whole<int64_t>(text)) return *integer;
  const std::optional<double> real = parse_whole<double>(text);
  if (real && std::isfinite(*real)) return *real;
  return std::nullopt;
}

// The value of a condition as its column has them.
std::optional<SqlValue> read_value(MeasureType type, std::string_view text) {
  switch (type) {
    case MeasureType::integer:
    case MeasureType::real:
      return read_number(text);
    case MeasureType::boolean:
      if (text == "true" || text == "false") return int64_t{text == "true"};
      return std::nullopt;
    case MeasureType::time:
      if (const std::optional<int64_t> us = parse_measure_time(text)) return *us;
      return std::nullopt;
    case MeasureType::text:
      break;
  }
  if (!is_utf8(text)) return std::nullopt;
  return text;
}

std::string_view what_it_takes(MeasureType type) {
  switch (type) {
    case MeasureType::integer:
    case MeasureType::real:
      return "numbers";
    case MeasureType::boolean:
      return "true or false";
    case MeasureType::time:
      return "times, such as 2026-11-02T10:00:00Z";
    case MeasureType::text:
      break;
  }
  return "texts";
}

// Appends the conditions to `sql` and their values to `values`. The error is the question's.
Result<Done> add_conditions(const MeasureTable& table, const MeasureQuery& query, std::string& sql,
                            std::vector<SqlValue>& values) {
  for (const MeasureCondition& condition : query.conditions) {
    const Result<Operand> operand = find_operand(table, condition.column);
    if (!operand.ok()) return Error{operand.error()};
    const std::optional<SqlValue> value = read_value(operand->type, condition.value);
    if (!value) {
      return Error{"column " + quote_text(condition.column) + " of " + quote_text(table.name) +
                   " holds " + std::string(what_it_takes(operand->type)) + ", and " +
                   quote_text(condition.value) + " is none"};
    }
    sql += operand->sql + std::string(sql_of(condition.op)) + " AND ";
    values.push_back(*value);
  }
  return Done{};
}

// The cells of a row of select_measurements; what has no column of its own goes below `extra`.
MeasureAnswer::Row read_row(const SqlStatement& row, const MeasureTable& table,
                            std::map<std::string, size_t>& extra) {
  MeasureAnswer::Row out{static_cast<uint64_t>(row.integer(0)),
                         text_at(row, 1),
                         static_cast<uint32_t>(row.integer(2)),
                         time_at(row, 3),
                         {}};
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const int at = kFixed + static_cast<int>(i);
    out.cells.emplace_back();
    if (!row.is_null(at)) out.cells.back() = from_sql(row, at, table.columns[i].type);
  }
  if (row.text(4) == "{}") return out;
  for (auto& [name, value] : measure_row_from_json(table.name, row.text(4)).row) {
    const size_t at = table.columns.size() + extra.emplace(name, extra.size()).first->second;
    if (out.cells.size() <= at) out.cells.resize(at + 1);
    out.cells[at] = std::move(value);
  }
  return out;
}

MeasureAnswer no_answer(std::string wrong, bool is_unknown) {
  MeasureAnswer answer;
  answer.wrong = std::move(wrong);
  answer.is_unknown = is_unknown;
  return answer;
}

// Whether what was read of `before` is true: the table has not been made anew since, with other
// types. It may have got columns.
bool is_as_it_was(const std::optional<MeasureTable>& before,
                  const std::optional<MeasureTable>& after) {
  if (!before || !after) return before == after;
  const auto stays = [&](const MeasureColumn& column) {
    const MeasureColumn* found = after->find(column.name);
    return found != nullptr && *found == column;
  };
  return before->sql_name == after->sql_name &&
         std::all_of(before->columns.begin(), before->columns.end(), stays);
}

// What `read` gives of the table as it is, or of none. The collector may make a table anew between
// the reading of its types and that of its rows, which no transaction hinders on a server: then it
// is read again.
template <typename Read>
auto read_measured(SqlStore& store, const std::string& name, const Read& read)
    -> decltype(read(std::optional<MeasureTable>())) {
  Result<std::optional<MeasureTable>> table = read_measure_table(store, name);
  for (int i = 0; table.ok() && i < kReadingsMax; ++i) {
    auto answer = read(*table);
    Result<std::optional<MeasureTable>> after = read_measure_table(store, name);
    if (after.ok() && is_as_it_was(*table, *after)) return answer;
    table = std::move(after);
  }
  if (!table.ok()) return ledger_error(table.error());
  return Error{store.place() + ": the table of measurements " + quote_text(name) +
               " is being made anew, again and again: ask later"};
}

// A row as a job has reported it, in the order of the columns' names.
std::vector<std::pair<std::string, MeasureValue>> cells_of(const SqlStatement& row,
                                                           const MeasureTable& table) {
  std::vector<std::pair<std::string, MeasureValue>> cells;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const int at = kFixed + static_cast<int>(i);
    if (row.is_null(at)) continue;
    cells.emplace_back(table.columns[i].name, from_sql(row, at, table.columns[i].type));
  }
  return cells;
}

}  // namespace

Result<std::vector<LedgerReport<Measurement>>> Ledger::measurements(const std::string& guid,
                                                                    const LedgerSlice& slice) {
  using Row = LedgerReport<Measurement>;
  Result<std::vector<Row>> reports = select_rows(
      *store_,
      "SELECT seq, attempt, time_us, table_name, \"row\" FROM measurements WHERE guid = ? "
      "AND seq > ? ORDER BY seq LIMIT ?",
      {std::string_view(guid), seq_value(slice.after), row_limit(slice.max)},
      [](const SqlStatement& row) {
        return Row{static_cast<uint64_t>(row.integer(0)), static_cast<uint32_t>(row.integer(1)),
                   time_at(row, 2), measure_row_from_json(text_at(row, 3), row.text(4))};
      });
  if (!reports.ok()) return reports;
  const uint64_t last = reports->empty() ? 0 : reports->back().seq;
  std::map<std::string, std::map<uint64_t, Measurement*>> by_table;
  for (Row& report : *reports) by_table[report.body.table][report.seq] = &report.body;
  for (auto& [name, rows] : by_table) {
    using Cells = std::pair<uint64_t, std::vector<std::pair<std::string, MeasureValue>>>;
    Result<std::vector<Cells>> read =
        read_measured(*store_, name, [&](const std::optional<MeasureTable>& table) {
          if (!table) return Result<std::vector<Cells>>(std::vector<Cells>());
          return select_rows(
              *store_, select_measurements(*table) + "t.guid = ? AND t.seq > ? AND t.seq <= ?",
              {std::string_view(guid), seq_value(slice.after), seq_value(last)},
              [&](const SqlStatement& row) {
                return Cells(static_cast<uint64_t>(row.integer(0)), cells_of(row, *table));
              });
        });
    if (!read.ok()) return Error{read.error()};
    for (auto& [seq, more] : *read) {
      const auto at = rows.find(seq);
      if (at == rows.end()) continue;
      auto& cells = at->second->row;
      std::move(more.begin(), more.end(), std::back_inserter(cells));
      std::sort(cells.begin(), cells.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    }
  }
  return reports;
}

Result<MeasureAnswer> Ledger::query_measurements(const MeasureQuery& query) {
  return read_measured(*store_, query.table, [&](const std::optional<MeasureTable>& table) {
    return query_measured(query, table);
  });
}

Result<MeasureAnswer> Ledger::query_measured(const MeasureQuery& query,
                                             const std::optional<MeasureTable>& found) {
  const MeasureTable table = found.value_or(MeasureTable{query.table, "", {}});
  std::string sql = found ? select_measurements(table) : std::string(kSelectOthers);
  std::vector<SqlValue> values;
  if (!found) {
    Result<std::string> wrong = why_not_measured(query.table);
    if (!wrong.ok()) return Error{wrong.error()};
    if (!wrong->empty()) return no_answer(std::move(*wrong), true);
    values.emplace_back(std::string_view(query.table));
  }
  if (Result<Done> done = add_conditions(table, query, sql, values); !done.ok()) {
    return no_answer(done.error(), false);
  }
  const int64_t wanted = row_limit(query.max);
  values.emplace_back(seq_value(query.before));
  values.emplace_back(wanted + 1);
  MeasureAnswer answer;
  for (const MeasureColumn& column : table.columns) answer.columns.push_back(column.name);
  std::map<std::string, size_t> extra;
  Result<std::vector<MeasureAnswer::Row>> rows =
      select_rows(*store_, sql + "t.seq < ? ORDER BY t.seq DESC LIMIT ?", values,
                  [&](const SqlStatement& row) { return read_row(row, table, extra); });
  if (!rows.ok()) return Error{rows.error()};
  answer.rows = std::move(*rows);
  answer.more = answer.rows.size() > static_cast<size_t>(wanted);
  if (answer.more) answer.rows.pop_back();
  std::reverse(answer.rows.begin(), answer.rows.end());
  answer.columns.resize(table.columns.size() + extra.size());
  for (const auto& [name, at] : extra) answer.columns[table.columns.size() + at] = name;
  for (MeasureAnswer::Row& row : answer.rows) row.cells.resize(answer.columns.size());
  return answer;
}

// A reason when nothing was ever measured in a table of this name; else "".
Result<std::string> Ledger::why_not_measured(const std::string& table) {
  const auto rows = select_rows(
      *store_, "SELECT seq FROM measurements WHERE table_name = ? LIMIT 1",
      {std::string_view(table)}, [](const SqlStatement& row) { return row.integer(0); });
  if (!rows.ok()) return Error{rows.error()};
  if (!rows->empty()) return std::string();
  const Result<std::vector<MeasureTable>> tables = measure_tables();
  if (!tables.ok()) return Error{tables.error()};
  std::vector<std::string> names;
  for (const MeasureTable& one : *tables) names.push_back(one.name);
  return "there is no table of measurements " + quote_text(table) + suggestion(table, names);
}

Result<std::vector<MeasureTable>> Ledger::measure_tables() {
  Result<std::map<std::string, MeasureTable>> catalogue = read_measure_catalogue(*store_);
  if (!catalogue.ok()) return ledger_error(catalogue.error());
  std::vector<MeasureTable> tables;
  for (auto& [name, table] : *catalogue) tables.push_back(std::move(table));
  return tables;
}

}  // namespace muster
