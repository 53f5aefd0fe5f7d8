#include "cli/sink_client.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <sstream>

#include "cli/failure.h"
#include "core/duration_text.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/json_members.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// Longer than the collector waits for a sink to be between two deliveries.
constexpr Duration kPatience = 120s;
// Of letters in one address, which may have 8 KiB.
constexpr size_t kNumbersMax = 300;

uint64_t number_of(const Json& json, const char* key) { return JsonMembers(json).number(key); }

[[noreturn]] void fail_reading(const std::string& place) {
  throw Failure{kExitUnreachable, place + " gave an answer that does not fit",
                "update muster or the collector: muster doctor shows what runs here"};
}

SinkInfo read_sink(Json json) {
  SinkInfo sink;
  sink.name = text_of(json, "name");
  sink.place = text_of(json, "place");
  sink.state = text_of(json, "state");
  if (json.contains("cursor")) sink.cursor = number_of(json, "cursor");
  if (json.contains("lag_events")) sink.lag_events = number_of(json, "lag_events");
  sink.lag = JsonMembers(json).seconds("lag_s");
  sink.delivered = number_of(json, "delivered");
  if (json.contains("dead_letters")) sink.dead_letters = number_of(json, "dead_letters");
  sink.unknown = number_of(json, "unknown");
  sink.first_unknown = number_of(json, "first_unknown");
  sink.delivering_since = parse_rfc3339(text_of(json, "delivering_since"));
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

std::string join_numbers(std::span<const uint64_t> seqs) {
  std::string text;
  for (const uint64_t seq : seqs) text += (text.empty() ? "" : ",") + std::to_string(seq);
  return text;
}

// What came next of an order that is done in parts.
void add_part(SinkOrderInfo& whole, SinkOrderInfo part) {
  whole.done.insert(whole.done.end(), part.done.begin(), part.done.end());
  std::move(part.refused.begin(), part.refused.end(), std::back_inserter(whole.refused));
  whole.error = std::move(part.error);
  whole.is_wrong = part.is_wrong;
  whole.left = std::move(part.left);
}

std::vector<uint64_t> numbers_of(const Json& json, const char* key) {
  std::vector<uint64_t> numbers;
  const auto found = json.find(key);
  if (found == json.end()) return numbers;
  for (const Json& number : *found) {
    if (number.is_number_unsigned()) numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

std::string order_json(const std::string& sink, const SinkOrderInfo& info) {
  Json json = {{"schema", "muster.sink_order/1"}};
  if (!info.error.empty()) json["error"] = info.error;
  json["done"] = info.done;
  json["refused"] = Json::array();
  for (const auto& [seq, answer] : info.refused) {
    json["refused"].push_back(Json{{"seq", seq}, {"answer", answer}});
  }
  if (!info.left.empty()) json["left"] = info.left;
  json["sink"] = sink;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

SinkClient::SinkClient(Session& session) : api_(address_or_throw(session)) {}

ApiReply SinkClient::ask(const std::string& method, const std::string& path) {
  const int64_t began = boot_us();
  ApiReply reply = api_.ask(method, "/api/v1/sinks" + path, kPatience);
  const Json refusal = reply.ok() ? Json() : Json::parse(reply.body, nullptr, false);
  if (text_of(refusal, "schema") != "muster.sink_order/1") check(reply, began);
  return reply;
}

// Throws unless it is an answer; it was asked for at `began_us`.
void SinkClient::check(const ApiReply& reply, int64_t began_us) const {
  if (reply.status == 0 && boot_us() - began_us >= kPatience.count()) {
    throw Failure{kExitUnreachable,
                  "the collector has not answered for " + format_duration(kPatience),
                  "it may be at work on it still; see: muster sink status"};
  }
  if (reply.status == 0) {
    throw Failure{kExitUnreachable, "no collector answers: " + reply.reason,
                  "start one: muster up, or muster-collector"};
  }
  if (reply.ok()) return;
  const bool is_wrong = reply.status == 400 || reply.status == 404;
  throw Failure{reply.status == 401 ? kExitNotPermitted
                : is_wrong          ? kExitUsageError
                                    : kExitUnreachable,
                "the collector says: " + reply.reason, "see: muster sink status"};
}

std::vector<SinkInfo> SinkClient::list() {
  const Json json = Json::parse(ask("GET", "").body, nullptr, false);
  if (text_of(json, "schema") != "muster.sinks/1" || !json["sinks"].is_array()) {
    fail_reading(api_.base());
  }
  std::vector<SinkInfo> sinks;
  for (const Json& sink : json["sinks"]) sinks.push_back(read_sink(sink));
  return sinks;
}

// Of what comes there is never more in memory than a line.
void SinkClient::each_letter(const std::string& sink,
                             const std::function<void(DeadLetterInfo)>& take) {
  const int64_t began = boot_us();
  std::string rest;  // of what came, what is no whole line yet
  bool fits = true;
  const auto take_line = [&](std::string line) {
    const Json json = Json::parse(line, nullptr, false);
    fits = text_of(json, "schema") == "muster.dead_letter/1";
    if (!fits) return;
    const Json event = json.value("event", Json());
    DeadLetterInfo letter{number_of(json, "seq"),
                          text_of(event, "type"),
                          text_of(event, "guid"),
                          text_of(json, "answer"),
                          parse_rfc3339(text_of(json, "buried")),
                          ""};
    letter.json = std::move(line);
    take(std::move(letter));
  };
  const auto take_bytes = [&](std::string_view bytes) {
    const size_t searched = rest.size();
    rest += bytes;
    size_t begin = 0;
    for (size_t end = rest.find('\n', searched); fits && end != rest.npos;
         end = rest.find('\n', begin)) {
      take_line(rest.substr(begin, end - begin));
      begin = end + 1;
    }
    rest.erase(0, begin);
    return fits;
  };
  const ApiReply reply =
      api_.stream("/api/v1/sinks/" + url_encode(sink) + "/dead", kPatience, take_bytes);
  if (!fits) fail_reading(api_.base());
  check(reply, began);
}

SinkOrderInfo SinkClient::replay(const std::string& sink, uint64_t from) {
  SinkOrderInfo info = order(sink, "/replay?from=" + std::to_string(from));
  if (!info.error.empty()) fail(info);
  return info;
}

void SinkClient::fail(const SinkOrderInfo& order) {
  throw Failure{order.is_wrong ? kExitUsageError : kExitUnreachable,
                "the collector says: " + order.error, "see: muster sink status"};
}

// As many numbers at a time as an address may have.
SinkOrderInfo SinkClient::change_letters(const std::string& sink, bool drop,
                                         const std::vector<uint64_t>& seqs) {
  const std::string what = drop ? "/dead/drop?" : "/dead/retry?";
  SinkOrderInfo whole;
  if (seqs.empty()) whole = change_some(sink, what + "all=1");
  for (size_t begin = 0; begin < seqs.size() && whole.error.empty(); begin += kNumbersMax) {
    const auto some = std::span(seqs).subspan(begin, std::min(kNumbersMax, seqs.size() - begin));
    SinkOrderInfo part = change_some(sink, what + "seq=" + join_numbers(some));
    add_part(whole, std::move(part));
    const auto rest = std::span(seqs).subspan(begin + some.size());
    if (!whole.error.empty()) whole.left.insert(whole.left.end(), rest.begin(), rest.end());
  }
  if (!whole.error.empty() && whole.done.empty() && whole.refused.empty()) fail(whole);
  whole.json = order_json(sink, whole);
  return whole;
}

// Many are tried again part by part.
SinkOrderInfo SinkClient::change_some(const std::string& sink, const std::string& what) {
  SinkOrderInfo whole = order(sink, what);
  while (whole.error.empty() && !whole.left.empty()) {
    add_part(whole, order(sink, what + "&after=" + std::to_string(whole.left.front() - 1)));
  }
  return whole;
}

SinkOrderInfo SinkClient::order(const std::string& sink, const std::string& what) {
  const ApiReply reply = ask("POST", "/" + url_encode(sink) + what);
  const Json json = Json::parse(reply.body, nullptr, false);
  if (text_of(json, "schema") != "muster.sink_order/1") fail_reading(api_.base());
  SinkOrderInfo info;
  info.error = text_of(json, "error");
  info.is_wrong = reply.status == 400;
  info.done = numbers_of(json, "done");
  info.left = numbers_of(json, "left");
  for (const Json& refusal : json["refused"]) {
    info.refused.emplace_back(number_of(refusal, "seq"), text_of(refusal, "answer"));
  }
  info.json = order_json(sink, info);
  return info;
}

}  // namespace muster
