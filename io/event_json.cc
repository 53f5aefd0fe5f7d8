#include "io/event_json.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"
#include "io/json_members.h"
#include "io/json_writer.h"
#include "io/measure_json.h"
#include "io/word.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

void put(JsonWriter& json, std::string_view key, std::string_view text) {
  if (!text.empty()) json.text(key, text);
}

void put(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json.begin_array(key);
  for (const std::string& name : names) json.text("", name);
  json.end_array();
}

template <typename Text>
void put(JsonWriter& json, std::string_view key, const std::map<Text, Text>& pairs) {
  if (pairs.empty()) return;
  json.begin_object(key);
  for (const auto& [name, value] : pairs) json.text(name, value);
  json.end_object();
}

void put(JsonWriter& json, std::string_view key, Instant time) {
  if (time != kNever) json.text(key, format_rfc3339(time));
}

void put(JsonWriter& json, const Origin& origin) {
  if (origin.worker.empty()) return;
  json.text("worker", origin.worker);
  json.text("report", std::to_string(origin.seq));
}

void put(JsonWriter& json, std::string_view key, const Ending& ending) {
  json.begin_object(key);
  json.text("outcome", to_string(ending.outcome));
  json.text("cause", to_string(ending.cause));
  json.number("status", static_cast<uint64_t>(ending.status));
  json.text("status_name", to_string(ending.status));
  if (ending.exit_code) json.number("exit_code", int64_t{*ending.exit_code});
  if (ending.signal) json.number("signal", int64_t{*ending.signal});
  put(json, "message", ending.message);
  put(json, "blame", ending.blame);
  put(json, "started", ending.started);
  put(json, "finished", ending.finished);
  if (ending.lost) json.boolean("lost", true);
  json.end_object();
}

void put(JsonWriter& json, const WorkerSpec& worker) {
  json.begin_object();
  json.text("name", worker.name);
  put(json, "pools", worker.pools);
  json.end_object();
}

void put(JsonWriter& json, const DeviceSpec& device) {
  json.begin_object();
  json.text("name", device.name);
  put(json, "profile", device.profile);
  put(json, "worker", device.worker);
  put(json, "pools", device.pools);
  put(json, "strategy", device.strategy);
  put(json, "owner", device.owner);
  put(json, "where", device.where);
  put(json, "lister", device.lister);
  if (!device.power.empty()) {
    json.begin_object("power");
    put(json, "command", device.power.argv);
    put(json, "method", device.power.method);
    put(json, "url", device.power.url);
    json.end_object();
  }
  json.end_object();
}

void put(JsonWriter& json, const StackSpec& stack) {
  json.begin_object();
  json.text("name", stack.name);
  put(json, "members", stack.members);
  json.end_object();
}

// Adds the member "work".
struct AddWork {
  JsonWriter& json;

  void operator()(const NoopWork& work) const {
    json.begin_object("work");
    json.begin_object("noop");
    json.number("bytes", uint64_t{work.payload.size()});
    end();
  }
  void operator()(const VerifyWork& work) const {
    json.begin_object("work");
    json.begin_object("verify");
    put(json, "level", work.level);
    end();
  }
  void operator()(const RepairWork& work) const {
    json.begin_object("work");
    json.begin_object("repair");
    put(json, "reason", work.reason);
    end();
  }
  void operator()(const JobWork& work) const {
    json.begin_object("work");
    json.begin_object("job");
    std::visit(*this, work.source);
    put(json, "cwd", work.cwd);
    put(json, "env", work.env);
    put(json, "env_pass", work.env_pass);
    put_steps("steps", work.steps);
    put_steps("finally", work.finally);
    put(json, "artifacts", work.artifacts);
    if (work.expect_tests > 0) json.number("expect_tests", uint64_t{work.expect_tests});
    if (work.pty) json.boolean("pty", true);
    end();
  }
  void operator()(const CommandSource& source) const { put(json, "argv", source.argv); }
  void operator()(const TreeSource& source) const {
    put(json, "dir", source.dir);
    put(json, "path", source.path);
    put(json, "tags", source.tags);
  }
  void operator()(const GitSource& source) const {
    put(json, "git", source.url);
    put(json, "ref", source.ref);
    put(json, "asked_ref", source.asked_ref);
    put(json, "path", source.path);
    put(json, "tags", source.tags);
  }
  void put_steps(std::string_view key, const std::vector<JobStep>& steps) const {
    if (steps.empty()) return;
    json.begin_array(key);
    for (const JobStep& step : steps) {
      json.begin_object();
      json.text("id", step.id);
      put(json, "argv", step.argv);
      json.end_object();
    }
    json.end_array();
  }
  void end() const {
    json.end_object();
    json.end_object();
  }
};

