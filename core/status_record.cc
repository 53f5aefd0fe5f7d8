#include "core/status_record.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr std::string_view kNone = "----";
constexpr std::string_view kStart = "START";
constexpr std::string_view kInfo = "INFO";
constexpr std::string_view kEndPrefix = "END ";
constexpr std::string_view kTimestamp = "timestamp";
constexpr std::string_view kLocaltime = "localtime";

// Worst first.
constexpr std::array<std::string_view, 9> kWords = {
    "TEST_NA", "ABORT", "ERROR", "FAIL", "WARN", "GOOD", "ALERT", "RUNNING", "NOSTATUS"};

bool is_end(std::string_view status) { return status.substr(0, kEndPrefix.size()) == kEndPrefix; }

bool is_known_word(std::string_view word) {
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_known_status(std::string_view status) {
  if (status == kStart || status == kInfo) return true;
  return is_known_word(is_end(status) ? status.substr(kEndPrefix.size()) : status);
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_white_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool has_separator(std::string_view text) { return text.find_first_of("\t\n\r\v\f") != text.npos; }

// Whether the cell is a key of `is_key_character` characters, "=" and at least one more character.
template <typename IsKeyCharacter>
bool is_key_and_value(std::string_view cell, IsKeyCharacter is_key_character) {
  const size_t equals = cell.find('=');
  if (equals == cell.npos || equals == 0 || equals + 1 == cell.size()) return false;
  const std::string_view key = cell.substr(0, equals);
  return std::all_of(key.begin(), key.end(), is_key_character);
}

// Whether the reader finds a field in the cell.
bool is_field(std::string_view cell) { return is_key_and_value(cell, is_word_character); }

// The same for readers to whom letters beyond ASCII are word characters, too.
bool could_be_field(std::string_view cell) {
  return is_key_and_value(
      cell, [](char c) { return is_word_character(c) || static_cast<uint8_t>(c) >= 0x80; });
}

// The lines of `text`, which end in LF, CR or CR LF. An end at the end begins no further line.
std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find_first_of("\r\n");
    lines.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
  return lines;
}

std::string clean_reason(std::string_view first_line) {
  std::string out;
  for (char c : first_line) {
    if (c == '\t') {
      out.append(8, ' ');
    } else {
      out += c == '\v' || c == '\f' ? ' ' : c;
    }
  }
  return could_be_field(out) ? " " + out : out;
}

std::string name_or_none(std::string_view name) { return std::string(name.empty() ? kNone : name); }

std::string none_to_empty(std::string_view cell) {
  return std::string(cell == kNone ? std::string_view() : cell);
}

std::optional<std::string> invalid_name_cell(std::string_view noun, std::string_view name) {
  if (has_separator(name)) {
    return std::string(noun) + " " + quote_text(name) + " has a tab or a line break";
  }
  if (!name.empty() && is_white_space(name[0])) {
    return std::string(noun) + " " + quote_text(name) + " begins with a blank";
  }
  return std::nullopt;
}

std::optional<std::string> invalid_field(std::string_view key, std::string_view value) {
  if (key.empty() || !std::all_of(key.begin(), key.end(), is_word_character)) {
    return "field " + quote_text(key) + " must have a name of letters, digits and _ only";
  }
  if (value.empty()) return "field " + quote_text(key) + " has no value";
  if (has_separator(value)) return "field " + quote_text(key) + " has a tab or a line break";
  return std::nullopt;
}

// One entry at `depth`, whatever is in it.
std::string format_entry(const Record& record, size_t depth, Instant time,
                         std::string_view localtime) {
  const int64_t timestamp =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::string out(depth, '\t');
  out += record.status + "\t" + name_or_none(record.subdir) + "\t" + name_or_none(record.operation);
  out += "\t" + std::string(kTimestamp) + "=" + std::to_string(timestamp);
  out += "\t" + std::string(kLocaltime) + "=" + std::string(localtime);
  for (const auto& [key, value] : record.fields) {
    if (key != kTimestamp && key != kLocaltime) out += "\t" + key + "=" + value;
  }
  out += "\t" + reason_of(record.message) + "\n";
  const std::vector<std::string_view> lines = split_lines(record.message);
  for (size_t i = 1; i < lines.size(); ++i) out += "  " + std::string(lines[i]) + "\n";
  return out;
}

std::string describe_group(std::string_view subdir, std::string_view operation) {
  return name_or_none(subdir) + " " + name_or_none(operation);
}

}  // namespace

std::optional<std::string> invalid_record(const Record& record) {
  if (!is_known_status(record.status)) {
    return "status " + quote_text(record.status) +
           " is not START, INFO, or one of TEST_NA ABORT ERROR FAIL WARN GOOD ALERT RUNNING "
           "NOSTATUS with or without END before it";
  }
  if (std::optional<std::string> why = invalid_name_cell("subdir", record.subdir)) return why;
  if (std::optional<std::string> why = invalid_name_cell("operation", record.operation)) return why;
  for (const auto& [key, value] : record.fields) {
    if (std::optional<std::string> why = invalid_field(key, value)) return why;
  }
  return std::nullopt;
}

std::string reason_of(std::string_view message) {
  return clean_reason(message.substr(0, message.find_first_of("\r\n")));
}

