#include "collectors/decibel_search.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>

#include "collectors/http_answers.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/clock.h"
#include "io/decibel_run.h"
#include "io/json_writer.h"

namespace muster {

enum class DecibelValue : uint8_t { text, count, time, seconds };

struct DecibelField {
  int level;
  std::string_view name;  // within its part
  std::string_view column;
  DecibelValue value = DecibelValue::text;
};

namespace {

constexpr std::string_view kParts[] = {"run", "suite", "case"};
constexpr std::string_view kIdOf[] = {"r.id", "s.id", "c.id"};

// Each part's in the order in which they are answered.
constexpr DecibelField kFields[] = {
    {0, "key", "r.key"},
    {0, "guid", "r.guid"},
    {0, "supersedes", "r.supersedes"},
    {0, "sw", "r.sw"},
    {0, "team", "r.team"},
    {0, "framework", "r.framework"},
    {0, "name", "r.name"},
    {0, "start", "r.start_us", DecibelValue::time},
    {0, "end", "r.end_us", DecibelValue::time},
    {0, "iterations", "r.iterations", DecibelValue::count},
    {0, "user", "r.user"},
    {0, "origin", "r.origin"},
    {0, "info", "r.info"},
    {0, "comment", "r.comment"},
    {0, "git_url", "r.git_url"},
    {0, "git_sha1", "r.git_sha1"},
    {0, "result", "r.result"},
    {0, "received", "r.received_us", DecibelValue::time},
    {1, "hw", "s.hw"},
    {1, "name", "s.name"},
    {1, "iteration", "s.iteration", DecibelValue::count},
    {1, "start", "s.start_us", DecibelValue::time},
    {1, "end", "s.end_us", DecibelValue::time},
    {1, "log_link", "s.log_link"},
    {1, "comment", "s.comment"},
    {1, "passed", "s.passed", DecibelValue::count},
    {1, "failure", "s.failure", DecibelValue::count},
    {1, "error", "s.error", DecibelValue::count},
    {1, "skipped", "s.skipped", DecibelValue::count},
    {1, "result", "s.result"},
    {2, "package", "c.package"},
    {2, "name", "c.name"},
    {2, "result", "c.result"},
    {2, "time", "c.time_us", DecibelValue::seconds},
    {2, "info", "c.info"},
    {2, "log_link", "c.log_link"},
    {2, "comment", "c.comment"},
};

std::string full_name(const DecibelField& field) {
  return std::string(kParts[field.level]) + "." + std::string(field.name);
}

const DecibelField* find_field(std::string_view word) {
  const auto found =
      std::find_if(std::begin(kFields), std::end(kFields),
                   [&](const DecibelField& field) { return full_name(field) == word; });
  return found == std::end(kFields) ? nullptr : &*found;
}

// --- asking ---------------------------------------------------------------------------------

std::optional<std::string> read_projection(std::string_view text, DecibelQuery& query) {
  std::vector<bool> chosen(std::size(kFields));
  while (true) {
    const std::string_view word = text.substr(0, text.find(','));
    bool known = false;
    for (size_t i = 0; i < std::size(kFields); ++i) {
      const DecibelField& field = kFields[i];
      if (word != kParts[field.level] && word != full_name(field)) continue;
      chosen[i] = known = true;
      query.level = std::max(query.level, field.level);
    }
    if (!known) {
      return "projection has no " + quote_text(word) + suggest(word, decibel_query_words()) +
             ": it is a list of run, suite, case and their fields, such as run.name,case";
    }
    if (word.size() == text.size()) break;
    text.remove_prefix(word.size() + 1);
  }
  query.columns.clear();
  for (size_t i = 0; i < std::size(kFields); ++i) {
    if (chosen[i]) query.columns.push_back(&kFields[i]);
  }
  return std::nullopt;
}

std::optional<uint64_t> read_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number <= INT64_MAX ? std::optional(number) : std::nullopt;
}

// A word that is no result, such as muster's own for jobs ("pass", "fail"), would find nothing.
std::optional<std::string> why_no_result(const DecibelField& field, const std::string& value) {
  const bool is_pattern = value.find('*') != std::string::npos;
  if (field.name != "result" || is_pattern || parse_decibel_result(value)) return std::nullopt;
  const std::vector<std::string> results = {"passed", "failure", "error"};
  std::string meant = suggestion(value, results);
  for (const std::string& result : results) {
    const bool begins_so = !value.empty() && result.starts_with(value);
    if (begins_so) meant = "; did you mean " + quote_text(result) + "?";
  }
  return full_name(field) + " is passed, failure or error, and " + quote_text(value) + " is none" +
         meant;
}

std::optional<std::string> read_filter(const DecibelField& field, const std::string& value,
                                       DecibelQuery& query) {
  if (field.value == DecibelValue::time || field.value == DecibelValue::seconds) {
    return full_name(field) + " is no filter: say from and to, which are about the run's end";
  }
  if (field.value == DecibelValue::count && !read_number(value)) {
    return full_name(field) + " is a number";
  }
  if (std::optional<std::string> why = why_no_result(field, value)) return why;
  query.filters.emplace_back(&field, value);
  return std::nullopt;
}

// Why the word is none, or nothing.
std::optional<std::string> read_word(const std::string& word, const std::string& value,
                                     DecibelQuery& query) {
  if (word == "projection") return read_projection(value, query);
  if (const DecibelField* field = find_field(word)) return read_filter(*field, value, query);
  if (word == "from" || word == "to") {
    const std::optional<Instant> time = parse_decibel_time(value);
    if (!time) return word + " is no time, such as 2026-11-23T08:15:30Z";
    (word == "from" ? query.from : query.to) = *time;
    return std::nullopt;
  }
  const std::optional<uint64_t> number = read_number(value);
  if (word == "superseded") {
    if (!number || *number > 1) return "superseded is 1 or 0";
    query.superseded = *number == 1;
  } else if (word == "limit") {
    if (!number || *number == 0 || *number > kDecibelRowsMax) {
      return "limit is a number from 1 to " + std::to_string(kDecibelRowsMax);
    }
    query.limit = *number;
  } else if (word == "before") {
    if (!number) return "before is the next of an answer";
    query.before = number;
  } else {
    return QueryWords{decibel_query_words(), "docs/decibel.md"}.why_not(word);
  }
  return std::nullopt;
}

// --- answering ------------------------------------------------------------------------------

// A value of a filter as SQLite's GLOB takes it: * stays.
std::string to_glob(std::string_view value) {
  std::string glob;
  for (const char c : value) {
    if (c == '?' || c == '[') {
      glob += std::string("[") + c + "]";
    } else {
      glob += c;
    }
  }
  return glob;
}

class Search {
 public:
  explicit Search(const DecibelQuery& query) : query_(query) {
    constexpr std::string_view kFrom[] = {
        " FROM runs r", " FROM suites s JOIN runs r ON r.id = s.run",
        " FROM cases c JOIN suites s ON s.id = c.suite JOIN runs r ON r.id = s.run"};
    sql_ = "SELECT " + std::string(kIdOf[query.level]);
    for (const DecibelField* field : query.columns) sql_ += ", " + std::string(field->column);
    sql_ += std::string(kFrom[query.level]) + " WHERE 1";
    add_filters();
    if (query.from != kNever) add("r.end_us >= ?", to_us(query.from));
    if (query.to != kNever) add("r.end_us < ?", to_us(query.to));
    if (query.before)
      add(std::string(kIdOf[query.level]) + " < ?", static_cast<int64_t>(*query.before));
    if (!query.superseded) {
      sql_ +=
          " AND NOT EXISTS (SELECT 1 FROM runs n WHERE n.supersedes <> ''"
          " AND n.supersedes = r.key)";
    }
    sql_ += " ORDER BY " + std::string(kIdOf[query.level]) + " DESC LIMIT " +
            std::to_string(query.limit + 1);
  }