void put(JsonWriter& json, const DeviceRequest& request) {
  json.begin_object();
  put(json, "role", request.role);
  put(json, "name", request.name);
  put(json, "selector", request.selector);
  put(json, "with", request.with);
  json.end_object();
}

void put(JsonWriter& json, const Dependency& dependency) {
  json.begin_object();
  json.text("guid", dependency.guid);
  json.boolean("must_pass", dependency.must_pass);
  json.end_object();
}

// A list of objects, or nothing when it is empty.
template <typename Item>
void put_all(JsonWriter& json, std::string_view key, const std::vector<Item>& items) {
  if (items.empty()) return;
  json.begin_array(key);
  for (const Item& item : items) put(json, item);
  json.end_array();
}

void put(JsonWriter& json, std::string_view key, const TaskSpec& spec) {
  json.begin_object(key);
  json.text("guid", spec.guid);
  json.text("kind", to_string(spec.kind));
  put(json, "name", spec.name);
  put(json, "parent", spec.parent);
  put(json, "submitter", spec.submitter);
  put(json, "pool", spec.pool);
  put_all(json, "devices", spec.devices);
  json.number("priority", uint64_t{spec.priority});
  json.begin_object("timeouts");
  json.seconds("queue_s", spec.timeouts.queue);
  json.seconds("run_s", spec.timeouts.run);
  json.seconds("silence_s", spec.timeouts.silence);
  json.seconds("grace_s", spec.timeouts.grace);
  json.seconds("finally_s", spec.timeouts.finally);
  if (spec.timeouts.deadline > Duration{0}) json.seconds("deadline_s", spec.timeouts.deadline);
  json.end_object();
  json.begin_object("retry");
  json.number("infra", uint64_t{spec.retry.infra});
  json.number("test", uint64_t{spec.retry.test});
  if (spec.retry.crash_limit != Retry{}.crash_limit) {
    json.number("crash_limit", uint64_t{spec.retry.crash_limit});
  }
  json.end_object();
  if (spec.wait_for_capacity) json.boolean("wait_for_capacity", true);
  if (!(spec.before == Before{})) {
    json.begin_object("before");
    json.text("verify", to_string(spec.before.verify));
    put(json, "level", spec.before.level);
    json.boolean("repair", spec.before.repair);
    json.seconds("repair_budget_s", spec.before.repair_budget);
    json.end_object();
  }
  put_all(json, "depends_on", spec.depends_on);
  put(json, "group", spec.group);
  if (spec.at_once > 0) json.number("at_once", uint64_t{spec.at_once});
  put(json, "metadata", spec.metadata);
  if (const Result<Work> work = decode_work(spec.work); work.ok()) {
    std::visit(AddWork{json}, *work);
  }
  json.end_object();
}

uint32_t count_of(const Json& json, const char* key, uint32_t otherwise) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint32_t>() : otherwise;
}

Duration duration_of(const Json& json, const char* key, Duration otherwise) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return otherwise;
  const double us = std::round(found->get<double>() * 1e6);
  if (!(us >= 0 && us <= static_cast<double>(kTimeoutMax.count()))) return otherwise;
  return Duration(static_cast<int64_t>(us));
}

// The member, or an empty object when it is missing or something else.
Json object_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : Json::object();
}

// Adds what is particular to the event's type.
struct AddBody {
  JsonWriter& json;

