// Events from their JSON form (io/event_json.h).
#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/limits.h"
#include "io/clock.h"
#include "io/event_json.h"
#include "io/word.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// Members of one object; what is missing or of the wrong type is the default.
class Members {
 public:
  explicit Members(const Json& json) : json_(json) {}

  std::string text(const char* key) const {
    const Json* value = find(key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  }
  Instant time(const char* key) const { return parse_rfc3339(text(key)); }
  std::vector<std::string> names(const char* key) const {
    const Json* value = find(key);
    return value == nullptr ? std::vector<std::string>() : names_from_json(value->dump());
  }
  // A number, or a decimal string where it may exceed 2^53.
  uint64_t number(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr) return 0;
    if (value->is_string()) return std::strtoull(value->get<std::string>().c_str(), nullptr, 10);
    return value->is_number_unsigned() ? value->get<uint64_t>() : 0;
  }
  uint32_t small_number(const char* key) const { return static_cast<uint32_t>(number(key)); }
  std::optional<int32_t> some_number(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_number_integer()) return std::nullopt;
    return value->get<int32_t>();
  }
  Duration seconds(const char* key) const {
    const Json* value = find(key);
    const double us = value != nullptr && value->is_number() ? value->get<double>() * 1e6 : 0;
    const bool in_range = us >= 0 && us <= static_cast<double>(kTimeUsMax);
    return Duration(in_range ? std::llround(us) : 0);
  }
  MetadataPtr metadata() const {
    const Json* value = find("metadata");
    if (value == nullptr || !value->is_object()) return nullptr;
    const auto metadata = std::make_shared<Metadata>();
    for (const auto& [key, text] : value->items()) {
      if (text.is_string()) metadata->emplace(key, text.get<std::string>());
    }
    return metadata;
  }
  template <typename Enum>
  Enum word(const char* key, Enum last) const {
    return parse_word(text(key), last);
  }
  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

 private:
  const Json& json_;
};

Ending read_ending(const Members& event) {
  Ending ending;
  const Json* json = event.find("ending");
  if (json == nullptr || !json->is_object()) return ending;
  const Members members(*json);
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
  return ending;
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

std::optional<EventBody> read_body(const std::string& type, const Members& members) {
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
    return CancelRequested{members.text("guid"), members.text("reason"), members.text("who")};
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

std::optional<Event> event_from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const Members members(json);
  std::optional<EventBody> body = read_body(members.text("type"), members);
  if (!body) return std::nullopt;
  return Event{members.time("time"), std::move(*body), members.metadata()};
}

}  // namespace muster
