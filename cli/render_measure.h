// Rows of measurements: as a table, as CSV and as JSON.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "io/ledger.h"

namespace muster {

std::string render_measurements(const MeasureAnswer& answer, const Look& look);

// RFC 4180, with a line for the names of the columns. A cell without a value is empty, a text never
// without quotes.
std::string render_measurements_csv(const MeasureAnswer& answer);

// muster.measurement/1 (cli/render_json.h).
std::string measurement_json(const std::string& table, const MeasureAnswer& answer,
                             const MeasureAnswer::Row& row);

// The tables that there are, and their columns with their types.
std::string render_measure_tables(const std::vector<MeasureTable>& tables, const Look& look);

}  // namespace muster
