#include "core/tag_choice.h"

#include <algorithm>

namespace muster {
namespace {

constexpr std::string_view kAny = "any:";
constexpr std::string_view kNot = "not:";

std::vector<std::string_view> names_of(std::string_view term) {
  for (const std::string_view prefix : {kAny, kNot}) {
    if (term.starts_with(prefix)) term.remove_prefix(prefix.size());
  }
  std::vector<std::string_view> names;
  for (;;) {
    const size_t comma = std::min(term.find(','), term.size());
    names.push_back(term.substr(0, comma));
    if (comma == term.size()) return names;
    term.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::string> invalid_tag_term(std::string_view term) {
  const std::vector<std::string_view> names = names_of(term);
  const bool empty =
      std::any_of(names.begin(), names.end(), [](std::string_view name) { return name.empty(); });
  if (!empty) return std::nullopt;
  return "\"" + std::string(term) +
         "\" has an empty tag; write A,B (all of them), any:A,B (one of them) or not:A,B (none)";
}

bool chosen_by_tags(const std::vector<std::string>& tags, const std::vector<std::string>& terms) {
  const auto carries = [&](std::string_view name) {
    return std::find(tags.begin(), tags.end(), name) != tags.end();
  };
  return std::all_of(terms.begin(), terms.end(), [&](const std::string& term) {
    const std::vector<std::string_view> names = names_of(term);
    if (term.starts_with(kAny)) return std::any_of(names.begin(), names.end(), carries);
    if (term.starts_with(kNot)) return std::none_of(names.begin(), names.end(), carries);
    return std::all_of(names.begin(), names.end(), carries);
  });
}

}  // namespace muster
