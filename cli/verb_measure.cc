// muster measure query: rows of measurements of all tasks.
#include "cli/ledger_wait.h"
#include "cli/render_measure.h"
#include "cli/verbs.h"

namespace muster {

int do_verb(Session& session, const MeasureQueryOptions& options) {
  Output& output = session.output();
  LedgerReader& ledger = caught_up_ledger(session, "measurements");
  const Result<MeasureAnswer> answer = ledger.query_measurements(options.query);
  if (!answer) throw Failure{kExitLocal, answer.error(), ""};
  if (!answer->wrong.empty()) {
    throw Failure{kExitUsageError, answer->wrong, "all rows: muster measure query TABLE"};
  }
  if (options.csv) {
    output.print(render_measurements_csv(*answer));
  } else {
    output.show_list(
        "measurement", answer->rows, [&] { return render_measurements(*answer, output.look()); },
        [&](const MeasureAnswer::Row& row) {
          return measurement_json(options.query.table, *answer, row);
        },
        [](const MeasureAnswer::Row& row) { return std::to_string(row.seq); });
  }
  if (answer->more) {
    output.talk("these are the newest " + std::to_string(answer->rows.size()) +
                ": for more, -n COUNT");
  }
  return kExitOk;
}

}  // namespace muster
