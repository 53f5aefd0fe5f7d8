// Answers of a ledger (io/ledger_reader.h) as JSON: what the collector's HTTP API gives and the CLI
// reads. Each is one object; members that are empty are left out, times are RFC 3339 in UTC,
// durations (_s) seconds. Fields are added, never renamed or removed.
//
//   task         seq, guid, kind, name, state, verdict, ending {}, submitted, started, ended,
//                not_before, cancelling, attempt_count, worker, spec {}; a whole one also
//                attempts [{attempt, worker, devices, leased, log_url, ending {}}] and, for our own
//                programs, work: its work as the wire has it, in base64
//   result       seq, attempt, time, suite, name, outcome, duration_s, message
//   source       seq, attempt, time, url, ref, sha
//   artifact     seq, attempt, time, name, url, bytes, sha256
//   measurement  seq, attempt, time, table, row {}
//   row of a table of measurements: seq, time, guid, attempt, row {}
//   device       name, declared, workers [], strategy, model, health, health_reason, health_since,
//                health_who, health_guid, until, failures, attempts, last {seq, guid, kind, name,
//                parent, attempt, worker, leased, ending {}}; a whole one also
//                counts [{kind, outcome, attempts}], without outcome of those that have not ended
//   entry of a device's history: seq, time, what, and by that
//     health     guid, health, reason, who, until, failures
//     attempt    guid, kind, name, parent, attempt, worker, ending {}
//     action     guid, attempt, action, outcome, duration_s, message
//   table of measurements: name, columns [{name, type}]
//   action stat  strategy, action, model, tried, repaired, failed, not_tried, median_s
// spec, ending and events are those of io/event_json.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "io/ledger_device.h"
#include "io/ledger_reader.h"

namespace muster {

std::string task_to_json(const LedgerTask& task, bool brief);
std::string result_to_json(const LedgerResult& result);
std::string source_to_json(const LedgerReport<SourceFetched>& source);
std::string artifact_to_json(const LedgerReport<Artifact>& artifact);
std::string measurement_to_json(const LedgerReport<Measurement>& measurement);
std::string history_to_json(const HistoryEntry& entry);
std::string ledger_device_to_json(const LedgerDevice& device);
std::string ledger_device_to_json(const LedgerDevice& device,
                                  const std::vector<LedgerUseCount>& counts);
std::string action_stat_to_json(const ActionStat& stat);
// With a schema, where it stands alone.
std::string measure_table_to_json(const MeasureTable& table, std::string_view schema = "");

// {"schema": "muster.measure_rows/1", table, columns [], more, rows [], "next": N}. The answer is
// none that is wrong.
std::string measurements_to_json(const std::string& table, const MeasureAnswer& answer);

// {"schema": "muster.NAME/1", NAME: [rows], "next": N}; `next` is where the next page begins, if
// there is one. Each row is JSON.
std::string page_to_json(std::string_view name, const std::vector<std::string>& rows,
                         std::optional<uint64_t> next = std::nullopt);
std::string page_to_json(std::string_view name, const std::vector<std::string>& rows,
                         const std::optional<std::string>& next);

// The inverses. What is missing or of the wrong type has its default; a seq, a guid and what has no
// place in the JSON is lost.
LedgerTask task_from_json(std::string_view text);
LedgerResult result_from_json(std::string_view text);
LedgerReport<SourceFetched> source_from_json(std::string_view text);
HistoryEntry history_from_json(const std::string& device, std::string_view text);
ActionStat action_stat_from_json(std::string_view text);
MeasureTable measure_table_from_json(std::string_view text);
LedgerEvent ledger_event_from_json(std::string_view text);

// The inverses for whole documents. Errors: it is no such document.
Result<MeasureAnswer> measurements_from_json(std::string_view text);
struct JsonPage {
  std::vector<std::string> rows;
  std::optional<uint64_t> next;
};
Result<JsonPage> page_from_json(std::string_view name, std::string_view text);

}  // namespace muster
