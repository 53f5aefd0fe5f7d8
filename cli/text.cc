#include "cli/text.h"

#include <algorithm>

#include "core/duration_text.h"
#include "core/guid.h"
#include "io/clock.h"

namespace muster {
namespace {

constexpr std::string_view kGap = "  ";

std::string_view escape(Color color) {
  switch (color) {
    case Color::good:
      return "\x1b[32m";
    case Color::bad:
      return "\x1b[31m";
    case Color::doubt:
      return "\x1b[33m";
    case Color::faint:
      return "\x1b[2m";
    case Color::none:
      break;
  }
  return "";
}

std::string shown(const Cell& cell) { return cell.text.empty() ? "-" : printable(cell.text); }

std::string padding(size_t width, size_t used) {
  return std::string(width > used ? width - used : 0, ' ');
}

}  // namespace

std::string paint(std::string_view text, Color color, const Look& look) {
  if (!look.color || color == Color::none) return std::string(text);
  return std::string(escape(color)) + std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text) {
  const std::string quoted = quote_text(text, text.size());
  return quoted.substr(1, quoted.size() - 2);
}

size_t text_width(std::string_view text) {
  size_t width = 0;
  for (char byte : text) {
    if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80) ++width;
  }
  return width;
}

std::string short_time(Instant instant) {
  if (instant == kNever) return "-";
  std::string text = format_rfc3339(instant);  // 2026-11-23T08:15:30.123456Z
  text[10] = ' ';
  return text.substr(0, 19) + "Z";
}

std::string relative_time(Instant instant, const Look& look) {
  if (instant == kNever) return "-";
  const Duration passed = look.now - instant;
  const Duration size = passed < Duration(0) ? -passed : passed;
  if (size < 1s) return "now";
  // Tenths of a second tell nothing about when something was.
  const std::string text = format_duration(std::chrono::floor<std::chrono::seconds>(size));
  return passed < Duration(0) ? "in " + text : text + " ago";
}

std::string Table::render(const Look& look) const {
  std::vector<size_t> widths;
  for (const std::string& name : head_) widths.push_back(text_width(name));
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], text_width(shown(row[i])));
    }
  }
  std::string out;
  for (size_t i = 0; i < head_.size(); ++i) {
    out += head_[i];
    if (i + 1 < head_.size()) out += padding(widths[i], text_width(head_[i])).append(kGap);
  }
  out += '\n';
  for (const std::vector<Cell>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string text = shown(row[i]);
      out += paint(text, row[i].color, look);
      if (i + 1 < row.size()) out += padding(widths[i], text_width(text)).append(kGap);
    }
    out += '\n';
  }
  return out;
}

std::string Fields::render(const Look& look, std::string_view indent) const {
  size_t width = 0;
  for (const Field& field : fields_) width = std::max(width, text_width(field.name));
  std::string out;
  for (const Field& field : fields_) {
    out += indent;
    out += field.name + padding(width, text_width(field.name)).append(kGap);
    out += paint(shown(field.value), field.value.color, look) + "\n";
  }
  return out;
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace muster
