// Events from their JSON form (io/event_json.h).
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/event_json.h"
#include "io/json_members.h"
#include "io/word.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;
using Members = JsonMembers;

Ending read_ending(const Members& event) {
  const Json* json = event.find("ending");
  return json == nullptr ? Ending{} : ending_from_json(*json);
}

Record read_record(const Members& members) {
  Record record;
  record.status = members.text("status");
  record.subdir = members.text("subdir");
  record.operation = members.text("operation");
  if (const Json* fields = members.find("fields"); fields != nullptr && fields->is_object()) {
    for (const auto& [key, value] : fields->items()) {
      if (value.is_string()) record.fields.emplace_back(key, value.get<std::string>());
    }
  }
  record.message = members.text("message");
  return record;
}

Measurement read_measurement(const Members& members) {
  Measurement measurement{members.text("table"), {}};
  const Json* row = members.find("row");
  if (row == nullptr || !row->is_object()) return measurement;
  for (const auto& [column, value] : row->items()) {
    if (value.is_boolean()) measurement.row.emplace_back(column, value.get<bool>());
    if (value.is_number_integer()) measurement.row.emplace_back(column, value.get<int64_t>());
    if (value.is_number_float()) measurement.row.emplace_back(column, value.get<double>());
    if (value.is_string()) measurement.row.emplace_back(column, value.get<std::string>());
  }
  return measurement;
}

AttemptToken read_token(const Members& members) {
  return {members.text("guid"), members.small_number("attempt")};
}

Origin read_origin(const Members& members) {
  return {members.text("worker"), members.number("report")};
}

// What an attempt said, or nothing.
std::optional<EventBody> read_report(const std::string& type, const Members& members) {
  AttemptReported event;
  event.origin = read_origin(members);
  event.token = read_token(members);
  event.time = members.time("reported_at");
  if (type == "attempt_started") {
    event.body = AttemptStarted{members.text("log_url"), members.names("argv")};
  } else if (type == "record") {
    event.body = read_record(members);
  } else if (type == "result") {
    event.body = CaseResult{members.text("suite"), members.text("name"),
                            members.word("outcome", Outcome::skip), members.seconds("duration_s"),
                            members.text("message")};
  } else if (type == "progress") {
    event.body = Progress{members.small_number("percent"), members.text("text")};
  } else if (type == "source_fetched") {
    event.body = SourceFetched{members.text("url"), members.text("ref"), members.text("sha")};
  } else if (type == "shout") {
    event.body = Shout{members.text("json")};
  } else if (type == "measurement") {
    event.body = read_measurement(members);
  } else if (type == "artifact") {
    event.body = Artifact{members.text("name"), members.text("url"), members.number("bytes"),
                          members.text("sha256")};
  } else if (type == "call_failed") {
    event.body = CallFailed{members.text("method"), members.text("arguments"), members.text("peer"),
                            members.text("error")};
  } else if (type == "call_made") {
    event.body = CallMade{members.text("method"), members.text("arguments"), members.text("peer")};
  } else {
    return std::nullopt;
  }
  return event;
}

Profile read_profile(const Members& members) {
  Profile profile;
  const Json* json = members.find("profile");
  if (json == nullptr || !json->is_object()) return profile;
  for (const auto& [key, value] : json->items()) {
    if (value.is_string()) profile.emplace(key, value.get<std::string>());
  }
  return profile;
}

// As much of it as an event says: strategies are but names.
InventoryPtr read_inventory(const Members& members) {
  const auto inventory = std::make_shared<Inventory>();
  inventory->lab = members.text("lab");
  for (const std::string& name : members.names("strategies")) {
    inventory->strategies.push_back({name, ""});
  }
  const Json* list = members.find("devices");
  const Json devices = list == nullptr ? Json::array() : *list;
  for (const Json& one : devices) {
    const Members device(one);
    DeviceSpec spec;
    spec.name = device.text("name");
    spec.profile = read_profile(device);
    spec.worker = device.text("worker");
    spec.pools = device.names("pools");
    spec.strategy = device.text("strategy");
    spec.owner = device.text("owner");
    spec.where = device.text("where");
    spec.lister = device.text("lister");
    inventory->devices.push_back(std::move(spec));
  }
  return inventory;
}

