// Answers of a ledger from their JSON form (io/ledger_json.h).
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/base64.h"
#include "io/event_json.h"
#include "io/json_members.h"
#include "io/ledger_json.h"
#include "io/word.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// An empty object for what is none.
Json parse_object(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

std::optional<Ending> some_ending(const JsonMembers& members) {
  const Json* json = members.find("ending");
  if (json == nullptr || !json->is_object()) return std::nullopt;
  return ending_from_json(*json);
}

AttemptInfo read_attempt(const Json& json) {
  const JsonMembers members(json);
  AttemptInfo attempt;
  attempt.attempt = members.small_number("attempt");
  attempt.worker = members.text("worker");
  attempt.devices = members.names("devices");
  attempt.leased = members.time("leased");
  attempt.log_url = members.text("log_url");
  attempt.ending = some_ending(members);
  return attempt;
}

std::optional<MeasureValue> read_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  return std::nullopt;
}

CaseResult read_case(const JsonMembers& members, const char* name) {
  return {members.text("suite"), members.text(name), members.word("outcome", Outcome::skip),
          members.seconds("duration_s"), members.text("message")};
}

// The rows of a document of this schema.
const Json* find_rows(const Json& json, std::string_view schema, const char* name) {
  const JsonMembers members(json);
  const Json* rows = members.find(name);
  const bool fits = members.text("schema") == "muster." + std::string(schema) + "/1" &&
                    rows != nullptr && rows->is_array();
  return fits ? rows : nullptr;
}

}  // namespace

LedgerTask task_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  LedgerTask task;
  task.seq = members.number("seq");
  const Json* spec = members.find("spec");
  task.spec_json = spec == nullptr ? "{}" : spec->dump();
  TaskInfo& info = task.info;
  info.spec = task_spec_from_json(task.spec_json);
  info.spec.work = base64_decode(members.text("work")).value_or("");
  info.state = members.word("state", TaskState::ended);
  info.verdict = members.word("verdict", Verdict::skip);
  info.ending = some_ending(members);
  info.submitted = members.time("submitted");
  task.started = members.time("started");
  info.ended = members.time("ended");
  info.not_before = members.time("not_before");
  info.cancelling = members.text("cancelling");
  info.attempt_count = members.small_number("attempt_count");
  task.worker = members.text("worker");
  if (const Json* attempts = members.find("attempts"); attempts && attempts->is_array()) {
    for (const Json& attempt : *attempts) info.attempts.push_back(read_attempt(attempt));
  }
  return task;
}

LedgerResult result_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  return {members.number("seq"), members.small_number("attempt"), members.time("time"),
          read_case(members, "name")};
}

LedgerReport<SourceFetched> source_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  return {members.number("seq"),
          members.small_number("attempt"),
          members.time("time"),
          {members.text("url"), members.text("ref"), members.text("sha")}};
}

HistoryEntry history_from_json(const std::string& device, std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  HistoryEntry entry;
  entry.seq = members.number("seq");
  entry.time = members.time("time");
  const std::string what = members.text("what");
  if (what == "attempt") {
    LedgerUse use;
    use.seq = entry.seq;
    use.guid = members.text("guid");
    use.kind = parse_task_kind(members.text("kind")).value_or(TaskKind::job);
    use.name = members.text("name");
    use.parent = members.text("parent");
    use.attempt.attempt = members.small_number("attempt");
    use.attempt.worker = members.text("worker");
    use.attempt.leased = entry.time;
    use.attempt.ending = some_ending(members);
    entry.what = std::move(use);
  } else if (what == "action") {
    entry.what = LedgerRepair{entry.seq, entry.time, members.text("guid"),
                              members.small_number("attempt"), read_case(members, "action")};
  } else {
    DeviceJudged judged;
    judged.device = device;
    judged.health = members.word("health", DeviceHealth::locked);
    judged.reason = members.text("reason");
    judged.who = members.text("who");
    judged.guid = members.text("guid");
    judged.until = members.time("until");
    judged.failures = members.small_number("failures");
    entry.what = std::move(judged);
  }
  return entry;
}

ActionStat action_stat_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  ActionStat stat;
  stat.strategy = members.text("strategy");
  stat.action = members.text("action");
  stat.model = members.text("model");
  stat.repaired = members.number("repaired");
  stat.failed = members.number("failed");
  stat.not_tried = members.number("not_tried");
  if (members.find("median_s") != nullptr) stat.median = members.seconds("median_s");
  return stat;
}

MeasureTable measure_table_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  MeasureTable table;
  table.name = members.text("name");
  const Json* columns = members.find("columns");
  if (columns == nullptr || !columns->is_array()) return table;
  for (const Json& one : *columns) {
    const JsonMembers column(one);
    table.columns.push_back({column.text("name"), "", column.word("type", MeasureType::time)});
  }
  return table;
}

LedgerEvent ledger_event_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  return {members.number("seq"), members.time("time"),   members.text("type"),
          members.text("guid"),  members.text("worker"), std::string(text)};
}

Result<MeasureAnswer> measurements_from_json(std::string_view text) {
  const Json json = parse_object(text);
  const JsonMembers members(json);
  const Json* rows = find_rows(json, "measure_rows", "rows");
  if (rows == nullptr) return Error{"that is no answer of the schema muster.measure_rows/1"};
  MeasureAnswer answer;
  answer.columns = members.names("columns");
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < answer.columns.size(); ++i) places.emplace(answer.columns[i], i);
  if (const Json* more = members.find("more"))
    answer.more = more->is_boolean() && more->get<bool>();
  for (const Json& one : *rows) {
    const JsonMembers row(one);
    MeasureAnswer::Row read;
    read.seq = row.number("seq");
    read.guid = row.text("guid");
    read.attempt = row.small_number("attempt");
    read.time = row.time("time");
    read.cells.resize(answer.columns.size());
    if (const Json* cells = row.find("row"); cells != nullptr && cells->is_object()) {
      for (const auto& [column, value] : cells->items()) {
        const auto place = places.find(column);
        if (place != places.end()) read.cells[place->second] = read_value(value);
      }
    }
    answer.rows.push_back(std::move(read));
  }
  return answer;
}

Result<JsonPage> page_from_json(std::string_view name, std::string_view text) {
  const Json json = parse_object(text);
  const Json* rows = find_rows(json, name, std::string(name).c_str());
  if (rows == nullptr) {
    return Error{"that is no answer of the schema muster." + std::string(name) + "/1"};
  }
  JsonPage page;
  for (const Json& row : *rows) {
    page.rows.push_back(row.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  const JsonMembers members(json);
  if (members.find("next") != nullptr) page.next = members.number("next");
  return page;
}

}  // namespace muster
