#include "cli/sink_client.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cli/failure.h"
#include "io/archive_name.h"
#include "io/clock.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// Longer than the collector waits for a sink to be between two deliveries.
constexpr Duration kPatience = 120s;

std::string text_of(const Json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

uint64_t number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

Duration seconds_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return Duration(0);
  return Duration(std::llround(found->get<double>() * 1e6));
}

[[noreturn]] void fail_reading(const std::string& place) {
  throw Failure{kExitUnreachable, place + " gave an answer that does not fit",
                "update muster or the collector: muster doctor shows what runs here"};
}

SinkInfo read_sink(Json json) {
  SinkInfo sink;
  sink.name = text_of(json, "name");
  sink.place = text_of(json, "place");
  sink.state = text_of(json, "state");
  sink.cursor = number_of(json, "cursor");
  sink.head = number_of(json, "head");
  sink.lag_events = number_of(json, "lag_events");
  sink.lag = seconds_of(json, "lag_s");
  sink.delivered = number_of(json, "delivered");
  sink.dead_letters = number_of(json, "dead_letters");
  sink.error = text_of(json, "error");
  sink.retry_at = parse_rfc3339(text_of(json, "retry_at"));
  Json document = {{"schema", "muster.sink/1"}};
  document.update(json);
  sink.json = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  return sink;
}

ApiAddress address_or_throw(Session& session) {
  Result<ApiAddress> address = collector_address(session.home(), session.config());
  if (!address) throw Failure{kExitLocal, address.error(), ""};
  return std::move(*address);
}

std::string join_numbers(const std::vector<uint64_t>& seqs) {
  std::string text;
  for (const uint64_t seq : seqs) text += (text.empty() ? "" : ",") + std::to_string(seq);
  return text;
}

}  // namespace

SinkClient::SinkClient(Session& session) : api_(address_or_throw(session)) {}

std::string SinkClient::ask(const std::string& method, const std::string& path) {
  ApiReply reply = api_.ask(method, "/api/v1/sinks" + path, kPatience);
  if (reply.status == 0) {
    throw Failure{kExitUnreachable, "no collector answers: " + reply.reason,
                  "start one: muster up, or muster-collector"};
  }
  if (reply.ok()) return std::move(reply.body);
  throw Failure{reply.status == 401   ? kExitNotPermitted
                : reply.status == 404 ? kExitUsageError
                                      : kExitLocal,
                "the collector says: " + reply.reason, "see: muster sink status"};
}

std::vector<SinkInfo> SinkClient::list() {
  const Json json = Json::parse(ask("GET", ""), nullptr, false);
  if (text_of(json, "schema") != "muster.sinks/1" || !json["sinks"].is_array()) {
    fail_reading(api_.base());
  }
  std::vector<SinkInfo> sinks;
  for (const Json& sink : json["sinks"]) sinks.push_back(read_sink(sink));
  return sinks;
}

std::vector<DeadLetterInfo> SinkClient::dead_letters(const std::string& sink) {
  std::istringstream lines(ask("GET", "/" + url_encode(sink) + "/dead"));
  std::vector<DeadLetterInfo> letters;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (text_of(json, "schema") != "muster.dead_letter/1") fail_reading(api_.base());
    const Json event = json.value("event", Json());
    letters.push_back({number_of(json, "seq"), text_of(event, "type"), text_of(event, "guid"),
                       text_of(json, "answer"), parse_rfc3339(text_of(json, "buried")), line});
  }
  return letters;
}

SinkOrderInfo SinkClient::replay(const std::string& sink, uint64_t from) {
  return order(sink, "/replay?from=" + std::to_string(from));
}

SinkOrderInfo SinkClient::change_letters(const std::string& sink, bool drop,
                                         const std::vector<uint64_t>& seqs) {
  const std::string what = drop ? "/dead/drop?" : "/dead/retry?";
  return order(sink, what + (seqs.empty() ? "all=1" : "seq=" + join_numbers(seqs)));
}

SinkOrderInfo SinkClient::order(const std::string& sink, const std::string& what) {
  Json json = Json::parse(ask("POST", "/" + url_encode(sink) + what), nullptr, false);
  if (text_of(json, "schema") != "muster.sink_order/1") fail_reading(api_.base());
  SinkOrderInfo info;
  for (const Json& seq : json["done"]) info.done.push_back(seq.get<uint64_t>());
  for (const Json& refusal : json["refused"]) {
    info.refused.emplace_back(number_of(refusal, "seq"), text_of(refusal, "answer"));
  }
  json["sink"] = sink;
  info.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return info;
}

}  // namespace muster
