// What the status_log sink must remember: how far it came, and for each task that may go on how
// long its status.log is and what is open in it. An ended task may go on while the broker knows it,
// for a person may have it retried: the newest kEndedTasksKept of them are remembered. One SQLite
// file; rows and cursor change together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/sink.h"
#include "collectors/task_log.h"
#include "io/sqlite.h"

namespace muster {

struct StatusLogRow {
  uint64_t bytes = 0;  // of status.log; whatever is beyond is left of a crash
  TaskLogState state;
};

struct StatusLogChange {
  std::string_view guid;
  StatusLogRow row;
};

class StatusLogState {
 public:
  // Opens or creates `file`.
  static Result<StatusLogState> open(const std::string& file);

  Result<SinkPosition> read_position();

  // Nothing when the task is unknown or ended long ago.
  Result<std::optional<StatusLogRow>> find(std::string_view guid);

  // Durable on return; all or nothing.
  Result<Done> commit(const std::vector<StatusLogChange>& changes, const SinkPosition& position);

  // Forgets every task, and begins with the first event again. Durable on return.
  Result<Done> forget();

 private:
  explicit StatusLogState(Database db) : db_(std::move(db)) {}
  DbStatus write(const StatusLogChange& change, uint64_t cursor);

  Database db_;
  Statement find_;
  Statement put_;
  Statement prune_;
  Statement set_position_;
};

}  // namespace muster
