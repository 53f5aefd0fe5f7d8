#include "cli/action_stats.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/duration_text.h"

namespace muster {
std::vector<ActionStat> order_by_strategy(std::vector<ActionStat> stats, const Strategy& strategy) {
  std::map<std::string, size_t> place;
  for (const RepairActionSpec& action : strategy.actions) {
    place.emplace(action.tag, place.size());
    const bool came_up = std::any_of(stats.begin(), stats.end(), [&](const ActionStat& stat) {
      return stat.action == action.tag;
    });
    if (came_up) continue;
    ActionStat never;
    never.strategy = strategy.name;
    never.action = action.tag;
    stats.push_back(std::move(never));
  }
  const auto place_of = [&](const ActionStat& stat) {
    const auto at = place.find(stat.action);
    return at == place.end() ? place.size() : at->second;
  };
  std::stable_sort(stats.begin(), stats.end(), [&](const ActionStat& a, const ActionStat& b) {
    return place_of(a) < place_of(b);
  });
  return stats;
}

std::string render_action_stats(const std::vector<ActionStat>& stats, const Look& look) {
  if (stats.empty()) return "no repair action has come up yet\n";
  Table table({"STRATEGY", "ACTION", "MODEL", "TRIED", "REPAIRED", "FAILED", "MEDIAN TIME"});
  for (const ActionStat& stat : stats) {
    table.add({stat.strategy, stat.action, stat.model, std::to_string(stat.repaired + stat.failed),
               std::to_string(stat.repaired), std::to_string(stat.failed),
               stat.median ? format_duration(*stat.median) : ""});
  }
  return table.render(look);
}

}  // namespace muster