// What happened to the broker, its workers and what they list, or nothing.
std::optional<EventBody> read_house(const std::string& type, const Members& members) {
  if (type == "broker_started") {
    return BrokerStarted{members.number("epoch"), members.text("version")};
  }
  if (type == "inventory_applied") {
    return InventoryApplied{read_inventory(members), members.text("who")};
  }
  if (type == "worker_joined") {
    return WorkerJoined{members.text("worker"),        members.number("incarnation"),
                        members.text("lab"),           members.names("pools"),
                        members.small_number("slots"), members.text("version")};
  }
  if (type == "worker_lost") {
    return WorkerLost{members.text("worker"), members.number("incarnation"),
                      members.text("reason")};
  }
  if (type == "device_listed") {
    return DeviceListed{members.text("worker"),
                        {members.text("lister"), members.text("device"), read_profile(members)}};
  }
  if (type == "device_unlisted") {
    return DeviceUnlisted{members.text("worker"), members.text("device")};
  }
  if (type == "drain_changed") {
    return DrainChanged{members.text("worker"), members.boolean("draining"), members.text("reason"),
                        members.text("who")};
  }
  return std::nullopt;
}

std::optional<EventBody> read_body(const std::string& type, const Members& members) {
  if (std::optional<EventBody> house = read_house(type, members)) return house;
  if (type == "task_submitted") {
    const Json* spec = members.find("spec");
    return TaskSubmitted{std::make_shared<const TaskSpec>(
        task_spec_from_json(spec == nullptr ? std::string() : spec->dump()))};
  }
  if (type == "attempt_leased") {
    return AttemptLeased{read_token(members), members.text("worker"), members.number("incarnation"),
                         members.names("devices")};
  }
  if (type == "attempt_ended") {
    return AttemptEnded{read_origin(members), read_token(members), read_ending(members),
                        members.word("verdict", Verdict::skip), members.time("retry_at")};
  }
  if (type == "report_refused") {
    return ReportRefused{read_origin(members), read_token(members), members.text("reason")};
  }
  if (type == "cancel_requested") {
    const bool asked = members.find("cause") == nullptr;
    return CancelRequested{members.text("guid"), members.text("reason"), members.text("who"),
                           asked ? Cause::user : members.word("cause", Cause::capacity)};
  }
  if (type == "task_ended") {
    return TaskEnded{members.text("guid"), read_ending(members),
                     members.word("verdict", Verdict::skip)};
  }
  if (type == "task_retried") {
    return TaskRetried{members.text("guid"), members.text("reason"), members.text("who"), ""};
  }
  if (type == "device_judged") {
    return DeviceJudged{members.text("device"),
                        members.word("health", DeviceHealth::locked),
                        members.text("reason"),
                        members.text("who"),
                        members.text("guid"),
                        members.time("until"),
                        members.small_number("failures"),
                        members.text("level"),
                        members.small_number("job_failures")};
  }
  return read_report(type, members);
}

}  // namespace

Ending ending_from_json(const Json& json) {
  Ending ending;
  if (!json.is_object()) return ending;
  const Members members(json);
  ending.outcome = members.word("outcome", Outcome::skip);
  ending.cause = members.word("cause", Cause::capacity);
  const uint64_t status = members.number("status");
  const bool known = status <= static_cast<uint64_t>(StatusCode::timeout);
  ending.status = known ? static_cast<StatusCode>(status) : StatusCode::error;
  ending.exit_code = members.some_number("exit_code");
  ending.signal = members.some_number("signal");
  ending.message = members.text("message");
  ending.blame = members.text("blame");
  ending.started = members.time("started");
  ending.finished = members.time("finished");
  ending.lost = members.boolean("lost");
  return ending;
}

std::optional<Event> event_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const Members members(json);
  std::optional<EventBody> body = read_body(members.text("type"), members);
  if (!body) return std::nullopt;
  return Event{members.time("time"), std::move(*body), members.metadata()};
}

}  // namespace muster
