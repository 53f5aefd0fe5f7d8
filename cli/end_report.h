// Tasks that were waited for: printed as they end, in the format that was asked for.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace muster {

class EndReport {
 public:
  // `count`: how many tasks are waited for. `lines_to_stderr`: people's lines are talk, because
  // stdout belongs to the console log.
  EndReport(Session& session, size_t count, bool lines_to_stderr)
      : session_(session), count_(count), lines_to_stderr_(lines_to_stderr) {}

  void add(TaskInfo task);
  // Prints what is printed at the end only. Returns the worst exit status.
  int finish();

  const std::vector<TaskInfo>& tasks() const { return tasks_; }

 private:
  Session& session_;
  size_t count_;
  bool lines_to_stderr_;
  std::vector<TaskInfo> tasks_;
};

}  // namespace muster
