// A strategy as a tree.
#pragma once

#include <string>

#include "cli/text.h"
#include "core/repair_forecast.h"
#include "core/strategy.h"

namespace muster {

// The root PASS, below each node what it depends on, and the repair actions and the closing actions
// after it. A node that was shown with its dependencies before is marked "(above)". `brief`: tags
// only.
std::string render_strategy_tree(const Strategy& strategy, bool brief);

// The ladder, a line for each rung, and how long it takes at most.
std::string render_forecast(const Strategy& strategy, const Forecast& forecast);

}  // namespace muster