  void operator()(const BrokerStarted& event) const {
    json.number("epoch", event.epoch);
    put(json, "version", event.version);
  }
  void operator()(const InventoryApplied& event) const {
    put(json, "who", event.who);
    if (!event.inventory) return;
    put(json, "lab", event.inventory->lab);
    put_all(json, "workers", event.inventory->workers);
    put_all(json, "devices", event.inventory->devices);
    std::vector<std::string> strategies;
    for (const StrategyBlob& strategy : event.inventory->strategies) {
      strategies.push_back(strategy.name);
    }
    put(json, "strategies", strategies);
    put_all(json, "stacks", event.inventory->stacks);
  }
  void operator()(const WorkerJoined& event) const {
    json.text("worker", event.worker);
    json.number("incarnation", event.incarnation);
    put(json, "lab", event.lab);
    put(json, "pools", event.pools);
    json.number("slots", uint64_t{event.slots});
    put(json, "version", event.version);
  }
  void operator()(const WorkerLost& event) const {
    json.text("worker", event.worker);
    json.number("incarnation", event.incarnation);
    put(json, "reason", event.reason);
  }
  void operator()(const TaskSubmitted& event) const {
    if (event.spec) put(json, "spec", *event.spec);
  }
  void operator()(const AttemptLeased& event) const {
    json.number("attempt", uint64_t{event.token.attempt});
    json.text("worker", event.worker);
    json.number("incarnation", event.incarnation);
    put(json, "devices", event.devices);
  }
  void operator()(const AttemptReported& event) const {
    json.number("attempt", uint64_t{event.token.attempt});
    put(json, event.origin);
    put(json, "reported_at", event.time);
    std::visit(*this, event.body);
  }
  void operator()(const AttemptStarted& event) const {
    put(json, "log_url", event.log_url);
    put(json, "argv", event.argv);
  }
  void operator()(const Record& event) const {
    json.text("status", event.status);
    put(json, "subdir", event.subdir);
    put(json, "operation", event.operation);
    std::map<std::string_view, std::string_view> fields;  // of equal keys the last value
    for (const auto& [key, value] : event.fields) fields[key] = value;
    put(json, "fields", fields);
    put(json, "message", event.message);
  }
  void operator()(const CaseResult& event) const {
    put(json, "suite", event.suite);
    json.text("name", event.name);
    json.text("outcome", to_string(event.outcome));
    json.seconds("duration_s", event.duration);
    put(json, "message", event.message);
  }
  void operator()(const Progress& event) const {
    json.number("percent", uint64_t{event.percent});
    put(json, "text", event.text);
  }
  void operator()(const SourceFetched& event) const {
    json.text("url", event.url);
    put(json, "ref", event.ref);
    json.text("sha", event.sha);
  }
  void operator()(const Shout& event) const { json.text("json", event.json); }
  void operator()(const Measurement& event) const {
    json.text("table", event.table);
    json.begin_object("row");
    for (const auto& [column, value] : event.row) put_cell(json, column, value);
    json.end_object();
  }
  void operator()(const Artifact& event) const {
    json.text("name", event.name);
    put(json, "url", event.url);
    json.number("bytes", event.bytes);
    put(json, "sha256", event.sha256);
  }
  void operator()(const CallFailed& event) const {
    json.text("method", event.method);
    put(json, "arguments", event.arguments);
    put(json, "peer", event.peer);
    json.text("error", event.error);
  }
  void operator()(const CallMade& event) const {
    json.text("method", event.method);
    put(json, "arguments", event.arguments);
    put(json, "peer", event.peer);
  }
  void operator()(const AttemptEnded& event) const {
    json.number("attempt", uint64_t{event.token.attempt});
    put(json, event.origin);
    put(json, "ending", event.ending);
    if (event.verdict != Verdict::none) {
      json.text("verdict", to_string(event.verdict));
    } else {
      put(json, "retry_at", event.retry_at);
    }
  }
  void operator()(const ReportRefused& event) const {
    json.number("attempt", uint64_t{event.token.attempt});
    put(json, event.origin);
    put(json, "reason", event.reason);
  }
  void operator()(const CancelRequested& event) const {
    put(json, "reason", event.reason);
    put(json, "who", event.who);
    if (event.cause != Cause::user) json.text("cause", to_string(event.cause));
  }
  void operator()(const TaskEnded& event) const {
    put(json, "ending", event.ending);
    json.text("verdict", to_string(event.verdict));
  }
  void operator()(const DeviceJudged& event) const {
    json.text("device", event.device);
    json.text("health", to_string(event.health));
    put(json, "reason", event.reason);
    put(json, "who", event.who);
    put(json, "until", event.until);
    json.number("failures", uint64_t{event.failures});
    put(json, "level", event.level);
    if (event.job_failures > 0) json.number("job_failures", uint64_t{event.job_failures});
  }
  void operator()(const DeviceListed& event) const {
    json.text("worker", event.worker);
    put(json, "lister", event.device.lister);
    json.text("device", event.device.name);
    put(json, "profile", event.device.profile);
  }
  void operator()(const DeviceUnlisted& event) const {
    json.text("worker", event.worker);
    json.text("device", event.name);
  }
  void operator()(const DrainChanged& event) const {
    put(json, "worker", event.worker);
    json.boolean("draining", event.draining);
    put(json, "reason", event.reason);
    put(json, "who", event.who);
  }
  void operator()(const TaskRetried& event) const {
    put(json, "reason", event.reason);
    put(json, "who", event.who);
  }
  void operator()(const DaemonLogged& event) const {
    json.text("daemon", event.daemon);
    put(json, "logged_at", event.line.time);
    json.text("level", to_string(event.line.level));
    json.text("text", event.line.text);
    if (event.line.left_out > 0) json.number("left_out", event.line.left_out);
  }
  void operator()(const AccessRefused& event) const {
    put(json, "key", event.key);
    put(json, "name", event.name);
    put(json, "address", event.address);
    json.text("what", event.what);
    json.text("reason", event.reason);
    json.number("count", event.count);
  }
};

}  // namespace

