#include "workers/listers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "workers/attempt_run.h"

namespace muster {

namespace {

constexpr Duration kRestartMin = std::chrono::seconds(1);
constexpr Duration kRestartMax = std::chrono::seconds(30);
constexpr Duration kLookAgain = std::chrono::seconds(5);
// A run of this length was no failure to start.
constexpr Duration kLongRun = std::chrono::minutes(1);
constexpr Duration kChangesApart = std::chrono::milliseconds(100);
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kReadBytesPerWake = 256 << 10;  // a flood must not starve the attempts
constexpr size_t kErrorLineBytesMax = 1024;
constexpr uint32_t kErrorLinesPerMinute = 60;
constexpr size_t kSaidMax = 100;

size_t listed_bytes(const ListedDevice& device) {
  size_t bytes = device.lister.size() + device.name.size();
  for (const auto& [key, value] : device.profile) bytes += key.size() + value.size();
  return bytes;
}

std::string describe(const ProcessExit& exit) {
  if (exit.signal) return "it was killed by signal " + std::to_string(*exit.signal);
  return "it ended with exit " + std::to_string(exit.exit_code.value_or(0));
}

}  // namespace

Listers::Listers(const std::vector<ListerConfig>& listers, const std::string& worker)
    : worker_(worker) {
  for (const ListerConfig& config : listers) {
    listers_.push_back(Lister{config, ListerFeed(config.name)});
  }
}

void Listers::wake(Instant now) {
  if (all_listed_by_ == kNever) all_listed_by_ = now + kListedStaleMax;
  for (Lister& lister : listers_) {
    if (!lister.process && now >= lister.start_at) start(lister, now);
    if (lister.process) read(lister, now);
    if (lister.feed.drop_stale(now)) {
      spdlog::warn("lister {}: what it had listed before it ended is taken as gone",
                   lister.config.name);
      dirty_ = true;
    }
  }
}

void Listers::start(Lister& lister, Instant now) {
  ProcessSpec spec;
  spec.argv = lister.config.command;
  spec.env = base_environment("/");
  spec.env["MUSTER_LISTER"] = lister.config.name;
  spec.env["MUSTER_WORKER"] = worker_;
  spec.stderr_to = StderrTo::own;
  lister.started = now;
  Result<std::unique_ptr<Process>> started = Process::start(spec);
  if (!started.ok()) return end(lister, started.error(), false, now);
  lister.process = std::move(*started);
}

void Listers::read(Lister& lister, Instant now) {
  const std::optional<ProcessExit> exit = lister.process->try_reap();
  std::string bytes;
  for (size_t taken = 0; taken < kReadBytesPerWake; taken += bytes.size()) {
    bytes.clear();
    lister.process->read_output(bytes, kReadBytes);
    if (bytes.empty()) break;
    lister.feed.take(bytes);
    lister.said_sync = lister.said_sync || lister.feed.synced();
    lister.fault.clear();
    dirty_ = true;
  }
  for (const std::string& complaint : lister.feed.take_complaints()) {
    spdlog::warn("lister {}: {}", lister.config.name, complaint);
  }
  bytes.clear();
  lister.process->read_error(bytes, kReadBytes);
  log_errors(lister, bytes, now);
  if (exit) end(lister, describe(*exit), exit->exit_code == 0 && lister.feed.synced(), now);
}

void Listers::log_errors(Lister& lister, const std::string& bytes, Instant now) {
  for (const char c : bytes) {
    if (c == '\n') {
      log_error_line(lister, now);
    } else if (lister.error_line.size() < kErrorLineBytesMax) {
      lister.error_line += c;
    }
  }
}

void Listers::log_error_line(Lister& lister, Instant now) {
  const std::string line = sanitize_utf8(std::exchange(lister.error_line, ""));
  lister.last_error = line;
  if (lister.error_window == kNever || now >= lister.error_window + std::chrono::minutes(1)) {
    lister.error_window = now;
    lister.error_lines = 0;
  }
  if (++lister.error_lines > kErrorLinesPerMinute) return;
  spdlog::info("lister {} says: {}{}", lister.config.name, line,
               lister.error_lines == kErrorLinesPerMinute ? " (no more of this minute)" : "");
}

// It has ended, or could not be started.
void Listers::end(Lister& lister, const std::string& why, bool looked_once, Instant now) {
  if (!lister.error_line.empty()) log_error_line(lister, now);
  const std::string last_error = std::exchange(lister.last_error, "");
  lister.process.reset();
  lister.feed.restart(now);
  if (looked_once) {
    lister.failures = 0;
    lister.fault.clear();
    lister.start_at = now + kLookAgain;
    return;
  }
  lister.fault = cut_text(why + (last_error.empty() ? "" : ": " + last_error), kMessageLengthMax);
  if (now - lister.started >= kLongRun) lister.failures = 0;
  Duration delay = kRestartMin;
  for (uint32_t i = 0; i < lister.failures && delay < kRestartMax; ++i) delay *= 2;
  delay = std::min(delay, kRestartMax);
  ++lister.failures;
  lister.start_at = now + delay;
  spdlog::warn("lister {}: {}; it is started again in {}", lister.config.name, why,
               format_duration(delay));
}

std::vector<ListerState> Listers::states() const {
  std::vector<ListerState> states;
  for (const Lister& lister : listers_) states.push_back({lister.config.name, lister.fault});
  return states;
}

std::optional<Instant> Listers::next_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](Instant instant) {
    if (!next || instant < *next) next = instant;
  };
  for (const Lister& lister : listers_) {
    if (!lister.process) consider(lister.start_at);
    if (const Instant stale = lister.feed.next_stale(); stale != kNever) consider(stale);
  }
  if (dirty_) consider(next_change_);
  return next;
}

