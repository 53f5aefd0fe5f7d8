// Everything in which the databases of io/sql.h differ in their words, and the migrations of the
// ledger in the words of each.
//
// A migration (schemas/sql) is written in SQLite's dialect with names for kinds of text, because a
// server wants to know how long the keys of an index may be:
//
//   GUID   up to 256 characters              NAME   up to 128 characters
//   WORD   of ours, up to 32 characters      TEXT   of any length
//
// In an index, TEXT columns are followed by PREFIX: where an index cannot hold a whole text it
// holds its beginning. An index's WHERE is left out where there are no partial indexes, and so are
// statements behind the line "-- sqlite only:".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/sql.h"

namespace muster {

// So many characters of a text fit into a column of that kind.
inline constexpr size_t kSqlGuidMax = 256;
inline constexpr size_t kSqlNameMax = 128;

// An identifier in double quotes. It must be one: letters, digits and _.
std::string quote_identifier(std::string_view name);

// REPLACE INTO "table" ("column", ...)
std::string replace_into(std::string_view table, const std::vector<std::string>& columns);

// The first element of the JSON array of texts in `column`.
std::string first_element(SqlDialect dialect, std::string_view column);

// Behind a SELECT: its rows stay as they are until the transaction ends.
std::string_view for_update(SqlDialect dialect);

// A SELECT that gives the name and the declaration of each column of the table that its one value
// names; of a table that is not there it gives nothing.
std::string_view select_columns(SqlDialect dialect);

// The declaration of a column whose values are of that type (integer, real, boolean, text, time),
// so that select_columns tells the type again; and the inverse of what it says, for any dialect.
std::string declare_column(SqlDialect dialect, std::string_view type);
std::string_view declared_type(std::string_view declaration);

// Puts the table `fresh` in the place of `table`, in one step that is there whole or not at all: in
// SQLite when the statements are in a transaction.
std::vector<std::string> replace_table(SqlDialect dialect, std::string_view table,
                                       std::string_view fresh);

// Takes every row out of a table, in no time however many there are. It belongs to a transaction
// where CREATE does.
std::string empty_table(SqlDialect dialect, std::string_view table);

// Whether CREATE and ALTER belong to a transaction. Where they do not they end it.
constexpr bool has_transactional_tables(SqlDialect dialect) {
  return dialect == SqlDialect::sqlite;
}

// The statements of one migration, for this store.
std::vector<std::string> translate_migration(std::string_view migration, const SqlStore& store);

}  // namespace muster
