#include "core/job_rules.h"

#include <charconv>
#include <cmath>
#include <set>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr size_t kCellCost = 64;  // of one column in a report, beside its texts
// Half of a report is for the columns; the rest is its own.
constexpr size_t kRowBytesMax = kReportBytesMax / 2;
// So many rows outside are told in the message of an Ending.
constexpr size_t kBrokenTold = 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// -0, 00 and 007 are written so for a reason that a number would forget.
bool has_odd_zero(std::string_view digits) {
  return digits.size() > 1 && digits[0] == '0' && is_digit(digits[1]);
}

template <typename Number>
std::optional<Number> whole(std::string_view text) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string describe(double value) {
  char text[32];
  const auto [end, fault] = std::to_chars(text, text + sizeof text, value);
  return fault == std::errc() ? std::string(text, end) : "?";
}

// Exact for every integer: where a long double has 64 bits of mantissa or more, and that is
// everywhere we run.
std::optional<long double> number_of(const MeasureValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

std::string with_unit(const std::string& text, const std::string& unit) {
  return unit.empty() ? text : text + " " + unit;
}

std::string join(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return first + second;
  return first + "; " + second;
}

std::string column_of(const MeasureLimit& limit) { return limit.table + "." + limit.column; }

}  // namespace

MeasureValue parse_measure_value(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  std::string_view digits = text;
  if (!digits.empty() && digits[0] == '-') digits.remove_prefix(1);
  const bool is_number = !digits.empty() && is_digit(digits[0]) && !has_odd_zero(digits);
  if (!is_number || text == "-0") return std::string(text);
  if (const std::optional<int64_t> integer = whole<int64_t>(text)) return *integer;
  // An integer that does not fit would lose digits as a double.
  if (digits.find_first_of(".eE") == std::string_view::npos) return std::string(text);
  const std::optional<double> real = whole<double>(text);
  if (real && std::isfinite(*real)) return *real;
  return std::string(text);
}

std::string describe(const MeasureValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return describe(*real);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  return quote_text(std::get<std::string>(value));
}

std::optional<std::string> invalid_measurement(const Measurement& measurement) {
  if (auto reason = invalid_name(measurement.table, "table")) return reason;
  if (measurement.row.empty()) return "a row of " + measurement.table + " has no columns";
  if (measurement.row.size() > kMeasureColumnsMax) {
    return "a row of " + measurement.table + " has " + std::to_string(measurement.row.size()) +
           " columns; " + std::to_string(kMeasureColumnsMax) + " are allowed";
  }
  std::set<std::string_view> names;
  size_t bytes = 0;
  for (const auto& [column, value] : measurement.row) {
    const bool printable =
        is_utf8(column) && quote_text(column, SIZE_MAX).size() == column.size() + 2;
    if (column.empty() || column.size() > kNameLengthMax || !printable) {
      return quote_text(column) + " is not a name for a column: 1 to " +
             std::to_string(kNameLengthMax) + " bytes of printable UTF-8 without quotes";
    }
    if (!names.insert(column).second) return "column " + quote_text(column) + " is there twice";
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->size() > kMessageLengthMax) {
      return "the text of column " + quote_text(column) + " is longer than " +
             std::to_string(kMessageLengthMax) + " bytes";
    }
    const auto* real = std::get_if<double>(&value);
    if (real != nullptr && !std::isfinite(*real)) {
      return "the value of column " + quote_text(column) + " is not a finite number";
    }
    bytes += column.size() + kCellCost + (text == nullptr ? 0 : text->size());
  }
  if (bytes > kRowBytesMax) {
    return "a row of " + measurement.table + " has more than " + std::to_string(kRowBytesMax) +
           " bytes";
  }
  return std::nullopt;
}

std::optional<std::string> broken_limit(const MeasureLimit& limit, const Measurement& row) {
  if (row.table != limit.table) return std::nullopt;
  for (const auto& [column, value] : row.row) {
    if (column != limit.column) continue;
    const std::optional<long double> number = number_of(value);
    if (!number || std::isnan(*number)) {
      return column_of(limit) + " is " + describe(value) + ", which is not a number";
    }
    const std::string is = column_of(limit) + " is " + with_unit(describe(value), limit.unit);
    if (limit.min && *number < *limit.min) {
      return is + ", less than " + with_unit(describe(*limit.min), limit.unit);
    }
    if (limit.max && *number > *limit.max) {
      return is + ", more than " + with_unit(describe(*limit.max), limit.unit);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

LimitCheck::LimitCheck(std::vector<MeasureLimit> limits) {
  for (MeasureLimit& limit : limits) limits_.push_back({std::move(limit)});
}

void LimitCheck::take(const Measurement& row) {
  for (Watched& watched : limits_) {
    if (row.table != watched.limit.table) continue;
    for (const auto& [column, value] : row.row) {
      if (column == watched.limit.column) watched.measured = true;
    }
    std::optional<std::string> reason = broken_limit(watched.limit, row);
    if (!reason) continue;
    ++broken_count_;
    if (broken_.size() < kErrorsPerFileMax) broken_.push_back(std::move(*reason));
  }
}

std::vector<std::string> LimitCheck::unmeasured() const {
  std::vector<std::string> names;
  for (const Watched& watched : limits_) {
    if (!watched.measured) names.push_back(column_of(watched.limit));
  }
  return names;
}

Ending apply_job_rules(Ending ending, uint32_t expect_tests, uint64_t results,
                       const LimitCheck& limits) {
  if (ending.outcome == Outcome::error) return ending;
  std::string outside;
  for (size_t i = 0; i < limits.broken().size() && i < kBrokenTold; ++i) {
    outside = join(outside, limits.broken()[i]);
  }
  if (limits.broken_count() > kBrokenTold) {
    outside += " (and " + std::to_string(limits.broken_count() - kBrokenTold) + " more)";
  }
  std::string missing;
  if (results < expect_tests) {
    missing = std::to_string(results) + " of " + std::to_string(expect_tests) +
              " expected test results were reported";
  }
  for (const std::string& column : limits.unmeasured()) {
    missing = join(missing, column + " has a limit and was not measured");
  }
  if (!outside.empty() && ending.outcome != Outcome::fail) {
    ending.outcome = Outcome::fail;
    ending.cause = Cause::test;
    ending.status = StatusCode::failures;
  } else if (!missing.empty() && ending.outcome != Outcome::fail) {
    ending.outcome = Outcome::error;
    ending.cause = Cause::test;
    ending.status = StatusCode::error;
  }
  ending.message = cut_text(join(ending.message, join(outside, missing)), kMessageLengthMax);
  return ending;
}

}  // namespace muster
