// A subscriber of the feed over HTTP as people write them: lines of JSON, and after a break the
// number that comes next.
#pragma once

#include <atomic>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "io/http.h"

namespace muster {

class FeedSubscriber {
 public:
  struct Had {
    uint64_t seq = 0;
    std::string line;
  };

  // `base` is the address of the collector's HTTP. It subscribes from event 1 on.
  explicit FeedSubscriber(std::string base)
      : thread_([this, base = std::move(base)] { run(base); }) {}
  ~FeedSubscriber() { leave(); }

  uint64_t last() const { return last_; }
  // What it had, in that order, once it is to read no more.
  const std::vector<Had>& leave() {
    left_ = true;
    if (thread_.joinable()) thread_.join();
    return had_;
  }

 private:
  void run(const std::string& base) {
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

  void take(const std::string& line) {
    if (line.empty()) return;
    const nlohmann::json event = nlohmann::json::parse(line);
    if (event.contains("schema")) return;  // the end of the feed
    last_ = event["seq"].get<uint64_t>();
    had_.push_back({last_, line});
  }

  std::atomic<bool> left_ = false;
  std::atomic<uint64_t> last_ = 0;
  std::vector<Had> had_;
  std::thread thread_;
};

}  // namespace muster
