// Appends to the event log in a thread of its own: while the disk syncs one batch of events, the
// broker decides the next.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/event.h"
#include "io/event_log.h"
#include "io/file.h"

namespace muster {

// What became of a batch.
struct Appended {
  AppendResult result;
  uint64_t events = 0;
  uint64_t bytes = 0;  // of their blocks
  Instant newest;      // time of the last event
};

// Encodes the events, in as few blocks as hold them, and appends them durably: all or none. Of no
// events: does nothing.
Appended append_events(EventLog& log, const std::vector<Event>& events);

class LogWriter {
 public:
  explicit LogWriter(EventLog& log);
  ~LogWriter();  // waits for what was begun
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // True from begin() to finish().
  bool busy() const { return busy_; }
  // Hands over one batch, not empty; not while it is busy. Nobody else appends until finish().
  // `events` is empty afterwards, in memory that an earlier batch had.
  void begin(std::vector<Event>& events);
  // Readable when what was begun is over.
  int done_fd() const { return done_.get(); }
  // Whether it is. Costs next to nothing.
  bool is_over() const { return is_over_.load(std::memory_order_acquire); }
  // Waits for that, and says how it went.
  Appended finish();

 private:
  void run();

  EventLog& log_;
  UniqueFd done_;
  bool busy_ = false;                  // of the thread that calls
  std::atomic<bool> is_over_ = false;  // what was begun
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::vector<Event> batch_;        // to be appended; empty: nothing
  std::optional<Appended> result_;  // of the newest batch
  std::thread thread_;              // the last member: it starts when all others are there
};

}  // namespace muster
