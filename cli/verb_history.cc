// muster device history, strategy stats: what the ledger remembers of devices and their repairs.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "cli/action_stats.h"
#include "cli/history.h"
#include "cli/ledger_wait.h"
#include "cli/render_json.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/file.h"
#include "io/strategy_file.h"

namespace muster {
namespace {

template <typename Rows>
Rows rows_or_throw(const Session& session, Result<Rows> rows) {
  if (!rows) throw session.ledger_failure(rows.error());
  return std::move(*rows);
}

// Throws when the broker knows no such device; without a broker, when the ledger does not.
void check_device(Session& session, LedgerReader& ledger, const std::string& name) {
  if (session.broker_or_none() == nullptr) {
    if (rows_or_throw(session, ledger.has_device(name))) return;
    throw Failure{kExitUsageError, "no device " + quote_text(name) + " in the ledger",
                  "start the broker to see what there is: muster up, and muster device ls"};
  }
  if (session.devices_named(name).empty()) session.throw_no_device(name);
}

// Throws when neither the ledger nor the broker's inventory knows a strategy of this name.
void check_strategy(Session& session, LedgerReader& ledger, const std::string& name) {
  std::vector<std::string> names = rows_or_throw(session, ledger.strategies());
  if (session.broker_or_none() != nullptr) {
    const CurrentInventory current = session.ask_for<CurrentInventory>(AskInventory{});
    for (const StrategyBlob& blob : current.inventory->strategies) names.push_back(blob.name);
  }
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  throw Failure{kExitUsageError,
                "no strategy is named " + quote_text(name) + suggestion(name, names),
                "all that came up: muster strategy stats"};
}

// The strategy in the file that `text` names, or nothing when there is no such file: a folder that
// happens to have a strategy's name is none.
std::optional<Strategy> strategy_of_file(Output& output, const std::string& text) {
  struct stat status {};
  const bool is_path = text.find('/') != text.npos || text.ends_with(".yaml");
  const bool missing = text.empty() || ::stat(text.c_str(), &status) != 0;
  if (missing && is_path) {
    throw Failure{kExitUsageError, printable(text) + ": cannot be read: " + errno_text(errno),
                  "a strategy's name will do: muster strategy stats NAME"};
  }
  if (missing || S_ISDIR(status.st_mode)) return std::nullopt;
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
  LedgerReader& ledger = caught_up_ledger(session, "history");
  const std::string& name = options.name;
  const uint32_t max = options.count_max;
  const std::vector<HistoryEntry> entries =
      rows_or_throw(session, ledger.device_history(name, max));
  if (entries.empty()) check_device(session, ledger, name);
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
  LedgerReader& ledger = caught_up_ledger(session, "statistics");
  std::vector<ActionStat> stats = rows_or_throw(session, ledger.action_stats(name));
  if (stats.empty() && !strategy && !name.empty()) check_strategy(session, ledger, name);
  if (strategy) stats = order_by_strategy(std::move(stats), *strategy);
  output.show_list(
      "action_stat", stats, [&] { return render_action_stats(stats, output.look()); },
      action_stat_json, [](const ActionStat& stat) { return stat.action; });
  return kExitOk;
}

}  // namespace muster