  Result<std::string> answer(Database& db) {
    Result<Statement> rows = db.prepare(sql_);
    if (!rows.ok()) return Error{rows.error()};
    int index = 0;
    for (const Bound& value : values_) {
      value.is_number ? rows->bind(++index, value.number) : rows->bind(++index, value.text);
    }
    JsonWriter json;
    json.begin_object();
    json.text("schema", "muster.test_results/1");
    json.begin_array("rows");
    size_t bytes = 0;
    uint64_t count = 0;
    int64_t last = 0;
    bool more = false;
    while (rows->next()) {
      more = count == query_.limit || bytes > kDecibelAnswerBytesMax;
      if (more) break;
      JsonWriter row;
      write_row(*rows, row);
      const std::string text = row.take();
      bytes += text.size();
      json.json("", text);
      last = rows->integer(0);
      ++count;
    }
    if (DbStatus status = rows->finish(); !status.ok()) return Error{status.reason};
    json.end_array();
    if (more) json.number("next", last);
    json.end_object();
    return json.take();
  }

 private:
  struct Bound {
    bool is_number = false;
    int64_t number = 0;
    std::string text;
  };

  void add(const std::string& condition, int64_t number) {
    sql_ += " AND " + condition;
    values_.push_back({true, number, ""});
  }

