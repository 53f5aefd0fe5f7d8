// The words of enums, read back: what a ledger or a JSON document says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// The value whose to_string is `text`, of an enum whose values are 0 .. `last`, if there is one.
template <typename Enum>
std::optional<Enum> find_word(std::string_view text, Enum last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

// The same; the first one when there is none.
template <typename Enum>
Enum parse_word(std::string_view text, Enum last) {
  return find_word(text, last).value_or(Enum{});
}

// All of them, in their order.
template <typename Enum>
std::vector<std::string> words_up_to(Enum last) {
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    words.emplace_back(to_string(static_cast<Enum>(i)));
  }
  return words;
}

}  // namespace muster
