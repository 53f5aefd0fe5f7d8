// When the broker takes snapshots of its hard state, and who writes them: the state is copied
// between two wake-ups, which is all that the broker waits for, and a thread encodes and stores it.
#pragma once

#include <cstdint>
#include <future>
#include <optional>

#include "core/broker_core.h"
#include "io/event_log.h"
#include "io/recovery.h"

namespace muster {

// After how much of the log another one is due: so much is replayed at most after a crash.
struct SnapshotPolicy {
  uint64_t events = 1'000'000;
  uint64_t bytes = 256ull << 20;
};

class Snapshots {
 public:
  // `log` outlives it.
  Snapshots(EventLog& log, SnapshotPolicy policy);
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  // What a recovery replayed counts.
  void start_after(const Recovered& recovered);
  void note_appended(uint64_t events, uint64_t bytes);

  bool due(Instant now) const;
  // Begins to write what `core` is now, unless one is being written; all that it has applied is
  // durable. `newest` is the time of its newest event.
  void begin(const BrokerCore& core, Instant newest, Instant now);
  // Tells of one that has been written since, or could not be: then another try comes later.
  // Nothing depends on it.
  void heed(Instant now);
  // At a clean stop: waits for what is being written, and for one more unless that is new enough.
  void finish(const BrokerCore& core, Instant newest, Instant now);

 private:
  struct Outcome {
    uint64_t head = 0;
    Result<Done> written;
  };

  EventLog& log_;
  SnapshotPolicy policy_;
  std::optional<std::future<Outcome>> writing_;
  uint64_t newest_ = 0;  // event in one that was written
  uint64_t events_ = 0;  // appended since the last one was begun
  uint64_t bytes_ = 0;
  Instant not_before_;
};

}  // namespace muster
