// A sink carries events to one place and keeps its own cursor there. The laws that every sink obeys
// are in tests/conformance/sink_laws.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/delivery.h"
#include "core/event.h"
#include "core/result.h"

namespace muster {

struct SequencedEvent {
  uint64_t seq = 0;
  Event event;
};

// How far a sink has come in which log. An empty log_id: nothing was delivered yet.
struct SinkPosition {
  std::string log_id;
  uint64_t cursor = 0;  // every event up to and including this one has had its effect
  bool operator==(const SinkPosition&) const = default;
};

// The part of `events` after `cursor`: a sink that is given a repeat leaves out what it has.
inline std::span<const SequencedEvent> undelivered(std::span<const SequencedEvent> events,
                                                   uint64_t cursor) {
  size_t known = 0;
  while (known < events.size() && events[known].seq <= cursor) ++known;
  return events.subspan(known);
}

// One thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;

  // For people and logs: "status_log".
  virtual std::string_view name() const = 0;

  // How much one delivery may hold.
  virtual BatchLimits limits() const = 0;

  // Opens or re-opens the place and says where delivery goes on. Must be called first, and again
  // after a failed deliver. What a crash left half done is undone here or at the next deliver.
  virtual Result<SinkPosition> open() = 0;

  // Carries all of `events` or, in effect, none of them: when this fails, or the process dies in
  // it, open() says how far it came, and delivering from there has the same effect as if nothing
  // had happened. The events are in ascending order; events that were delivered before are skipped,
  // and numbers may be left out (events of a type this build does not know). `position` is where
  // the sink is afterwards.
  //
  // What an event says is never a reason to fail: a peer's nonsense is recorded as well as may be.
  // Errors are the place's: disk full, unwritable.
  virtual Result<Done> deliver(std::span<const SequencedEvent> events,
                               const SinkPosition& position) = 0;
};

}  // namespace muster
