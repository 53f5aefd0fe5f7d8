#include "cli/event_feed.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/archive_name.h"
#include "io/json_members.h"

namespace muster {
namespace {

using Json = nlohmann::ordered_json;

// The feed says every 5 seconds that it lives.
constexpr Duration kSilenceMax = 20s;
constexpr std::string_view kAway = "away: ";

}  // namespace

EventFeed::EventFeed(const ApiAddress& address, uint64_t from, const std::string& log_id,
                     const std::string& type, const std::string& guid)
    : log_id_(log_id), reader_([this](const SseMessage& message) { take(message); }), next_(from) {
  HttpRequest request;
  request.url = address.base + "/api/v1/events?format=sse&from=" + std::to_string(from) +
                "&log=" + url_encode(log_id);
  if (!type.empty()) request.url += "&type=" + url_encode(type);
  if (!guid.empty()) request.url += "&guid=" + url_encode(guid);
  request.token = address.token;
  request.silence_max = kSilenceMax;
  request.take = [this](std::string_view bytes) {
    reader_.feed(bytes);
    return true;
  };
  client_.start(std::move(request), [this](HttpReply reply) {
    if (!gone_.empty()) return;
    const Json json = Json::parse(reply.body, nullptr, false);
    gone_ = !reply.fault.empty() ? reply.fault
            : reply.ok()         ? "it has closed the connection"
            : json.is_object()   ? JsonMembers(json).text("error")
                                 : "it answers " + std::to_string(reply.status);
  });
}

std::vector<FeedItem> EventFeed::next(Duration wait) {
  if (items_.empty() && gone_.empty()) client_.run(wait);
  return std::exchange(items_, {});
}

void EventFeed::take(const SseMessage& message) {
  const std::string_view comment = message.comment;
  away_ = comment.starts_with(kAway) ? comment.substr(kAway.size()) : std::string_view();
  uint64_t seq = 0;
  std::from_chars(message.id.data(), message.id.data() + message.id.size(), seq);
  if (message.event == "end") {
    const Json json = Json::parse(message.data, nullptr, false);
    const JsonMembers end(json);
    gone_ = end.text("reason");
    if (gone_.empty()) gone_ = "it has ended";
    const std::string log_id = end.text("log");
    is_of_other_log_ = !log_id.empty() && !log_id_.empty() && log_id != log_id_;
    return;
  }
  if (seq < next_) return;
  next_ = seq + 1;
  if (!message.data.empty()) items_.push_back({seq, message.data});
}

}  // namespace muster
