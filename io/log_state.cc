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
           " and what comes after it; if it is gone for good: " + forget_line(*slowest);
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

std::vector<LogReader> log_holders(const LogState& state, bool disk_low) {
  const uint64_t bytes_max = state.keeping.bytes_max;
  const bool is_large = bytes_max > 0 && state.size.bytes > bytes_max;
  if (!is_large && !disk_low) return {};
  std::vector<LogReader> holders;
  const uint64_t limit = trim_limit(state.snapshots, {});
  for (const LogReader& reader : state.readers) {
    if (reader.needs < limit) holders.push_back(reader);
  }
  return holders;
}

std::string forget_line(const LogReader& reader) {
  return "muster broker log forget " + reader.name;
}

}  // namespace muster
