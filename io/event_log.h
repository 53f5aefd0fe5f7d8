// The event log: an append-only, gapless sequence of blocks with one writer (DESIGN section 4).
// `append` is durable on return. Implementations: io/event_log_sqlite.h (default), a memory one in
// tests; a replicated one later, which is why a writer has an epoch and says where it expects to
// be. One thread may read while others change it, one after the other.
// tests/conformance/event_log_laws.h holds the laws that every implementation obeys.
//
// A log does not grow for ever: what all its readers have, and what a snapshot holds, may be
// trimmed (core/log_keeping.h says how much of it). Readers are registered in the log itself, so
// that it is known who still needs what, whoever writes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/log_keeping.h"
#include "core/result.h"
#include "io/snapshot_store.h"

namespace muster {

// A stored block: `bytes` as encode_block made them; its events are first .. first + count - 1.
struct StoredBlock {
  uint64_t first = 0;
  uint32_t count = 0;
  std::string bytes;
};

// A block to be stored.
struct NewBlock {
  uint64_t first = 0;
  uint32_t count = 0;
  std::string_view bytes;
};

enum class AppendFault : uint8_t {
  none,
  deposed,    // another writer has a newer epoch, or a `first` is not what it must be: stop at once
  disk_full,  // nothing was written; space may come back
  broken,     // anything else: what is on disk is unknown, stop at once
};

struct AppendResult {
  AppendFault fault = AppendFault::none;
  std::string reason;
};

// What can be read of a log, by whoever may: not its writer only.
class LogView {
 public:
  virtual ~LogView() = default;

  // A name made when the log was created; it never changes.
  virtual std::string log_id() const = 0;
  // Sequence number of the newest durable event; 0 when empty.
  virtual uint64_t head() const = 0;
  // The first event that was not trimmed: the first one of a block. 1 when the log is empty.
  virtual uint64_t tail() const = 0;

  // Blocks from the one that holds `from` (>= tail()) on, in order, without gaps, until `max_bytes`
  // is reached (at least one block when there is one). Empty when `from` > head(). An error when
  // `from` was trimmed.
  virtual Result<std::vector<StoredBlock>> read(uint64_t from, size_t max_bytes) const = 0;

  // Of the hard state, in the same place as the blocks: who has one has the other.
  virtual const SnapshotStore& snapshots() const = 0;

  // Who is registered, by name.
  virtual Result<std::vector<LogReader>> readers() const = 0;
  // What the log takes, and how much of what it has from the disk is free for new blocks.
  virtual Result<LogSize> size() const = 0;
};

class EventLog : public LogView {
 public:
  // This writer's epoch: one more than any earlier writer's.
  virtual uint64_t epoch() const = 0;

  // Durably appends blocks, at least one, all or none of them: that holds for a reader, for what a
  // crash leaves and for a fault. Each has `count` > 0 events, and its `first` follows the block
  // before it; that of the first one is head() + 1.
  virtual AppendResult append(std::span<const NewBlock> blocks) = 0;
  // One block.
  AppendResult append(uint64_t first, uint32_t count, std::string_view bytes) {
    const NewBlock block{first, count, bytes};
    return append(std::span(&block, 1));
  }

  // What appends put off so that nobody waits for it: nothing mostly, now and then some ten
  // milliseconds. To be called between appends, when what they made durable has been spoken of;
  // where nobody does, an append sees to it.
  virtual void catch_up() {}

  // Removes whole blocks that end before event `before`, the oldest first, until `bytes_max` of
  // them are gone (at least one block when one may go); the newest block always stays. tail() says
  // how far it came.
  virtual AppendResult trim(uint64_t before, size_t bytes_max) = 0;

  // Registers readers, or notes how far they have come: durable on return.
  virtual AppendResult keep_readers(std::span<const LogReader> readers) = 0;
  // Whoever comes back registers anew.
  virtual AppendResult forget_reader(std::string_view name) = 0;

  using LogView::snapshots;
  virtual SnapshotStore& snapshots() = 0;
};

}  // namespace muster
