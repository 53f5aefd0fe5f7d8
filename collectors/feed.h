// The broker's log for many subscribers. One reader follows the log while anybody subscribes, and
// keeps its newest events in a ring of bounded size; whoever is further back reads from the broker,
// through a few connections that all share, at a pace of its own. A subscription holds nothing but
// its position: what it is given next is decided when it asks.
//
// Every position is a number of the log, so that a subscriber comes from the old events to the new
// ones without a gap and without a repeat. One that has been at the end of the log, has fallen
// further behind than the ring holds and has not come to the end again for `lag_max`, is dropped
// and told why; it may come back with its position.
//
// Subscribers are counted. Some places are only for those who come from this machine, so that
// others cannot keep its people from listening.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "collectors/block_source.h"
#include "core/result.h"
#include "core/time.h"

namespace muster {

struct FeedEvent {
  uint64_t seq = 0;
  std::string type;
  std::string guid;  // empty: concerns no task
  std::string json;  // on one line, without its end (io/event_json.h)
};
using FeedEventPtr = std::shared_ptr<const FeedEvent>;

// Where somebody begins.
struct FeedPosition {
  uint64_t seq = 0;      // number of the event; 0: the next that happens
  std::string log_id{};  // of the log whose number that is; empty: of whichever there is
};

struct FeedFilter {
  std::string type;  // empty: all
  std::string guid;  // empty: all
  bool takes(const FeedEvent& event) const {
    return (type.empty() || event.type == type) && (guid.empty() || event.guid == guid);
  }
};

// Why nothing can match it, or nothing.
std::optional<std::string> invalid_filter(const FeedFilter& filter);

// From where somebody subscribes.
enum class FeedSide : uint8_t {
  own,    // in this process: there is always a place
  local,  // on this machine
  far,    // by TCP
};

// Bounds, each with its reason.
struct FeedLimits {
  // Of the ring: a few seconds of a busy log.
  size_t ring_events = 16'384;
  size_t ring_bytes = 8 << 20;
  // Each has one of the HTTP server's connections (kHttpConnectionsMax), of which most are left for
  // workers and people.
  size_t subscribers = 64;
  // Of them, those that nobody from elsewhere (FeedSide::far) gets.
  size_t local_subscribers = 16;
  // Connections to the broker for those who read old events: so many chunks are read at once.
  size_t readers = 4;
  // The network may stand still for so long.
  Duration lag_max = std::chrono::seconds(20);
  // What a subscriber is given at once, and the one event more with which that is reached: so much
  // it holds in memory while it is sent. The rest of a block, which may be far larger, is read
  // again for the next time.
  size_t batch_bytes = 256 << 10;

  size_t places(FeedSide side) const {
    return side == FeedSide::far ? subscribers - std::min(subscribers, local_subscribers)
                                 : subscribers;
  }
};

// What a subscriber gets.
struct FeedBatch {
  std::vector<FeedEventPtr> events;  // those that its filter takes
  uint64_t next = 0;                 // number of the first event after them; 0: not known yet
  uint64_t head = 0;                 // the newest event that is known; 0: likewise, or none
  std::string log_id;                // whose numbers these are; with `ended`: of the present log
  std::string away;                  // why nothing new can come at present, or empty
  std::string ended;                 // why this is the last batch, or empty: it goes on
  bool is_head_known = false;        // `head` was heard from the broker that answers now
  bool is_place_lost = false;        // with `ended`: there is no coming back where it was
  // With `ended`: what came next is not in the log any more, which begins with this event now.
  // `next` is the same; what was between is lost. 0: nothing like that.
  uint64_t tail = 0;
};

// A page of events: "muster.events/1" (docs/feed.md). Of one that has not ended.
std::string feed_page_to_json(const FeedBatch& batch);
// Why there is no page: "muster.error/1", with `log`, and with `tail` where there is one. Of one
// that has ended.
std::string feed_error_to_json(const FeedBatch& batch);

struct FeedStatus {
  uint64_t head = 0;
  std::string log_id;  // empty: not known yet
  std::string away;    // why nothing new can come, or empty
  size_t subscribers = 0;
  size_t subscribers_max = 0;
  uint64_t subscribed = 0;  // since the start
  uint64_t dropped = 0;     // likewise, because they were too slow
};

class Feed;

// One thread at a time. Its feed outlives it.
class FeedSubscription {
 public:
  ~FeedSubscription();
  FeedSubscription(const FeedSubscription&) = delete;
  FeedSubscription& operator=(const FeedSubscription&) = delete;

