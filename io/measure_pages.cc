#include "io/measure_pages.h"

#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace muster {
namespace {

// Of numbers and of what stands around a value.
constexpr size_t kCellBytes = 24;
constexpr size_t kRowBytes = 100;

size_t bytes_of(const MeasureAnswer::Row& row, const std::vector<std::string>& columns) {
  size_t bytes = kRowBytes + row.guid.size();
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (!row.cells[i]) continue;
    const auto* text = std::get_if<std::string>(&*row.cells[i]);
    bytes += columns[i].size() + kCellBytes + (text == nullptr ? 0 : text->size());
  }
  return bytes;
}

}  // namespace

void prepend(MeasureAnswer older, MeasureAnswer& whole) {
  std::map<std::string, size_t> places;
  for (const std::string& column : whole.columns) places.emplace(column, places.size());
  for (const std::string& column : older.columns) {
    if (places.emplace(column, places.size()).second) whole.columns.push_back(column);
  }
  for (MeasureAnswer::Row& row : older.rows) {
    std::vector<std::optional<MeasureValue>> cells(places.size());
    for (size_t i = 0; i < row.cells.size(); ++i) {
      cells[places.at(older.columns[i])] = std::move(row.cells[i]);
    }
    row.cells = std::move(cells);
  }
  for (MeasureAnswer::Row& row : whole.rows) row.cells.resize(places.size());
  whole.rows.insert(whole.rows.begin(), std::make_move_iterator(older.rows.begin()),
                    std::make_move_iterator(older.rows.end()));
}

size_t keep_newest(MeasureAnswer& answer, size_t bytes, size_t bytes_max) {
  size_t kept = 0;
  for (; kept < answer.rows.size() && bytes < bytes_max; ++kept) {
    bytes += bytes_of(answer.rows[answer.rows.size() - kept - 1], answer.columns);
  }
  if (kept == answer.rows.size()) return bytes;
  answer.rows.erase(answer.rows.begin(), answer.rows.end() - static_cast<std::ptrdiff_t>(kept));
  answer.more = true;
  return bytes;
}

}  // namespace muster
