#include "workers/upload_threads.h"

#include <spdlog/spdlog.h>

#include <system_error>
#include <utility>

namespace muster {

UploadThreads::UploadThreads(size_t threads_max, std::function<void()> wake)
    : threads_max_(threads_max), wake_(std::move(wake)) {
  threads_.emplace_back([this] { serve(); });
}

UploadThreads::~UploadThreads() { close(); }

void UploadThreads::run(Work work) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  waiting_.push_back(std::move(work));
  if (busy_ + waiting_.size() > threads_.size() && threads_.size() < threads_max_) {
    add_thread();
  }
  changed_.notify_one();
}

// When jobs have used up the machine's processes, those that are there do with what they are.
void UploadThreads::add_thread() {
  try {
    threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error& fault) {
    spdlog::debug("uploads go on with {} threads: {}", threads_.size(), fault.what());
  }
}

void UploadThreads::deliver() {
  std::vector<Done> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (const Done& one : done) one();
}

bool UploadThreads::stop(Duration patience) {
  close();
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return busy_ == 0; });
}

void UploadThreads::close() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  changed_.notify_all();
}

void UploadThreads::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    lock.unlock();
    Done done = work();
    work = nullptr;
    lock.lock();
    --busy_;
    if (stopped_) {
      changed_.notify_all();
      continue;
    }
    done_.push_back(std::move(done));
    wake_();
  }
}

}  // namespace muster
