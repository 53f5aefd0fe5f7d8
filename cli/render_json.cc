#include "cli/render_json.h"

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "io/clock.h"
#include "io/event_json.h"
#include "io/ledger_json.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

Json document(const std::string& kind) {
  Json json;
  json["schema"] = "muster." + kind + "/1";
  return json;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

void put(Json& json, const char* key, const std::vector<std::string>& names) {
  if (!names.empty()) json[key] = names;
}

void put(Json& json, const char* key, Instant time) {
  if (time != kNever) json[key] = format_rfc3339(time);
}

void put(Json& json, const std::optional<Ending>& ending) {
  if (ending) json["ending"] = Json::parse(ending_to_json(*ending));
}

void put(Json& json, Verdict verdict) {
  if (verdict != Verdict::none) json["verdict"] = to_string(verdict);
}

Json attempt_object(const AttemptInfo& attempt) {
  Json json;
  json["attempt"] = attempt.attempt;
  put(json, "worker", attempt.worker);
  put(json, "devices", attempt.devices);
  put(json, "leased", attempt.leased);
  put(json, "log_url", attempt.log_url);
  put(json, attempt.ending);
  put(json, "progress", attempt.progress);
  return json;
}

// Where the result comes from.
void put_origin(Json& json, const TaskResult& result) {
  if (!result.task.spec.metadata.empty()) json["metadata"] = result.task.spec.metadata;
  if (!result.task.attempts.empty()) {
    const AttemptInfo& last = result.task.attempts.back();
    json["attempt"] = last.attempt;
    put(json, "worker", last.worker);
    put(json, "devices", last.devices);
  }
  for (const SourceFetched& source : result.sources) {
    json["sources"].push_back({{"url", source.url}, {"ref", source.ref}, {"sha", source.sha}});
  }
}

void put_result(Json& json, const TaskResult& result) {
  json["guid"] = result.task.spec.guid;
  put(json, result.task.verdict);
  put(json, result.task.ending);
  json["complete"] = result.complete;
  put_origin(json, result);
  json["cases"] = Json::array();
  for (const CaseResult& one : result.cases) {
    Json item;
    put(item, "suite", one.suite);
    item["name"] = one.name;
    item["outcome"] = to_string(one.outcome);
    item["duration_s"] = seconds(one.duration);
    put(item, "message", one.message);
    json["cases"].push_back(std::move(item));
  }
}

Json verifier_object(const Verifier& verifier) {
  Json json;
  json["tag"] = verifier.tag;
  put(json, "description", verifier.description);
  json["check"] = check_kind(verifier.check);
  json["deps"] = verifier.deps;
  json["timeout_s"] = seconds(verifier.timeout);
  put(json, "when", verifier.when);
  put(json, "blame", verifier.blame);
  put(json, "levels", verifier.levels);
  return json;
}

Json action_object(const RepairActionSpec& action) {
  Json json;
  json["tag"] = action.tag;
  put(json, "description", action.description);
  json["run"] = action_kind(action.run);
  json["deps"] = action.deps;
  json["triggers"] = action.triggers;
  json["timeout_s"] = seconds(action.timeout);
  put(json, "when", action.when);
  if (action.then_wait > Duration{0}) json["then_wait_s"] = seconds(action.then_wait);
  json["attempts"] = action.attempts;
  if (action.per_day > 0) json["per_day"] = action.per_day;
  return json;
}

Json closing_object(const FinallySpec& closing) {
  Json json;
  json["tag"] = closing.tag;
  put(json, "description", closing.description);
  json["run"] = action_kind(closing.run);
  json["when"] = closing.when == FinallyWhen::failed   ? "failed"
                 : closing.when == FinallyWhen::passed ? "passed"
                                                       : "always";
  json["timeout_s"] = seconds(closing.timeout);
  return json;
}

}  // namespace

