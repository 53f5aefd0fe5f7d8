#include "io/host_port.h"

#include <charconv>

namespace muster {

std::optional<std::pair<std::string, uint16_t>> split_host_port(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return std::pair(text.substr(0, colon), port);
}

}  // namespace muster
