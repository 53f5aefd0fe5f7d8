#include "io/sql_dialect.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace muster {
namespace {

struct Translation {
  std::string_view word;
  std::string_view sqlite;
  std::string_view mariadb;
};

constexpr Translation kTranslations[] = {
    {"GUID", "TEXT", "VARCHAR(256)"}, {"NAME", "TEXT", "VARCHAR(128)"},
    {"WORD", "TEXT", "VARCHAR(32)"},  {"TEXT", "TEXT", "LONGTEXT"},
    {"BLOB", "BLOB", "LONGBLOB"},     {"INTEGER", "INTEGER", "BIGINT"},
    {"PREFIX", "", "(128)"},
};

// Of a column of measurements; select_columns says the second, or the first.
constexpr Translation kMeasureTypes[] = {
    {"integer", "INTEGER", "BIGINT"},  {"real", "REAL", "DOUBLE"},
    {"boolean", "BOOLEAN", "TINYINT"}, {"text", "TEXT", "LONGTEXT"},
    {"time", "DATETIME", "BIGINT"},
};

constexpr std::string_view kSqliteOnly = "-- sqlite only:";

bool is_identifier_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The end of the word, text in quotes, comment or single character that begins at `begin`.
size_t end_of_token(std::string_view sql, size_t begin) {
  const char first = sql[begin];
  size_t end = begin + 1;
  if (is_identifier_character(first)) {
    while (end < sql.size() && is_identifier_character(sql[end])) ++end;
  } else if (first == '\'' || first == '"') {
    end = std::min(sql.find(first, end), sql.size() - 1) + 1;
  } else if (sql.substr(begin, 2) == "--") {
    end = std::min(sql.find('\n', begin), sql.size());
  }
  return end;
}

std::string_view translate_word(std::string_view word, SqlDialect dialect) {
  const auto* found = std::find_if(std::begin(kTranslations), std::end(kTranslations),
                                   [&](const Translation& entry) { return entry.word == word; });
  if (found == std::end(kTranslations)) return word;
  return dialect == SqlDialect::sqlite ? found->sqlite : found->mariadb;
}

// What a server does not know at the end of a statement: the options of a table, which are its own,
// and the WHERE of an index.
void translate_end(std::string& statement, const SqlStore& store) {
  const bool is_table = statement.starts_with("CREATE TABLE");
  if (!is_table && !statement.starts_with("CREATE INDEX")) return;
  const size_t where = is_table ? std::string::npos : statement.find(" WHERE ");
  statement.erase(where == std::string::npos ? statement.rfind(')') + 1 : where);
  if (!is_table) return;
  statement += " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=" +
               store.bytewise_collation();
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  assert(!name.empty() && std::all_of(name.begin(), name.end(), is_identifier_character));
  std::string quoted = "\"";
  quoted += name;
  return quoted += '"';
}

std::string replace_into(std::string_view table, const std::vector<std::string>& columns) {
  std::string sql = "REPLACE INTO " + quote_identifier(table) + " (";
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += quote_identifier(columns[i]);
  }
  return sql + ")";
}

std::string first_element(SqlDialect dialect, std::string_view column) {
  const bool is_sqlite = dialect == SqlDialect::sqlite;
  return (is_sqlite ? "json_extract(" : "json_value(") + std::string(column) + ", '$[0]')";
}

std::string_view for_update(SqlDialect dialect) {
  return dialect == SqlDialect::sqlite ? "" : " FOR UPDATE";
}

std::string_view select_columns(SqlDialect dialect) {
  return dialect == SqlDialect::sqlite
             ? "SELECT name, type FROM pragma_table_info(?)"
             : "SELECT column_name, column_comment FROM information_schema.columns "
               "WHERE table_schema = database() AND table_name = ? ORDER BY ordinal_position";
}

std::string declare_column(SqlDialect dialect, std::string_view type) {
  const auto* found = std::find_if(std::begin(kMeasureTypes), std::end(kMeasureTypes),
                                   [&](const Translation& entry) { return entry.word == type; });
  assert(found != std::end(kMeasureTypes));
  if (dialect == SqlDialect::sqlite) return std::string(found->sqlite);
  return std::string(found->mariadb) + " COMMENT '" + std::string(type) + "'";
}

std::string_view declared_type(std::string_view declaration) {
  for (const Translation& entry : kMeasureTypes) {
    if (declaration == entry.word || declaration == entry.sqlite) return entry.word;
  }
  return "text";
}

std::vector<std::string> replace_table(SqlDialect dialect, std::string_view table,
                                       std::string_view fresh) {
  const std::string name = quote_identifier(table);
  const std::string other = quote_identifier(fresh);
  if (dialect == SqlDialect::sqlite) {
    return {"DROP TABLE " + name, "ALTER TABLE " + other + " RENAME TO " + name};
  }
  const std::string old = quote_identifier(std::string(fresh) + "_old");
  return {"DROP TABLE IF EXISTS " + old,
          "RENAME TABLE " + name + " TO " + old + ", " + other + " TO " + name,
          "DROP TABLE IF EXISTS " + old};
}

std::string empty_table(SqlDialect dialect, std::string_view table) {
  const char* const verb = dialect == SqlDialect::sqlite ? "DELETE FROM " : "TRUNCATE TABLE ";
  return verb + quote_identifier(table);
}

std::vector<std::string> translate_migration(std::string_view migration, const SqlStore& store) {
  const bool is_sqlite = store.dialect() == SqlDialect::sqlite;
  std::vector<std::string> statements;
  std::string statement;
  bool skip = false;
  for (size_t at = 0, end = 0; at < migration.size(); at = end) {
    end = end_of_token(migration, at);
    const std::string_view token = migration.substr(at, end - at);
    if (token.starts_with("--")) {
      skip = skip || (token == kSqliteOnly && !is_sqlite);
    } else if (token == ";") {
      if (!is_sqlite) translate_end(statement, store);
      if (!skip) statements.push_back(std::move(statement));
      statement.clear();
      skip = false;
    } else if (!statement.empty() || (token != " " && token != "\n")) {
      statement += translate_word(token, store.dialect());
    }
  }
  return statements;
}

}  // namespace muster