std::string task_json(const TaskInfo& task, const std::string& status_log,
                      const std::vector<TaskInfo>& children) {
  Json json = document("task");
  json["guid"] = task.spec.guid;
  json["state"] = to_string(task.state);
  put(json, task.verdict);
  if (task.state == TaskState::ended) json["exit_status"] = exit_status(task);
  put(json, task.ending);
  put(json, "submitted", task.submitted);
  put(json, "ended", task.ended);
  put(json, "not_before", task.not_before);
  put(json, "cancelling", task.cancelling);
  if (task.buried) json["buried"] = true;
  json["attempt_count"] = task.attempt_count;
  put(json, "status_log", status_log);
  json["spec"] = Json::parse(task_spec_to_json(task.spec));
  for (const AttemptInfo& attempt : task.attempts) {
    json["attempts"].push_back(attempt_object(attempt));
  }
  for (const TaskInfo& child : children) {
    Json item = {{"guid", child.spec.guid},
                 {"kind", to_string(child.spec.kind)},
                 {"name", child.spec.name},
                 {"state", to_string(child.state)}};
    put(item, child.verdict);
    json["children"].push_back(std::move(item));
  }
  return dump(json);
}

std::string change_json(const TaskChange& change) {
  Json json = document("task_change");
  json["guid"] = change.guid;
  json["state"] = to_string(change.state);
  if (change.attempt > 0) json["attempt"] = change.attempt;
  put(json, "worker", change.worker);
  put(json, "log_url", change.log_url);
  put(json, change.verdict);
  put(json, change.ending);
  return dump(json);
}

std::string explanation_json(const Explanation& explanation) {
  Json json = document("explanation");
  json["guid"] = explanation.guid;
  json["state"] = to_string(explanation.state);
  json["summary"] = explanation.summary;
  json["reasons"] = explanation.reasons;
  json["ahead"] = explanation.ahead;
  if (explanation.estimate > Duration{0}) json["estimate_s"] = seconds(explanation.estimate);
  return dump(json);
}

std::string submission_json(const SubmitResult& result) {
  Json json = document("submission");
  json["guid"] = result.guid;
  json["known"] = result.known;
  put(json, "refused", result.refused);
  if (!result.refused.empty()) json["code"] = to_string(result.code);
  return dump(json);
}

std::string cancellation_json(const CancelResult& result) {
  Json json = document("cancellation");
  json["guid"] = result.guid;
  put(json, "refused", result.refused);
  return dump(json);
}

std::string retry_json(const RetryTasksResult& result) {
  Json json = document("retry");
  json["guid"] = result.guid;
  put(json, "refused", result.refused);
  if (!result.refused.empty()) json["code"] = to_string(result.code);
  return dump(json);
}

std::string result_json(const TaskResult& result) {
  Json json = document("result");
  put_result(json, result);
  return dump(json);
}

std::string verification_json(const std::string& device, const TaskResult& result) {
  Json json = document("verification");
  json["device"] = device;
  put_result(json, result);
  return dump(json);
}

std::string repair_json(const std::string& device, const TaskResult& result) {
  Json json = document("repair");
  json["device"] = device;
  put_result(json, result);
  return dump(json);
}

std::string device_json(const DeviceInfo& device) {
  Json json = document("device");
  json.update(Json::parse(device_to_json(device.spec)));
  json["state"] = to_string(device.state);
  json["health"] = to_string(device.health);
  put(json, "health_reason", device.health_reason);
  put(json, "health_since", device.health_since);
  put(json, "health_who", device.health_who);
  put(json, "until", device.until);
  if (device.failures > 0) json["failures"] = device.failures;
  put(json, "stacks", device.stacks);
  if (device.undeclared) json["undeclared"] = true;
  if (device.allowed) json["allowed"] = true;
  if (device.draining) json["draining"] = true;
  put(json, "absent", device.absent);
  if (!device.held_by.guid.empty()) {
    json["held_by"] = {{"guid", device.held_by.guid}, {"attempt", device.held_by.attempt}};
  }
  put(json, "progress", device.progress);
  return dump(json);
}

std::string device_change_json(const ChangeDevicesReply::Outcome& result, DeviceChange change) {
  Json json = document("device_change");
  json["device"] = result.name;
  json["change"] = to_string(change);
  put(json, "refused", result.refused);
  put(json, "already", result.already);
  return dump(json);
}

std::string device_record_json(const std::string& device, const HistoryEntry& entry) {
  Json json = document("device_record");
  json["device"] = device;
  json.update(Json::parse(history_to_json(entry)));
  return dump(json);
}

