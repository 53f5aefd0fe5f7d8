#include "io/ledger_json.h"

#include "io/base64.h"
#include "io/clock.h"
#include "io/event_json.h"
#include "io/json_writer.h"
#include "io/measure_json.h"

namespace muster {
namespace {

void put(JsonWriter& json, const char* key, std::string_view text) {
  if (!text.empty()) json.text(key, text);
}

void put(JsonWriter& json, const char* key, Instant time) {
  if (time != kNever) json.text(key, format_rfc3339(time));
}

void put(JsonWriter& json, const std::optional<Ending>& ending) {
  if (ending) json.json("ending", ending_to_json(*ending));
}

void put(JsonWriter& json, const AttemptInfo& attempt) {
  json.begin_object();
  json.number("attempt", uint64_t{attempt.attempt});
  put(json, "worker", attempt.worker);
  if (!attempt.devices.empty()) json.json("devices", names_to_json(attempt.devices));
  put(json, "leased", attempt.leased);
  put(json, "log_url", attempt.log_url);
  put(json, attempt.ending);
  json.end_object();
}

// What every report has.
template <typename Report>
void put_head(JsonWriter& json, const Report& report) {
  json.begin_object();
  json.number("seq", report.seq);
  json.number("attempt", uint64_t{report.attempt});
  put(json, "time", report.time);
}

std::string finish(JsonWriter& json) {
  json.end_object();
  return json.take();
}

void begin_page(JsonWriter& json, std::string_view name, const std::vector<std::string>& rows) {
  json.begin_object();
  json.text("schema", "muster." + std::string(name) + "/1");
  json.begin_array(name);
  for (const std::string& row : rows) json.json("", row);
  json.end_array();
}

void put(JsonWriter& json, const LedgerUse& use) {
  json.text("guid", use.guid);
  json.text("kind", to_string(use.kind));
  put(json, "name", use.name);
  put(json, "parent", use.parent);
  json.number("attempt", uint64_t{use.attempt.attempt});
  put(json, "worker", use.attempt.worker);
}

struct PutHistory {
  JsonWriter& json;

