#include "collectors/http_answers.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/guid.h"
#include "core/suggest.h"

namespace muster {

HttpAnswer refuse_path() {
  return http_refusal(404, "there is no such thing here: see /api/v1/openapi.json, or docs/api.md");
}

HttpAnswer refuse_method(const HttpCall& call, const std::string& allowed) {
  HttpAnswer answer = http_refusal(405, "there is no " + call.method + " of this: " + allowed);
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

std::string QueryWords::why_not(const std::string& word) const {
  return "there is no " + quote_text(word) + " to ask by" + suggest(word, words) + "; see " +
         document;
}

std::optional<HttpAnswer> refuse_query(const HttpCall& call, const QueryWords& known) {
  for (const auto& [word, value] : call.query) {
    if (std::find(known.words.begin(), known.words.end(), word) == known.words.end()) {
      return http_refusal(400, known.why_not(word));
    }
    if (!is_utf8(value) || value.find('\0') != value.npos) {
      return http_refusal(400, word + " is no text: %XX of UTF-8");
    }
  }
  return std::nullopt;
}

std::optional<HttpAnswer> refuse_call(const HttpCall& call, const std::vector<HttpRoute>& routes,
                                      std::string_view path) {
  std::string allowed;
  for (const HttpRoute& route : routes) {
    if (route.path != path) continue;
    if (route.takes(call)) return refuse_query(call, route.query);
    route.add_methods(allowed);
  }
  return refuse_method(call, allowed);
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
