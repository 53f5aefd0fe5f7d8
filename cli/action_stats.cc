#include "cli/action_stats.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/duration_text.h"

namespace muster {
namespace {

Duration median_of(std::vector<Duration>& durations) {
  const size_t middle = durations.size() / 2;
  std::sort(durations.begin(), durations.end());
  if (durations.size() % 2 == 1) return durations[middle];
  return (durations[middle - 1] + durations[middle]) / 2;
}

}  // namespace

std::vector<ActionStat> summarise_actions(const std::vector<LedgerActionRun>& runs) {
  std::map<std::tuple<std::string, std::string, std::string>, ActionStat> stats;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<Duration>> durations;
  for (const LedgerActionRun& run : runs) {
    const auto key = std::tuple(run.strategy, run.action, run.model);
    ActionStat& stat = stats[key];
    std::tie(stat.strategy, stat.action, stat.model) = key;
    if (run.outcome == Outcome::skip) {
      ++stat.not_tried;
      continue;
    }
    ++(run.outcome == Outcome::pass ? stat.repaired : stat.failed);
    durations[key].push_back(run.duration);
  }
  std::vector<ActionStat> sorted;
  for (auto& [key, stat] : stats) {
    if (const auto at = durations.find(key); at != durations.end()) {
      stat.median = median_of(at->second);
    }
    sorted.push_back(std::move(stat));
  }
  return sorted;
}

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
