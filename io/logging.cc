#include "io/logging.h"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "io/clock.h"
#include "io/file.h"

namespace muster {

namespace {

constexpr size_t kLogFileBytes = 10 << 20;
constexpr size_t kOldLogFiles = 4;  // beside the one that is written
constexpr auto kFlushInterval = std::chrono::seconds(3);

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%fZ %l %*";
constexpr char kKnownLevels[] = "trace, debug, info, warning, error, critical, off";

std::string_view view(const spdlog::string_view_t& text) { return {text.data(), text.size()}; }

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// The message, with control characters as \n, \t or \xHH.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const tm&,
              spdlog::memory_buf_t& out) override {
    for (const char c : view(message.payload)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte != 0x7f) {
        out.push_back(c);
      } else if (c == '\n') {
        append(out, "\\n");
      } else if (c == '\t') {
        append(out, "\\t");
      } else {
        char text[8];
        std::snprintf(text, sizeof text, "\\x%02x", byte);
        append(out, text);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>();
  }
};

class JsonFormatter final : public spdlog::formatter {
 public:
  explicit JsonFormatter(std::string daemon) : daemon_(std::move(daemon)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const nlohmann::ordered_json line = {
        {"time", format_rfc3339(std::chrono::time_point_cast<Duration>(message.time))},
        {"level", view(spdlog::level::to_string_view(message.level))},
        {"daemon", daemon_},
        {"pid", spdlog::details::os::pid()},
        {"message", view(message.payload)}};
    append(out, line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    out.push_back('\n');
  }
  std::unique_ptr<formatter> clone() const override {
    return std::make_unique<JsonFormatter>(daemon_);
  }

 private:
  std::string daemon_;
};

std::unique_ptr<spdlog::formatter> make_formatter(const LogOptions& options) {
  if (options.json) return std::make_unique<JsonFormatter>(options.daemon);
  auto text = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  text->add_flag<EscapedMessage>('*').set_pattern(kTextPattern);
  return text;
}

std::optional<spdlog::level::level_enum> parse_level(const std::string& text) {
  const spdlog::level::level_enum level = spdlog::level::from_str(text);
  // spdlog takes every unknown word for "off".
  if (level == spdlog::level::off && text != "off") return std::nullopt;
  return level;
}

// spdlog's flushing thread must not be the one that a signal finds: a daemon's main loop relies on
// being interrupted.
void start_flushing() {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  spdlog::flush_every(kFlushInterval);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Result<spdlog::sink_ptr> open_log_file(const LogOptions& options) {
  const Result<Done> made = make_dirs(options.logs_dir);
  if (!made) return Error{made.error()};
  const std::string path = options.logs_dir + "/" + options.daemon + ".log";
  try {
    return spdlog::sink_ptr(
        std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kLogFileBytes, kOldLogFiles));
  } catch (const spdlog::spdlog_ex& failure) {
    return Error{"cannot write the log " + path + ": " + failure.what()};
  }
}

}  // namespace

Result<Done> setup_logging(const LogOptions& options) {
  const std::optional<spdlog::level::level_enum> level = parse_level(options.level);
  if (!level) {
    return Error{"unknown log level \"" + options.level + "\"; use one of " + kKnownLevels};
  }
  std::vector<spdlog::sink_ptr> sinks;
  if (!options.logs_dir.empty()) {
    Result<spdlog::sink_ptr> file = open_log_file(options);
    if (!file) return Error{file.error()};
    sinks.push_back(std::move(*file));
  }
  if (options.to_stderr) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());

  auto logger = std::make_shared<spdlog::logger>(options.daemon, sinks.begin(), sinks.end());
  logger->set_formatter(make_formatter(options));
  logger->set_level(*level);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  start_flushing();
  return Done{};
}

Result<Done> capture_stderr(const std::string& logs_dir, std::string_view daemon) {
  const Result<Done> made = make_dirs(logs_dir);
  if (!made) return made;
  const std::string path = logs_dir + "/" + std::string(daemon) + ".err";
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size > off_t{kLogFileBytes}) {
    std::rename(path.c_str(), (path + ".1").c_str());
  }
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid() || ::dup2(fd.get(), STDERR_FILENO) < 0) {
    return Error{"cannot capture stderr in " + path + ": " + errno_text(errno)};
  }
  return Done{};
}

}  // namespace muster
