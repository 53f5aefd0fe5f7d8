// A few threads for what may have to wait for a disk, so that nothing else waits for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/time.h"

namespace muster {

class UploadThreads {
 public:
  // What is to be done with the result, by deliver().
  using Done = std::function<void()>;
  using Work = std::function<Done()>;

  // Each thread is started when it is needed first. `wake` is called by them: something is done.
  UploadThreads(size_t threads_max, std::function<void()> wake);
  // As stop(), with all patience.
  ~UploadThreads();
  UploadThreads(const UploadThreads&) = delete;
  UploadThreads& operator=(const UploadThreads&) = delete;

  // Has `work` done as soon as one of the threads is free, in the order in which it is asked for.
  void run(Work work);
  // Calls the Done of what is done, in this thread.
  void deliver();

  // Begins nothing more, and calls no Done. False: something that had begun was not over within
  // `patience`.
  bool stop(Duration patience);

 private:
  void serve();
  void add_thread();
  void close();

  const size_t threads_max_;
  const std::function<void()> wake_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  std::vector<Done> done_;
  size_t busy_ = 0;
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace muster
