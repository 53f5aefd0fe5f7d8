#include "collectors/feed.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"
#include "io/codec.h"
#include "io/event_json.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using std::chrono::steady_clock;

constexpr Duration kFollowWait = 3s;      // so soon is a broker missed
constexpr Duration kAgainAfter = 250ms;   // after a broker that is away
constexpr Duration kReadPatience = 10s;   // for a broker that restarts
constexpr Duration kStatusPatience = 1s;  // for the head of the log
constexpr char kOtherLog[] = "the broker has another log now, whose numbers begin anew";
constexpr char kStopping[] = "the collector is stopping";

// Whoever counts on an event that is to come counts in another log.
std::string no_such_event(uint64_t seq, uint64_t head) {
  return "there is no event " + std::to_string(seq) + " to begin with: the newest is " +
         std::to_string(head);
}

// Roughly, in memory.
size_t size_of(const FeedEvent& event) {
  return sizeof event + event.json.size() + event.guid.size() + event.type.size();
}

FeedEventPtr make_event(uint64_t seq, const Event& event) {
  auto made = std::make_shared<FeedEvent>();
  made->seq = seq;
  made->type = event_type(event);
  made->guid = event_guid(event);
  made->json = event_to_json(seq, event);
  return made;
}

bool wants(const FeedFilter& filter, const Event& event) {
  return (filter.type.empty() || event_type(event) == filter.type) &&
         (filter.guid.empty() || event_guid(event) == filter.guid);
}

// Events as they are taken out of blocks, until there are enough of them.
struct Taken {
  uint64_t next = 0;  // behind what was looked at
  std::vector<FeedEventPtr> events;
  size_t bytes = 0;
  size_t bytes_max = SIZE_MAX;

  bool is_full() const { return bytes >= bytes_max; }
};

// The events of a block from `taken.next` on that `filter` takes; what is too many stays for the
// next time. An error when the block is none, or begins later.
Result<Done> take_block(const std::string& bytes, const FeedFilter& filter, Taken& taken) {
  const Result<Block> block = decode_block(bytes);
  if (!block) return Error{"a block of the log cannot be read: " + block.error()};
  if (block->first > taken.next) {
    return Error{"the log has no event " + std::to_string(taken.next) +
                 " any more: it begins with " + std::to_string(block->first)};
  }
  for (size_t i = 0; i < block->events.size() && !taken.is_full(); ++i) {
    const uint64_t seq = block->first + i;
    if (seq < taken.next) continue;
    taken.next = seq + 1;
    const bool unknown =
        std::find(block->unknown.begin(), block->unknown.end(), i) != block->unknown.end();
    if (!unknown && wants(filter, block->events[i])) {
      taken.events.push_back(make_event(seq, block->events[i]));
      taken.bytes += size_of(*taken.events.back());
    }
  }
  return Done{};
}

// Where either is not known, they may be one.
bool is_other_log(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() && one != other;
}

}  // namespace

std::optional<std::string> invalid_filter(const FeedFilter& filter) {
  const std::vector<std::string>& types = event_types();
  if (!filter.type.empty() && std::find(types.begin(), types.end(), filter.type) == types.end()) {
    return "no event has the type " + quote_text(filter.type) + suggestion(filter.type, types);
  }
  if (const auto why = filter.guid.empty() ? std::nullopt : invalid_guid(filter.guid)) {
    return "guid: " + *why;
  }
  return std::nullopt;
}

// --- a subscription ---

FeedSubscription::FeedSubscription(Feed& feed, FeedPosition from, FeedFilter filter, int wake_fd)
    : feed_(feed),
      filter_(std::move(filter)),
      wake_fd_(wake_fd),
      log_id_(std::move(from.log_id)),
      history_(feed.history_),
      next_(from.seq) {}

FeedSubscription::~FeedSubscription() {
  const std::lock_guard lock(feed_.mutex_);
  feed_.subscriptions_.erase(this);
}

void FeedSubscription::note_dropped() {
  const std::lock_guard lock(feed_.mutex_);
  ++feed_.status_.dropped;
}

// The rest is called with the lock, but for next() and read().

FeedBatch FeedSubscription::end(std::string why, Place place) {
  last_.next = next_;
  last_.head = feed_.status_.head;
  if (last_.log_id.empty()) last_.log_id = feed_.status_.log_id;
  last_.ended = std::move(why);
  last_.is_place_lost = place == Place::lost;
  return last_;
}

