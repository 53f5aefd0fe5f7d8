// Where a sink's events come from. The collector's is the broker (collectors/broker_source.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"

namespace muster {

struct FetchedBlocks {
  std::string log_id;
  uint64_t head = 0;                // newest durable event
  std::vector<std::string> blocks;  // io/codec.h, decode_block; the first may begin before `from`
  // Since the last fetch: whoever answers may have been started anew meanwhile.
  bool reconnected = false;
};

enum class SourceFault : uint8_t {
  away,     // nobody answers; it may come back
  refused,  // it answers, but not with blocks
  trimmed,  // what was asked for is not in the log any more
  stopped,  // the process is to end, or whoever waits has something else to do
};

struct SourceError {
  SourceFault fault = SourceFault::away;
  std::string message;  // what, where, what to do next
  // Of `trimmed`: the first event that is still there, and of which log.
  uint64_t tail = 0;
  std::string log_id = {};
};

class BlockSource {
 public:
  virtual ~BlockSource() = default;

  // The name of the source, for people.
  virtual std::string name() const = 0;

  // Until a reader can say what it has done with (note_done), nothing that is there goes: one whose
  // place is away must not lose what comes meanwhile. What is known of it from before stays. It is
  // said again and again for as long as that lasts: another source may have taken the place of the
  // one that heard it. An error: it did not come to that.
  virtual std::optional<SourceError> hold() { return std::nullopt; }

  // Everything up to event `cursor` is done with, durably: the source need not keep it for us. Of
  // interest with the next fetch.
  virtual void note_done(uint64_t /*cursor*/) {}

  // Blocks from event `from` (>= 1) on. Waits for `wait` at most when there is nothing new yet;
  // then there are none.
  virtual std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration wait) = 0;
};

}  // namespace muster