void Listers::descriptors(std::vector<int>& fds) const {
  for (const Lister& lister : listers_) {
    if (!lister.process) continue;
    for (const int fd :
         {lister.process->output_fd(), lister.process->error_fd(), lister.process->exit_fd()}) {
      if (fd >= 0) fds.push_back(fd);
    }
  }
}

std::optional<std::vector<ListedDevice>> Listers::take_changed(Instant now) {
  if (!dirty_ || now < next_change_) return std::nullopt;
  dirty_ = false;
  std::vector<ListedDevice> listed = merge();
  if (listed == listed_) return std::nullopt;
  next_change_ = now + kChangesApart;
  listed_ = std::move(listed);
  return listed_;
}

bool Listers::all_listed(Instant now) {
  const bool synced = std::all_of(listers_.begin(), listers_.end(),
                                  [](const Lister& lister) { return lister.said_sync; });
  const bool waited = all_listed_by_ != kNever && now >= all_listed_by_;
  if (!dirty_ && (synced || waited)) all_listed_ = true;
  return all_listed_;
}

std::vector<ListedDevice> Listers::merge() {
  std::map<std::string, ListedDevice> by_name;
  size_t bytes = 0;
  for (const Lister& lister : listers_) {
    for (const auto& [name, device] : lister.feed.devices()) {
      const auto found = by_name.find(name);
      if (found != by_name.end()) {
        say_once("lister " + lister.config.name + ": device " + name + " is listed by " +
                 found->second.lister + " already");
        continue;
      }
      bytes += listed_bytes(device);
      if (by_name.size() >= kListedDevicesMax || bytes > kListedBytesMax) {
        say_once(
            "the listers have found more devices than a worker may have; the rest is left out");
        break;
      }
      by_name.emplace(name, device);
    }
  }
  std::vector<ListedDevice> listed;
  listed.reserve(by_name.size());
  for (auto& [name, device] : by_name) listed.push_back(std::move(device));
  return listed;
}

void Listers::say_once(const std::string& text) {
  if (said_.size() < kSaidMax && said_.insert(text).second) spdlog::warn("{}", text);
}

}  // namespace muster
