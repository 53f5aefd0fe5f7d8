#include "tests/support/feed_subscriber.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "io/http.h"

namespace muster {

FeedSubscriber::FeedSubscriber(std::string base)
    : thread_([this, base = std::move(base)] { run(base); }) {}

const std::vector<FeedSubscriber::Had>& FeedSubscriber::leave() {
  left_ = true;
  if (thread_.joinable()) thread_.join();
  return had_;
}

void FeedSubscriber::run(const std::string& base) {
  HttpClient client;
  while (!left_) {
    HttpRequest request;
    request.url = base + "/api/v1/events?format=ndjson&from=" + std::to_string(last_ + 1);
    std::string rest;
    request.take = [&](std::string_view bytes) {
      rest += bytes;
      for (size_t end; (end = rest.find('\n')) != rest.npos; rest.erase(0, end + 1)) {
        take(rest.substr(0, end));
      }
      return !left_;
    };
    bool done = false;
    client.start(std::move(request), [&](HttpReply) { done = true; });
    while (!done && !left_) client.run(std::chrono::milliseconds(50));
    client.cancel_all();
    if (!left_) client.run(std::chrono::milliseconds(50));  // nobody may listen just now
  }
}

void FeedSubscriber::take(const std::string& line) {
  if (line.empty()) return;
  const nlohmann::json event = nlohmann::json::parse(line);
  if (event.contains("schema")) return;  // the end of the feed
  last_ = event["seq"].get<uint64_t>();
  had_.push_back({last_, line});
}

}  // namespace muster
