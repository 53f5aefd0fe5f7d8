// The collector's feed as a stream of events, from any position (docs/feed.md).
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/sse_reader.h"
#include "core/time.h"
#include "io/http.h"

namespace muster {

struct FeedItem {
  uint64_t seq = 0;
  std::string json;  // io/event_json.h
};

class EventFeed {
 public:
  // Events from `from` (>= 1) of this log on, of this type and task, where either is given.
  EventFeed(const ApiAddress& address, uint64_t from, const std::string& log_id,
            const std::string& type, const std::string& guid);

  // What has come since, in order; waits up to `wait` for something. What came is given before
  // gone() says why there will be no more.
  std::vector<FeedItem> next(Duration wait);

  // Why it has ended, or empty.
  const std::string& gone() const { return gone_; }
  // With gone(): the broker has another log now, so that there is no going on at position(), here
  // or elsewhere.
  bool is_of_other_log() const { return is_of_other_log_; }
  // Why nothing new can come at present, or empty: the broker is away.
  const std::string& away() const { return away_; }
  // Of the next event: to go on there somewhere else.
  uint64_t position() const { return next_; }

 private:
  void take(const SseMessage& message);

  const std::string log_id_;
  SseReader reader_;
  std::vector<FeedItem> items_;
  std::string gone_;
  std::string away_;
  bool is_of_other_log_ = false;
  uint64_t next_;
  HttpClient client_;  // the last member: what it hands over goes to the others
};

}  // namespace muster
