#include "io/measure_json.h"

#include <nlohmann/json.hpp>

namespace muster {
namespace {

struct PutCell {
  JsonWriter& json;
  std::string_view column;

  void operator()(int64_t value) const { json.integer(column, value); }
  void operator()(double value) const { json.number(column, value); }
  void operator()(bool value) const { json.boolean(column, value); }
  void operator()(const std::string& value) const { json.text(column, value); }
};

}  // namespace

void put_cell(JsonWriter& json, std::string_view column, const MeasureValue& value) {
  std::visit(PutCell{json, column}, value);
}

std::string measure_row_to_json(const Measurement& measurement) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [column, value] : measurement.row) {
    std::visit([&, name = &column](const auto& cell) { json[*name] = cell; }, value);
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Measurement measure_row_from_json(std::string table, std::string_view json) {
  Measurement measurement{std::move(table), {}};
  const nlohmann::json row = nlohmann::json::parse(json, nullptr, false);
  if (!row.is_object()) return measurement;
  for (const auto& [column, value] : row.items()) {
    if (value.is_boolean()) measurement.row.emplace_back(column, value.get<bool>());
    if (value.is_number_integer()) measurement.row.emplace_back(column, value.get<int64_t>());
    if (value.is_number_float()) measurement.row.emplace_back(column, value.get<double>());
    if (value.is_string()) measurement.row.emplace_back(column, value.get<std::string>());
  }
  return measurement;
}

}  // namespace muster
