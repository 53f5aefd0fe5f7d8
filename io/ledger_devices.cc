// What the ledger knows of devices and of their repairs.
#include "io/device_history.h"
#include "io/ledger.h"
#include "io/ledger_rows.h"
#include "io/sql_dialect.h"
#include "io/word.h"

namespace muster {
namespace {

constexpr uint32_t kRunsPage = 1'000;

}  // namespace

Result<std::vector<LedgerUse>> Ledger::device_uses(const std::string& device, uint32_t max,
                                                   uint64_t before) {
  return select_rows(
      *store_,
      std::string(kSelectAttempt) +
          ", d.seq, d.guid, t.kind, t.name, t.parent FROM device_attempts d JOIN "
          "attempts a ON a.guid = d.guid AND a.attempt = d.attempt LEFT JOIN tasks t "
          "ON t.guid = d.guid WHERE d.device = ? AND d.seq < ? ORDER BY d.seq DESC LIMIT ?",
      {std::string_view(device), seq_value(before), row_limit(max)}, [](const SqlStatement& row) {
        return LedgerUse{static_cast<uint64_t>(row.integer(13)),
                         text_at(row, 14),
                         attempt_at(row),
                         parse_task_kind(row.text(15)).value_or(TaskKind::job),
                         text_at(row, 16),
                         text_at(row, 17)};
      });
}

Result<std::vector<LedgerJudgement>> Ledger::device_judgements(const std::string& device,
                                                               uint32_t max, uint64_t before) {
  return select_rows(
      *store_,
      "SELECT seq, time_us, health, reason, who, guid, until_us, failures FROM device_health "
      "WHERE device = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
      {std::string_view(device), seq_value(before), row_limit(max)}, [&](const SqlStatement& row) {
        return LedgerJudgement{
            static_cast<uint64_t>(row.integer(0)), time_at(row, 1),
            DeviceJudged{device, parse_word(row.text(2), DeviceHealth::locked), text_at(row, 3),
                         text_at(row, 4), text_at(row, 5), time_at(row, 6),
                         static_cast<uint32_t>(row.integer(7))}};
      });
}

Result<std::vector<LedgerRepair>> Ledger::device_repairs(const std::string& device, uint32_t max,
                                                         uint64_t before) {
  return select_rows(
      *store_,
      "SELECT r.seq, r.time_us, r.guid, r.attempt, r.suite, r.name, r.outcome, r.duration_us, "
      "r.message FROM device_attempts d "
      "JOIN tasks t ON t.guid = d.guid AND t.kind = 'repair' "
      "JOIN attempts a ON a.guid = d.guid AND a.attempt = d.attempt AND " +
          first_element(store_->dialect(), "a.devices") +
          " = d.device JOIN results r ON r.guid = d.guid AND r.attempt = d.attempt AND "
          "r.suite = 'repair' AND r.outcome <> 'skip' WHERE d.device = ? AND r.seq < ? "
          "ORDER BY d.seq DESC, r.seq DESC LIMIT ?",
      {std::string_view(device), seq_value(before), row_limit(max)}, [](const SqlStatement& row) {
        return LedgerRepair{
            static_cast<uint64_t>(row.integer(0)),
            time_at(row, 1),
            text_at(row, 2),
            static_cast<uint32_t>(row.integer(3)),
            {text_at(row, 4), text_at(row, 5), parse_word(row.text(6), Outcome::skip),
             Duration(row.integer(7)), text_at(row, 8)}};
      });
}

Result<std::vector<LedgerActionRun>> Ledger::action_runs(const std::string& strategy,
                                                         const LedgerSlice& slice) {
  const std::string device = first_element(store_->dialect(), "a.devices");
  return select_rows(
      *store_,
      "SELECT r.seq, s.strategy, s.model, r.name, r.outcome, r.duration_us FROM results r "
      "JOIN tasks t ON t.guid = r.guid AND t.kind = 'repair' "
      "JOIN attempts a ON a.guid = r.guid AND a.attempt = r.attempt "
      "LEFT JOIN device_specs s ON s.device = " +
          device +
          " AND s.seq = "
          "(SELECT max(seq) FROM device_specs WHERE device = " +
          device +
          " AND time_us <= a.leased_us) "
          "WHERE r.seq > ? AND r.suite = 'repair' AND (? = '' OR s.strategy = ?) "
          "ORDER BY r.seq LIMIT ?",
      {seq_value(slice.after), std::string_view(strategy), std::string_view(strategy),
       row_limit(slice.max)},
      [](const SqlStatement& row) {
        return LedgerActionRun{static_cast<uint64_t>(row.integer(0)),
                               text_at(row, 1),
                               text_at(row, 2),
                               text_at(row, 3),
                               parse_word(row.text(4), Outcome::skip),
                               Duration(row.integer(5))};
      });
}

Result<std::vector<HistoryEntry>> Ledger::device_history(const std::string& device, uint32_t max,
                                                         uint64_t before) {
  const auto judgements = device_judgements(device, max, before);
  if (!judgements) return Error{judgements.error()};
  const auto uses = device_uses(device, max, before);
  if (!uses) return Error{uses.error()};
  const auto repairs = device_repairs(device, max, before);
  if (!repairs) return Error{repairs.error()};
  return merge_history(*judgements, *uses, *repairs, max);
}

Result<std::vector<ActionStat>> Ledger::action_stats(const std::string& strategy) {
  ActionSummary summary;
  LedgerSlice slice{0, kRunsPage};
  for (bool more = true; more;) {
    const auto runs = action_runs(strategy, slice);
    if (!runs) return Error{runs.error()};
    for (const LedgerActionRun& run : *runs) summary.add(run);
    more = runs->size() == kRunsPage;
    if (more) slice.after = runs->back().seq;
  }
  return summary.take();
}

Result<std::vector<std::string>> Ledger::strategies() {
  return select_rows(
      *store_, "SELECT DISTINCT strategy FROM device_specs WHERE strategy <> '' ORDER BY strategy",
      {}, [](const SqlStatement& row) { return text_at(row, 0); });
}

}  // namespace muster
