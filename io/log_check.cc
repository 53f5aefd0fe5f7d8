#include "io/log_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/broker_core.h"
#include "io/broker_options.h"
#include "io/recovery.h"

namespace muster {

namespace {

// Folds the events and meets the snapshots on the way.
class Folding {
 public:
  Folding(const LogView& log, LogCheck& check)
      : check_(check), core_(make_broker_options(log.log_id())) {
    for (const StoredSnapshot& stored : log.snapshots().list()) {
      SnapshotCheck& snapshot = check_.snapshots.emplace_back();
      snapshot.head = stored.head;
      snapshot.bytes = stored.bytes;
      Result<LoadedSnapshot> loaded = load_snapshot(log, stored.head);
      if (!loaded.ok()) {
        snapshot.problem = loaded.error();
        continue;
      }
      digests_[stored.head] = digest(loaded->state);
      // The oldest one that can be read takes the place of what was trimmed.
      if (log.tail() > 1) beginning_ = std::move(loaded->state);
    }
    std::reverse(check_.snapshots.begin(), check_.snapshots.end());
    if (log.tail() == 1) is_folding_ = true;
  }

  // Whether a broker finds a beginning: by the newest snapshot, what comes before it need not be
  // there.
  bool can_start(uint64_t tail) const {
    return tail == 1 || (!digests_.empty() && digests_.rbegin()->first + 1 >= tail);
  }

  Result<Done> take(const DecodedBlock& decoded) {
    const uint64_t last = decoded.block.first + decoded.block.events.size() - 1;
    if (!decoded.block.unknown.empty()) {
      return Error{"event " + std::to_string(decoded.block.first + decoded.block.unknown.front()) +
                   " is of a type that this build does not know: a newer muster wrote it"};
    }
    if (is_folding_) {
      for (const Event& event : decoded.block.events) core_.apply(event);
      compare(last);
    } else if (beginning_ && beginning_->head == last) {
      core_.restore(std::move(*beginning_));
      beginning_.reset();
      is_folding_ = true;
    }
    return Done{};
  }

 private:
  void compare(uint64_t head) {
    const auto stored = digests_.find(head);
    if (stored == digests_.end()) return;
    for (SnapshotCheck& snapshot : check_.snapshots) {
      if (snapshot.head != head) continue;
      snapshot.compared = true;
      if (core_.hard_digest() != stored->second) {
        snapshot.problem = "the events up to it give another state than the one that it holds";
      }
    }
  }

  LogCheck& check_;
  BrokerCore core_;
  std::map<uint64_t, uint64_t> digests_;  // of those that can be read, by their newest event
  std::optional<BrokerSnapshot> beginning_;
  bool is_folding_ = false;
};

}  // namespace

bool LogCheck::sound() const {
  return problem.empty() &&
         std::all_of(snapshots.begin(), snapshots.end(),
                     [](const SnapshotCheck& one) { return one.problem.empty(); });
}

LogCheck check_log(const LogView& log, const std::function<void(uint64_t)>& progress) {
  LogCheck check;
  check.tail = log.tail();
  check.head = log.head();
  Folding folding(log, check);
  const Result<Done> done = replay_blocks(log, log.tail(), [&](const DecodedBlock& decoded) {
    ++check.blocks;
    check.events += decoded.block.events.size();
    check.bytes += decoded.bytes;
    progress(decoded.block.first + decoded.block.events.size() - 1);
    return folding.take(decoded);
  });
  if (!done.ok()) {
    check.problem = done.error();
  } else if (!folding.can_start(check.tail)) {
    check.problem = "the events before " + std::to_string(check.tail) +
                    " were trimmed, and no snapshot that can be read holds what they did: a broker "
                    "cannot start with it; restore the whole directory from a backup";
  }
  return check;
}

}  // namespace muster
