#include "core/glob.h"

#include <algorithm>
#include <array>
#include <optional>

namespace muster {
namespace {

constexpr std::string_view kAnyNames = "**";

// The byte length of the UTF-8 character that `text` begins with; of what is none, 1.
size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (length > text.size()) return 1;
  const bool whole = std::all_of(text.begin() + 1, text.begin() + static_cast<ptrdiff_t>(length),
                                 [](char c) { return (c & 0xc0) == 0x80; });
  return whole ? length : 1;
}

std::string_view take_character(std::string_view& text) {
  const std::string_view character = text.substr(0, character_length(text));
  text.remove_prefix(character.size());
  return character;
}

bool between(std::string_view c, std::string_view least, std::string_view most) {
  // Well-formed UTF-8 has the order of its code points.
  return least <= c && c <= most;
}

// Whether `c` is of the class "digit" and the like; those of ASCII.
bool is_of_class(std::string_view c, std::string_view name) {
  if (c.size() != 1) return false;
  const char byte = c.front();
  const bool lower = byte >= 'a' && byte <= 'z';
  const bool upper = byte >= 'A' && byte <= 'Z';
  const bool digit = byte >= '0' && byte <= '9';
  const bool graphic = byte > ' ' && byte < 0x7f;
  if (name == "lower") return lower;
  if (name == "upper") return upper;
  if (name == "digit") return digit;
  if (name == "alpha") return lower || upper;
  if (name == "alnum") return lower || upper || digit;
  if (name == "xdigit")
    return digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
  if (name == "punct") return graphic && !lower && !upper && !digit;
  return name == "space" && (byte == ' ' || (byte >= '\t' && byte <= '\r'));
}

// What stands between "[" and "]".
struct Bracket {
  std::string_view inside;
  size_t length = 0;  // with the brackets
};

// The bracket that `word` begins with; nothing when it is never closed: then "[" means itself.
std::optional<Bracket> bracket_of(std::string_view word) {
  size_t at = 1;
  if (at < word.size() && (word[at] == '!' || word[at] == '^')) ++at;
  if (at < word.size() && word[at] == ']') ++at;  // first it means itself
  for (; at < word.size() && word[at] != ']'; ++at) {
    if (word[at] == '\\') ++at;
    const size_t end = word.substr(at, 2) == "[:" ? word.find(":]", at + 2) : word.npos;
    if (end != word.npos) at = end + 1;
  }
  if (at >= word.size()) return std::nullopt;
  return Bracket{word.substr(1, at - 1), at + 1};
}

bool is_in(std::string_view c, std::string_view inside) {
  const bool negated = inside.front() == '!' || inside.front() == '^';
  if (negated) inside.remove_prefix(1);
  bool found = false;
  while (!inside.empty()) {
    const size_t end = inside.starts_with("[:") ? inside.find(":]", 2) : inside.npos;
    if (end != inside.npos) {
      found = found || is_of_class(c, inside.substr(2, end - 2));
      inside.remove_prefix(end + 2);
      continue;
    }
    if (inside.front() == '\\' && inside.size() > 1) inside.remove_prefix(1);
    const std::string_view least = take_character(inside);
    std::string_view most = least;
    if (inside.size() > 1 && inside.front() == '-') {
      inside.remove_prefix(1);
      if (inside.front() == '\\' && inside.size() > 1) inside.remove_prefix(1);
      most = take_character(inside);
    }
    found = found || between(c, least, most);
  }
  return found != negated;
}

// Takes what stands for one character off `word` and says whether it stands for `c`.
bool takes(std::string_view& word, std::string_view c) {
  if (word.front() == '?') {
    word.remove_prefix(1);
    return true;
  }
  const std::optional<Bracket> bracket =
      word.front() == '[' ? bracket_of(word) : std::optional<Bracket>();
  if (bracket) {
    word.remove_prefix(bracket->length);
    return is_in(c, bracket->inside);
  }
  if (word.front() == '\\' && word.size() > 1) word.remove_prefix(1);
  return take_character(word) == c;
}

// Greedy, and back to the last star only: what the stars before it took is never looked at again.
bool matches_name(std::string_view word, std::string_view name, uint64_t& steps) {
  if (name.starts_with('.') && !word.starts_with('.') && !word.starts_with("\\.")) return false;
  std::optional<std::string_view> after_star;
  std::string_view retry;  // of the name, for what stands behind that star
  while (!name.empty()) {
    ++steps;
    if (word.starts_with('*')) {
      word.remove_prefix(1);
      after_star = word;
      retry = name;
      continue;
    }
    std::string_view rest = name;
    const std::string_view c = take_character(rest);
    if (!word.empty() && takes(word, c)) {
      name = rest;
    } else if (after_star) {
      take_character(retry);
      word = *after_star;
      name = retry;
    } else {
      return false;
    }
  }
  return word.find_first_not_of('*') == word.npos;
}

std::string_view take_name(std::string_view& path) {
  const size_t slash = std::min(path.find('/'), path.size());
  const std::string_view name = path.substr(0, slash);
  path.remove_prefix(std::min(slash + 1, path.size()));
  return name;
}

}  // namespace

Glob::Glob(std::string_view pattern) : nowhere_(pattern.starts_with('/')) {
  while (!pattern.empty()) {
    const std::string_view name = take_name(pattern);
    const bool again = name == kAnyNames && !names_.empty() && names_.back() == kAnyNames;
    if (!name.empty() && name != "." && !again) names_.emplace_back(name);
  }
  nowhere_ = nowhere_ || names_.empty();
}

// With the places that ** may be left for at once.
void Glob::add(Places& places, size_t place) const {
  for (;; ++place) {
    if (places.empty() || places.back() < place) places.push_back(place);
    if (place == names_.size() || names_[place] != kAnyNames) return;
  }
}

Glob::Places Glob::begin() const {
  Places places;
  if (!nowhere_) add(places, 0);
  return places;
}

Glob::Places Glob::enter(const Places& places, std::string_view name, uint64_t& steps) const {
  Places next;
  for (const size_t place : places) {
    ++steps;
    if (place == names_.size()) continue;
    if (names_[place] == kAnyNames) {
      if (!name.starts_with('.')) add(next, place);
    } else if (matches_name(names_[place], name, steps)) {
      add(next, place + 1);
    }
  }
  return next;
}

Glob::Places Glob::enter(const Places& places, std::string_view name) const {
  uint64_t steps = 0;
  return enter(places, name, steps);
}

bool Glob::accepts(const Places& places) const {
  return !places.empty() && places.back() == names_.size();
}

bool Glob::goes_on(const Places& places) const {
  return !places.empty() && places.front() < names_.size();
}

bool Glob::matches(std::string_view path, uint64_t* steps) const {
  uint64_t counted = 0;
  Places places = begin();
  while (!path.empty() && !places.empty()) places = enter(places, take_name(path), counted);
  if (steps != nullptr) *steps = counted;
  return accepts(places);
}

}  // namespace muster
