#include "io/log_state.h"

#include <algorithm>
#include <utility>

namespace muster {

namespace {

// Who or what keeps the events from `state.limit` on.
std::string held_by(const LogState& state) {
  const LogReader* slowest = slowest_reader(state.readers);
  if (slowest != nullptr && slowest->needs <= state.limit) {
    return slowest->name + " needs event " + std::to_string(slowest->needs) +
           " and what comes after it; if it is gone for good: muster broker log forget " +
           slowest->name;
  }
  if (state.snapshots.size() < kSnapshotsKept) {
    return "until there are two snapshots everything is needed to recover";
  }
  return "what comes after event " + std::to_string(state.limit) +
         " may be needed to recover: the older one of the snapshots ends there";
}

}  // namespace

LogState make_log_state(const LogView& log, const LogKeeping& keeping,
                        std::vector<LogReader> readers) {
  LogState state;
  state.tail = log.tail();
  state.head = log.head();
  if (const Result<LogSize> size = log.size(); size.ok()) state.size = *size;
  state.keeping = keeping;
  for (const StoredSnapshot& stored : log.snapshots().list()) {
    state.snapshots.push_back(stored.head);
  }
  state.readers = std::move(readers);
  state.limit = trim_limit(state.snapshots, state.readers);
  return state;
}

TrimLogReply plan_trim(LogState state, uint64_t before) {
  TrimLogReply plan;
  const uint64_t wanted = before == 0 ? state.head + 1 : before;
  plan.before = std::max(std::min(wanted, state.limit), state.tail);
  if (wanted > state.limit) plan.held_by = held_by(state);
  plan.state = std::move(state);
  return plan;
}

}  // namespace muster