std::string action_stat_json(const ActionStat& stat) {
  Json json = document("action_stat");
  put(json, "strategy", stat.strategy);
  json["action"] = stat.action;
  put(json, "model", stat.model);
  json["tried"] = stat.repaired + stat.failed;
  json["repaired"] = stat.repaired;
  json["failed"] = stat.failed;
  json["not_tried"] = stat.not_tried;
  if (stat.median) json["median_s"] = seconds(*stat.median);
  return dump(json);
}

std::string trace_json(const Trace& trace) {
  Json json = document("trace");
  json["guid"] = trace.guid;
  json["complete"] = trace.complete;
  json["tasks"] = Json::array();
  for (const TraceTask& task : trace.tasks) {
    Json item;
    item["guid"] = task.spec->guid;
    item["kind"] = to_string(task.spec->kind);
    item["name"] = task.spec->name;
    put(item, "parent", task.spec->parent);
    item["depth"] = task.depth;
    item["devices"] = task.devices;
    item["state"] = to_string(task.state);
    put(item, task.verdict);
    put(item, task.ending);
    json["tasks"].push_back(std::move(item));
  }
  json["events"] = Json::array();
  for (const TraceEvent& one : trace.events) json["events"].push_back(Json::parse(one.json));
  return dump(json);
}

std::string drain_json(const DrainReply::Outcome& result, bool resume) {
  Json json = document("drain");
  put(json, "worker", result.name);
  json["draining"] = result.refused.empty() && !resume;
  put(json, "refused", result.refused);
  put(json, "already", result.already);
  json["held"] = result.held;
  return dump(json);
}

std::string worker_json(const WorkerInfo& worker) {
  Json json = document("worker");
  json["name"] = worker.name;
  json["present"] = worker.present;
  json["incarnation"] = worker.incarnation;
  put(json, "lab", worker.lab);
  put(json, "pools", worker.pools);
  put(json, "version", worker.version);
  json["slots"] = worker.slots;
  json["held"] = worker.held;
  put(json, "last_heard", worker.last_heard);
  put(json, "lease_until", worker.lease_until);
  put(json, "refusing", worker.refusing);
  if (worker.draining) {
    json["draining"] = {{"who", worker.draining->who}};
    put(json["draining"], "reason", worker.draining->reason);
    put(json["draining"], "since", worker.draining->since);
  }
  for (const ListerState& lister : worker.listers) {
    Json one = {{"name", lister.name}};
    put(one, "fault", lister.fault);
    json["listers"].push_back(std::move(one));
  }
  return dump(json);
}

std::string event_json(uint64_t seq, const Event& event) {
  Json json = document("event");
  json.update(Json::parse(event_to_json(seq, event)));
  return dump(json);
}

std::string event_json(const std::string& event) {
  Json json = document("event");
  json.update(Json::parse(event));
  return dump(json);
}

std::string finding_json(const Finding& finding) {
  Json json = document("finding");
  json["subject"] = finding.subject;
  json["condition"] = finding.condition == Condition::fail ? "fail" : to_string(finding.condition);
  json["text"] = finding.text;
  put(json, "advice", finding.advice);
  return dump(json);
}

std::string file_json(const std::string& file, const FileProblems& problems) {
  Json json = document("file");
  json["file"] = file;
  json["ok"] = !problems.has_errors();
  json["problems"] = Json::array();
  for (const FileProblem& problem : problems.list()) {
    Json item;
    item["file"] = problem.file;
    if (problem.at.line > 0) {
      item["line"] = problem.at.line;
      item["column"] = problem.at.column;
    }
    item["warning"] = problem.is_warning;
    item["message"] = problem.message;
    json["problems"].push_back(std::move(item));
  }
  return dump(json);
}

std::string inventory_json(const std::string& file, const InventoryReply& reply) {
  Json json = document("inventory");
  json["file"] = file;
  json["devices_added"] = reply.devices_added;
  json["devices_changed"] = reply.devices_changed;
  json["devices_removed"] = reply.devices_removed;
  return dump(json);
}

