#include "tests/chaos/watcher.h"

#include "tests/e2e/audit.h"

namespace muster {
namespace {

// The jobs and devices of the lab are sound: what goes wrong is the lab's fault.
std::string find_blame(const Event& event) {
  if (const AttemptEnded* ended = std::get_if<AttemptEnded>(&event.body)) {
    if (ended->ending.outcome != Outcome::fail) return "";
    return ended->token.guid + " attempt " + std::to_string(ended->token.attempt) +
           " failed: " + ended->ending.message + "\n";
  }
  const DeviceJudged* judged = std::get_if<DeviceJudged>(&event.body);
  if (judged == nullptr || judged->health == DeviceHealth::good ||
      judged->health == DeviceHealth::unknown) {
    return "";
  }
  return judged->device + " is not fit: " + judged->reason + " (" + judged->guid + ")\n";
}

}  // namespace

Watcher::Watcher(House& house)
    : client_(house.connect()),
      tail_(*client_),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

void Watcher::watch(const std::stop_token& stop) {
  client_->set_stop([stop] { return stop.stop_requested(); });
  while (!stop.stop_requested()) {
    tail_.wait_for(
        [&](const Event& event) {
          take(event);
          return false;
        },
        std::chrono::milliseconds(200));
  }
}

void Watcher::take(const Event& event) {
  const std::lock_guard lock(mutex_);
  ++seen_;
  blamed_ += find_blame(event);
  if (std::holds_alternative<TaskSubmitted>(event.body)) open_.emplace(event_guid(event));
  const std::string ended = ended_guid(event);
  if (ended.empty()) return;
  open_.erase(ended);
  ends_.emplace(ended, seen_);
}

std::string Watcher::blamed() const {
  const std::lock_guard lock(mutex_);
  return blamed_;
}

size_t Watcher::open_tasks() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

uint64_t Watcher::end_of(const std::string& guid) const {
  const std::lock_guard lock(mutex_);
  const auto found = ends_.find(guid);
  return found == ends_.end() ? 0 : found->second;
}

std::vector<std::string> Watcher::unended(const std::set<std::string>& guids) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> missing;
  for (const std::string& guid : guids) {
    if (!ends_.contains(guid)) missing.push_back(guid);
  }
  return missing;
}

const std::vector<Event>& Watcher::finish() {
  thread_ = {};
  client_->set_stop({});
  tail_.catch_up();
  return tail_.events();
}

}  // namespace muster
