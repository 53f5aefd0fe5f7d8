// A subscriber of the feed over HTTP as people write them: lines of JSON, and after a break the
// number that comes next.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace muster {

class FeedSubscriber {
 public:
  struct Had {
    uint64_t seq = 0;
    std::string line;
  };

  // `base` is the address of the collector's HTTP. It subscribes from event 1 on.
  explicit FeedSubscriber(std::string base);
  ~FeedSubscriber() { leave(); }

  uint64_t last() const { return last_; }
  // What it had, in that order, once it is to read no more.
  const std::vector<Had>& leave();

 private:
  void run(const std::string& base);
  void take(const std::string& line);

  std::atomic<bool> left_ = false;
  std::atomic<uint64_t> last_ = 0;
  std::vector<Had> had_;
  std::thread thread_;
};

}  // namespace muster
