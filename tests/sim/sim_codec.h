// The one place where the simulation meets the real codec: every message and every block passes it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/broker_snapshot.h"
#include "core/event.h"
#include "core/messages.h"
#include "core/result.h"

namespace muster::sim {

// What arrives when `envelope` is sent, and the frame it travelled in.
struct Carried {
  Envelope envelope;
  std::string frame;
};
Result<Carried> carry(const Envelope& envelope);

// What a reader of the log finds when `events`, the first of which has number `first`, are written.
struct Stored {
  std::vector<Event> events;
  std::string bytes;
};
Result<Stored> store(uint64_t first, std::span<const Event> events);

// What a reader of a stored snapshot finds.
Result<BrokerSnapshot> store(const BrokerSnapshot& snapshot);

// The events of a stored block from sequence number `from` on.
Result<std::vector<Event>> read_stored(std::string_view bytes, uint64_t from);

}  // namespace muster::sim
