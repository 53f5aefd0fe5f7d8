#include <utility>

#include "core/guid.h"
#include "core/job_rules.h"
#include "core/limits.h"
#include "io/report_reader.h"

namespace muster {
namespace {

// file   = header { row }
// row    = field { "," field } ( LF | CRLF | end )
// field  = { any but " , LF CR } | '"' { any but " | '""' } '"'
class CsvReader final : public ReportReader {
 public:
  CsvReader(std::string table, MeasurementSink sink)
      : table_(std::move(table)), sink_(std::move(sink)) {}

  Result<Done> feed(std::string_view bytes) override {
    for (const char c : bytes) {
      if (!take(c)) return Error{"line " + std::to_string(line_) + ": " + reason_};
      if (c == '\n') ++line_;
    }
    return Done{};
  }

  Result<Done> finish() override {
    const std::string where = "line " + std::to_string(line_) + ": ";
    if (state_ == State::quoted) return Error{where + "a quote is not closed"};
    const bool pending = state_ != State::start || !record_.empty();
    if (pending && !end_record()) return Error{where + reason_};
    if (columns_.empty()) return Error{"is empty: the first line names the columns"};
    return Done{};
  }

 private:
  enum class State : uint8_t {
    start,    // of a field
    plain,    // in one without quotes
    quoted,   // in one with them
    quote,    // after a quote in it: its end, or the first of two
    returned  // after CR
  };

  struct Field {
    std::string text;
    bool quoted = false;
  };

  bool take(char c) {
    switch (state_) {
      case State::start:
        if (c == '"') {
          field_.quoted = true;
          state_ = State::quoted;
          return true;
        }
        return take_plain(c);
      case State::plain:
        if (c == '"')
          return fail("a quote in the middle of a field: put the whole field in quotes");
        return take_plain(c);
      case State::quoted:
        if (c != '"') return add(c);
        state_ = State::quote;
        return true;
      case State::quote:
        if (c == '"') {
          state_ = State::quoted;
          return add(c);
        }
        if (c != ',' && c != '\n' && c != '\r') return fail("text after a closing quote");
        return take_plain(c);
      case State::returned:
        break;
    }
    if (c != '\n') return fail("a carriage return without a line feed");
    return end_record();
  }

  bool take_plain(char c) {
    if (c == ',') return end_field();
    if (c == '\n') return end_record();
    state_ = c == '\r' ? State::returned : State::plain;
    return c == '\r' || add(c);
  }

  bool add(char c) {
    if (field_.text.size() == kCsvFieldBytesMax) {
      return fail("a field is longer than " + std::to_string(kCsvFieldBytesMax) + " bytes");
    }
    field_.text += c;
    return true;
  }

  bool end_field() {
    if (record_.size() == kMeasureColumnsMax) {
      return fail("more than " + std::to_string(kMeasureColumnsMax) + " columns");
    }
    record_.push_back(std::exchange(field_, {}));
    state_ = State::start;
    return true;
  }

  bool end_record() {
    // A line with nothing on it, as at the end of many files.
    const bool blank = record_.empty() && field_.text.empty() && !field_.quoted;
    if (blank) {
      state_ = State::start;
      return true;
    }
    if (!end_field()) return false;
    const std::vector<Field> record = std::exchange(record_, {});
    return columns_.empty() ? take_header(record) : take_row(record);
  }

  bool take_header(const std::vector<Field>& record) {
    Measurement probe{table_, {}};
    for (const Field& field : record) {
      columns_.push_back(field.text);
      probe.row.emplace_back(field.text, true);
    }
    // What a byte order mark of UTF-8 begins with is no part of the first name.
    if (columns_[0].starts_with("\xEF\xBB\xBF")) {
      columns_[0].erase(0, 3);
      probe.row[0].first = columns_[0];
    }
    if (std::optional<std::string> reason = invalid_measurement(probe)) return fail(*reason);
    return true;
  }

  bool take_row(const std::vector<Field>& record) {
    if (record.size() != columns_.size()) {
      return fail("has " + std::to_string(record.size()) + " fields, and the header " +
                  std::to_string(columns_.size()));
    }
    Measurement row{table_, {}};
    for (size_t i = 0; i < record.size(); ++i) {
      const Field& field = record[i];
      if (field.text.empty() && !field.quoted) continue;
      const std::string text = sanitize_utf8(field.text);
      row.row.emplace_back(columns_[i], field.quoted ? text : parse_measure_value(text));
    }
    if (row.row.empty()) return true;
    if (std::optional<std::string> reason = invalid_measurement(row)) return fail(*reason);
    sink_(std::move(row));
    return true;
  }

  bool fail(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  const std::string table_;
  MeasurementSink sink_;
  State state_ = State::start;
  Field field_;
  std::vector<Field> record_;
  std::vector<std::string> columns_;
  uint64_t line_ = 1;
  std::string reason_;
};

}  // namespace

std::unique_ptr<ReportReader> make_csv_reader(std::string table, MeasurementSink sink) {
  return std::make_unique<CsvReader>(std::move(table), std::move(sink));
}

}  // namespace muster
