// Folds the write-ahead log of a database back into its file in a thread of its own, so that who
// commits does not wait for that: of 16 MiB it is some ten milliseconds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/result.h"
#include "io/sqlite.h"

namespace muster {

class Checkpointer {
 public:
  // Of the database at `path`, which exists; `pages` of the write-ahead log are to gather.
  static Result<std::unique_ptr<Checkpointer>> open(const std::string& path, int64_t pages);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // To be called after commits of `writer`, which was opened with checkpoint_pages = 0. Wakes the
  // thread when enough has gathered. What the thread leaves because more was written meanwhile is
  // little: that is folded here, so that the next commit begins the write-ahead log anew. What
  // fails is tried again when more has gathered, and nothing is lost meanwhile.
  void after_commit(Database& writer);

 private:
  enum class State { waiting, asked, folded };

  Checkpointer(Database db, int64_t pages);
  void run();
  void fold_most();

  Database db_;  // the thread's
  const int64_t pages_;
  int64_t next_at_;  // of whoever commits
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::waiting;
  bool stop_ = false;
  std::thread thread_;  // the last member: it starts when all others are there
};

}  // namespace muster
