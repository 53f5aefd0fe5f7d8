#include "cli/sse_reader.h"

#include <utility>

namespace muster {

void SseReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    rest_ += bytes.substr(0, end);
    if (end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
    if (rest_.ends_with('\r')) rest_.pop_back();
    take_line(std::exchange(rest_, {}));
  }
}

void SseReader::take_line(std::string_view line) {
  if (line.empty()) {
    take_(message_);
    message_ = {message_.id, {}, {}, {}};
    has_data_ = false;
    return;
  }
  const size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (colon == 0) message_.comment = value;
  if (field == "id") message_.id = value;
  if (field == "event") message_.event = value;
  if (field != "data") return;
  if (has_data_) message_.data += '\n';
  message_.data += value;
  has_data_ = true;
}

}  // namespace muster
