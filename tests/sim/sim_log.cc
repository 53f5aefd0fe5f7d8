#include "tests/sim/sim_log.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace muster::sim {

void SimLog::append(Block block) {
  assert(!pending_ && block.first == head_ + 1 && !block.events.empty());
  blocks_.push_back(std::move(block));
  pending_ = true;
}

const SimLog::Block& SimLog::sync() {
  assert(pending_);
  pending_ = false;
  head_ = blocks_.back().last();
  return blocks_.back();
}

void SimLog::crash(bool keep) {
  if (!pending_) return;
  if (keep) {
    sync();
  } else {
    pending_ = false;
    blocks_.pop_back();
  }
}

void SimLog::lose_tail() {
  if (blocks_.empty()) return;
  blocks_.pop_back();
  head_ = blocks_.empty() ? 0 : blocks_.back().last();
}

size_t SimLog::block_of(uint64_t seq) const {
  const auto found =
      std::lower_bound(blocks_.begin(), blocks_.end(), seq,
                       [](const Block& block, uint64_t wanted) { return block.last() < wanted; });
  return static_cast<size_t>(found - blocks_.begin());
}

const Event* SimLog::find(uint64_t seq) const {
  if (seq == 0 || seq > head_) return nullptr;
  const Block& block = blocks_[block_of(seq)];
  return &block.events[seq - block.first];
}

std::vector<std::string> SimLog::read(uint64_t from, size_t max_bytes) const {
  std::vector<std::string> read;
  size_t bytes = 0;
  for (size_t i = block_of(from); i < blocks_.size() && blocks_[i].last() <= head_; ++i) {
    if (!read.empty() && bytes + blocks_[i].bytes.size() > max_bytes) break;
    bytes += blocks_[i].bytes.size();
    read.push_back(blocks_[i].bytes);
  }
  return read;
}

}  // namespace muster::sim
