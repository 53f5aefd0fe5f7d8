#include "collectors/couchdb_document.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "io/clock.h"
#include "io/event_json.h"
#include "io/json_depth.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSeqDigits = 16;
constexpr int64_t kExactMax = int64_t{1} << 53;

// Who said it: "worker/NAME", or "broker".
struct SourceOf {
  template <typename Body>
  std::string operator()(const Body& body) const {
    if constexpr (requires { body.origin.worker; }) {
      if (!body.origin.worker.empty()) return "worker/" + body.origin.worker;
    }
    return "broker";
  }
};

// The attempt that it is about, or 0.
struct AttemptOf {
  template <typename Body>
  uint64_t operator()(const Body& body) const {
    if constexpr (requires { body.token.attempt; }) return body.token.attempt;
    return 0;
  }
};

void make_integers_safe(Json& json) {
  if (json.is_number_unsigned() && json.get<uint64_t>() > static_cast<uint64_t>(kExactMax)) {
    json = std::to_string(json.get<uint64_t>());
  } else if (json.is_number_integer() && !json.is_number_unsigned() &&
             json.get<int64_t>() < -kExactMax) {
    json = std::to_string(json.get<int64_t>());
  }
  if (!json.is_structured()) return;
  for (Json& part : json) make_integers_safe(part);
}

// What was shouted, or nothing when it is no object after all, or none that can be walked.
std::optional<std::string> shouted_object(const Event& event) {
  const auto* report = std::get_if<AttemptReported>(&event.body);
  const Shout* shout = report == nullptr ? nullptr : std::get_if<Shout>(&report->body);
  if (shout == nullptr || is_deep_json(shout->json)) return std::nullopt;
  Json json = Json::parse(shout->json, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  make_integers_safe(json);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_metadata(JsonWriter& json, const Event& event) {
  const Metadata* metadata = event_metadata(event);
  if (metadata == nullptr || metadata->empty()) return;
  json.begin_object("metadata");
  for (const auto& [key, value] : *metadata) json.text(key, value);
  json.end_object();
}

}  // namespace

std::string couchdb_id(std::string_view log_id, uint64_t seq) {
  std::string digits = std::to_string(seq);
  if (digits.size() < kSeqDigits) digits.insert(0, kSeqDigits - digits.size(), '0');
  return std::string(log_id) + ":" + digits;
}

std::string couchdb_document(std::string_view log_id, const SequencedEvent& at) {
  const std::string_view guid = event_guid(at.event);
  JsonWriter json(WideIntegers::as_text);
  json.begin_object();
  json.text("_id", couchdb_id(log_id, at.seq));
  json.text("schema", "muster.couchdb_event/1");
  json.text("guid", guid);
  json.text("time_stamp", format_rfc3339(at.event.time));
  json.text("type", event_type(at.event));
  json.text("source", std::visit(SourceOf{}, at.event.body));
  json.text("log", log_id);
  json.number("seq", at.seq);
  json.begin_object("task");
  json.text("guid", guid);
  const uint64_t attempt = std::visit(AttemptOf{}, at.event.body);
  if (attempt > 0) json.number("attempt", attempt);
  json.end_object();
  write_metadata(json, at.event);
  if (const std::optional<std::string> shouted = shouted_object(at.event)) {
    json.json("payload", *shouted);
  } else {
    json.begin_object("payload");
    write_event_body(json, at.event);
    json.end_object();
  }
  json.end_object();
  return json.take();
}

}  // namespace muster
