// What a device went through: what became of its health, the attempts that held it, and the repair
// actions that ran on it, in the order of the log.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cli/text.h"
#include "core/event.h"
#include "io/ledger.h"

namespace muster {

struct HistoryEntry {
  uint64_t seq = 0;
  Instant time;  // of an attempt: when it was leased
  std::variant<DeviceJudged, LedgerUse, LedgerRepair> what;
};

// The newest `count_max` of all, oldest first.
std::vector<HistoryEntry> merge_history(const std::vector<LedgerJudgement>& judgements,
                                        const std::vector<LedgerUse>& uses,
                                        const std::vector<LedgerRepair>& repairs, size_t count_max);

std::string render_history(const std::string& device, const std::vector<HistoryEntry>& entries,
                           const Look& look);

}  // namespace muster
