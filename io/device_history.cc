#include "io/device_history.h"

#include <algorithm>

namespace muster {

std::vector<HistoryEntry> merge_history(const std::vector<LedgerJudgement>& judgements,
                                        const std::vector<LedgerUse>& uses,
                                        const std::vector<LedgerRepair>& repairs,
                                        size_t count_max) {
  std::vector<HistoryEntry> entries;
  for (const LedgerJudgement& one : judgements) entries.push_back({one.seq, one.time, one.judged});
  for (const LedgerUse& use : uses) entries.push_back({use.seq, use.attempt.leased, use});
  for (const LedgerRepair& repair : repairs) entries.push_back({repair.seq, repair.time, repair});
  std::sort(entries.begin(), entries.end(),
            [](const HistoryEntry& a, const HistoryEntry& b) { return a.seq < b.seq; });
  if (entries.size() > count_max) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(count_max));
  }
  return entries;
}

}  // namespace muster
