// The broker's log: in memory, and as forgetful as a disk. What was appended is durable only after
// sync(); a crash in between may lose it or may not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/event.h"

namespace muster::sim {

class SimLog {
 public:
  struct Block {
    uint64_t first = 0;
    std::string bytes;
    std::vector<Event> events;  // as a reader decodes them

    uint64_t last() const { return first + events.size() - 1; }
  };

  // Sequence number of the newest durable event.
  uint64_t head() const { return head_; }
  uint64_t start_epoch() { return ++epoch_; }

  void append(Block block);
  bool pending() const { return pending_; }
  // Makes what was appended durable.
  const Block& sync();
  // The writer is gone. What was appended and not synced stays when `keep`, as a whole.
  void crash(bool keep);
  // For a planted bug: the newest block is gone though it was synced.
  void lose_tail();

  const std::vector<Block>& blocks() const { return blocks_; }
  // The durable event with this number, or nullptr.
  const Event* find(uint64_t seq) const;
  // Blocks from the one that holds `from` on, up to `max_bytes`, at least one if there is one.
  std::vector<std::string> read(uint64_t from, size_t max_bytes) const;

 private:
  // The first durable block that does not end before `seq`.
  size_t block_of(uint64_t seq) const;

  std::vector<Block> blocks_;  // the last is not durable yet when `pending_`
  bool pending_ = false;
  uint64_t head_ = 0;
  uint64_t epoch_ = 0;
};

}  // namespace muster::sim
