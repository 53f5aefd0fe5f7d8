#include "io/measure_where.h"

#include <optional>
#include <utility>

#include "core/guid.h"

namespace muster {
namespace {

// Longest first.
constexpr std::pair<std::string_view, MeasureOperator> kOperators[] = {
    {"!=", MeasureOperator::not_equal}, {"<=", MeasureOperator::at_most},
    {">=", MeasureOperator::at_least},  {"=", MeasureOperator::equal},
    {"<", MeasureOperator::less},       {">", MeasureOperator::greater}};

// Takes the operator at the beginning of `text`.
std::optional<MeasureOperator> take_operator(std::string_view& text) {
  for (const auto& [word, op] : kOperators) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    return op;
  }
  return std::nullopt;
}

// Where the column at the beginning of `text` ends: at an operator or a comma. What begins with a
// quote ends with one that an operator follows, and may have either before. npos: it does not.
size_t column_end(std::string_view text) {
  constexpr std::string_view kSigns = "=!<>";
  if (!text.starts_with('"')) return std::min(text.find_first_of("=!<>,"), text.size());
  for (size_t at = text.find('"', 1); at != text.npos; at = text.find('"', at + 1)) {
    if (at + 1 < text.size() && kSigns.find(text[at + 1]) != kSigns.npos) return at + 1;
  }
  return text.npos;
}

// Takes the value at the beginning of `text`, up to a comma or the end; nothing when a quote is
// missing.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const size_t end = std::min(text.find(','), text.size());
    std::string value(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  std::string value;
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] != '"') {
      value += text[at];
    } else if (text.substr(at + 1, 1) == "\"") {
      value += text[at++];
    } else {
      text.remove_prefix(at + 1);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<MeasureCondition>> parse_measure_where(std::string_view text) {
  const std::string whole = quote_text(text);
  std::vector<MeasureCondition> conditions;
  while (true) {
    MeasureCondition condition;
    const size_t end = column_end(text);
    if (end == text.npos) return Error{whole + " has a quote without its pair"};
    condition.column = text.substr(0, end);
    text.remove_prefix(end);
    const std::optional<MeasureOperator> op = take_operator(text);
    if (condition.column.empty() || !op) {
      return Error{whole + " is no condition: COLUMN=VALUE, with = != < <= > or >="};
    }
    condition.op = *op;
    std::optional<std::string> value = take_value(text);
    if (!value || (!text.empty() && text.front() != ',')) {
      return Error{whole + " has a quote without its pair"};
    }
    condition.value = std::move(*value);
    conditions.push_back(std::move(condition));
    if (text.empty()) return conditions;
    text.remove_prefix(1);
  }
}

std::string format_measure_where(const std::vector<MeasureCondition>& conditions) {
  std::string text;
  for (const MeasureCondition& condition : conditions) {
    text += (text.empty() ? "" : ",") + condition.column;
    for (const auto& [word, op] : kOperators) {
      if (op == condition.op) text += word;
    }
    text += '"';
    for (const char c : condition.value) text += c == '"' ? std::string(2, c) : std::string(1, c);
    text += '"';
  }
  return text;
}

}  // namespace muster
