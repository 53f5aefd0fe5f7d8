// The filters of muster task ls.
#include "cli/parse_kit.h"
#include "cli/values.h"
#include "core/limits.h"

namespace muster {

void add_task_filters(CLI::App* app, const std::shared_ptr<TaskListOptions>& options) {
  add_given(app, "--group", &options->group, "GROUP",
            "Tasks of one array or matrix, ended ones too: its GUID, a unique prefix, or last");
  add_value<std::vector<Verdict>>(
      app, "--verdict", parse_verdicts,
      [target = options.get()](std::vector<Verdict> verdicts) {
        target->verdicts = std::move(verdicts);
      },
      "A,B", "Ended tasks with one of these: pass, fail, flaky, error, skip");
  add_value<std::string>(
      app, "--name",
      [](const std::string& text) -> Result<std::string> {
        if (!text.empty() && text.size() <= kNamePatternBytesMax) return text;
        return Error{"a pattern of names has 1 to " + std::to_string(kNamePatternBytesMax) +
                     " bytes"};
      },
      [target = options.get()](std::string name) { target->name = std::move(name); }, "GLOB",
      "Tasks whose name matches: wifi-*");
  add_assignments(app, "--meta", &options->metadata, "Tasks with this metadata");
  app->add_flag("--buried", options->buried,
                "Ended tasks that came to nothing, and wait for muster retry");
}

}  // namespace muster
