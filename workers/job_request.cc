#include "workers/job_request.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/guid.h"
#include "core/job_rules.h"
#include "core/limits.h"
#include "core/suggest.h"
#include "io/json_depth.h"
#include "io/json_stream.h"

namespace muster {
namespace {

using Json = nlohmann::json;

const std::vector<std::string> kVerbs = {"shout",    "report",      "measure",  "push",
                                         "progress", "call_failed", "call_made"};

// The first thing that is wrong with the members of an object, and their values.
class Members {
 public:
  Members(std::string verb, const Json& json, std::vector<std::string> known)
      : verb_(std::move(verb)), json_(json) {
    if (!json.is_object()) {
      fail("wants an object");
      return;
    }
    for (const auto& [key, value] : json.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      fail("does not know " + quote_text(key) + suggestion(key, known));
    }
  }

  bool has(const char* key) const { return json_.is_object() && json_.contains(key); }

  std::string text(const char* key, bool required = false) {
    if (!has(key)) {
      if (required) fail("wants " + quote_text(key));
      return "";
    }
    if (!json_[key].is_string()) {
      fail(quote_text(key) + " must be a text");
      return "";
    }
    std::string value = json_[key].get<std::string>();
    if (required && value.empty()) fail(quote_text(key) + " is empty");
    return value;
  }

  double number(const char* key, double max, bool required) {
    if (!has(key)) {
      if (required) fail("wants " + quote_text(key));
      return 0;
    }
    const double value = json_[key].is_number() ? json_[key].get<double>() : -1;
    if (value >= 0 && value <= max) return value;
    fail(quote_text(key) + " must be a number from 0 to " + std::to_string(std::llround(max)));
    return 0;
  }

  void fail(const std::string& reason) {
    if (!reason_) reason_ = verb_ + ": " + reason;
  }
  const std::optional<std::string>& reason() const { return reason_; }

 private:
  std::string verb_;
  const Json& json_;
  std::optional<std::string> reason_;
};

// Where the value of the only member stands in the line, and whether a number in it is an integer
// that JSON's usual readers would round.
class Span final : public JsonHandler {
 public:
  explicit Span(std::string_view line) {
    JsonStream stream(*this, kApiLineBytesMax);
    stream_ = &stream;
    whole_ = stream.feed(line).ok() && stream.finish().ok();
    stream_ = nullptr;
  }
  bool whole() const { return whole_; }
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  bool has_wide_integer() const { return has_wide_integer_; }

 private:
  void open() {
    if (++depth_ == 2) begin_ = stream_->offset();
  }
  void close() {
    if (--depth_ == 1) end_ = stream_->offset() + 1;
  }
  void begin_object() override { open(); }
  void end_object() override { close(); }
  void begin_array() override { open(); }
  void end_array() override { close(); }
  void key(std::string_view) override {}
  void text(std::string_view) override {}
  void literal(std::string_view) override {}
  void number(std::string_view written) override {
    const bool integer = written.find_first_of(".eE") == std::string_view::npos;
    const bool fits = std::holds_alternative<int64_t>(parse_measure_value(written));
    if (integer && !fits && written != "-0") has_wide_integer_ = true;
  }