  void operator()(const DeviceJudged& judged) const {
    json.text("what", "health");
    put(json, "guid", judged.guid);
    json.text("health", to_string(judged.health));
    put(json, "reason", judged.reason);
    put(json, "who", judged.who);
    put(json, "until", judged.until);
    json.number("failures", uint64_t{judged.failures});
  }
  void operator()(const LedgerUse& use) const {
    json.text("what", "attempt");
    put(json, use);
    put(json, use.attempt.ending);
  }
  void operator()(const LedgerRepair& repair) const {
    json.text("what", "action");
    json.text("guid", repair.guid);
    json.number("attempt", uint64_t{repair.attempt});
    json.text("action", repair.result.name);
    json.text("outcome", to_string(repair.result.outcome));
    json.seconds("duration_s", repair.result.duration);
    put(json, "message", repair.result.message);
  }
};

void put_members(JsonWriter& json, const LedgerDevice& device) {
  json.text("name", device.name);
  json.boolean("declared", device.is_declared);
  if (!device.workers.empty()) json.json("workers", names_to_json(device.workers));
  put(json, "strategy", device.strategy);
  put(json, "model", device.model);
  const DeviceJudged judged = device.judgement ? device.judgement->judged : DeviceJudged{};
  json.text("health", to_string(judged.health));
  put(json, "health_reason", judged.reason);
  if (device.judgement) put(json, "health_since", device.judgement->time);
  put(json, "health_who", judged.who);
  put(json, "health_guid", judged.guid);
  put(json, "until", judged.until);
  json.number("failures", uint64_t{judged.failures});
  json.number("attempts", device.attempts);
  if (!device.last) return;
  json.begin_object("last");
  json.number("seq", device.last->seq);
  put(json, *device.last);
  put(json, "leased", device.last->attempt.leased);
  put(json, device.last->attempt.ending);
  json.end_object();
}

}  // namespace

std::string task_to_json(const LedgerTask& task, bool brief) {
  const TaskInfo& info = task.info;
  JsonWriter json;
  json.begin_object();
  json.number("seq", task.seq);
  json.text("guid", info.spec.guid);
  json.text("kind", to_string(info.spec.kind));
  put(json, "name", info.spec.name);
  json.text("state", to_string(info.state));
  if (info.verdict != Verdict::none) json.text("verdict", to_string(info.verdict));
  put(json, info.ending);
  put(json, "submitted", info.submitted);
  put(json, "started", task.started);
  put(json, "ended", info.ended);
  put(json, "not_before", info.not_before);
  put(json, "cancelling", info.cancelling);
  json.number("attempt_count", uint64_t{info.attempt_count});
  put(json, "worker", task.worker);
  json.json("spec", task.spec_json.empty() ? "{}" : task.spec_json);
  if (!brief) {
    json.begin_array("attempts");
    for (const AttemptInfo& attempt : info.attempts) put(json, attempt);
    json.end_array();
    put(json, "work", base64_encode(info.spec.work));
  }
  return finish(json);
}

std::string result_to_json(const LedgerResult& result) {
  JsonWriter json;
  put_head(json, result);
  put(json, "suite", result.result.suite);
  json.text("name", result.result.name);
  json.text("outcome", to_string(result.result.outcome));
  json.seconds("duration_s", result.result.duration);
  put(json, "message", result.result.message);
  return finish(json);
}

std::string source_to_json(const LedgerReport<SourceFetched>& source) {
  JsonWriter json;
  put_head(json, source);
  json.text("url", source.body.url);
  put(json, "ref", source.body.ref);
  json.text("sha", source.body.sha);
  return finish(json);
}

std::string artifact_to_json(const LedgerReport<Artifact>& artifact) {
  JsonWriter json;
  put_head(json, artifact);
  json.text("name", artifact.body.name);
  put(json, "url", artifact.body.url);
  json.number("bytes", artifact.body.bytes);
  put(json, "sha256", artifact.body.sha256);
  return finish(json);
}

std::string measurement_to_json(const LedgerReport<Measurement>& measurement) {
  JsonWriter json;
  put_head(json, measurement);
  json.text("table", measurement.body.table);
  json.begin_object("row");
  for (const auto& [column, value] : measurement.body.row) put_cell(json, column, value);
  json.end_object();
  return finish(json);
}

std::string history_to_json(const HistoryEntry& entry) {
  JsonWriter json;
  json.begin_object();
  json.number("seq", entry.seq);
  put(json, "time", entry.time);
  std::visit(PutHistory{json}, entry.what);
  return finish(json);
}

std::string ledger_device_to_json(const LedgerDevice& device) {
  JsonWriter json;
  json.begin_object();
  put_members(json, device);
  return finish(json);
}

std::string ledger_device_to_json(const LedgerDevice& device,
                                  const std::vector<LedgerUseCount>& counts) {
  JsonWriter json;
  json.begin_object();
  put_members(json, device);
  json.begin_array("counts");
  for (const LedgerUseCount& count : counts) {
    json.begin_object();
    json.text("kind", to_string(count.kind));
    if (count.outcome) json.text("outcome", to_string(*count.outcome));
    json.number("attempts", count.attempts);
    json.end_object();
  }
  json.end_array();
  return finish(json);
}

std::string action_stat_to_json(const ActionStat& stat) {
  JsonWriter json;
  json.begin_object();
  put(json, "strategy", stat.strategy);
  json.text("action", stat.action);
  put(json, "model", stat.model);
  json.number("tried", stat.repaired + stat.failed);
  json.number("repaired", stat.repaired);
  json.number("failed", stat.failed);
  json.number("not_tried", stat.not_tried);
  if (stat.median) json.seconds("median_s", *stat.median);
  return finish(json);
}

std::string measure_table_to_json(const MeasureTable& table, std::string_view schema) {
  JsonWriter json;
  json.begin_object();
  put(json, "schema", schema);
  json.text("name", table.name);
  json.begin_array("columns");
  for (const MeasureColumn& column : table.columns) {
    json.begin_object();
    json.text("name", column.name);
    json.text("type", to_string(column.type));
    json.end_object();
  }
  json.end_array();
  return finish(json);
}

std::string measurements_to_json(const std::string& table, const MeasureAnswer& answer) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.measure_rows/1");
  json.text("table", table);
  json.json("columns", names_to_json(answer.columns));
  json.boolean("more", answer.more);
  json.begin_array("rows");
  for (const MeasureAnswer::Row& row : answer.rows) {
    json.begin_object();
    json.number("seq", row.seq);
    put(json, "time", row.time);
    json.text("guid", row.guid);
    json.number("attempt", uint64_t{row.attempt});
    json.begin_object("row");
    for (size_t i = 0; i < row.cells.size(); ++i) {
      if (row.cells[i]) put_cell(json, answer.columns[i], *row.cells[i]);
    }
    json.end_object();
    json.end_object();
  }
  json.end_array();
  if (answer.more && !answer.rows.empty()) json.number("next", answer.rows.front().seq);
  return finish(json);
}

std::string page_to_json(std::string_view name, const std::vector<std::string>& rows,
                         std::optional<uint64_t> next) {
  JsonWriter json;
  begin_page(json, name, rows);
  if (next) json.number("next", *next);
  return finish(json);
}

std::string page_to_json(std::string_view name, const std::vector<std::string>& rows,
                         const std::optional<std::string>& next) {
  JsonWriter json;
  begin_page(json, name, rows);
  if (next) json.text("next", *next);
  return finish(json);
}

}  // namespace muster
