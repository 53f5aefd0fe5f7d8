#include "io/event_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "core/work.h"
#include "io/clock.h"
#include "io/codec.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kExactMax = 1ull << 53;  // integers up to here survive a double

Json exact(uint64_t number) {
  if (number > kExactMax) return std::to_string(number);
  return number;
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

void put(Json& json, const char* key, const std::vector<std::string>& names) {
  if (!names.empty()) json[key] = names;
}

void put(Json& json, const char* key, const std::map<std::string, std::string>& pairs) {
  if (!pairs.empty()) json[key] = pairs;
}

void put(Json& json, const char* key, Instant time) {
  if (time != kNever) json[key] = format_rfc3339(time);
}

void put(Json& json, const Origin& origin) {
  if (origin.worker.empty()) return;
  json["worker"] = origin.worker;
  json["report"] = std::to_string(origin.seq);
}

Json to_json(const Ending& ending) {
  Json json;
  json["outcome"] = to_string(ending.outcome);
  json["cause"] = to_string(ending.cause);
  json["status"] = static_cast<int>(ending.status);
  json["status_name"] = to_string(ending.status);
  if (ending.exit_code) json["exit_code"] = *ending.exit_code;
  if (ending.signal) json["signal"] = *ending.signal;
  put(json, "message", ending.message);
  put(json, "started", ending.started);
  put(json, "finished", ending.finished);
  return json;
}

Json to_json(const WorkerSpec& worker) {
  Json json;
  json["name"] = worker.name;
  put(json, "pools", worker.pools);
  return json;
}

Json to_json(const DeviceSpec& device) {
  Json json;
  json["name"] = device.name;
  put(json, "profile", device.profile);
  put(json, "worker", device.worker);
  put(json, "pools", device.pools);
  put(json, "strategy", device.strategy);
  put(json, "owner", device.owner);
  put(json, "where", device.where);
  return json;
}

struct WorkToJson {
  Json operator()(const NoopWork& work) const {
    return {{"noop", {{"bytes", work.payload.size()}}}};
  }
  Json operator()(const VerifyWork& work) const {
    Json verify = Json::object();
    put(verify, "level", work.level);
    return {{"verify", verify}};
  }
  Json operator()(const JobWork& work) const {
    Json job = Json::object();
    if (const auto* command = std::get_if<CommandSource>(&work.source)) {
      put(job, "argv", command->argv);
    } else {
      const TreeSource& tree = std::get<TreeSource>(work.source);
      put(job, "dir", tree.dir);
      put(job, "path", tree.path);
      put(job, "tags", tree.tags);
    }
    put(job, "cwd", work.cwd);
    put(job, "env", work.env);
    put(job, "env_pass", work.env_pass);
    return {{"job", job}};
  }
};

Json to_json(const DeviceRequest& request) {
  Json json = Json::object();
  put(json, "role", request.role);
  put(json, "name", request.name);
  put(json, "selector", request.selector);
  return json;
}

Json to_json(const TaskSpec& spec) {
  Json json;
  json["guid"] = spec.guid;
  json["kind"] = to_string(spec.kind);
  put(json, "name", spec.name);
  put(json, "parent", spec.parent);
  put(json, "submitter", spec.submitter);
  put(json, "pool", spec.pool);
  for (const DeviceRequest& request : spec.devices) json["devices"].push_back(to_json(request));
  json["priority"] = spec.priority;
  json["timeouts"] = {{"queue_s", seconds(spec.timeouts.queue)},
                      {"run_s", seconds(spec.timeouts.run)},
                      {"silence_s", seconds(spec.timeouts.silence)},
                      {"grace_s", seconds(spec.timeouts.grace)}};
  json["retry"] = {{"infra", spec.retry.infra}, {"test", spec.retry.test}};
  if (spec.wait_for_capacity) json["wait_for_capacity"] = true;
  if (const Result<Work> work = decode_work(spec.work); work.ok()) {
    json["work"] = std::visit(WorkToJson{}, *work);
  }
  return json;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
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
  Json& json;

  void operator()(const BrokerStarted& event) const {
    json["epoch"] = exact(event.epoch);
    put(json, "version", event.version);
  }
  void operator()(const InventoryApplied& event) const {
    put(json, "who", event.who);
    if (!event.inventory) return;
    put(json, "lab", event.inventory->lab);
    for (const WorkerSpec& worker : event.inventory->workers) {
      json["workers"].push_back(to_json(worker));
    }
    for (const DeviceSpec& device : event.inventory->devices) {
      json["devices"].push_back(to_json(device));
    }
    for (const StrategyBlob& strategy : event.inventory->strategies) {
      json["strategies"].push_back(strategy.name);
    }
  }
  void operator()(const WorkerJoined& event) const {
    json["worker"] = event.worker;
    json["incarnation"] = exact(event.incarnation);
    put(json, "lab", event.lab);
    put(json, "pools", event.pools);
    json["slots"] = event.slots;
    put(json, "version", event.version);
  }
  void operator()(const WorkerLost& event) const {
    json["worker"] = event.worker;
    json["incarnation"] = exact(event.incarnation);
    put(json, "reason", event.reason);
  }
  void operator()(const TaskSubmitted& event) const {
    if (event.spec) json["spec"] = to_json(*event.spec);
  }
  void operator()(const AttemptLeased& event) const {
    json["attempt"] = event.token.attempt;
    json["worker"] = event.worker;
    json["incarnation"] = exact(event.incarnation);
    put(json, "devices", event.devices);
  }
  void operator()(const AttemptReported& event) const {
    json["attempt"] = event.token.attempt;
    put(json, event.origin);
    put(json, "reported_at", event.time);
    std::visit(*this, event.body);
  }
  void operator()(const AttemptStarted& event) const {
    put(json, "log_url", event.log_url);
    put(json, "argv", event.argv);
  }
  void operator()(const Record& event) const {
    json["status"] = event.status;
    put(json, "subdir", event.subdir);
    put(json, "operation", event.operation);
    for (const auto& [key, value] : event.fields) json["fields"][key] = value;
    put(json, "message", event.message);
  }
  void operator()(const CaseResult& event) const {
    put(json, "suite", event.suite);
    json["name"] = event.name;
    json["outcome"] = to_string(event.outcome);
    json["duration_s"] = seconds(event.duration);
    put(json, "message", event.message);
  }
  void operator()(const AttemptEnded& event) const {
    json["attempt"] = event.token.attempt;
    put(json, event.origin);
    json["ending"] = to_json(event.ending);
    if (event.verdict != Verdict::none) {
      json["verdict"] = to_string(event.verdict);
    } else {
      put(json, "retry_at", event.retry_at);
    }
  }
  void operator()(const ReportRefused& event) const {
    json["attempt"] = event.token.attempt;
    put(json, event.origin);
    put(json, "reason", event.reason);
  }
  void operator()(const CancelRequested& event) const {
    put(json, "reason", event.reason);
    put(json, "who", event.who);
  }
  void operator()(const TaskEnded& event) const {
    json["ending"] = to_json(event.ending);
    json["verdict"] = to_string(event.verdict);
  }
};

}  // namespace

