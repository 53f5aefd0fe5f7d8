// What a device went through: what became of its health, the attempts that held it, and the repair
// actions that ran on it, in the order of the log.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "core/event.h"
#include "io/ledger.h"

namespace muster {

// The newest `count_max` of all, oldest first.
std::vector<HistoryEntry> merge_history(const std::vector<LedgerJudgement>& judgements,
                                        const std::vector<LedgerUse>& uses,
                                        const std::vector<LedgerRepair>& repairs, size_t count_max);

}  // namespace muster
