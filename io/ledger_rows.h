// Pieces of the answers of io/ledger.h, for the files that give them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/messages.h"
#include "core/result.h"
#include "core/time.h"
#include "io/ledger_schema.h"
#include "io/sql.h"

namespace muster {

inline constexpr uint32_t kRowsMax = 1'000'000;  // of one answer, whatever is asked for

inline constexpr std::string_view kSelectAttempt =
    "SELECT a.attempt, a.worker, a.devices, a.leased_us, a.started_us, a.ended_us, a.log_url, "
    "a.outcome, a.cause, a.status, a.exit_code, a.\"signal\", a.message";

inline Instant time_at(const SqlStatement& row, int column) { return from_us(row.integer(column)); }

inline std::string text_at(const SqlStatement& row, int column) {
  return std::string(row.text(column));
}

inline int64_t row_limit(uint32_t max) { return std::min(max, kRowsMax); }

// A number of an event. None is as great as what does not fit.
inline int64_t seq_value(uint64_t seq) {
  return static_cast<int64_t>(std::min<uint64_t>(seq, INT64_MAX));
}

// `column` is that of `outcome`; cause, status, exit_code, signal and message follow it.
std::optional<Ending> ending_at(const SqlStatement& row, int column, Instant started,
                                Instant finished);
// Of a row of kSelectAttempt.
AttemptInfo attempt_at(const SqlStatement& row);

// Reads every row of a SELECT with `read`.
template <typename Read>
auto select_rows(SqlStore& store, std::string_view sql, const std::vector<SqlValue>& values,
                 const Read& read)
    -> Result<std::vector<decltype(read(std::declval<const SqlStatement&>()))>> {
  Result<std::unique_ptr<SqlStatement>> statement = store.prepare(sql);
  if (!statement.ok()) return ledger_error(statement.error());
  std::vector<decltype(read(**statement))> rows;
  (*statement)->start(values);
  while ((*statement)->next()) rows.push_back(read(**statement));
  if (DbStatus status = (*statement)->finish(); !status.ok()) return ledger_error(status.reason);
  return rows;
}

}  // namespace muster
