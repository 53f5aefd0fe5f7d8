// Where a daemon's lines and its words go. Private to io/logging.cc and its tests.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <mutex>
#include <optional>
#include <string>

#include "core/result.h"
#include "io/file.h"
#include "io/log_events.h"
#include "io/rotating_file.h"

namespace muster {

// What is printed on stdout and stderr, in a file.
class OutputCapture {
 public:
  // Sends both descriptors there, from now on and for the children too. `headline` says who begins.
  static Result<OutputCapture> begin(RotatingFileOptions options, const std::string& headline);

  // What the run before this one has printed, at most 4 KiB of it; empty: nothing.
  const std::string& last_words() const { return last_words_; }
  // Sets the file aside when it is full. To be called every few seconds.
  void look();

 private:
  explicit OutputCapture(RotatingFile file) : file_(std::move(file)) {}
  bool redirect();

  RotatingFile file_;
  std::string last_words_;
};

// The log file. It looks after the captured output too, because it is flushed every few seconds.
class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LogFileSink(RotatingFile file, std::optional<OutputCapture> capture)
      : file_(std::move(file)), capture_(std::move(capture)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override;

 private:
  bool tell_lost(const spdlog::details::log_msg& next);

  RotatingFile file_;
  std::optional<OutputCapture> capture_;
  uint64_t lost_ = 0;
};

// A descriptor of one's own for what `fd` is, above the standard ones. Of a pipe and of a terminal
// it is another opening, so that writes to it never wait and nobody else's come to do so.
UniqueFd open_console(int fd);

// What stderr was before it was captured. A reader that does not read holds nobody up: what it has
// no room for is left out.
class ConsoleSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit ConsoleSink(UniqueFd fd) : fd_(std::move(fd)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  UniqueFd fd_;
};

class EventSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit EventSink(LogEvents& events) : events_(events) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  LogEvents& events_;
};

}  // namespace muster