bool FeedSubscription::is_of_another(const std::string& log_id) const {
  return is_other_log(log_id_, log_id);
}

// The broker has this one now.
FeedBatch FeedSubscription::end_of_log(const std::string& log_id) {
  last_.log_id = log_id;
  return end(kOtherLog, Place::lost);
}

// The broker is there and does not give what comes next, and never will.
FeedBatch FeedSubscription::end_at(const SourceError& error) {
  if (is_of_another(error.log_id)) return end_of_log(error.log_id);
  last_.log_id = error.log_id;
  last_.tail = error.tail;
  if (error.tail > 0) next_ = error.tail;
  return end(error.message, Place::lost);
}

// What comes next is not in the ring.
bool FeedSubscription::must_read() const {
  return next_ < feed_.ring_first_ || (next_ > feed_.ring_next_ && !is_checked_);
}

bool FeedSubscription::is_too_slow() const {
  return at_end_ && next_ < feed_.ring_first_ &&
         steady_clock::now() - *at_end_ > feed_.limits_.lag_max;
}

FeedBatch FeedSubscription::take_from_ring() {
  FeedBatch batch;
  const auto before = [](const FeedEventPtr& event, uint64_t seq) { return event->seq < seq; };
  auto at = std::lower_bound(feed_.ring_.begin(), feed_.ring_.end(), next_, before);
  size_t bytes = 0;
  for (; at != feed_.ring_.end() && bytes < feed_.limits_.batch_bytes; ++at) {
    next_ = (*at)->seq + 1;
    if (!filter_.takes(**at)) continue;
    bytes += size_of(**at);
    batch.events.push_back(*at);
  }
  if (at == feed_.ring_.end()) next_ = feed_.ring_next_;
  return batch;
}

FeedBatch FeedSubscription::next(Duration wait) {
  const auto deadline = steady_clock::now() + wait;
  std::unique_lock lock(feed_.mutex_);
  for (;;) {
    if (!last_.ended.empty()) return last_;
    if (feed_.stopped_) return end(kStopping, Place::kept);
    if (next_ == 0) history_ = feed_.history_;
    if (history_ != feed_.history_) return end_of_log(feed_.status_.log_id);
    FeedBatch batch;
    if (feed_.is_live_) {
      if (is_of_another(feed_.status_.log_id)) return end_of_log(feed_.status_.log_id);
      log_id_ = feed_.status_.log_id;
      if (next_ == 0) next_ = feed_.ring_next_;
      if (is_too_slow()) {
        ++feed_.status_.dropped;
        return end("it is too slow: event " + std::to_string(next_) +
                       " was next, and the newest events begin with " +
                       std::to_string(feed_.ring_first_) + "; come back with that position",
                   Place::kept);
      }
      if (must_read()) break;
      if (next_ < feed_.ring_next_) batch = take_from_ring();
      if (next_ == feed_.ring_next_) at_end_ = steady_clock::now();
    }
    batch.next = next_;
    batch.head = feed_.status_.head;
    batch.log_id = log_id_;
    batch.is_head_known = feed_.is_live_;
    batch.away = feed_.status_.away;
    if (!batch.events.empty() || steady_clock::now() >= deadline) return batch;
    feed_.moved_.wait_until(lock, deadline);
  }
  lock.unlock();
  const auto left = std::chrono::duration_cast<Duration>(deadline - steady_clock::now());
  return read(std::max(left, Duration(0)));
}

FeedBatch FeedSubscription::read(Duration patience) {
  auto read = feed_.read_chunk(next_, filter_, patience);
  std::unique_lock lock(feed_.mutex_);
  if (feed_.stopped_) return end(kStopping, Place::kept);
  if (const auto* error = std::get_if<SourceError>(&read)) {
    const bool is_final =
        error->fault == SourceFault::refused || error->fault == SourceFault::trimmed;
    if (is_final) return end_at(*error);
    feed_.moved_.wait_for(lock, std::min(patience, kAgainAfter));
    return {{}, next_, feed_.status_.head, log_id_, error->message};
  }
  auto& chunk = std::get<Feed::Chunk>(read);
  // It may be of another log, which the follower has not seen yet.
  if (history_ != feed_.history_ || is_of_another(chunk.log_id)) return end_of_log(chunk.log_id);
  if (next_ > chunk.head + 1) {
    last_.log_id = chunk.log_id;
    return end(no_such_event(next_, chunk.head), Place::lost);
  }
  is_checked_ = true;
  next_ = chunk.next;
  FeedBatch batch{std::move(chunk.events), next_, std::max(chunk.head, feed_.status_.head),
                  log_id_};
  batch.is_head_known = true;
  return batch;
}