const std::vector<std::string>& event_types() {
  static const std::vector<std::string> types = {
      "broker_started", "inventory_applied", "worker_joined", "worker_lost",    "task_submitted",
      "attempt_leased", "attempt_started",   "record",        "result",         "attempt_ended",
      "report_refused", "cancel_requested",  "task_ended",    "progress",       "device_judged",
      "device_listed",  "device_unlisted",   "task_retried",  "source_fetched", "shout",
      "measurement",    "artifact",          "call_failed",   "call_made",      "daemon_logged",
      "access_refused", "drain_changed"};
  return types;
}

std::string event_to_json(uint64_t seq, const Event& event) {
  JsonWriter json;
  json.begin_object();
  json.number("seq", seq);
  json.text("time", format_rfc3339(event.time));
  json.text("type", event_type(event));
  put(json, "guid", event_guid(event));
  std::visit(AddBody{json}, event.body);
  if (const Metadata* metadata = event_metadata(event)) put(json, "metadata", *metadata);
  json.end_object();
  return json.take();
}

void write_event_body(JsonWriter& json, const Event& event) {
  std::visit(AddBody{json}, event.body);
}

std::string task_spec_to_json(const TaskSpec& spec) {
  JsonWriter json;
  put(json, "", spec);
  return json.take();
}

std::string ending_to_json(const Ending& ending) {
  JsonWriter json;
  put(json, "", ending);
  return json.take();
}

std::string device_to_json(const DeviceSpec& device) {
  JsonWriter json;
  put(json, device);
  return json.take();
}

TaskSpec task_spec_from_json(std::string_view text) {
  TaskSpec spec;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return spec;
  spec.guid = text_of(json, "guid");
  spec.kind = parse_task_kind(text_of(json, "kind")).value_or(spec.kind);
  spec.name = text_of(json, "name");
  spec.parent = text_of(json, "parent");
  spec.submitter = text_of(json, "submitter");
  spec.pool = text_of(json, "pool");
  if (const auto devices = json.find("devices"); devices != json.end() && devices->is_array()) {
    for (const Json& device : *devices) {
      if (!device.is_object()) continue;
      spec.devices.push_back({text_of(device, "role"), text_of(device, "name"),
                              text_of(device, "selector"), text_of(device, "with")});
    }
  }
  spec.priority = count_of(json, "priority", spec.priority);
  const Json timeouts = object_of(json, "timeouts");
  spec.timeouts.queue = duration_of(timeouts, "queue_s", spec.timeouts.queue);
  spec.timeouts.run = duration_of(timeouts, "run_s", spec.timeouts.run);
  spec.timeouts.silence = duration_of(timeouts, "silence_s", spec.timeouts.silence);
  spec.timeouts.grace = duration_of(timeouts, "grace_s", spec.timeouts.grace);
  spec.timeouts.finally = duration_of(timeouts, "finally_s", spec.timeouts.finally);
  spec.timeouts.deadline = duration_of(timeouts, "deadline_s", spec.timeouts.deadline);
  const Json retry = object_of(json, "retry");
  spec.retry.infra = count_of(retry, "infra", spec.retry.infra);
  spec.retry.test = count_of(retry, "test", spec.retry.test);
  spec.retry.crash_limit = count_of(retry, "crash_limit", spec.retry.crash_limit);
  spec.wait_for_capacity = json.contains("wait_for_capacity");
  const Json before = object_of(json, "before");
  spec.before.verify = parse_word(text_of(before, "verify"), VerifyFirst::always);
  spec.before.level = text_of(before, "level");
  spec.before.repair = before.value("repair", Json(false)) == Json(true);
  spec.before.repair_budget = duration_of(before, "repair_budget_s", spec.before.repair_budget);
  if (const auto tasks = json.find("depends_on"); tasks != json.end() && tasks->is_array()) {
    for (const Json& task : *tasks) {
      if (!task.is_object()) continue;
      spec.depends_on.push_back(
          {text_of(task, "guid"), task.value("must_pass", Json(true)) == Json(true)});
    }
  }
  spec.group = text_of(json, "group");
  spec.at_once = count_of(json, "at_once", 0);
  const Json metadata = object_of(json, "metadata");
  for (const auto& [key, value] : metadata.items()) {
    if (value.is_string()) spec.metadata[key] = value.get<std::string>();
  }
  return spec;
}

std::string names_to_json(const std::vector<std::string>& names) {
  if (names.empty()) return "[]";
  JsonWriter json;
  put(json, "", names);
  return json.take();
}

std::vector<std::string> names_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  std::vector<std::string> names;
  if (!json.is_array()) return names;
  for (const Json& name : json) {
    if (!name.is_string()) return {};
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace muster
