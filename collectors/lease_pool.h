// Connections to a store for those who ask by HTTP: so many questions at once and no more, so that
// long ones hold up neither each other's callers without end nor anything else.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

// So many questions at once: each has a connection, and what it has read in memory.
inline constexpr size_t kQuestionsMax = 4;
// Who finds all connections in use waits for so long.
inline constexpr Duration kQuestionPatience = std::chrono::seconds(10);
// What a question asks of a store ends within this, with an error.
inline constexpr Duration kQuestionTimeMax = std::chrono::seconds(30);

template <typename Reader>
class LeasePool {
  using Steady = std::chrono::steady_clock;

 public:
  using Open = std::function<Result<Reader>()>;

  // Opens readers by `open`, `size` at most; who finds all in use waits for `patience`.
  LeasePool(Open open, size_t size, Duration patience)
      : open_(std::move(open)), size_(size), patience_(patience) {}

  // A reader of one's own for as long as it lives.
  class Lease {
   public:
    Lease(LeasePool& pool, std::unique_ptr<Reader> reader, Steady::time_point since)
        : pool_(&pool), reader_(std::move(reader)), since_(since) {}
    ~Lease() {
      if (pool_) pool_->give_back(std::move(reader_), since_);
    }
    Lease(Lease&& other) noexcept = default;
    Reader& operator*() const { return *reader_; }
    Reader* operator->() const { return reader_.get(); }
    // It has failed: the next one is opened anew.
    void discard() { reader_.reset(); }

   private:
    struct Keep {
      void operator()(LeasePool*) const {}
    };
    std::unique_ptr<LeasePool, Keep> pool_;  // not owned; null once moved from
    std::unique_ptr<Reader> reader_;
    Steady::time_point since_;
  };

  // In any thread. Errors: it cannot be opened, all are in use, or it was stopped.
  Result<Lease> borrow() {
    std::unique_ptr<Reader> reader;
    Steady::time_point since;
    {
      std::unique_lock lock(mutex_);
      const auto is_free = [&] { return stopped_ || used_since_.size() < size_; };
      if (!freed_.wait_for(lock, patience_, is_free)) return Error{all_used()};
      if (stopped_) return Error{"the collector is stopping"};
      since = *used_since_.insert(Steady::now());
      if (!idle_.empty()) {
        reader = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!reader) {
      Result<Reader> opened = open_();
      if (!opened.ok()) {
        give_back(nullptr, since);
        return Error{opened.error()};
      }
      reader = std::make_unique<Reader>(std::move(*opened));
    }
    return Lease(*this, std::move(reader), since);
  }

  // Nobody waits for one any more, or gets one. What a lease is doing ends as its reader's own stop
  // says.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    freed_.notify_all();
  }

 private:
  // Whose turn did not come for so long that nothing is answered is told that.
  std::string all_used() const {
    const auto oldest = std::chrono::floor<Duration>(Steady::now() - *used_since_.begin());
    const std::string all = std::to_string(size_) + " questions";
    if (oldest < patience_) return all + " are being answered: try again in a while";
    return "the database is slow or says nothing: of " + all +
           " the oldest is without an answer for " +
           std::to_string(oldest / std::chrono::seconds(1)) +
           " s: see whether it works, then try again";
  }

  void give_back(std::unique_ptr<Reader> reader, Steady::time_point since) {
    const std::lock_guard lock(mutex_);
    used_since_.erase(used_since_.find(since));
    if (reader) idle_.push_back(std::move(reader));
    freed_.notify_one();
  }

  const Open open_;
  const size_t size_;
  const Duration patience_;
  std::mutex mutex_;
  std::condition_variable freed_;
  bool stopped_ = false;
  std::multiset<Steady::time_point> used_since_;  // of the leases there are
  std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace muster
