#include "io/ledger_text.h"

#include "core/guid.h"

namespace muster {

std::string_view ledger_text(std::string_view text, std::deque<std::string>& texts, size_t max) {
  if (!is_utf8(text)) {
    texts.push_back(sanitize_utf8(text));
    text = texts.back();
  }
  if (text.size() <= max) return text;
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (begins && characters++ == max) break;
  }
  return text.substr(0, end);
}

}  // namespace muster
