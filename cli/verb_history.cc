// muster device history, strategy stats: what the ledger remembers of devices and their repairs.
#include <sys/stat.h>

#include "cli/action_stats.h"
#include "cli/history.h"
#include "cli/ledger_wait.h"
#include "cli/render_json.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/strategy_file.h"

namespace muster {
namespace {

template <typename Rows>
Rows rows_or_throw(Result<Rows> rows) {
  if (!rows) throw Failure{kExitLocal, rows.error(), ""};
  return std::move(*rows);
}

// The ledger with everything that the broker has recorded by now, as far as can be waited for.
Ledger& caught_up_ledger(Session& session, const std::string& what) {
  Ledger& ledger = ledger_or_throw(session, what);
  if (!await_ledger(session, ledger)) {
    session.output().talk("the newest entries may be missing yet");
  }
  return ledger;
}

// Throws when the broker knows no such device; without a broker there is nobody to ask.
void check_device(Session& session, const std::string& name) {
  if (session.broker_or_none() == nullptr) return;
  std::vector<std::string> names;
  for (const DeviceInfo& device : session.ask_for<DeviceList>(ListDevices{}).devices) {
    if (device.spec.name == name) return;
    names.push_back(device.spec.name);
  }
  throw Failure{kExitUsageError, "no device is named " + quote_text(name) + suggestion(name, names),
                "see: muster device ls"};
}

// The strategy in the file that `text` names, or nothing when there is no such file: a folder that
// happens to have a strategy's name is none.
std::optional<Strategy> strategy_of_file(Output& output, const std::string& text) {
  struct stat status {};
  if (text.empty() || ::stat(text.c_str(), &status) != 0 || S_ISDIR(status.st_mode)) {
    return std::nullopt;
  }
  StrategyFile file = load_strategy_file(text);
  const std::string problems = file.problems.to_text();
  if (!file.problems.has_errors()) return std::move(file.strategy);
  output.talk(problems.substr(0, problems.size() - 1));
  throw Failure{kExitUsageError, counted(file.problems.errors(), "error") + " in " + text,
                "a strategy's name will do: muster strategy stats NAME"};
}

}  // namespace

int do_verb(Session& session, const DeviceHistoryOptions& options) {
  Output& output = session.output();
  Ledger& ledger = caught_up_ledger(session, "history");
  const std::string& name = options.name;
  const uint32_t max = options.count_max;
  const std::vector<HistoryEntry> entries =
      merge_history(rows_or_throw(ledger.device_judgements(name, max)),
                    rows_or_throw(ledger.device_uses(name, max)),
                    rows_or_throw(ledger.device_repairs(name, max)), max);
  if (entries.empty()) check_device(session, name);
  output.show_list(
      "device_record", entries, [&] { return render_history(name, entries, output.look()); },
      [&](const HistoryEntry& entry) { return device_record_json(name, entry); },
      [](const HistoryEntry& entry) { return std::to_string(entry.seq); });
  return kExitOk;
}

int do_verb(Session& session, const StrategyStatsOptions& options) {
  Output& output = session.output();
  const std::optional<Strategy> strategy = strategy_of_file(output, options.strategy);
  const std::string name = strategy ? strategy->name : options.strategy;
  Ledger& ledger = caught_up_ledger(session, "statistics");
  std::vector<ActionStat> stats = summarise_actions(rows_or_throw(ledger.action_runs(name)));
  if (strategy) stats = order_by_strategy(std::move(stats), *strategy);
  output.show_list(
      "action_stat", stats, [&] { return render_action_stats(stats, output.look()); },
      action_stat_json, [](const ActionStat& stat) { return stat.action; });
  return kExitOk;
}

}  // namespace muster