std::string feed_page_to_json(const FeedBatch& batch) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.events/1");
  json.text("log", batch.log_id);
  json.number("head", batch.head);
  json.number("next", batch.next);
  json.begin_array("events");
  for (const FeedEventPtr& event : batch.events) json.json("", event->json);
  json.end_array();
  json.end_object();
  return json.take();
}

std::string feed_error_to_json(const FeedBatch& batch) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.error/1");
  json.text("error", batch.ended);
  if (!batch.log_id.empty()) json.text("log", batch.log_id);
  if (batch.tail > 0) json.number("tail", batch.tail);
  json.end_object();
  return json.take();
}

// --- the feed ---

Feed::Feed(Connect connect, FeedLimits limits)
    : connect_(std::move(connect)), limits_(limits), follower_([this] { follow(); }) {}

Feed::~Feed() { stop(); }

void Feed::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  tell_all();
}

// With the lock.
void Feed::tell_all() {
  moved_.notify_all();
  for (const FeedSubscription* one : subscriptions_) {
    if (one->wake_fd_ >= 0) ::eventfd_write(one->wake_fd_, 1);
  }
}

std::unique_ptr<FeedSubscription> Feed::subscribe(FeedPosition from, FeedFilter filter,
                                                  FeedSide side, int wake_fd) {
  const std::lock_guard lock(mutex_);
  if (side != FeedSide::own && subscriptions_.size() >= limits_.places(side)) return nullptr;
  std::unique_ptr<FeedSubscription> one(
      new FeedSubscription(*this, std::move(from), std::move(filter), wake_fd));
  subscriptions_.insert(one.get());
  ++status_.subscribed;
  moved_.notify_all();
  return one;
}

FeedBatch Feed::read(const FeedPosition& from, const FeedFilter& filter) {
  FeedBatch batch;
  auto read = read_chunk(std::max<uint64_t>(from.seq, 1), filter, kReadPatience);
  const auto* error = std::get_if<SourceError>(&read);
  batch.log_id = error != nullptr ? error->log_id : std::get<Chunk>(read).log_id;
  if (is_other_log(from.log_id, batch.log_id)) {
    batch.ended = kOtherLog;
    batch.is_place_lost = true;
    return batch;
  }
  if (error != nullptr) {
    batch.ended = error->message;
    batch.tail = batch.next = error->tail;
    return batch;
  }
  auto& chunk = std::get<Chunk>(read);
  if (from.seq > chunk.head + 1) {
    batch.ended = no_such_event(from.seq, chunk.head);
    batch.is_place_lost = true;
    return batch;
  }
  batch.events = std::move(chunk.events);
  batch.next = chunk.next;
  batch.head = chunk.head;
  return batch;
}

FeedStatus Feed::status() {
  std::unique_lock lock(mutex_);
  bool is_heard = true;
  if (!is_live_ && !stopped_) {
    ++askers_;
    moved_.notify_all();
    is_heard = moved_.wait_for(lock, kStatusPatience,
                               [&] { return is_live_ || stopped_ || !status_.away.empty(); });
    --askers_;
  }
  FeedStatus status = status_;
  if (!is_heard) status.away = "the broker has not answered yet";
  status.subscribers = subscriptions_.size();
  status.subscribers_max = limits_.subscribers;
  return status;
}

// --- old events ---

std::variant<Feed::Chunk, SourceError> Feed::read_chunk(uint64_t from, const FeedFilter& filter,
                                                        Duration patience) {
  std::unique_ptr<BlockSource> reader = borrow_reader(patience);
  if (!reader) {
    return SourceError{SourceFault::away, "many read old events at this moment"};
  }
  std::variant<FetchedBlocks, SourceError> fetched = reader->fetch(from, Duration(0));
  give_back(std::move(reader));
  if (auto* error = std::get_if<SourceError>(&fetched)) return std::move(*error);
  const auto& got = std::get<FetchedBlocks>(fetched);
  Taken taken;
  taken.next = from;
  taken.bytes_max = limits_.batch_bytes;
  for (const std::string& bytes : got.blocks) {
    if (taken.is_full()) break;
    const Result<Done> done = take_block(bytes, filter, taken);
    if (!done) return SourceError{SourceFault::refused, done.error()};
  }
  return Chunk{std::move(taken.events), taken.next, got.head, got.log_id};
}

