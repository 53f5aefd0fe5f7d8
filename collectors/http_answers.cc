#include "collectors/http_answers.h"

#include <charconv>
#include <utility>

namespace muster {

HttpAnswer refuse_method(const HttpCall& call) {
  return http_refusal(405, "there is no " + call.method + " of this");
}

HttpAnswer refuse_number(const std::string& key) {
  return http_refusal(400, key + " is not a number");
}

HttpAnswer answer_json(std::string json) {
  HttpAnswer answer;
  answer.body = std::move(json) + "\n";
  return answer;
}

std::string query_text(const HttpCall& call, const char* key) {
  const auto found = call.query.find(key);
  return found == call.query.end() ? std::string() : found->second;
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
