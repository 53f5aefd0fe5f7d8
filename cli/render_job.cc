#include "cli/render_job.h"

#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {

std::string render_jobs(const std::vector<VcsJob>& jobs, const Look& look) {
  Table table({"PATH", "TAGS", "USUALLY", "ABOUT"});
  for (const VcsJob& job : jobs) {
    const std::string usually = job.duration > Duration{0} ? format_duration(job.duration) : "";
    const bool runs = job.broken.empty();
    table.add({Cell(job.path, runs ? Color::none : Color::bad), Cell(join(job.tags, ",")),
               Cell(usually),
               runs ? Cell(job.banner) : Cell("cannot run: " + job.broken, Color::bad)});
  }
  return table.empty() ? "" : table.render(look);
}

}  // namespace muster
