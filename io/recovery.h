// A BrokerCore from what is stored: the newest snapshot that can be read, and the blocks behind it.
// A snapshot is an economy: one that is damaged, or of another log, is passed over for the one
// before it or for the whole log.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/broker_core.h"
#include "io/codec_snapshot.h"
#include "io/event_log.h"

namespace muster {

struct Recovered {
  Instant newest;         // time of the newest event
  uint64_t snapshot = 0;  // the newest event that came from a snapshot; 0: there was none
  uint64_t events = 0;    // that were applied
  uint64_t bytes = 0;     // of their blocks
};

// Fills `core`, which has applied nothing. `loud` is told why a snapshot was passed over. The error
// names the block that cannot be read, or what is missing.
Result<Recovered> recover_core(const LogView& log, BrokerCore& core,
                               const std::function<void(const std::string&)>& loud);

// One snapshot: whole, sound, and of this log.
struct LoadedSnapshot {
  BrokerSnapshot state;
  SnapshotPlace place;
};
Result<LoadedSnapshot> load_snapshot(const LogView& log, uint64_t head);

// Where a snapshot taken now, after the newest event, belongs.
Result<SnapshotPlace> place_of_snapshot(const LogView& log, Instant newest);

// Gives the blocks from event `from` (the first one of a block) on, decoded, to `take`, up to the
// head. Blocks are decoded on a thread of their own while `take` is busy with the ones before. The
// error says which block is not what it must be, or is what `take` said.
struct DecodedBlock {
  Block block;
  uint64_t bytes = 0;
};
Result<Done> replay_blocks(const LogView& log, uint64_t from,
                           const std::function<Result<Done>(const DecodedBlock&)>& take);

}  // namespace muster
