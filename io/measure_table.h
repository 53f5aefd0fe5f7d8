// How a table of measurements lies in the ledger: a real table, with a typed column for each that
// its rows have. schemas/sql/006_ledger.sql keeps what people call them.
//
// A column's type is that of the values that it has had: integer, real, boolean, text, or time (a
// text in RFC 3339, in UTC). Where they differ it is the narrowest that holds all of them
// unchanged: real for integers and reals, as long as every integer is exact in a double, else text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "io/sql.h"

namespace muster {

enum class MeasureType : uint8_t { integer, real, boolean, text, time };
std::string_view to_string(MeasureType type);

struct MeasureColumn {
  std::string name;      // as jobs call it
  std::string sql_name;  // [a-z0-9_]+, not longer than a server takes
  MeasureType type = MeasureType::text;
  bool operator==(const MeasureColumn&) const = default;
};

struct MeasureTable {
  std::string name;
  std::string sql_name;
  std::vector<MeasureColumn> columns;  // in the order in which they came up

  const MeasureColumn* find(std::string_view column) const;
  bool operator==(const MeasureTable&) const = default;
};

// What a column has had so far.
class MeasureKinds {
 public:
  void add(const MeasureValue& value);
  void add(MeasureType type);
  // An integer that is not exact in a double.
  void add_long_integer() { has_long_integer_ = true; }
  MeasureType type() const;

 private:
  uint8_t seen_ = 0;  // a bit for each MeasureType
  bool has_long_integer_ = false;
};

// Beyond it an integer may not be exact in a double.
inline constexpr int64_t kExactIntegerMax = int64_t{1} << 53;

// A cell of a column of that type, which holds it: a time as that moment, -0 as 0, a long or mixed
// column's numbers as text. What is read back does not depend on the types that it had before.
// `text` is where its bytes live, if it needs any.
SqlValue to_sql(const MeasureValue& value, MeasureType type, std::string& text);
// The inverse.
MeasureValue from_sql(const SqlStatement& row, int column, MeasureType type);

// "2026-11-02T10:00:00Z", with three or six decimals where it has them; in microseconds. Nothing
// for what is no time.
std::optional<int64_t> parse_measure_time(std::string_view text);

// An identifier for `name` that is not `taken`, compared as databases do.
std::string choose_sql_name(std::string_view name, const std::set<std::string>& taken);

// Columns that each such table begins with.
inline constexpr std::string_view kMeasureFixedColumns[] = {"seq", "guid", "attempt", "time_us"};

// The catalogue: names and wanted types, in no order of tables.
Result<std::map<std::string, MeasureTable>> read_measure_catalogue(SqlStore& store);
// The columns that a table has in fact, with their types, but for the fixed ones; nothing when
// there is no such table.
Result<std::optional<std::map<std::string, MeasureType>>> read_measure_columns(
    SqlStore& store, const std::string& sql_name);
// As it can be read: what is in the catalogue and there. Nothing when there is no such table.
Result<std::optional<MeasureTable>> read_measure_table(SqlStore& store, const std::string& name);

}  // namespace muster