  // What comes next; waits up to `wait` for it. After a batch that has ended there is no other.
  FeedBatch next(Duration wait);

  // It takes what it was given too slowly, and is to be dropped: for the count.
  void note_dropped();

 private:
  friend class Feed;
  FeedSubscription(Feed& feed, FeedPosition from, FeedFilter filter, int wake_fd);

  enum class Place : uint8_t { kept, lost };
  FeedBatch end(std::string why, Place place);
  FeedBatch end_of_log(const std::string& log_id);
  FeedBatch end_at(const SourceError& error);
  bool is_of_another(const std::string& log_id) const;
  bool must_read() const;
  bool is_too_slow() const;
  FeedBatch take_from_ring();
  FeedBatch read(Duration patience);

  Feed& feed_;
  const FeedFilter filter_;
  const int wake_fd_;
  std::string log_id_;       // that it belongs to; empty: not known yet
  uint64_t history_;         // likewise
  uint64_t next_;            // 0: the end of the log, as soon as that is known
  bool is_checked_ = false;  // that the log has come as far as next_
  // When it was at the end of the log last; nothing: never.
  std::optional<std::chrono::steady_clock::time_point> at_end_;
  FeedBatch last_;  // once it has ended
};

class Feed {
 public:
  // Makes a connection to the broker, whose waits end early when `interrupted` says so.
  using Connect = std::function<std::unique_ptr<BlockSource>(std::function<bool()> interrupted)>;

  explicit Feed(Connect connect, FeedLimits limits = {});
  ~Feed();  // no subscription may be left

  // Null when there are too many subscribers. `wake_fd` is an eventfd that is written to when there
  // may be something new, or -1.
  std::unique_ptr<FeedSubscription> subscribe(FeedPosition from, FeedFilter filter,
                                              FeedSide side = FeedSide::local, int wake_fd = -1);

  // One chunk of the log from `from` (0 is the first event) on, of FeedLimits::batch_bytes, as far
  // as there is any, waiting for nothing but the broker. `ended` says why there is none, and is for
  // this once.
  FeedBatch read(const FeedPosition& from, const FeedFilter& filter);

  // While nobody subscribes the broker is asked for its head, for a second at most.
  FeedStatus status();
  const FeedLimits& limits() const { return limits_; }

  // Everybody who waits is told the end, from now on.
  void stop();

 private:
  friend class FeedSubscription;

  struct Chunk {
    std::vector<FeedEventPtr> events;
    uint64_t next = 0;
    uint64_t head = 0;
    std::string log_id;
  };

  void follow();
  bool is_wanted() const { return !subscriptions_.empty() || askers_ > 0; }
  bool sleep_until_wanted();
  Result<Done> take(const FetchedBlocks& fetched);
  void begin_at(uint64_t next, const std::string& log_id);
  void tell_all();
  std::variant<Chunk, SourceError> read_chunk(uint64_t from, const FeedFilter& filter,
                                              Duration patience);
  std::unique_ptr<BlockSource> borrow_reader(Duration patience);
  void give_back(std::unique_ptr<BlockSource> reader);

  const Connect connect_;
  const FeedLimits limits_;

  mutable std::mutex mutex_;
  std::condition_variable moved_;  // anything below
  bool stopped_ = false;
  std::set<FeedSubscription*> subscriptions_;
  size_t askers_ = 0;  // that wait for the head
  FeedStatus status_;
  uint64_t history_ = 0;  // counts changes of the log under our feet
  bool is_live_ = false;  // the ring goes on where the log is
  std::deque<FeedEventPtr> ring_;
  size_t ring_bytes_ = 0;
  uint64_t ring_first_ = 1;  // number from which on the ring has everything
  uint64_t ring_next_ = 1;   // number of the next event that will come into it
  std::vector<std::unique_ptr<BlockSource>> idle_readers_;
  size_t readers_ = 0;     // made, idle or not
  std::jthread follower_;  // the last member: it uses the others
};

}  // namespace muster
