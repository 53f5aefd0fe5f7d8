// The rows of tasks and of attempts, which many events change. What the events of one delivery say
// of a row is put together first and written once: a task that comes and goes within one is a
// single row, and a server hears of each row once.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/event.h"
#include "core/task.h"
#include "io/sql.h"

namespace muster {

// Columns of one row and their new values, and how they are written.
class ColumnChanges {
 public:
  static constexpr size_t kMax = 16;
  void set(size_t column, SqlValue value) {
    values_[column] = value;
    mask_ |= 1U << column;
  }
  uint32_t mask() const { return mask_; }
  const SqlValue& value(size_t column) const { return values_[column]; }

 private:
  std::array<SqlValue, kMax> values_{};
  uint32_t mask_ = 0;
};

class LedgerTasks {
 public:
  // `store` must be migrated and outlive this.
  void open(SqlStore& store);

  // What the events say lives until write().
  void add(const TaskSubmitted& event, uint64_t seq, Instant time);
  void add(const AttemptLeased& event, Instant time);
  void add_started(const AttemptReported& event, const AttemptStarted& started);
  void add(const AttemptEnded& event, Instant time);
  void add(const CancelRequested& event);
  void add(const TaskEnded& event, Instant time);
  void add(const TaskRetried& event, Instant time);

  // In the caller's transaction. After a failure this must be opened again.
  DbStatus write();

 private:
  struct Task {
    const TaskSpec* spec = nullptr;  // submitted in this delivery
    uint64_t seq = 0;
    ColumnChanges changes;
    bool is_state_known = false;
    bool cancel_unless_ended = false;
    std::string_view cancelling;
  };
  struct Attempt {
    const AttemptLeased* leased = nullptr;  // in this delivery
    Instant time;
    std::string_view devices;
    ColumnChanges changes;
  };
  using AttemptKey = std::pair<std::string_view, uint32_t>;

  Task& task(std::string_view guid) { return tasks_[text(guid)]; }
  std::string_view text(std::string_view text);
  std::string_view keep(std::string text);
  void end(std::string_view guid, const Ending& ending, Verdict verdict, Instant time);
  void set_ending(ColumnChanges& changes, size_t first, const Ending& ending);
  DbStatus insert_task(std::string_view guid, const Task& task);
  DbStatus update_task(std::string_view guid, const Task& task);
  DbStatus insert_attempt(const AttemptKey& key, const Attempt& attempt);
  DbStatus update_attempt(const AttemptKey& key, const Attempt& attempt);
  Result<SqlStatement*> update_statement(const std::string& sql);

  SqlStore* store_ = nullptr;
  std::unique_ptr<SqlInserter> insert_tasks_;
  std::unique_ptr<SqlInserter> insert_attempts_;
  std::map<std::string, std::unique_ptr<SqlStatement>> updates_;  // by their text
  std::map<std::string_view, Task> tasks_;                        // by GUID
  std::map<AttemptKey, Attempt> attempts_;
  std::deque<std::string> texts_;  // that the changes point to
};

}  // namespace muster
