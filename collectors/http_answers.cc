#include "collectors/http_answers.h"

#include <charconv>

#include "io/json_writer.h"

namespace muster {

std::string http_error_body(const std::string& reason) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.error/1");
  json.text("error", reason);
  json.end_object();
  return json.take() + "\n";
}

HttpAnswer refuse_call(int status, const std::string& reason) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = http_error_body(reason);
  return answer;
}

HttpAnswer refuse_method(const HttpCall& call) {
  return refuse_call(405, "there is no " + call.method + " of this");
}

HttpAnswer refuse_stranger() {
  return refuse_call(401,
                     "writing needs the header \"Authorization: Bearer TOKEN\"; the token is in "
                     "the collector's http_token_file");
}

HttpAnswer refuse_number(const std::string& key) {
  return refuse_call(400, key + " is not a number");
}

std::optional<uint64_t> query_number(const HttpCall& call, const char* key, uint64_t fallback) {
  const auto found = call.query.find(key);
  if (found == call.query.end()) return fallback;
  uint64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace muster
