#include "io/ledger_rows.h"

#include "io/event_json.h"
#include "io/word.h"

namespace muster {

std::optional<Ending> ending_at(const SqlStatement& row, int column, Instant started,
                                Instant finished) {
  if (row.is_null(column)) return std::nullopt;
  Ending ending;
  ending.outcome = parse_word(row.text(column), Outcome::skip);
  ending.cause = parse_word(row.text(column + 1), Cause::capacity);
  const int64_t status = row.integer(column + 2);
  const bool known = status >= 0 && status <= static_cast<int64_t>(StatusCode::timeout);
  ending.status = known ? static_cast<StatusCode>(status) : StatusCode::error;
  if (!row.is_null(column + 3)) ending.exit_code = static_cast<int32_t>(row.integer(column + 3));
  if (!row.is_null(column + 4)) ending.signal = static_cast<int32_t>(row.integer(column + 4));
  ending.message = text_at(row, column + 5);
  ending.started = started;
  ending.finished = finished;
  return ending;
}

AttemptInfo attempt_at(const SqlStatement& row) {
  AttemptInfo attempt;
  attempt.attempt = static_cast<uint32_t>(row.integer(0));
  attempt.worker = text_at(row, 1);
  attempt.devices = names_from_json(row.text(2));
  attempt.leased = time_at(row, 3);
  attempt.log_url = text_at(row, 6);
  attempt.ending = ending_at(row, 7, time_at(row, 4), time_at(row, 5));
  return attempt;
}

}  // namespace muster