std::string inventory_diff_json(const InventoryPlan& plan) {
  Json json = document("inventory_diff");
  json["file"] = plan.file;
  json["changes"] = Json::array();
  for (const InventoryChange& change : plan.changes) {
    Json item;
    item["change"] = to_string(change.kind);
    item["part"] = change.part;
    put(item, "name", change.name);
    for (const InventoryChange::Field& field : change.fields) {
      Json part = Json::object();
      put(part, "field", field.name);
      put(part, "from", field.from);
      put(part, "to", field.to);
      item["fields"].push_back(std::move(part));
    }
    const auto holder = plan.holders.find(change.name);
    if (change.part == "device" && holder != plan.holders.end()) {
      item["held_by"] = {{"guid", holder->second.guid}, {"attempt", holder->second.attempt}};
    }
    json["changes"].push_back(std::move(item));
  }
  return dump(json);
}

std::string strategy_json(const Strategy& strategy) {
  Json json = document("strategy");
  json["name"] = strategy.name;
  put(json, "for", strategy.for_selector);
  json["verifiers"] = Json::array();
  for (const Verifier& verifier : strategy.verifiers) {
    json["verifiers"].push_back(verifier_object(verifier));
  }
  json["actions"] = Json::array();
  for (const RepairActionSpec& action : strategy.actions) {
    json["actions"].push_back(action_object(action));
  }
  json["closing"] = Json::array();
  for (const FinallySpec& closing : strategy.closing) {
    json["closing"].push_back(closing_object(closing));
  }
  if (strategy.total > Duration{0}) json["total_s"] = seconds(strategy.total);
  return dump(json);
}

std::string forecast_json(const Strategy& strategy, const Forecast& forecast) {
  Json json = document("forecast");
  json["strategy"] = strategy.name;
  json["passes"] = forecast.passes;
  json["at_most_s"] = seconds(forecast.at_most);
  json["failures"] = Json::array();
  for (const StrategyFailure& failure : forecast.failures) {
    json["failures"].push_back(failure.tag);
  }
  json["entries"] = Json::array();
  for (const ForecastEntry& entry : forecast.entries) {
    Json item;
    item["after_s"] = seconds(entry.begins);
    item["what"] = to_string(entry.kind);
    item["tag"] = tag_of(strategy, entry);
    item["at_most_s"] = seconds(entry.at_most);
    if (entry.kind == ForecastEntry::Kind::check) item["passes"] = entry.passes;
    put(item, "why", entry.why);
    json["entries"].push_back(std::move(item));
  }
  return dump(json);
}

std::string up_json(const std::string& home, const std::string& endpoint, const std::string& worker,
                    int64_t pid) {
  Json json = document("up");
  json["home"] = home;
  json["endpoint"] = endpoint;
  json["worker"] = worker;
  json["pid"] = pid;
  return dump(json);
}

std::string job_json(const VcsJob& job) {
  Json json = document("job");
  json["path"] = job.path;
  json["tags"] = job.tags;
  put(json, "banner", job.banner);
  if (!job.profiles.empty()) json["profiles"] = Json::parse(job.profiles, nullptr, false);
  put(json, "coverage", job.coverage);
  if (job.duration > Duration{0}) json["duration_s"] = seconds(job.duration);
  if (job.dirty) json["dirty"] = true;
  if (job.virgin) json["virgin"] = true;
  put(json, "broken", job.broken);
  return dump(json);
}

std::string version_json() {
  Json json = document("version");
  json["version"] = MUSTER_VERSION;
  json["protocol_min"] = kProtocolMin;
  json["protocol_max"] = kProtocolMax;
  return dump(json);
}

std::string error_json(const std::string& error, const std::string& hint, int exit_status) {
  Json json = document("error");
  json["error"] = error;
  put(json, "hint", hint);
  json["exit_status"] = exit_status;
  return dump(json);
}

std::string list_json(const std::string& kind, const std::vector<std::string>& items,
                      const std::string& extra) {
  std::string out = "{\"schema\":\"muster." + kind + "_list/1\",";
  if (!extra.empty()) out += extra + ",";
  out += "\"" + kind + "s\":[";
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "\n" : ",\n") + items[i];
  return out + (items.empty() ? "]}" : "\n]}");
}

}  // namespace muster
