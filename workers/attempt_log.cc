#include "workers/attempt_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/duration_text.h"
#include "io/clock.h"

namespace muster {

namespace {

using Json = nlohmann::ordered_json;

std::string to_line(const Json& json) {
  return "muster: " + json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<Done> AttemptLog::open(const std::string& path, const LogLimits& limits) {
  path_ = path;
  limits_ = limits;
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd_.valid()) return Error{"cannot create " + path + ": " + errno_text(errno)};
  return Done{};
}

Result<Done> AttemptLog::reopen(const std::string& path, const LogLimits& limits) {
  path_ = path;
  limits_ = limits;
  fd_ = UniqueFd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  const off_t size = fd_.valid() ? ::lseek(fd_.get(), 0, SEEK_END) : -1;
  if (size < 0) return Error{"cannot go on with " + path + ": " + errno_text(errno)};
  kept_ = std::min(static_cast<uint64_t>(size), limits_.bytes_max);
  char last = '\n';
  if (size > 0 && ::pread(fd_.get(), &last, 1, size - 1) != 1) last = ' ';
  at_line_start_ = last == '\n';
  return Done{};
}

void AttemptLog::header(const Assignment& assignment, const std::string& worker,
                        const std::vector<std::string>& argv,
                        const std::vector<std::string>& env_names, Instant started,
                        const LogJob& job) {
  Json devices = Json::array();
  for (const DeviceSpec& device : assignment.devices) {
    devices.push_back({{"name", device.name}, {"profile", device.profile}});
  }
  Json json = {{"guid", assignment.spec->guid},
               {"attempt", assignment.attempt},
               {"kind", to_string(assignment.spec->kind)},
               {"argv", argv},
               {"env", env_names},
               {"devices", devices},
               {"worker", worker},
               {"started", format_rfc3339(started)}};
  if (!job.sha.empty()) json["source"] = {{"url", job.url}, {"ref", job.ref}, {"sha", job.sha}};
  for (const auto& [id, step_argv] : job.steps) {
    json["steps"].push_back({{"id", id}, {"argv", step_argv}});
  }
  write_line(to_line(json));
}

void AttemptLog::write(std::string_view bytes) {
  if (!fd_.valid() || bytes.empty()) return;
  if (!fault_.empty()) {
    dropped_ += bytes.size();
    return;
  }
  const uint64_t left = limits_.bytes_max - kept_;
  const size_t wanted = std::min<uint64_t>(bytes.size(), left);
  if (wanted > 0 && limits_.disk != nullptr && !limits_.disk->has_room(wanted)) {
    return drop(bytes.size(), "less than " + format_size(limits_.disk->reserve()) +
                                  " are free on the worker's disk (worker.disk_reserve)");
  }
  if (wanted > 0) {
    if (dropping_) note("output is kept again; " + std::to_string(dropped_) + " bytes were not");
    dropping_ = false;
    append(bytes.substr(0, wanted));
    kept_ += wanted;
  }
  if (wanted == bytes.size()) return;
  drop(bytes.size() - wanted,
       "the log has reached its limit of " + format_size(limits_.bytes_max) + " (worker.log_max)");
}

void AttemptLog::drop(size_t bytes, const std::string& why) {
  if (!dropping_) note("output from here on is not kept: " + why);
  dropping_ = true;
  dropped_ += bytes;
}

void AttemptLog::note(const std::string& text) { write_line("muster: " + text + "\n"); }

void AttemptLog::write_line(const std::string& line) {
  if (!at_line_start_) append("\n");
  append(line);
}

void AttemptLog::append(std::string_view bytes) {
  if (!fd_.valid() || !fault_.empty()) return;
  const Result<Done> written = write_all(fd_.get(), bytes);
  if (!written.ok()) fault_ = "cannot write the console log " + path_ + ": " + written.error();
  at_line_start_ = bytes.back() == '\n';
}

void AttemptLog::trailer(const Ending& ending, const std::optional<LogUsage>& usage) {
  Json exit_code = ending.exit_code ? Json(*ending.exit_code) : Json(nullptr);
  Json signal = ending.signal ? Json(*ending.signal) : Json(nullptr);
  Json json = {{"status", to_string(ending.status)},
               {"outcome", to_string(ending.outcome)},
               {"cause", to_string(ending.cause)},
               {"exit_code", std::move(exit_code)},
               {"signal", std::move(signal)},
               {"message", ending.message},
               {"finished", format_rfc3339(ending.finished)}};
  if (usage) {
    const auto seconds = [](Duration length) {
      return std::chrono::duration<double>(length).count();
    };
    json["usage"] = {{"user", seconds(usage->user)},
                     {"system", seconds(usage->system)},
                     {"rss_max_bytes", usage->rss_max_bytes}};
  }
  if (dropped_ > 0) json["dropped_bytes"] = dropped_;
  const std::string fault = std::exchange(fault_, "");  // there may be room for this much again
  write_line(to_line(json));
  if (!fault.empty()) fault_ = fault;
}

Ending ending_of_lost_log(const std::string& fault, Instant started, Instant finished) {
  return make_ending(
      Outcome::error, Cause::worker, StatusCode::error,
      fault + "; what the attempt came to does not count: make room on the worker's disk", started,
      finished);
}

}  // namespace muster
