#include "cli/history.h"

#include "cli/render_device.h"
#include "cli/render_task.h"
#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {
namespace {

// The cells between the time and the end of a line: what, outcome, how long, task, why.
struct Row {
  const std::string& device;

  std::vector<Cell> operator()(const DeviceJudged& judged) const {
    std::vector<std::string> why;
    if (!judged.reason.empty()) why.push_back(judged.reason);
    if (!judged.who.empty()) why.push_back("by " + judged.who);
    if (judged.failures > 1) why.push_back(std::to_string(judged.failures) + " failures in a row");
    if (judged.until != kNever) why.push_back("left alone until " + short_time(judged.until));
    return {"health",
            {to_string(judged.health), health_color(judged.health)},
            "",
            judged.guid,
            join(why, "; ")};
  }

  std::vector<Cell> operator()(const LedgerUse& use) const {
    const std::string what = task_label(use.kind, use.name == device ? "" : use.name);
    const std::string where =
        "attempt " + std::to_string(use.attempt.attempt) + " on " + use.attempt.worker;
    if (!use.attempt.ending) return {what, "not ended", "", use.guid, where};
    const Ending& ending = *use.attempt.ending;
    const std::string took =
        ending.started == kNever ? "" : format_duration(ending.finished - ending.started);
    return {what,
            {outcome_text(ending.outcome, ending.cause), outcome_color(ending.outcome)},
            took,
            use.guid,
            ending.message.empty() ? where : ending.message + "; " + where};
  }

  std::vector<Cell> operator()(const LedgerRepair& repair) const {
    const bool repaired = repair.result.outcome == Outcome::pass;
    return {"  action " + repair.result.name,
            {repaired ? "repaired" : "in vain", outcome_color(repair.result.outcome)},
            format_duration(repair.result.duration),
            repair.guid,
            repair.result.message};
  }
};

}  // namespace

std::string render_history(const std::string& device, const std::vector<HistoryEntry>& entries,
                           const Look& look) {
  if (entries.empty()) return "nothing has happened to " + printable(device) + " yet\n";
  Table table({"TIME", "WHAT", "OUTCOME", "TOOK", "TASK", "WHY"});
  for (const HistoryEntry& entry : entries) {
    std::vector<Cell> row = {short_time(entry.time)};
    for (Cell& cell : std::visit(Row{device}, entry.what)) row.push_back(std::move(cell));
    table.add(std::move(row));
  }
  return table.render(look);
}

}  // namespace muster
