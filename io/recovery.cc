#include "io/recovery.h"

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

namespace muster {

namespace {

// Large enough that handing over costs nothing, small enough that two of them do not count.
constexpr size_t kReadBytes = 4 << 20;

std::string place_of(const StoredBlock& stored) {
  return "the block of events " + std::to_string(stored.first) + " and following";
}

Result<DecodedBlock> decode_at(const StoredBlock& stored, uint64_t expected) {
  Result<Block> block = decode_block(stored.bytes);
  if (!block.ok()) return Error{place_of(stored) + " cannot be read: " + block.error()};
  if (stored.first != expected || block->first != expected ||
      block->events.size() != stored.count) {
    return Error{place_of(stored) + " is not where it belongs in the log"};
  }
  return DecodedBlock{std::move(*block), stored.bytes.size()};
}

// The next blocks; none at the end.
Result<std::vector<DecodedBlock>> read_decoded(const LogView& log, uint64_t from) {
  std::vector<DecodedBlock> decoded;
  if (from > log.head()) return decoded;
  const Result<std::vector<StoredBlock>> blocks = log.read(from, kReadBytes);
  if (!blocks.ok()) return Error{blocks.error()};
  if (blocks->empty()) {
    return Error{"the event log ends before its head, at event " + std::to_string(from)};
  }
  for (const StoredBlock& stored : *blocks) {
    Result<DecodedBlock> block = decode_at(stored, from);
    if (!block.ok()) return Error{block.error()};
    from += stored.count;
    decoded.push_back(std::move(*block));
  }
  return decoded;
}

// The block that ends with event `head`, or why the log has another one, or none.
Result<StoredBlock> block_ending_at(const LogView& log, uint64_t head) {
  Result<std::vector<StoredBlock>> blocks = log.read(head, 1);
  if (!blocks.ok()) return Error{blocks.error()};
  if (blocks->empty() || blocks->front().first + blocks->front().count != head + 1) {
    return Error{"no block of the log ends with event " + std::to_string(head)};
  }
  return std::move(blocks->front());
}

// Why the snapshot is not one of this log, or empty.
std::string misplaced(const LogView& log, uint64_t head, const SnapshotPlace& place) {
  if (place.log_id != log.log_id()) return "it is of another event log (" + place.log_id + ")";
  if (head > log.head()) {
    return "it is of a log that went further, to event " + std::to_string(head) +
           ": an older copy of the log was put back";
  }
  const Result<StoredBlock> block = block_ending_at(log, head);
  if (!block.ok()) return block.error();
  if (block_digest(block->bytes) == place.block_digest) return "";
  return "the log went another way since: event " + std::to_string(head) + " is another one";
}

}  // namespace

Result<Done> replay_blocks(const LogView& log, uint64_t from,
                           const std::function<Result<Done>(const DecodedBlock&)>& take) {
  const auto begin = [&log](uint64_t at) {
    return std::async(std::launch::async, [&log, at] { return read_decoded(log, at); });
  };
  std::future<Result<std::vector<DecodedBlock>>> next = begin(from);
  for (;;) {
    const Result<std::vector<DecodedBlock>> blocks = next.get();
    if (!blocks.ok()) return Error{blocks.error()};
    if (blocks->empty()) return Done{};
    const Block& last = blocks->back().block;
    next = begin(last.first + last.events.size());
    for (const DecodedBlock& block : *blocks) {
      if (Result<Done> taken = take(block); !taken.ok()) return taken;
    }
  }
}

Result<LoadedSnapshot> load_snapshot(const LogView& log, uint64_t head) {
  SnapshotDecoder decoder;
  const Result<Done> read =
      log.snapshots().read(head, [&](std::string_view record) { return decoder.take(record); });
  if (!read.ok()) return Error{read.error()};
  Result<BrokerSnapshot> state = decoder.finish();
  if (!state.ok()) return Error{state.error()};
  if (state->head != head) return Error{"it is of event " + std::to_string(state->head)};
  if (const std::string problem = misplaced(log, head, decoder.place()); !problem.empty()) {
    return Error{problem};
  }
  return LoadedSnapshot{std::move(*state), decoder.place()};
}

Result<SnapshotPlace> place_of_snapshot(const LogView& log, Instant newest) {
  const Result<StoredBlock> block = block_ending_at(log, log.head());
  if (!block.ok()) return Error{block.error()};
  return SnapshotPlace{log.log_id(), block_digest(block->bytes), newest, MUSTER_VERSION};
}

Result<Recovered> recover_core(const LogView& log, BrokerCore& core,
                               const std::function<void(const std::string&)>& loud) {
  Recovered recovered;
  for (const StoredSnapshot& stored : log.snapshots().list()) {
    Result<LoadedSnapshot> loaded = load_snapshot(log, stored.head);
    if (loaded.ok()) {
      recovered.newest = loaded->place.newest;
      recovered.snapshot = stored.head;
      core.restore(std::move(loaded->state));
      break;
    }
    loud("the snapshot after event " + std::to_string(stored.head) +
         " is passed over: " + loaded.error());
  }
  if (core.head() + 1 < log.tail()) {
    return Error{"the events before " + std::to_string(log.tail()) +
                 " were trimmed from the event log, and there is no snapshot that holds what they "
                 "did: put the directory of the broker back from a backup"};
  }
  const auto apply = [&](const DecodedBlock& decoded) -> Result<Done> {
    if (!decoded.block.unknown.empty()) {
      return Error{"the block of events " + std::to_string(decoded.block.first) +
                   " and following was written by a newer version of muster: start that version"};
    }
    for (const Event& event : decoded.block.events) {
      core.apply(event);
      recovered.newest = std::max(recovered.newest, event.time);
    }
    recovered.events += decoded.block.events.size();
    recovered.bytes += decoded.bytes;
    return Done{};
  };
  if (Result<Done> done = replay_blocks(log, core.head() + 1, apply); !done.ok()) {
    return Error{done.error()};
  }
  return recovered;
}

}  // namespace muster
