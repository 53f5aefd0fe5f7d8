#include "io/action_stats.h"

#include <algorithm>
#include <utility>

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

void ActionSummary::add(const LedgerActionRun& run) {
  const auto key = std::tuple(run.strategy, run.action, run.model);
  Sum& sum = sums_[key];
  std::tie(sum.stat.strategy, sum.stat.action, sum.stat.model) = key;
  if (run.outcome == Outcome::skip) {
    ++sum.stat.not_tried;
    return;
  }
  ++(run.outcome == Outcome::pass ? sum.stat.repaired : sum.stat.failed);
  sum.durations.push_back(run.duration);
}

std::vector<ActionStat> ActionSummary::take() {
  std::vector<ActionStat> sorted;
  for (auto& [key, sum] : sums_) {
    if (!sum.durations.empty()) sum.stat.median = median_of(sum.durations);
    sorted.push_back(std::move(sum.stat));
  }
  sums_.clear();
  return sorted;
}

}  // namespace muster
