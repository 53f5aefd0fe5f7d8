#include "io/logging.h"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/guid.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/log_files.h"

namespace muster {

namespace {

constexpr auto kFlushInterval = std::chrono::seconds(3);
constexpr uint32_t kErrorFiles = 2;

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%fZ %l %*";
constexpr char kKnownLevels[] = "trace, debug, info, warning, error, critical, off";

std::string_view view(const spdlog::string_view_t& text) { return {text.data(), text.size()}; }

// Of a message, what is kept of it.
std::string_view kept(const spdlog::details::log_msg& message) {
  return view(message.payload).substr(0, kLogLineBytesMax);
}

std::string cut_note(const spdlog::details::log_msg& message) {
  const size_t left_out = message.payload.size() - kept(message).size();
  return left_out == 0 ? "" : "... (" + std::to_string(left_out) + " bytes more)";
}

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// The message, with control characters as \n, \t or \xHH.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const tm&,
              spdlog::memory_buf_t& out) override {
    for (const char c : kept(message)) {
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
    append(out, cut_note(message));
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
        {"message", std::string(kept(message)) + cut_note(message)}};
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

spdlog::level::level_enum least(spdlog::level::level_enum one, spdlog::level::level_enum other) {
  return one < other ? one : other;
}

// What the files are before anything of the process is changed.
struct Files {
  RotatingFile log;
  UniqueFd console;
};

Result<Files> open_files(const LogOptions& options) {
  const Result<Done> made = make_dirs(options.dir);
  if (!made) return Error{made.error()};
  const std::string stem = options.dir + "/" + options.daemon;
  Result<RotatingFile> log = RotatingFile::open({stem, ".log", options.file_bytes, options.files});
  if (!log) return Error{log.error()};
  Files files{std::move(*log), UniqueFd()};
  if (options.to_console) {
    files.console = open_console(STDERR_FILENO);
  }
  return files;
}

Result<std::optional<OutputCapture>> begin_capture(const LogOptions& options) {
  if (!options.capture) return std::optional<OutputCapture>();
  const Instant now = SystemClock().now();
  Result<OutputCapture> capture = OutputCapture::begin(
      {options.dir + "/" + options.daemon, ".err", options.file_bytes, kErrorFiles},
      options.daemon + " " + MUSTER_VERSION + " begins as process " + std::to_string(::getpid()) +
          " at " + format_rfc3339(now));
  if (!capture) return Error{capture.error()};
  return std::optional<OutputCapture>(std::move(*capture));
}

void say_last_words(const LogOptions& options, const std::string& words) {
  if (words.empty()) return;
  const auto lines = 1 + std::count(words.begin(), words.end(), '\n');
  spdlog::warn("an earlier run of this daemon has printed {} lines into {}/{}.err; the first: {}",
               lines, options.dir, options.daemon,
               cut_text(sanitize_utf8(words.substr(0, words.find('\n'))), kMessageLengthMax));
}

}  // namespace

Result<Done> begin_log(const LogOptions& options) {
  const std::optional<spdlog::level::level_enum> level = parse_level(options.level);
  const std::optional<spdlog::level::level_enum> events = parse_level(options.events_level);
  if (!level || !events) {
    return Error{"unknown log level \"" + (level ? options.events_level : options.level) +
                 "\"; use one of " + kKnownLevels};
  }
  Result<Files> files = open_files(options);
  if (!files) return Error{files.error()};
  Result<std::optional<OutputCapture>> capture = begin_capture(options);
  if (!capture) return Error{capture.error()};
  const std::string last_words = *capture ? (*capture)->last_words() : "";

  std::vector<spdlog::sink_ptr> sinks = {
      std::make_shared<LogFileSink>(std::move(files->log), std::move(*capture))};
  if (files->console.valid()) {
    sinks.push_back(std::make_shared<ConsoleSink>(std::move(files->console)));
  }
  for (const spdlog::sink_ptr& sink : sinks) sink->set_level(*level);
  if (options.events != nullptr) {
    sinks.push_back(std::make_shared<EventSink>(*options.events));
    sinks.back()->set_level(*events);
  }
  auto logger = std::make_shared<spdlog::logger>(options.daemon, sinks.begin(), sinks.end());
  logger->set_formatter(make_formatter(options));
  logger->set_level(options.events == nullptr ? *level : least(*level, *events));
  spdlog::set_default_logger(std::move(logger));
  start_flushing();
  say_last_words(options, last_words);
  return Done{};
}

}  // namespace muster
