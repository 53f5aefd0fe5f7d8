#include "io/decibel_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/guid.h"

namespace muster {
namespace {

using Json = nlohmann::json;

// No second since the epoch is as many before the year 5138, and no millisecond as few after 1973.
constexpr double kSecondsBelow = 1e11;
constexpr size_t kIgnoredNameBytesMax = 80;

std::string fit(const Json& value, size_t bytes_max) {
  if (value.is_string()) return cut_text(sanitize_utf8(value.get<std::string>()), bytes_max);
  if (value.is_null()) return "";
  return cut_text(value.dump(-1, ' ', false, Json::error_handler_t::replace), bytes_max);
}

// Null, or a text without a character.
bool is_nothing(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

// Reads the members of one object. The first that is none is the reason.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  const Json& value(const char* key) {
    static const Json none;
    known_.emplace_back(key);
    const auto found = object_.find(key);
    return found == object_.end() ? none : *found;
  }
  std::string text(const char* key, size_t bytes_max = kDecibelFieldBytesMax) {
    return fit(value(key), bytes_max);
  }
  std::string key(const char* name) {
    const Json& json = value(name);
    if (json.is_string() && json.get_ref<const std::string&>().size() > kDecibelKeyBytesMax) {
      wrong(name, "a text of " + std::to_string(kDecibelKeyBytesMax) + " bytes at most");
    }
    return text(name);
  }
  Instant time(const char* key) {
    const Json& json = value(key);
    if (is_nothing(json)) return kNever;
    std::optional<Instant> time;
    if (json.is_string()) {
      time = parse_decibel_time(json.get_ref<const std::string&>());
    } else if (json.is_number()) {
      const double number = json.get<double>();
      const double us = std::abs(number) < kSecondsBelow ? number * 1e6 : number * 1e3;
      if (us > 0 && us <= static_cast<double>(kTimeUsMax)) time = from_us(std::llround(us));
    }
    if (!time) wrong(key, "seconds since 1970, or a time such as 2026-11-23T08:15:30Z");
    return time.value_or(kNever);
  }
  // A number, or a list of so many.
  uint64_t count(const char* key, uint64_t fallback) {
    const Json& json = value(key);
    if (json.is_null()) return fallback;
    if (json.is_array()) return json.size();
    if (json.is_number_unsigned() && json.get<uint64_t>() <= UINT32_MAX) {
      return json.get<uint64_t>();
    }
    wrong(key, "a number, or a list");
    return fallback;
  }
  void wrong(const char* key, const std::string& wanted) {
    if (reason_.empty()) reason_ = std::string(key) + " must be " + wanted;
  }
  const std::string& reason() const { return reason_; }

  // Those that nobody has asked for; `where` is "" or " of a failure".
  void tell_ignored(const std::string& where, DecibelHandler& handler) const {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      handler.note_ignored("key " + cut_text(sanitize_utf8(key), kIgnoredNameBytesMax) + where);
    }
  }

 private:
  const Json& object_;
  std::vector<std::string_view> known_;  // were asked for
  std::string reason_;
};

// A case of `failures`, or of `error`.
DecibelCase read_finding(const Json& json, const std::string& test_name, DecibelResult result,
                         DecibelHandler& handler) {
  DecibelCase test;
  test.package = test_name;
  test.name = test_name;
  test.result = result;
  if (!json.is_object()) {
    test.info = fit(json, kDecibelTextBytesMax);
    return test;
  }
  Members members(json);
  for (const char* key : {"test_name", "test", "name"}) {
    if (const std::string name = members.text(key); !name.empty()) test.name = name;
  }
  for (const char* key : {"info", "error", "message"}) {
    if (const std::string info = members.text(key, kDecibelTextBytesMax); !info.empty()) {
      test.info = info;
    }
  }
  members.tell_ignored(result == DecibelResult::error ? " of error" : " of a failure", handler);
  return test;
}

DecibelRun read_run(Members& members) {
  DecibelRun run;
  run.key = members.key("key");
  run.supersedes = members.key("supersedes");
  run.guid = members.text("guid");
  run.sw = members.text("sw");
  run.team = members.text("team");
  run.framework = members.text("framework");
  if (run.framework.empty()) run.framework = "marionette";
  run.name = members.text("test_name");
  run.start = members.time("start");
  run.end = members.time("end");
  run.iterations = members.count("iterations", 1);
  run.user = members.text("user");
  run.origin = members.text("origin");
  run.info = members.text("info", kDecibelTextBytesMax);
  run.comment = members.text("comment", kDecibelTextBytesMax);
  run.git_url = members.text("git_url");
  run.git_sha1 = members.text("git_sha1");
  return run;
}

}  // namespace

Result<Done> read_decibel_json(std::string_view json, DecibelHandler& handler) {
  bool deep = false;
  const auto check_depth = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > static_cast<int>(kJsonDepthMax);
    return !deep;
  };
  const Json object = Json::parse(json, check_depth, false);
  if (deep) return Error{"it is nested deeper than " + std::to_string(kJsonDepthMax) + " levels"};
  if (object.is_discarded()) return Error{"it is no JSON"};
  if (!object.is_object()) return Error{"it is no JSON object"};
  Members members(object);
  if (!members.value("test_name").is_string() || members.text("test_name").empty()) {
    return Error{"it has no test_name: a text that names what was tested"};
  }
  const DecibelRun run = read_run(members);
  DecibelSuite suite;
  suite.name = run.name;
  suite.hw = members.text("hw");
  suite.log_link = members.text("log_link");
  suite.start = run.start;
  suite.end = run.end;
  suite.totals.passed = members.count("passed", 0);
  suite.totals.failure = members.count("failed", 0);

  const Json& failures = members.value("failures");
  if (!failures.is_null() && !failures.is_array()) members.wrong("failures", "a list");
  if (failures.size() >= kDecibelCasesMax) {
    return Error{"it has more than " + std::to_string(kDecibelCasesMax - 1) + " failures"};
  }
  const Json& error = members.value("error");
  const bool went_wrong = !is_nothing(error) && error != false && error != 0;
  if (went_wrong) suite.totals.error = 1;
  if (!members.reason().empty()) return Error{members.reason()};
  members.tell_ignored("", handler);
  handler.take_run(run);
  handler.take_suite(suite);
  for (const Json& failure : failures) {
    handler.take_case(read_finding(failure, run.name, DecibelResult::failure, handler));
  }
  if (went_wrong) {
    handler.take_case(read_finding(error, run.name, DecibelResult::error, handler));
  }
  return Done{};
}

}  // namespace muster
