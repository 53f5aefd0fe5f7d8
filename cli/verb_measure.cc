// muster measure query, ls: tables of measurements of all tasks, and their rows.
#include "cli/ledger_wait.h"
#include "cli/lookup.h"
#include "cli/render_measure.h"
#include "cli/verbs.h"
#include "io/ledger_json.h"

namespace muster {
namespace {

// Conditions with whole GUIDs, where people wrote the beginning of one, or "last".
MeasureQuery with_whole_guids(Session& session, MeasureQuery query) {
  for (MeasureCondition& condition : query.conditions) {
    if (condition.names_task()) condition.value = resolve_guid(session, condition.value);
  }
  return query;
}

}  // namespace

int do_verb(Session& session, const MeasureQueryOptions& options) {
  Output& output = session.output();
  if (options.query.table.empty()) {
    throw Failure{kExitUsageError, "which table? its name is empty", "see: muster measure ls"};
  }
  LedgerReader& ledger = caught_up_ledger(session, "measurements");
  const MeasureQuery query = with_whole_guids(session, options.query);
  const Result<MeasureAnswer> answer = ledger.query_measurements(query);
  if (!answer) throw session.ledger_failure(answer.error());
  if (!answer->wrong.empty()) {
    throw Failure{kExitUsageError, answer->wrong, "tables and columns: muster measure ls"};
  }
  if (options.csv) {
    output.print(render_measurements_csv(*answer));
  } else {
    output.show_list(
        "measurement", answer->rows, [&] { return render_measurements(*answer, output.look()); },
        [&](const MeasureAnswer::Row& row) { return measurement_json(query.table, *answer, row); },
        [](const MeasureAnswer::Row& row) { return std::to_string(row.seq); });
  }
  if (answer->more) {
    output.talk("these are the newest " + std::to_string(answer->rows.size()) +
                ": for more, -n COUNT");
  }
  return kExitOk;
}

int do_verb(Session& session, const MeasureListOptions&) {
  Output& output = session.output();
  LedgerReader& ledger = caught_up_ledger(session, "measurements");
  const Result<std::vector<MeasureTable>> tables = ledger.measure_tables();
  if (!tables) throw session.ledger_failure(tables.error());
  output.show_list(
      "measure_table", *tables, [&] { return render_measure_tables(*tables, output.look()); },
      [](const MeasureTable& table) {
        return measure_table_to_json(table, "muster.measure_table/1");
      },
      [](const MeasureTable& table) { return table.name; });
  return kExitOk;
}

}  // namespace muster
