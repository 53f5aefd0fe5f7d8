#include "collectors/couchdb_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "io/json_members.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kQuotedMax = 200;
// For 507, a full disk: nothing that passes in seconds.
constexpr Duration kFullPause = 1min;

// What a server says at length is not for a line of a table, a log or a letter; nor is its full
// stop, for we go on.
std::string quoted(std::string text) {
  if (text.ends_with('.') && !text.ends_with("..")) text.pop_back();
  if (text.size() <= kQuotedMax) return text;
  size_t end = kQuotedMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // within UTF-8
  return text.substr(0, end) + "...";
}

// A database that is partitioned puts all documents of a log into one partition, which is bounded.
std::string advice_on(const std::string& error) {
  if (error != "partition_overflow") return {};
  return "; all documents of a log are one partition: name a database that is not partitioned as "
         "db of couchdb in muster.yaml";
}

// What to look at when we are not let in.
std::string advice_on_entry(int status, const std::string& error, const std::string& reason) {
  const bool is_locked = reason.find("locked") != reason.npos;
  if (status == 401 || (error == "forbidden" && is_locked)) {
    return "; look at user and password_file of couchdb in muster.yaml";
  }
  if (error.empty()) return "; these are not CouchDB's words: look at what stands in front of it";
  return "; look at who may write there, the members in the database's _security";
}

// CouchDB's own word for what is wrong, or "".
std::string error_of(const HttpReply& reply) {
  return text_of(Json::parse(reply.body, nullptr, false), "error");
}

// The refusals of a whole request that are about what is in the documents.
bool is_about_documents(const std::string& error) {
  constexpr std::array kErrors = {"bad_request", "illegal_docid", "doc_validation",
                                  "illegal_partition"};
  return std::find(kErrors.begin(), kErrors.end(), error) != kErrors.end();
}

// What became of the document of place `i`.
void read_item(const Json& item, size_t i, CouchAnswer& answer) {
  const std::string error = text_of(item, "error");
  if (error.empty() && !text_of(item, "rev").empty()) return;
  const std::string words = quoted(error + ": " + text_of(item, "reason"));
  if (error == "conflict") return answer.conflicts.push_back(i);
  if (error == "forbidden" || error == "unauthorized") {
    answer.refused.emplace_back(i, words);
    return;
  }
  answer.again.push_back(i);
  if (error.empty()) return;
  const std::string advice = advice_on(error);
  answer.reason = words + advice;
  if (advice.empty()) answer.failed.emplace_back(i, words);
}

// By their ids: CouchDB keeps the order of the request, others of its kind do not.
CouchAnswer read_items(const HttpReply& reply, const std::vector<std::string>& ids) {
  CouchAnswer answer;
  const Json items = Json::parse(reply.body, nullptr, false);
  if (!items.is_array() || items.size() != ids.size()) {
    answer.reason = "an answer that does not fit the request: " + describe_couch_answer(reply);
    return answer;
  }
  std::map<std::string, const Json*> by_id;
  for (const Json& item : items) by_id.emplace(text_of(item, "id"), &item);
  answer.act = CouchAct::taken;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = by_id.find(ids[i]);
    read_item(found == by_id.end() ? Json() : *found->second, i, answer);
  }
  if (!answer.again.empty() && answer.reason.empty()) {
    answer.reason =
        "an answer that does not say what became of document " + ids[answer.again.front()];
  }
  return answer;
}

CouchAnswer read_too_large(const HttpReply& reply, const std::vector<std::string>& ids) {
  CouchAnswer answer;
  answer.act = CouchAct::too_large;
  answer.reason = describe_couch_answer(reply);
  const Json json = Json::parse(reply.body, nullptr, false);
  if (text_of(json, "error") != "document_too_large") return answer;
  const auto named = std::find(ids.begin(), ids.end(), text_of(json, "reason"));
  if (named != ids.end()) {
    answer.refused.emplace_back(static_cast<size_t>(named - ids.begin()), answer.reason);
  }
  return answer;
}

CouchAct act_on(int status, const std::string& error) {
  switch (status) {
    case 400:
      return is_about_documents(error) ? CouchAct::refused : CouchAct::away;
    case 401:
      return CouchAct::locked_out;
    case 403:
      return error == "partition_overflow" ? CouchAct::away : CouchAct::locked_out;
    case 404:
      return error == "not_found" ? CouchAct::no_database : CouchAct::away;
    case 415:
      return CouchAct::wrong_encoding;
    default:
      return CouchAct::away;
  }
}

}  // namespace

CouchAnswer read_bulk_answer(const HttpReply& reply, const std::vector<std::string>& ids,
                             Instant now) {
  CouchAnswer answer;
  answer.reason = describe_couch_answer(reply);
  if (!reply.fault.empty()) return answer;
  if (reply.status == 201 || reply.status == 202) return read_items(reply, ids);
  if (reply.status == 413) return read_too_large(reply, ids);
  const std::string error = error_of(reply);
  answer.act = act_on(reply.status, error);
  if (answer.act == CouchAct::locked_out) {
    answer.reason += advice_on_entry(reply.status, error, answer.reason);
  }
  if (answer.act != CouchAct::away) return answer;
  answer.reason += advice_on(error);
  answer.retry_after = read_retry_after(reply.header("retry-after"), now);
  if (!answer.retry_after && reply.status == 507) answer.retry_after = kFullPause;
  return answer;
}

std::optional<Duration> read_retry_after(const std::string& text, Instant now) {
  uint32_t seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seconds);
  if (error == std::errc() && rest == end) return std::chrono::seconds(seconds);
  std::tm date{};
  const char* const after = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (after == nullptr || *after != '\0') return std::nullopt;
  const Instant then = from_us(int64_t{::timegm(&date)} * 1'000'000);
  return std::max(then - now, Duration(0));
}

std::string describe_couch_answer(const HttpReply& reply) {
  if (!reply.fault.empty()) return reply.fault;
  const Json json = Json::parse(reply.body, nullptr, false);
  const std::string error = text_of(json, "error");
  std::string text = std::to_string(reply.status);
  if (!error.empty()) return text + " " + quoted(error + ": " + text_of(json, "reason"));
  if (!reply.body.empty()) text += ", not in CouchDB's words: " + quoted(reply.body);
  return text;
}

}  // namespace muster
