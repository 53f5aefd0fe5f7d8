// Plain text for people: aligned tables and fields, times, colours. Everything is a pure function;
// `Look` says whether colours are wanted and what time it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace muster {

enum class Color : uint8_t { none, good, bad, doubt, faint };

struct Look {
  bool color = false;
  Instant now;
  bool terminal = false;  // whose lines are not endless
};

// `text` in a colour, or as it is.
std::string paint(std::string_view text, Color color, const Look& look);

// `text` made harmless for a line of a terminal: control characters as \u{NN}, ill-formed UTF-8
// replaced. What people and devices sent never moves the cursor.
std::string printable(std::string_view text);

// Columns that `text` takes on a terminal, one for each character that is not combining.
size_t text_width(std::string_view text);

// "2026-11-23 08:15:30Z", or "-" for kNever.
std::string short_time(Instant instant);

// "5m3s ago", "in 2s", "now", or "-" for kNever.
std::string relative_time(Instant instant, const Look& look);

// One cell. Its text is made printable; an empty one becomes "-".
struct Cell {
  Cell(std::string_view text_in, Color color_in = Color::none) : text(text_in), color(color_in) {}
  Cell(const std::string& text_in, Color color_in = Color::none) : text(text_in), color(color_in) {}
  Cell(const char* text_in, Color color_in = Color::none) : text(text_in), color(color_in) {}
  std::string text;
  Color color;
};

// Rows in columns as wide as their widest cell, two blanks between, no blanks at the end.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::string render(const Look& look) const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<Cell>> rows_;
};

// Lines "name  value" with the values aligned; a field with an empty value is left out.
class Fields {
 public:
  void add(std::string_view name, Cell value) {
    if (!value.text.empty()) fields_.push_back({std::string(name), std::move(value)});
  }
  std::string render(const Look& look, std::string_view indent = "") const;

 private:
  struct Field {
    std::string name;
    Cell value;
  };
  std::vector<Field> fields_;
};

// "1 task", "2 tasks".
std::string counted(uint64_t count, std::string_view noun);

}  // namespace muster
