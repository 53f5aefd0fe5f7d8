// Lines of this process's log on their way to becoming events: the log puts them in, and whoever
// talks to the broker takes them out. Their rate is bounded, and so is what waits; what is left out
// is counted, and the next line that is told carries the count. Nothing here is durable: the log
// file has every line.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "core/limits.h"
#include "core/log_line.h"
#include "core/messages.h"
#include "io/file.h"

namespace muster {

class LogEvents {
 public:
  // `start` is when the daemon began: its lines' numbers grow with it.
  explicit LogEvents(Instant start);

  // From any thread. What a thread logs while it has a QuietLog is passed over.
  void add(LogLevel level, std::string_view text, Instant now);

  // The oldest lines that wait, at most `max`. They stay until told() covers them.
  std::vector<LogLine> waiting(size_t max, Instant now);
  // The broker has recorded everything up to the line of this number. One that we have not reached
  // means that our clock was set back: what waits gets numbers after it.
  void told(uint64_t through);
  // The broker will not have them.
  void drop();

  // Readable when something was added since heed().
  int fd() const { return event_.get(); }
  void heed();
  // Whether a count waits for a line to carry it: waiting() makes one when the rate allows it.
  bool owes_count() const;

 private:
  bool take_token(Instant now);
  void push(LogLevel level, std::string text, Instant now);

  mutable std::mutex mutex_;
  std::deque<LogLine> lines_;
  uint64_t last_seq_;
  uint64_t left_out_ = 0;  // since the newest of lines_
  double tokens_ = kLogEventsBurst;
  Instant tokens_at_;
  UniqueFd event_;
};

// While one lives, what this thread logs does not become events: it is about the telling of such
// events, and would make another, and so on.
class QuietLog {
 public:
  explicit QuietLog(bool quiet = true) : depth_here_(quiet ? 1 : 0) { depth_ += depth_here_; }
  ~QuietLog() { depth_ -= depth_here_; }
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;
  static bool is_on() { return depth_ > 0; }

 private:
  static thread_local int depth_;
  const int depth_here_;
};

// A worker's or a collector's side of TellLog: one message at a time, told again until it is
// answered.
class LogTeller {
 public:
  explicit LogTeller(LogEvents& events) : events_(events) {}

  // What is to be sent now, if anything is. Heeds the descriptor.
  std::optional<TellLog> next(Instant now);
  // The answer, or whatever came in its place.
  void take(const Message& answer, Instant now);
  // The connection was made anew: the answer may be lost.
  void connected() { not_before_ = kNever; }

 private:
  LogEvents& events_;
  Instant not_before_;  // told again then
};

}  // namespace muster
