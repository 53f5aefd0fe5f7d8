// What the events of one task add to its status.log. Records of the worker are written as they
// come; what the worker could not say (it died, it was never given the task) is said here, so that
// the log of every ended task is complete and tells what happened:
//
// - groups that an attempt left open are closed with END ABORT;
// - an attempt that ended without a record, and a task that ended in the queue, get a bracket of
//   their own: START ---- KIND, END WORD ---- KIND message;
// - an attempt after which the task is tried again, and one that ended by the broker's word after
//   its groups were closed, gets an INFO line, and so does a person's retry of an ended task.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/status_record.h"

namespace muster {

// What must be remembered between two events of a task.
struct TaskLogState {
  TaskKind kind = TaskKind::job;
  bool has_records = false;  // the present attempt has said something
  bool ended = false;        // it has its verdict: nothing is added unless it is retried
  std::vector<OpenGroup> open;
  bool operator==(const TaskLogState&) const = default;
};

class TaskLog {
 public:
  explicit TaskLog(TaskLogState state);

  // The text that the event adds; often none. Events of other tasks must not be given.
  std::string take(const Event& event);

  TaskLogState state() const { return {kind_, has_records_, ended_, writer_.open()}; }

 private:
  std::string take_record(const Record& record, Instant time);
  std::string take_end(const AttemptEnded& event, Instant time);
  std::string bracket(const Ending& ending, Instant time);
  std::string info(const std::string& message, Instant time);

  TaskKind kind_;
  bool has_records_;
  StatusLogWriter writer_;
  bool ended_;
};

}  // namespace muster
