// Follows the broker's log beside everything else, by a connection that no fault touches but those
// of the broker itself.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/house.h"

namespace muster {

class Watcher {
 public:
  explicit Watcher(House& house);

  // How many tasks have been submitted, by anybody, and not ended.
  size_t open_tasks() const;
  // The number of the event that ended the task, or 0.
  uint64_t end_of(const std::string& guid) const;
  std::vector<std::string> unended(const std::set<std::string>& guids) const;

  // What the house blames its own faults on, which must stay empty: failed tests and bad devices.
  std::string blamed() const;

  // Reads to the present end, which must be quiet, and returns everything. It watches no longer.
  const std::vector<Event>& finish();

 private:
  void watch(const std::stop_token& stop);
  void take(const Event& event);

  std::unique_ptr<Client> client_;
  EventTail tail_;
  mutable std::mutex mutex_;
  uint64_t seen_ = 0;
  std::set<std::string> open_;
  std::map<std::string, uint64_t> ends_;
  std::string blamed_;
  std::jthread thread_;  // last: ends first
};

}  // namespace muster
