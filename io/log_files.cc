#include "io/log_files.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace muster {
namespace {

constexpr char kHeadMark[] = "--- ";
constexpr off_t kLastWordsMax = 4 << 10;

std::string_view view(const spdlog::memory_buf_t& text) { return {text.data(), text.size()}; }

LogLevel to_log_level(spdlog::level::level_enum level) {
  static_assert(static_cast<int>(LogLevel::trace) == SPDLOG_LEVEL_TRACE);
  static_assert(static_cast<int>(LogLevel::critical) == SPDLOG_LEVEL_CRITICAL);
  return static_cast<LogLevel>(std::clamp<int>(level, SPDLOG_LEVEL_TRACE, SPDLOG_LEVEL_CRITICAL));
}

// The end of the file.
std::string read_end(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return "";
  std::string text(static_cast<size_t>(std::min<off_t>(info.st_size, kLastWordsMax)), '\0');
  const ssize_t size =
      ::pread(fd.get(), text.data(), text.size(), info.st_size - static_cast<off_t>(text.size()));
  text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

// What stands behind the last headline.
std::string last_words_of(std::string text) {
  const size_t headline = ("\n" + text).rfind(std::string("\n") + kHeadMark);
  if (headline != std::string::npos) {
    const size_t end = text.find('\n', headline);
    text.erase(0, end == std::string::npos ? end : end + 1);
  }
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

// Never waits: a socket is asked so, and what else may block was opened so.
ssize_t write_some(int fd, std::string_view text) {
  const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  return ::write(fd, text.data(), text.size());
}

}  // namespace

Result<OutputCapture> OutputCapture::begin(RotatingFileOptions options,
                                           const std::string& headline) {
  Result<RotatingFile> file = RotatingFile::open(std::move(options));
  if (!file) return Error{file.error()};
  OutputCapture capture(std::move(*file));
  const std::string end = read_end(capture.file_.path());
  capture.last_words_ = last_words_of(end);
  // Who died in the middle of a line did not end it.
  const bool whole = end.empty() || end.back() == '\n';
  (void)capture.file_.append((whole ? "" : "\n") + (kHeadMark + headline) + "\n");
  std::fflush(nullptr);
  // So that what was printed before a crash is not in a buffer. Without one of ours, a stream that
  // was used before would go on as it was.
  static char line_buffer[BUFSIZ];
  std::setvbuf(stdout, line_buffer, _IOLBF, sizeof line_buffer);
  if (!capture.redirect()) {
    return Error{"cannot capture stdout and stderr in " + capture.file_.path() + ": " +
                 errno_text(errno)};
  }
  return capture;
}

bool OutputCapture::redirect() {
  if (file_.fd() < 0) return true;  // no room for it yet
  return ::dup2(file_.fd(), STDOUT_FILENO) >= 0 && ::dup2(file_.fd(), STDERR_FILENO) >= 0;
}

void OutputCapture::look() {
  file_.look();
  struct stat ours {};
  struct stat captured {};
  if (file_.fd() < 0 || ::fstat(file_.fd(), &ours) != 0) return;
  const bool same = ::fstat(STDERR_FILENO, &captured) == 0 && ours.st_dev == captured.st_dev &&
                    ours.st_ino == captured.st_ino;
  if (!same) (void)redirect();
}

void LogFileSink::sink_it_(const spdlog::details::log_msg& message) {
  if (lost_ > 0 && !tell_lost(message)) {
    ++lost_;
    return;
  }
  spdlog::memory_buf_t text;
  formatter_->format(message, text);
  if (!file_.append(view(text))) ++lost_;
}

// Says how many lines are missing before the next one. False: there is still no room.
bool LogFileSink::tell_lost(const spdlog::details::log_msg& next) {
  const std::string text = std::to_string(lost_) + (lost_ == 1 ? " line" : " lines") +
                           " of this log could not be written: " + file_.fault();
  spdlog::details::log_msg lost(next.time, next.source, next.logger_name, spdlog::level::warn,
                                text);
  spdlog::memory_buf_t line;
  formatter_->format(lost, line);
  if (!file_.append(view(line))) return false;
  lost_ = 0;
  return true;
}

void LogFileSink::flush_() {
  file_.look();
  if (capture_) capture_->look();
}

UniqueFd open_console(int fd) {
  struct stat info {};
  const bool may_block =
      ::fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode));
  if (may_block) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    UniqueFd own(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own.valid()) return own;
  }
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

void ConsoleSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t text;
  formatter_->format(message, text);
  for (std::string_view rest = view(text); !rest.empty();) {
    pollfd room{fd_.get(), POLLOUT, 0};
    if (::poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return;
    const ssize_t size = write_some(fd_.get(), rest.substr(0, PIPE_BUF));
    if (size <= 0) return;
    rest.remove_prefix(static_cast<size_t>(size));
  }
}

void EventSink::sink_it_(const spdlog::details::log_msg& message) {
  events_.add(to_log_level(message.level), {message.payload.data(), message.payload.size()},
              std::chrono::time_point_cast<Duration>(message.time));
}

}  // namespace muster
