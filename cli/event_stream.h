// The broker's event log as a stream, from any position, over broker restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"
#include "core/event.h"

namespace muster {

struct NumberedEvent {
  uint64_t seq = 0;
  Event event;
};

// The event `next` was to come, and the log that it is of is no longer the broker's.
Failure other_log(uint64_t next);

class EventStream {
 public:
  // What to do while the broker is away.
  enum class Patience : uint8_t { give_up, wait };

  // Begins with event `from` (>= 1) of this log.
  EventStream(Session& session, uint64_t from, std::string log_id, Patience patience)
      : session_(session), next_(from), log_id_(std::move(log_id)), patience_(patience) {}

  // The next events in order, without gaps but for types that this build does not know. Waits up to
  // `wait` for something new; nothing when there is nothing, or when the broker is away and is
  // waited for, which stderr hears about. Throws Failure when the broker refuses, is given up, or
  // has come back with another log.
  std::vector<NumberedEvent> next(Duration wait);

  uint64_t position() const { return next_; }  // of the next event

 private:
  void take_block(const std::string& bytes, std::vector<NumberedEvent>& events);

  Session& session_;
  uint64_t next_;
  const std::string log_id_;
  Patience patience_;
  bool told_away_ = false;
};

}  // namespace muster
