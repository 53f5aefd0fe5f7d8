#include "io/action_stats.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "io/ledger.h"

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

}  // namespace muster
