#include "core/suggest.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/guid.h"

namespace muster {
namespace {

// Words past this length are not typing errors of ours; it also bounds the work on hostile input.
constexpr size_t kWordLengthMax = 128;

// Optimal string alignment distance, or `bound` where it is not below that.
size_t edit_distance(std::string_view a, std::string_view b, size_t bound) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= bound) return bound;
  std::array<size_t, kWordLengthMax + 1> before_last{}, last{}, row{};
  size_t least_before = 0;
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    // No later row has less than two rows after each other have.
    const auto end = row.begin() + static_cast<std::ptrdiff_t>(b.size() + 1);
    const size_t least = *std::min_element(row.begin(), end);
    if (std::min(least, least_before) >= bound) return bound;
    least_before = least;
    before_last.swap(last);
    last.swap(row);
  }
  return std::min(last[b.size()], bound);
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
  if (word.empty() || word.size() > kWordLengthMax) return {};
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string nearest;
  for (const std::string& name : names) {
    if (name.size() > kWordLengthMax) continue;
    const size_t distance = edit_distance(word, name, best);
    if (distance < best && distance < name.size()) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& names,
                       std::string_view prefix) {
  const std::string nearest = nearest_name(word, names);
  if (nearest.empty()) return {};
  return "; did you mean " + std::string(prefix) + nearest + "?";
}

std::string suggest(std::string_view word, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(word, names);
  if (nearest.empty()) return {};
  return " (did you mean " + quote_text(nearest) + "?)";
}

}  // namespace muster
