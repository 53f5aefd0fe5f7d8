// The words of enums, read back: what a ledger or a JSON document says.
#pragma once

#include <string_view>

namespace muster {

// The value whose to_string is `text`, of an enum whose values are 0 .. `last`; the first one when
// there is none.
template <typename Enum>
Enum parse_word(std::string_view text, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return Enum{};
}

}  // namespace muster