  void add_filter(const DecibelField& field, const std::string& value) {
    const bool is_pattern =
        field.value == DecibelValue::text && value.find('*') != std::string::npos;
    if (field.value == DecibelValue::count) {
      add(std::string(field.column) + " = ?", static_cast<int64_t>(read_number(value).value_or(0)));
      return;
    }
    sql_ += " AND " + std::string(field.column) + (is_pattern ? " GLOB ?" : " = ?");
    values_.push_back({false, 0, is_pattern ? to_glob(value) : value});
  }

  // Those of the row and what is around it; then all of what is within it, which must be so of one
  // and the same.
  void add_filters() {
    int innermost = query_.level;
    for (const auto& [field, value] : query_.filters) {
      innermost = std::max(innermost, field->level);
      if (field->level <= query_.level) add_filter(*field, value);
    }
    if (innermost == query_.level) return;
    if (query_.level == 1) {
      sql_ += " AND EXISTS (SELECT 1 FROM cases c WHERE c.suite = s.id";
    } else {
      sql_ += std::string(" AND EXISTS (SELECT 1 FROM suites s") +
              (innermost == 2 ? " JOIN cases c ON c.suite = s.id" : "") + " WHERE s.run = r.id";
    }
    for (const auto& [field, value] : query_.filters) {
      if (field->level > query_.level) add_filter(*field, value);
    }
    sql_ += ")";
  }

  void write_row(const Statement& row, JsonWriter& json) const {
    json.begin_object();
    int level = -1;
    int column = 0;
    for (const DecibelField* field : query_.columns) {
      if (field->level != level) {
        if (level >= 0) json.end_object();
        level = field->level;
        json.begin_object(kParts[level]);
      }
      write_value(row, ++column, *field, json);
    }
    if (level >= 0) json.end_object();
    json.end_object();
  }

  // What was not said is left out.
  static void write_value(const Statement& row, int column, const DecibelField& field,
                          JsonWriter& json) {
    switch (field.value) {
      case DecibelValue::text:
        if (!row.text(column).empty()) json.text(field.name, row.text(column));
        break;
      case DecibelValue::count:
        json.number(field.name, row.integer(column));
        break;
      case DecibelValue::time:
        if (row.integer(column) != 0) {
          json.text(field.name, format_rfc3339(from_us(row.integer(column))));
        }
        break;
      case DecibelValue::seconds:
        json.seconds(field.name, Duration(row.integer(column)));
        break;
    }
  }

  const DecibelQuery& query_;
  std::string sql_;
  std::vector<Bound> values_;
};

}  // namespace

std::vector<std::string> decibel_query_words() {
  std::vector<std::string> words = {"projection", "from", "to", "superseded", "limit", "before"};
  for (const DecibelField& field : kFields) words.push_back(full_name(field));
  return words;
}

Result<DecibelQuery> parse_decibel_query(const std::map<std::string, std::string>& words) {
  DecibelQuery query;
  read_projection("run", query);
  for (const auto& [word, value] : words) {
    if (std::optional<std::string> why = read_word(word, value, query)) return Error{*why};
  }
  return query;
}

Result<std::string> search_decibel(Database& db, const DecibelQuery& query) {
  return Search(query).answer(db);
}

}  // namespace muster
