// How well repair actions have worked, for people.
#pragma once

#include <string>
#include <vector>

#include "cli/text.h"
#include "core/strategy.h"
#include "io/action_stats.h"

namespace muster {

// In the order in which `strategy` tries its actions, those that never came up included; actions
// that it has no more come last.
std::vector<ActionStat> order_by_strategy(std::vector<ActionStat> stats, const Strategy& strategy);

std::string render_action_stats(const std::vector<ActionStat>& stats, const Look& look);

}  // namespace muster