Result<std::string> StatusLogWriter::write(const Record& record, Instant time,
                                           std::string_view localtime) {
  if (std::optional<std::string> why = invalid_record(record)) return Error{*why};
  if (std::optional<std::string> why = invalid_field(kLocaltime, localtime)) return Error{*why};
  const bool end = is_end(record.status);
  const OpenGroup group{none_to_empty(record.subdir), none_to_empty(record.operation)};
  if (end && open_.empty()) {
    return Error{quote_text(record.status) + " of " +
                 describe_group(group.subdir, group.operation) +
                 " closes nothing: no group is open"};
  }
  if (end && open_.back() != group) {
    return Error{quote_text(record.status) + " names " +
                 describe_group(group.subdir, group.operation) + ", but the open group is " +
                 describe_group(open_.back().subdir, open_.back().operation)};
  }
  if (end) open_.pop_back();
  std::string text = format_entry(record, open_.size(), time, localtime);
  if (record.status == kStart) open_.push_back(group);
  return text;
}

std::string StatusLogWriter::close_all(std::string_view word, std::string_view message,
                                       Instant time, std::string_view localtime) {
  assert(is_known_word(word));
  std::string out;
  while (!open_.empty()) {
    Record record;
    record.status = std::string(kEndPrefix) + std::string(word);
    record.subdir = open_.back().subdir;
    record.operation = open_.back().operation;
    record.message = message;
    open_.pop_back();
    out += format_entry(record, open_.size(), time, localtime);
  }
  return out;
}

namespace {

std::string without_cr_nul(std::string_view line) {
  constexpr std::string_view pair("\r\0", 2);
  std::string out;
  for (size_t at = line.find(pair); at != line.npos; at = line.find(pair)) {
    out += line.substr(0, at);
    line.remove_prefix(at + pair.size());
  }
  return out += line;
}

std::vector<std::string_view> split_cells(std::string_view line) {
  std::vector<std::string_view> cells;
  for (size_t tab = line.find('\t'); tab != line.npos; tab = line.find('\t')) {
    cells.push_back(line.substr(0, tab));
    line.remove_prefix(tab + 1);
  }
  cells.push_back(line);
  return cells;
}

bool starts_with_text(std::string_view cell) { return !cell.empty() && !is_white_space(cell[0]); }

void set_field(std::vector<std::pair<std::string, std::string>>* fields, std::string_view cell) {
  const size_t equals = cell.find('=');
  const std::string_view key = cell.substr(0, equals);
  const auto same_key = [&](const std::pair<std::string, std::string>& f) {
    return f.first == key;
  };
  const auto found = std::find_if(fields->begin(), fields->end(), same_key);
  if (found != fields->end()) {
    found->second = cell.substr(equals + 1);
  } else {
    fields->emplace_back(key, cell.substr(equals + 1));
  }
}

}  // namespace

std::optional<StatusLine> parse_status_line(std::string_view line) {
  const std::string text = without_cr_nul(line);
  std::string_view rest = text;
  StatusLine out;
  out.indent = static_cast<uint32_t>(std::min(rest.find_first_not_of('\t'), rest.size()));
  rest.remove_prefix(out.indent);
  rest = rest.substr(0, rest.find_last_not_of('\n') + 1);
  const std::vector<std::string_view> cells = split_cells(rest);
  // The third cell must be closed by a TAB, which begins a fourth.
  if (cells.size() < 4 || !std::all_of(cells.begin(), cells.begin() + 3, starts_with_text)) {
    return std::nullopt;
  }
  out.status = cells[0];
  size_t next = 3;
  for (; next < cells.size() && is_field(cells[next]); ++next) set_field(&out.fields, cells[next]);
  if (out.status == kInfo) return out;
  out.subdir = none_to_empty(cells[1]);
  out.operation = none_to_empty(cells[2]);
  for (size_t i = next; i < cells.size(); ++i) {
    if (i > next) out.reason += '\t';
    out.reason += cells[i];
  }
  return out;
}

namespace {

// Reads a log line by line and remembers which groups are open.
class LogReader {
 public:
  ParsedStatusLog read(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      const size_t end = text.find('\n');
      take(text.substr(0, end));
      if (end == text.npos) {
        add(line_, "the line has no end; the log was cut here");
        break;
      }
      text.remove_prefix(end + 1);
    }
    for (const Open& group : open_) {
      add(group.line, "START of " + quote_text(group.name) + " has no END");
    }
    return std::move(log_);
  }

 private:
  struct Open {
    size_t line = 0;
    std::string name;
  };

  void add(size_t line, std::string message) {
    if (log_.problems.size() < kErrorsPerFileMax)
      log_.problems.push_back({line, std::move(message)});
  }

  void take(std::string_view text) {
    std::optional<StatusLine> line = parse_status_line(text);
    if (!line) {
      if (text.substr(0, 2) != "  ") add(line_, "neither a status line nor an extra line");
      return;
    }
    if (!is_known_status(line->status)) {
      add(line_, "unknown status " + quote_text(line->status));
    }
    const std::string name = describe_group(line->subdir, line->operation);
    const bool end = is_end(line->status);
    if (end && open_.empty()) {
      add(line_, "END of " + quote_text(name) + " closes nothing: no group is open");
    } else if (end) {
      if (open_.back().name != name) {
        add(line_, "END of " + quote_text(name) + " where " + quote_text(open_.back().name) +
                       " of line " + std::to_string(open_.back().line) + " is open");
      }
      open_.pop_back();
    }
    if (line->indent != open_.size()) {
      add(line_, "the indent is " + std::to_string(line->indent) + " but must be " +
                     std::to_string(open_.size()));
    }
    if (line->status == kStart) open_.push_back({line_, name});
    log_.lines.push_back(std::move(*line));
  }

  size_t line_ = 0;
  std::vector<Open> open_;
  ParsedStatusLog log_;
};

}  // namespace

ParsedStatusLog parse_status_log(std::string_view text) { return LogReader().read(text); }

}  // namespace muster
