// Fetches: collectors and people who read the event log. A question for what is not there yet waits
// (long poll) until it is, or until the asker's time is up.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/broker_core.h"
#include "core/messages.h"
#include "io/event_log.h"

namespace muster {

class Fetches {
 public:
  explicit Fetches(const EventLog& log) : log_(log) {}

  void add(std::string peer, uint64_t request, const Fetch& fetch, Instant now);

  // Forgets who waits.
  void drop(const std::function<bool(std::string_view peer)>& whom);

  // Answers to whoever can be answered now: something durable is there, or the time is up. One call
  // reads little more than kFetchBytesMax, so that nobody who fetches holds up everything else; who
  // is left over is the first in the next one, which is due at once.
  std::vector<Send> drain(Instant now);

  std::optional<Instant> next_deadline() const;

 private:
  struct Waiting {
    std::string peer;
    uint64_t request = 0;
    uint64_t from = 1;
    size_t bytes_max = 0;
    Instant deadline;
  };
  Message answer(const Waiting& waiting) const;

  const EventLog& log_;
  std::vector<Waiting> waiting_;
  bool is_behind_ = false;  // some could have been answered already
};

}  // namespace muster
