// A log in memory that a feed follows.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectors/feed.h"
#include "io/codec.h"
#include "tests/collectors/script.h"

namespace muster {

class MemoryLog {
 public:
  void append(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) append_event(CancelRequested{"0194-some-task", "", ""});
  }
  void append_event(EventBody body) { append_block(1, body); }
  // One block of `count` events.
  void append_block(uint64_t count, const EventBody& body) {
    const std::lock_guard lock(mutex_);
    std::vector<Event> events;
    for (uint64_t i = 1; i <= count; ++i) events.push_back({script_time(head_ + i), body});
    blocks_.push_back({head_ + 1, encode_block(head_ + 1, events)});
    head_ += count;
    changed_.notify_all();
  }
  // Removes whole blocks that end before event `before`; the newest stays.
  void trim(uint64_t before) {
    const std::lock_guard lock(mutex_);
    while (blocks_.size() > 1 && blocks_[1].first <= before) blocks_.erase(blocks_.begin());
    changed_.notify_all();
  }
  void set_away(std::string why) {
    const std::lock_guard lock(mutex_);
    away_ = std::move(why);
    changed_.notify_all();
  }
  void replace(std::string log_id) {
    const std::lock_guard lock(mutex_);
    log_id_ = std::move(log_id);
    blocks_.clear();
    head_ = 0;
    changed_.notify_all();
  }

  // From now on, or no longer, whoever reads old events gets no answer.
  void hold_readers(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // Waits until old events were read so often.
  void await_reads(uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reads_ >= count; });
  }
  // Waits until a reader that is held asks.
  void await_held_reader() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waits_; });
  }

  Feed::Connect connect() {
    return [this](std::function<bool()> interrupted) {
      return std::make_unique<Source>(*this, std::move(interrupted));
    };
  }

 private:
  static constexpr uint64_t kBlocksPerFetch = 10;

  struct Stored {
    uint64_t first = 0;
    std::string bytes;
  };

  class Source final : public BlockSource {
   public:
    Source(MemoryLog& log, std::function<bool()> interrupted)
        : log_(log), interrupted_(std::move(interrupted)) {}
    std::string name() const override { return "memory"; }
    std::variant<FetchedBlocks, SourceError> fetch(uint64_t from, Duration wait) override {
      constexpr Duration kLook = std::chrono::milliseconds(5);
      std::unique_lock lock(log_.mutex_);
      const bool is_old = wait == Duration(0) && from != UINT64_MAX;
      while (is_old && log_.held_ && !interrupted_()) {
        log_.waits_ = true;
        log_.changed_.notify_all();
        log_.changed_.wait_for(lock, kLook);
      }
      for (Duration waited{0};; waited += kLook) {
        if (interrupted_()) return SourceError{SourceFault::stopped, "stopped"};
        if (!log_.away_.empty()) return SourceError{SourceFault::away, log_.away_};
        if (from != log_.head_ + 1 || waited >= wait) break;
        log_.changed_.wait_for(lock, kLook);
      }
      if (is_old) {
        ++log_.reads_;
        log_.changed_.notify_all();
      }
      const uint64_t tail = log_.blocks_.empty() ? 1 : log_.blocks_.front().first;
      if (from < tail) {
        return SourceError{SourceFault::trimmed,
                           "events " + std::to_string(from) + " to " + std::to_string(tail - 1) +
                               " were trimmed: it begins with event " + std::to_string(tail),
                           tail, log_.log_id_};
      }
      FetchedBlocks fetched{log_.log_id_, log_.head_, {}};
      if (from > log_.head_) return fetched;
      const auto later = [](uint64_t seq, const Stored& block) { return seq < block.first; };
      auto at = std::upper_bound(log_.blocks_.begin(), log_.blocks_.end(), from, later);
      for (--at; at != log_.blocks_.end(); ++at) {
        if (fetched.blocks.size() == kBlocksPerFetch) break;
        fetched.blocks.push_back(at->bytes);
      }
      return fetched;
    }

   private:
    MemoryLog& log_;
    std::function<bool()> interrupted_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_id_ = "log-a";
  std::vector<Stored> blocks_;
  uint64_t head_ = 0;
  uint64_t reads_ = 0;
  std::string away_;
  bool held_ = false;
  bool waits_ = false;
};

}  // namespace muster