std::string event_to_json(uint64_t seq, const Event& event) {
  Json json;
  json["seq"] = exact(seq);
  json["time"] = format_rfc3339(event.time);
  json["type"] = event_type(event);
  put(json, "guid", std::string(event_guid(event)));
  std::visit(AddBody{json}, event.body);
  return dump(json);
}

std::string task_spec_to_json(const TaskSpec& spec) { return dump(to_json(spec)); }

std::string ending_to_json(const Ending& ending) { return dump(to_json(ending)); }

std::string device_to_json(const DeviceSpec& device) { return dump(to_json(device)); }

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
      spec.devices.push_back(
          {text_of(device, "role"), text_of(device, "name"), text_of(device, "selector")});
    }
  }
  spec.priority = count_of(json, "priority", spec.priority);
  const Json timeouts = object_of(json, "timeouts");
  spec.timeouts.queue = duration_of(timeouts, "queue_s", spec.timeouts.queue);
  spec.timeouts.run = duration_of(timeouts, "run_s", spec.timeouts.run);
  spec.timeouts.silence = duration_of(timeouts, "silence_s", spec.timeouts.silence);
  spec.timeouts.grace = duration_of(timeouts, "grace_s", spec.timeouts.grace);
  const Json retry = object_of(json, "retry");
  spec.retry.infra = count_of(retry, "infra", spec.retry.infra);
  spec.retry.test = count_of(retry, "test", spec.retry.test);
  spec.wait_for_capacity = json.contains("wait_for_capacity");
  return spec;
}

std::string names_to_json(const std::vector<std::string>& names) { return dump(Json(names)); }

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
