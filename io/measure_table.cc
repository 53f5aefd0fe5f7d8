#include "io/measure_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "core/guid.h"
#include "core/time.h"
#include "io/clock.h"
#include "io/sql_dialect.h"
#include "io/word.h"

namespace muster {
namespace {

constexpr size_t kSqlNameStem = 48;  // of the 64 that a server takes
// From "2026-11-02T10:00:00Z" to "2026-11-02T10:00:00.123456Z".
constexpr size_t kTimeLengthMin = 20;
constexpr size_t kTimeLengthMax = 27;

MeasureType kind_of(const MeasureValue& value) {
  if (std::holds_alternative<int64_t>(value)) return MeasureType::integer;
  if (std::holds_alternative<double>(value)) return MeasureType::real;
  if (std::holds_alternative<bool>(value)) return MeasureType::boolean;
  return parse_measure_time(std::get<std::string>(value)) ? MeasureType::time : MeasureType::text;
}

uint8_t bit_of(MeasureType type) { return static_cast<uint8_t>(1U << static_cast<unsigned>(type)); }

std::string format_measure_time(int64_t us) {
  std::string text = format_rfc3339(from_us(us));
  const size_t point = text.rfind('.');
  if (point == std::string::npos) return text;
  if (us % 1'000'000 == 0) {
    text.erase(point, text.size() - 1 - point);
  } else if (us % 1'000 == 0) {
    text.erase(point + 4, 3);
  }
  return text;
}

// So that the same number is read back. What an integer may have become is written as one: a
// column's texts must not depend on what type it had in between.
std::string text_of(double value) {
  constexpr auto kExact = static_cast<double>(kExactIntegerMax);
  if (value >= -kExact && value <= kExact && std::trunc(value) == value) {
    return std::to_string(static_cast<int64_t>(value));
  }
  char digits[40];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// A time is written as one for the same reason.
std::string text_of(const MeasureValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return text_of(*real);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  const std::string& text = std::get<std::string>(value);
  const std::optional<int64_t> us = parse_measure_time(text);
  return us ? format_measure_time(*us) : text;
}

}  // namespace

std::string_view to_string(MeasureType type) {
  switch (type) {
    case MeasureType::integer:
      return "integer";
    case MeasureType::real:
      return "real";
    case MeasureType::boolean:
      return "boolean";
    case MeasureType::text:
      return "text";
    case MeasureType::time:
      return "time";
  }
  return "text";
}

const MeasureColumn* MeasureTable::find(std::string_view column) const {
  const auto at = std::find_if(columns.begin(), columns.end(),
                               [&](const MeasureColumn& one) { return one.name == column; });
  return at == columns.end() ? nullptr : &*at;
}

void MeasureKinds::add(const MeasureValue& value) {
  add(kind_of(value));
  const auto* integer = std::get_if<int64_t>(&value);
  if (integer == nullptr) return;
  if (*integer > kExactIntegerMax || *integer < -kExactIntegerMax) add_long_integer();
}

void MeasureKinds::add(MeasureType type) { seen_ |= bit_of(type); }

MeasureType MeasureKinds::type() const {
  for (const MeasureType type : {MeasureType::integer, MeasureType::real, MeasureType::boolean,
                                 MeasureType::text, MeasureType::time}) {
    if (seen_ == bit_of(type)) return type;
  }
  const bool numbers = seen_ == (bit_of(MeasureType::integer) | bit_of(MeasureType::real));
  return numbers && !has_long_integer_ ? MeasureType::real : MeasureType::text;
}

SqlValue to_sql(const MeasureValue& value, MeasureType type, std::string& text) {
  const auto* integer = std::get_if<int64_t>(&value);
  switch (type) {
    case MeasureType::integer:
      if (integer != nullptr) return *integer;
      break;
    case MeasureType::real:
      if (integer != nullptr) return static_cast<double>(*integer);
      if (const auto* real = std::get_if<double>(&value)) return *real + 0.0;  // SQLite has no -0
      break;
    case MeasureType::boolean:
      if (const auto* truth = std::get_if<bool>(&value)) return int64_t{*truth};
      break;
    case MeasureType::time:
      if (const auto* words = std::get_if<std::string>(&value)) {
        if (const std::optional<int64_t> us = parse_measure_time(*words)) return *us;
      }
      break;
    case MeasureType::text:
      text = text_of(value);
      if (!is_utf8(text)) text = sanitize_utf8(text);
      return std::string_view(text);
  }
  return SqlNull{};
}

MeasureValue from_sql(const SqlStatement& row, int column, MeasureType type) {
  switch (type) {
    case MeasureType::integer:
      return row.integer(column);
    case MeasureType::real:
      return row.real(column);
    case MeasureType::boolean:
      return row.integer(column) != 0;
    case MeasureType::time:
      return format_measure_time(row.integer(column));
    case MeasureType::text:
      break;
  }
  return std::string(row.text(column));
}

std::optional<int64_t> parse_measure_time(std::string_view text) {
  if (text.size() < kTimeLengthMin || text.size() > kTimeLengthMax || !text.ends_with('Z') ||
      text.ends_with(".Z")) {
    return std::nullopt;
  }
  // As parse_rfc3339 wants it: with all its decimals.
  std::string whole(text.substr(0, text.size() - 1));
  if (whole.size() + 1 == kTimeLengthMin) whole += '.';
  whole.append(kTimeLengthMax - 1 - whole.size(), '0');
  const Instant time = parse_rfc3339(whole + 'Z');
  if (time == kNever) return std::nullopt;
  return to_us(time);
}

std::string choose_sql_name(std::string_view name, const std::set<std::string>& taken) {
  std::string stem;
  for (const char c : name.substr(0, kSqlNameStem)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool stays = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    stem += is_upper ? static_cast<char>(c - 'A' + 'a') : stays ? c : '_';
  }
  std::string chosen = stem;
  for (size_t i = 2; taken.contains(chosen); ++i) chosen = stem + "_" + std::to_string(i);
  return chosen;
}

namespace {

// Of the catalogue, what `where` lets through.
Result<std::map<std::string, MeasureTable>> read_catalogue(SqlStore& store,
                                                           const std::string& where,
                                                           std::initializer_list<SqlValue> values) {
  std::map<std::string, MeasureTable> tables;
  Result<std::unique_ptr<SqlStatement>> select = store.prepare(
      "SELECT t.name, t.sql_name, c.name, c.sql_name, c.type FROM measure_tables t "
      "LEFT JOIN measure_columns c ON c.table_name = t.name " +
      where + "ORDER BY t.name, c.place");
  if (!select.ok()) return Error{select.error()};
  SqlStatement& row = **select;
  row.start(values);
  while (row.next()) {
    MeasureTable& table = tables[std::string(row.text(0))];
    table.name = row.text(0);
    table.sql_name = row.text(1);
    if (row.is_null(2)) continue;
    table.columns.push_back({std::string(row.text(2)), std::string(row.text(3)),
                             parse_word(row.text(4), MeasureType::time)});
  }
  if (DbStatus status = row.finish(); !status.ok()) return Error{status.reason};
  return tables;
}

}  // namespace

Result<std::map<std::string, MeasureTable>> read_measure_catalogue(SqlStore& store) {
  return read_catalogue(store, "", {});
}

Result<std::optional<std::map<std::string, MeasureType>>> read_measure_columns(
    SqlStore& store, const std::string& sql_name) {
  Result<std::unique_ptr<SqlStatement>> select = store.prepare(select_columns(store.dialect()));
  if (!select.ok()) return Error{select.error()};
  SqlStatement& row = **select;
  std::map<std::string, MeasureType> columns;
  bool found = false;
  row.start({sql_name});
  while (row.next()) {
    found = true;
    const bool fixed = std::find(std::begin(kMeasureFixedColumns), std::end(kMeasureFixedColumns),
                                 row.text(0)) != std::end(kMeasureFixedColumns);
    if (fixed) continue;
    columns.emplace(row.text(0), parse_word(declared_type(row.text(1)), MeasureType::time));
  }
  if (DbStatus status = row.finish(); !status.ok()) return Error{status.reason};
  if (!found) return std::optional<std::map<std::string, MeasureType>>();
  return std::optional(std::move(columns));
}

Result<std::optional<MeasureTable>> read_measure_table(SqlStore& store, const std::string& name) {
  Result<std::map<std::string, MeasureTable>> catalogue =
      read_catalogue(store, "WHERE t.name = ? ", {std::string_view(name)});
  if (!catalogue.ok()) return Error{catalogue.error()};
  const auto at = catalogue->find(name);
  if (at == catalogue->end()) return std::optional<MeasureTable>();
  MeasureTable table = std::move(at->second);
  const auto columns = read_measure_columns(store, table.sql_name);
  if (!columns.ok()) return Error{columns.error()};
  if (!*columns) return std::optional<MeasureTable>();
  std::erase_if(table.columns, [&](MeasureColumn& column) {
    const auto there = (*columns)->find(column.sql_name);
    if (there != (*columns)->end()) column.type = there->second;
    return there == (*columns)->end();
  });
  return std::optional(std::move(table));
}

}  // namespace muster
