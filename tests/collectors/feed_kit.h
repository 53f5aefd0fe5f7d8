// A log in memory that a feed follows.
#pragma once

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
  void append_event(EventBody body) {
    const std::lock_guard lock(mutex_);
    const Event event{script_time(blocks_.size() + 1), std::move(body)};
    blocks_.push_back(encode_block(blocks_.size() + 1, {&event, 1}));
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
    changed_.notify_all();
  }

  // From now on, or no longer, whoever reads old events gets no answer.
  void hold_readers(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // Waits until somebody does.
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
        if (from != log_.blocks_.size() + 1 || waited >= wait) break;
        log_.changed_.wait_for(lock, kLook);
      }
      FetchedBlocks fetched{log_.log_id_, log_.blocks_.size(), {}};
      for (uint64_t seq = from; seq <= log_.blocks_.size(); ++seq) {
        if (fetched.blocks.size() == kBlocksPerFetch) break;
        fetched.blocks.push_back(log_.blocks_[seq - 1]);
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
  std::vector<std::string> blocks_;  // one event each
  std::string away_;
  bool held_ = false;
  bool waits_ = false;
};

}  // namespace muster
