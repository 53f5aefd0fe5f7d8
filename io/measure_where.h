// The conditions of muster measure query, as text: "seconds>12.5,device=phone-7".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "io/ledger.h"

namespace muster {

// One or more COLUMN OP VALUE with commas between them; OP is = != < <= > or >=. A value that
// begins with a double quote ends with one, and may have commas (and "" for a quote) in between.
Result<std::vector<MeasureCondition>> parse_measure_where(std::string_view text);

// The inverse, for conditions that were read so.
std::string format_measure_where(const std::vector<MeasureCondition>& conditions);

}  // namespace muster
