#include "cli/end_report.h"

#include "cli/render_task.h"

namespace muster {

void EndReport::add(TaskInfo task) {
  Output& output = session_.output();
  switch (output.format()) {
    case Format::human:
      if (lines_to_stderr_) {
        const std::string line = render_task_line(task, output.talk_look());
        output.talk(line.substr(0, line.size() - 1));
      } else {
        output.print(render_task_line(task, output.look()));
      }
      break;
    case Format::jsonl:
      output.print(task_json(task, session_.status_log(task.spec.guid)) + "\n");
      break;
    case Format::quiet:
      output.print(task.spec.guid + "\n");
      break;
    case Format::json:
      break;  // one document, at the end
  }
  tasks_.push_back(std::move(task));
}

int EndReport::finish() {
  Output& output = session_.output();
  if (output.format() == Format::json) {
    std::vector<std::string> items;
    for (const TaskInfo& task : tasks_) {
      items.push_back(task_json(task, session_.status_log(task.spec.guid)));
    }
    const bool is_one = count_ == 1 && items.size() == 1;
    output.print((is_one ? items.front() : list_json("task", items)) + "\n");
  }
  return worst_exit_status(tasks_);
}

}  // namespace muster