std::unique_ptr<BlockSource> Feed::borrow_reader(Duration patience) {
  std::unique_lock lock(mutex_);
  const auto free = [&] {
    return stopped_ || !idle_readers_.empty() || readers_ < limits_.readers;
  };
  if (!moved_.wait_for(lock, patience, free) || stopped_) return nullptr;
  if (!idle_readers_.empty()) {
    std::unique_ptr<BlockSource> reader = std::move(idle_readers_.back());
    idle_readers_.pop_back();
    return reader;
  }
  ++readers_;
  lock.unlock();
  return connect_([this] {
    const std::lock_guard inner(mutex_);
    return stopped_;
  });
}

void Feed::give_back(std::unique_ptr<BlockSource> reader) {
  const std::lock_guard lock(mutex_);
  idle_readers_.push_back(std::move(reader));
  moved_.notify_all();
}

// --- the newest events ---

// False when it is over.
bool Feed::sleep_until_wanted() {
  std::unique_lock lock(mutex_);
  if (!stopped_ && !is_wanted()) {
    is_live_ = false;  // it begins at the log's end again
    // What the log is by then is news to nobody.
    status_.log_id.clear();
    status_.head = 0;
    status_.away.clear();
    ring_.clear();
    ring_bytes_ = 0;
  }
  moved_.wait(lock, [&] { return stopped_ || is_wanted(); });
  return !stopped_;
}

void Feed::follow() {
  const std::unique_ptr<BlockSource> source = connect_([this] {
    const std::lock_guard lock(mutex_);
    return stopped_ || !is_wanted();
  });
  while (sleep_until_wanted()) {
    // Past the end of the log nothing comes but its head.
    const bool was_live = is_live_;  // only this thread changes it
    auto fetched =
        was_live ? source->fetch(ring_next_, kFollowWait) : source->fetch(UINT64_MAX, Duration(0));
    SourceError fault;
    if (auto* error = std::get_if<SourceError>(&fetched)) {
      fault = std::move(*error);
    } else if (const Result<Done> taken = take(std::get<FetchedBlocks>(fetched)); !taken) {
      fault = {SourceFault::refused, taken.error()};
    } else {
      continue;
    }
    if (fault.fault == SourceFault::stopped) continue;
    std::unique_lock lock(mutex_);
    if (fault.fault == SourceFault::trimmed && was_live) {
      is_live_ = false;  // it begins at the log's end again
      continue;
    }
    status_.away = fault.message;
    tell_all();
    moved_.wait_for(lock, kAgainAfter, [&] { return stopped_; });
  }
}

// With the lock.
void Feed::begin_at(uint64_t next, const std::string& log_id) {
  ring_.clear();
  ring_bytes_ = 0;
  ring_first_ = ring_next_ = next;
  status_.log_id = log_id;
  is_live_ = true;
}

Result<Done> Feed::take(const FetchedBlocks& fetched) {
  Taken taken;
  taken.next = ring_next_;
  if (is_live_) {
    for (const std::string& bytes : fetched.blocks) {
      const Result<Done> done = take_block(bytes, {}, taken);
      if (!done) return done;
    }
  }
  const std::lock_guard lock(mutex_);
  status_.away.clear();
  const bool is_other =
      !status_.log_id.empty() && (fetched.log_id != status_.log_id || fetched.head < status_.head);
  if (is_other) ++history_;
  status_.head = fetched.head;
  if (is_other || !is_live_) {
    begin_at(fetched.head + 1, fetched.log_id);
    tell_all();
    return Done{};
  }
  if (taken.next == ring_next_) return Done{};
  ring_next_ = taken.next;
  for (FeedEventPtr& event : taken.events) {
    ring_bytes_ += size_of(*event);
    ring_.push_back(std::move(event));
  }
  while (ring_.size() > limits_.ring_events || ring_bytes_ > limits_.ring_bytes) {
    ring_bytes_ -= size_of(*ring_.front());
    ring_first_ = ring_.front()->seq + 1;
    ring_.pop_front();
  }
  tell_all();
  return Done{};
}

}  // namespace muster
