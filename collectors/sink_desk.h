// Where a sink's own thread and everybody else meet: what it says about itself, and what people ask
// of it. Any thread, but for what is marked.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collectors/sink.h"
#include "collectors/stop.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

struct SinkStatus {
  std::string log_id;  // empty: not known yet
  uint64_t cursor = 0;
  uint64_t head = 0;  // newest event of the source, when it was last heard; 0: not yet
  Instant oldest;     // time of the oldest event that it has not delivered; kNever: unknown
  // Since the collector started:
  uint64_t delivered = 0;  // events
  uint64_t batches = 0;
  uint64_t failures = 0;  // tries that came to nothing
  uint64_t buried = 0;    // events
  uint64_t unknown = 0;   // events of a type that this build does not know: they are left out
  uint64_t first_unknown = 0;
  Instant delivering_since;  // kNever: nothing is under way
  // In a row, now; 0: it works.
  uint32_t failing = 0;
  std::string error;  // the newest
  Instant failing_since;
  Instant retry_at;
};

// What people ask of a sink, to be done by its own thread between two deliveries.
struct SinkOrder {
  enum class Kind : uint8_t { replay, retry, drop };
  Kind kind = Kind::replay;
  uint64_t from = 1;           // of replay: the first event that is delivered again
  std::vector<uint64_t> seqs;  // of retry and drop: the letters; none: all
};

struct SinkOrderResult {
  std::string error;             // empty: it was done
  std::vector<uint64_t> done;    // of retry and drop: their letters are gone
  std::vector<Refusal> refused;  // of retry: they keep their letters
  std::vector<uint64_t> left;    // of retry and drop: not looked at yet, it is to be asked again
  bool is_wrong = false;         // of `error`: the order itself, however things stand
};

class SinkDesk {
 public:
  // `stop` outlives it.
  explicit SinkDesk(const Stop& stop);

  SinkStatus status() const;

  // Gives the order and waits until it was done, or was not begun within `patience`. One order at a
  // time; who comes second waits for the first.
  SinkOrderResult ask(SinkOrder order, Duration patience);

  // The rest is the sink's thread's.

  // Somebody has an order, or everything is to stop: waits end.
  bool interrupted() const { return stop_.raised() || has_order(); }
  bool has_order() const;
  // Lets orders wait, and nobody be interrupted by them, until they are no longer held.
  void hold_orders(bool held);
  // Does the order that waits, if there is one.
  void serve(const std::function<SinkOrderResult(const SinkOrder&)>& handle);
  // Sleeps for `duration`, or less when interrupted.
  void wait_for(Duration duration) const;
  void update(const std::function<void(SinkStatus&)>& change);
  // The sink's thread has ended: whoever asks, or has asked, is told so.
  void close();

 private:
  enum class Stage : uint8_t { free, waiting, begun, done };

  SinkOrderResult refuse() const;

  const Stop& stop_;
  UniqueFd event_;  // readable while an order waits
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  Stage stage_ = Stage::free;
  bool closed_ = false;
  bool held_ = false;
  SinkOrder order_;
  SinkOrderResult result_;
  SinkStatus status_;
};

}  // namespace muster
