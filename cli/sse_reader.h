// Server-sent events, read piece by piece:
// https://html.spec.whatwg.org/multipage/server-sent-events.html
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace muster {

struct SseMessage {
  std::string id;       // the newest that was told, in this message or before
  std::string event;    // empty: none was told
  std::string data;     // lines of it have line feeds between
  std::string comment;  // the newest since the message before
};

class SseReader {
 public:
  // Messages go to `take`, those too that have only a comment or an id.
  explicit SseReader(std::function<void(const SseMessage&)> take) : take_(std::move(take)) {}

  void feed(std::string_view bytes);

 private:
  void take_line(std::string_view line);

  std::function<void(const SseMessage&)> take_;
  std::string rest_;  // of a line whose end has not come yet
  SseMessage message_;
  bool has_data_ = false;
};

}  // namespace muster
