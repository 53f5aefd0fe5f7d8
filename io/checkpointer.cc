#include "io/checkpointer.h"

#include <utility>

namespace muster {

namespace {

// So many are folded in the time of the two syncs that it takes anyway.
constexpr int64_t kFewPages = 256;
// What is written during one pass is for the next, which is shorter.
constexpr int kPassesMax = 4;

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::open(const std::string& path, int64_t pages) {
  DatabaseOptions how;
  how.create = false;
  how.checkpoint_pages = 0;
  std::variant<Database, DbStatus> opened = Database::open(path, how);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return Error{failed->reason};
  return std::unique_ptr<Checkpointer>(
      new Checkpointer(std::move(std::get<Database>(opened)), pages));
}

Checkpointer::Checkpointer(Database db, int64_t pages)
    : db_(std::move(db)), pages_(pages), next_at_(pages), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Checkpointer::after_commit(Database& writer) {
  const int64_t gathered = writer.wal_pages();
  if (gathered < next_at_) return;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::waiting) {
      state_ = State::asked;
      changed_.notify_all();
    }
    if (state_ == State::asked) return;
    state_ = State::waiting;
  }
  const Result<WalPages> rest = writer.checkpoint();
  const bool is_all = rest.ok() && rest->folded == rest->all;
  next_at_ = is_all ? pages_ : gathered + pages_ / 4;
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || state_ == State::asked; });
    if (stop_) return;
    lock.unlock();
    fold_most();
    lock.lock();
    state_ = State::folded;
  }
}

void Checkpointer::fold_most() {
  int64_t before = 0;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    const Result<WalPages> pages = db_.checkpoint();
    if (!pages.ok() || pages->folded - before <= kFewPages) return;
    before = pages->folded;
  }
}

}  // namespace muster
