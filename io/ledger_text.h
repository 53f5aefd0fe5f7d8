// Texts on their way into the ledger.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace muster {

// `text` with at most `max` characters, and UTF-8 whatever it was: bytes that are not become
// U+FFFD. Where it is not a part of `text` it lives as long as `texts`.
std::string_view ledger_text(std::string_view text, std::deque<std::string>& texts,
                             size_t max = SIZE_MAX);

}  // namespace muster
