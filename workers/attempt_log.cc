#include "workers/attempt_log.h"

#include <fcntl.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "io/clock.h"

namespace muster {

namespace {

using Json = nlohmann::ordered_json;

std::string to_line(const Json& json) {
  return "muster: " + json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<Done> AttemptLog::open(const std::string& path) {
  path_ = path;
  fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd_.valid()) return Error{"cannot create " + path + ": " + errno_text(errno)};
  return Done{};
}

void AttemptLog::header(const Assignment& assignment, const std::string& worker,
                        const std::vector<std::string>& argv,
                        const std::vector<std::string>& env_names, Instant started) {
  Json devices = Json::array();
  for (const DeviceSpec& device : assignment.devices) {
    devices.push_back({{"name", device.name}, {"profile", device.profile}});
  }
  write(to_line({{"guid", assignment.spec->guid},
                 {"attempt", assignment.attempt},
                 {"kind", to_string(assignment.spec->kind)},
                 {"argv", argv},
                 {"env", env_names},
                 {"devices", devices},
                 {"worker", worker},
                 {"started", format_rfc3339(started)}}));
}

void AttemptLog::write(std::string_view bytes) {
  if (!fd_.valid() || bytes.empty()) return;
  const Result<Done> written = write_all(fd_.get(), bytes);
  fault_ = written.ok() ? "" : "cannot write " + path_ + ": " + written.error();
  at_line_start_ = bytes.back() == '\n';
}

void AttemptLog::trailer(const Ending& ending) {
  if (!at_line_start_) write("\n");
  Json exit_code = ending.exit_code ? Json(*ending.exit_code) : Json(nullptr);
  Json signal = ending.signal ? Json(*ending.signal) : Json(nullptr);
  write(to_line({{"status", to_string(ending.status)},
                 {"outcome", to_string(ending.outcome)},
                 {"cause", to_string(ending.cause)},
                 {"exit_code", std::move(exit_code)},
                 {"signal", std::move(signal)},
                 {"message", ending.message},
                 {"finished", format_rfc3339(ending.finished)}}));
}

}  // namespace muster
