#include "cli/render_measure.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "cli/render_task.h"
#include "cli/values.h"
#include "core/job_rules.h"
#include "io/clock.h"
#include "io/json_writer.h"

namespace muster {
namespace {

constexpr const char* kFixed[] = {"time", "guid", "attempt"};

// As `--where` has it: what a job has called like a column of the row itself stands in quotes.
std::string head_of(const std::string& column) {
  const bool is_taken = std::find(std::begin(kFixed), std::end(kFixed), column) != std::end(kFixed);
  return is_taken ? '"' + column + '"' : column;
}

std::string cell_text(const MeasureValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return printable(*text);
  return describe(value);
}

std::string quote_csv(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted += '"';
}

std::string cell_csv(const MeasureValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quote_csv(*text);
  return describe(value);
}

void put(JsonWriter& json, const std::string& column, const MeasureValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) json.integer(column, *integer);
  if (const auto* real = std::get_if<double>(&value)) json.number(column, *real);
  if (const auto* truth = std::get_if<bool>(&value)) json.boolean(column, *truth);
  if (const auto* text = std::get_if<std::string>(&value)) json.text(column, *text);
}

}  // namespace

std::string render_measurements(const MeasureAnswer& answer, const Look& look) {
  if (answer.rows.empty()) return "no row is like that\n";
  std::vector<std::string> head = {"TIME", "TASK", "ATTEMPT"};
  for (const std::string& column : answer.columns) head.push_back(printable(head_of(column)));
  Table table(std::move(head));
  for (const MeasureAnswer::Row& row : answer.rows) {
    std::vector<Cell> cells = {short_time(row.time), row.guid, std::to_string(row.attempt)};
    for (const auto& cell : row.cells) cells.emplace_back(cell ? cell_text(*cell) : "");
    table.add(std::move(cells));
  }
  return table.render(look);
}

std::string render_measure_tables(const std::vector<MeasureTable>& tables, const Look& look) {
  if (tables.empty()) return "nothing was measured yet; inside a job: muster measure TABLE K=V\n";
  Table table({"TABLE", "COLUMNS"});
  for (const MeasureTable& one : tables) {
    std::string columns;
    for (const MeasureColumn& column : one.columns) {
      columns += (columns.empty() ? "" : ", ") + printable(column.name) + " " +
                 std::string(to_string(column.type));
    }
    table.add({printable(one.name), columns});
  }
  return table.render(look);
}

std::string render_measurements_csv(const MeasureAnswer& answer) {
  std::string text;
  for (const char* column : kFixed) text += (text.empty() ? "" : ",") + std::string(column);
  for (const std::string& column : answer.columns) text += "," + quote_csv(head_of(column));
  text += "\r\n";
  for (const MeasureAnswer::Row& row : answer.rows) {
    text +=
        format_rfc3339(row.time) + "," + quote_csv(row.guid) + "," + std::to_string(row.attempt);
    for (const auto& cell : row.cells) text += "," + (cell ? cell_csv(*cell) : std::string());
    text += "\r\n";
  }
  return text;
}

std::string measurement_json(const std::string& table, const MeasureAnswer& answer,
                             const MeasureAnswer::Row& row) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.measurement/1");
  json.text("table", table);
  json.integer("seq", static_cast<int64_t>(row.seq));
  json.text("time", format_rfc3339(row.time));
  json.text("guid", row.guid);
  json.integer("attempt", row.attempt);
  json.begin_object("row");
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (row.cells[i]) put(json, answer.columns[i], *row.cells[i]);
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace muster
