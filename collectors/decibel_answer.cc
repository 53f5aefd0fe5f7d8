#include "collectors/decibel_answer.h"

#include <nlohmann/json.hpp>

#include "collectors/couchdb_answer.h"
#include "core/guid.h"

namespace muster {
namespace {

constexpr size_t kReasonBytesMax = 300;

bool is_page(const HttpReply& reply) {
  return reply.header("content-type").starts_with("text/html");
}

// "422 line 3: result of <case> ...": the error of a JSON object, or the beginning of what there
// is.
std::string describe(const HttpReply& reply) {
  std::string text = std::to_string(reply.status);
  const nlohmann::json json = nlohmann::json::parse(reply.body, nullptr, false);
  const bool has_error = json.is_object() && json.contains("error") && json["error"].is_string();
  const std::string said = has_error ? json["error"].get<std::string>() : reply.body;
  if (said.empty()) return text;
  text += " ";
  // quote_text's escapes without its quotes: a page has line breaks.
  const std::string quoted = quote_text(said, kReasonBytesMax);
  return text + quoted.substr(1, quoted.size() - 2);
}

}  // namespace

DecibelAnswer read_decibel_answer(const HttpReply& reply, Instant now) {
  const bool has_whole_head = reply.fault.empty() || !reply.body.empty();
  if (!has_whole_head) return {DecibelAct::away, reply.fault, std::nullopt};
  const bool is_good = reply.status / 100 == 2;
  if (is_good && !is_page(reply)) return {DecibelAct::taken, "", std::nullopt};
  const std::string reason = describe(reply);
  switch (reply.status) {
    case 401:
    case 403:
    case 407:
      return {DecibelAct::locked_out, reason, std::nullopt};
    case 404:
    case 405:
    case 410:
      return {DecibelAct::misplaced, reason, std::nullopt};
    case 413:  // a proxy's word is as good: the document stays as large as it is
      return {DecibelAct::refused, reason, std::nullopt};
    case 400:
    case 409:
    case 415:
    case 422:
      if (!is_page(reply)) return {DecibelAct::refused, reason, std::nullopt};
      break;
    default:
      break;
  }
  return {DecibelAct::away, reason, read_retry_after(reply.header("retry-after"), now)};
}

}  // namespace muster
