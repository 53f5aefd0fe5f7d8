// Rows of measurements as the ledger keeps them: a JSON object in which integers keep every digit
// and doubles have a point or an exponent, so that both come back as what they were.
#pragma once

#include <string>
#include <string_view>

#include "core/report.h"
#include "io/json_writer.h"

namespace muster {

// One cell of a row, as the member `column`.
void put_cell(JsonWriter& json, std::string_view column, const MeasureValue& value);

std::string measure_row_to_json(const Measurement& measurement);

// The inverse, in the order of the columns' names. What is no row gives an empty one.
Measurement measure_row_from_json(std::string table, std::string_view json);

}  // namespace muster