  const JsonStream* stream_ = nullptr;
  bool whole_ = false;
  size_t depth_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool has_wide_integer_ = false;
};

Result<JobRequest> parse_shout(std::string_view line, const Json& json) {
  if (!json.is_object()) return Error{"shout: wants an object"};
  const Span span(line);
  if (!span.whole()) {
    return Error{"shout: is nested deeper than " + std::to_string(kJsonDepthMax - 1)};
  }
  const std::string_view text = line.substr(span.begin(), span.end() - span.begin());
  if (text.size() > kShoutBytesMax) {
    return Error{"shout: has " + std::to_string(text.size()) + " bytes; " +
                 std::to_string(kShoutBytesMax) + " are allowed"};
  }
  return JobRequest(SayRequest{Shout{std::string(text)}});
}

std::optional<Outcome> parse_outcome(std::string_view word) {
  for (const Outcome outcome : {Outcome::pass, Outcome::fail, Outcome::error, Outcome::skip}) {
    if (word == to_string(outcome)) return outcome;
  }
  return std::nullopt;
}

Result<JobRequest> parse_report(const Json& json) {
  Members members("report", json,
                  {"suite", "name", "outcome", "seconds", "message", "junit", "gtest"});
  for (const bool junit : {true, false}) {
    const char* key = junit ? "junit" : "gtest";
    if (!members.has(key)) continue;
    if (json.size() > 1)
      members.fail(std::string("a file stands alone: {") + quote_text(key) + ": PATH}");
    ResultFileRequest request{junit ? ResultFileFormat::junit : ResultFileFormat::gtest,
                              members.text(key, true)};
    if (members.reason()) return Error{*members.reason()};
    return JobRequest(std::move(request));
  }
  CaseResult result;
  result.suite = members.text("suite");
  result.name = members.text("name", true);
  result.message = members.text("message");
  const std::optional<Outcome> outcome = parse_outcome(members.text("outcome", true));
  if (!outcome) members.fail("\"outcome\" must be pass, fail, error or skip");
  result.outcome = outcome.value_or(Outcome::error);
  const double seconds = members.number("seconds", static_cast<double>(kTimeUsMax) / 1e6, false);
  result.duration = Duration{std::llround(seconds * 1e6)};
  if (std::max(result.suite.size(), result.name.size()) > kCaseNameBytesMax) {
    members.fail("a name is longer than " + std::to_string(kCaseNameBytesMax) + " bytes");
  }
  result.message = cut_text(result.message, kMessageLengthMax);
  if (members.reason()) return Error{*members.reason()};
  return JobRequest(SayRequest{std::move(result)});
}

Result<JobRequest> parse_measure(std::string_view line, const Json& json) {
  Members members("measure", json, {"table", "row", "csv"});
  const std::string table = members.text("table", true);
  if (members.has("csv")) {
    if (members.has("row")) members.fail("give a row or a file, not both");
    MeasureFileRequest request{table, members.text("csv", true)};
    if (auto reason = invalid_name(table, "table")) members.fail(*reason);
    if (members.reason()) return Error{*members.reason()};
    return JobRequest(std::move(request));
  }
  if (!members.has("row")) members.fail("wants \"row\" or \"csv\"");
  if (members.has("row") && !json["row"].is_object()) members.fail("\"row\" must be an object");
  if (members.reason()) return Error{*members.reason()};
  if (Span(line).has_wide_integer()) {
    return Error{"measure: an integer does not fit into 64 bits with a sign: send it as a text"};
  }
  Measurement measurement{table, {}};
  for (const auto& [column, value] : json["row"].items()) {
    if (value.is_null()) continue;
    if (value.is_structured()) {
      return Error{"measure: the value of " + quote_text(column) +
                   " must be a number, a text, true or false"};
    }
    MeasureValue cell = value.is_boolean()          ? MeasureValue(value.get<bool>())
                        : value.is_number_integer() ? MeasureValue(value.get<int64_t>())
                        : value.is_number()         ? MeasureValue(value.get<double>())
                                                    : MeasureValue(value.get<std::string>());
    measurement.row.emplace_back(column, std::move(cell));
  }
  if (auto reason = invalid_measurement(measurement)) return Error{"measure: " + *reason};
  return JobRequest(SayRequest{std::move(measurement)});
}

// The last part of a path.
std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<JobRequest> parse_push(const Json& json) {
  Members members("push", json, {"file", "as"});
  PushRequest request{members.text("file", true), members.text("as")};
  if (request.as.empty()) request.as = file_name(request.file);
  if (members.reason()) return Error{*members.reason()};
  return JobRequest(std::move(request));
}

Result<JobRequest> parse_progress(const Json& json) {
  Members members("progress", json, {"percent", "text"});
  Progress progress;
  progress.percent = static_cast<uint32_t>(members.number("percent", 100, true));
  progress.text = cut_text(members.text("text"), kMessageLengthMax);
  if (members.reason()) return Error{*members.reason()};
  return JobRequest(SayRequest{std::move(progress)});
}

// What a call was given, as JSON.
std::string read_arguments(Members& members, std::string_view line, const Json& json) {
  if (!members.has("arguments")) return "";
  if (is_deep_json(line)) {
    members.fail("\"arguments\" are nested deeper than " + std::to_string(kJsonDepthMax - 2));
    return "";
  }
  std::string arguments = json["arguments"].dump();
  if (arguments.size() > kReportBytesMax / 4) members.fail("\"arguments\" are too long");
  return arguments;
}

Result<JobRequest> parse_call_failed(std::string_view line, const Json& json) {
  Members members("call_failed", json, {"method", "arguments", "peer", "error"});
  CallFailed call;
  call.method = members.text("method", true);
  call.arguments = read_arguments(members, line, json);
  call.peer = cut_text(members.text("peer"), kMessageLengthMax);
  call.error = cut_text(members.text("error", true), kMessageLengthMax);
  if (call.method.size() > kNameLengthMax) members.fail("\"method\" is too long");
  if (members.reason()) return Error{*members.reason()};
  return JobRequest(SayRequest{std::move(call)});
}

Result<JobRequest> parse_call_made(std::string_view line, const Json& json) {
  Members members("call_made", json, {"method", "arguments", "peer"});
  CallMade call;
  call.method = members.text("method", true);
  call.arguments = read_arguments(members, line, json);
  call.peer = cut_text(members.text("peer"), kMessageLengthMax);
  if (call.method.size() > kNameLengthMax) members.fail("\"method\" is too long");
  if (members.reason()) return Error{*members.reason()};
  return JobRequest(SayRequest{std::move(call)});
}

}  // namespace

CallMade describe_request(std::string_view line) {
  constexpr size_t kArgumentBytesMax = 1 << 10;
  constexpr auto kReplace = Json::error_handler_t::replace;
  const Json json = Json::parse(line, nullptr, false);
  const bool readable = json.is_object() && json.size() == 1;
  CallMade call{readable ? json.begin().key() : "unreadable", "", ""};
  const bool shown = readable && !is_deep_json(line);
  const std::string value = shown ? json.begin().value().dump() : std::string(line);
  const bool whole = shown && value.size() <= kArgumentBytesMax;
  call.arguments =
      whole
          ? value
          : Json(cut_text(sanitize_utf8(value), kArgumentBytesMax)).dump(-1, ' ', false, kReplace);
  return call;
}

Result<JobRequest> parse_job_request(std::string_view line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::exception&) {
    return Error{"not a JSON object on one line: " + quote_text(line)};
  }
  if (!json.is_object() || json.size() != 1) {
    return Error{"not an object with one member, as in {\"progress\": {\"percent\": 50}}"};
  }
  const std::string verb = json.begin().key();
  const Json& value = json.begin().value();
  if (verb == "shout") return parse_shout(line, value);
  if (verb == "report") return parse_report(value);
  if (verb == "measure") return parse_measure(line, value);
  if (verb == "push") return parse_push(value);
  if (verb == "progress") return parse_progress(value);
  if (verb == "call_failed") return parse_call_failed(line, value);
  if (verb == "call_made") return parse_call_made(line, value);
  return Error{"unknown verb " + quote_text(verb) + suggestion(verb, kVerbs)};
}

}  // namespace muster
