#include "io/sqlite_store.h"

#include <utility>

#include "io/sql_dialect.h"

namespace muster {
namespace {

// The ends of the indexes stay in memory: 32 MB.
constexpr const char* kCacheSize = "PRAGMA cache_size = -32768";

struct Bind {
  Statement& statement;
  int index;
  void operator()(SqlNull) const { statement.bind_null(index); }
  void operator()(int64_t value) const { statement.bind(index, value); }
  void operator()(double value) const { statement.bind_real(index, value); }
  void operator()(std::string_view text) const { statement.bind(index, text); }
  void operator()(SqlBlob blob) const { statement.bind_blob(index, blob.bytes); }
};

void bind_all(Statement& statement, SqlValues values) {
  int index = 0;
  for (const SqlValue& value : values) std::visit(Bind{statement, ++index}, value);
}

class SqliteStatement final : public SqlStatement {
 public:
  explicit SqliteStatement(Statement statement) : statement_(std::move(statement)) {}

  void start(SqlValues values) override { bind_all(statement_, values); }
  bool next() override { return statement_.next(); }
  DbStatus finish() override { return statement_.finish(); }
  int64_t integer(int column) const override { return statement_.integer(column); }
  double real(int column) const override { return statement_.real(column); }
  std::string_view text(int column) const override { return statement_.blob(column); }
  bool is_null(int column) const override { return statement_.is_null(column); }

 private:
  Statement statement_;
};

// Every row is a step of a prepared statement: nothing is gained by keeping them back.
class SqliteInserter final : public SqlInserter {
 public:
  explicit SqliteInserter(Result<Statement> statement) : statement_(std::move(statement)) {}

  DbStatus add(SqlValues row) override {
    if (!statement_.ok()) return {DbFault::broken, statement_.error()};
    bind_all(*statement_, row);
    return statement_->run();
  }
  DbStatus flush() override { return {}; }

 private:
  Result<Statement> statement_;
};

class SqliteStore final : public SqlStore {
 public:
  explicit SqliteStore(Database db) : db_(std::move(db)) {}

  SqlDialect dialect() const override { return SqlDialect::sqlite; }
  const std::string& place() const override { return db_.path(); }
  DbStatus execute(std::string_view sql) override { return db_.execute(std::string(sql).c_str()); }
  Result<std::unique_ptr<SqlStatement>> prepare(std::string_view sql) override {
    Result<Statement> statement = db_.prepare(sql);
    if (!statement.ok()) return Error{statement.error()};
    return std::unique_ptr<SqlStatement>(new SqliteStatement(std::move(*statement)));
  }
  std::unique_ptr<SqlInserter> make_inserter(std::string_view table,
                                             const std::vector<std::string>& columns) override {
    std::string sql = replace_into(table, columns) + " VALUES (";
    for (size_t i = 0; i < columns.size(); ++i) sql += i == 0 ? "?" : ",?";
    return std::make_unique<SqliteInserter>(db_.prepare(sql + ")"));
  }
  DbStatus begin() override { return db_.execute("BEGIN IMMEDIATE"); }
  DbStatus commit() override { return db_.execute("COMMIT"); }
  // SQLite may have rolled back by itself; then this says so and changes nothing.
  void rollback() override { static_cast<void>(db_.execute("ROLLBACK")); }

 private:
  Database db_;
};

}  // namespace

std::variant<std::unique_ptr<SqlStore>, DbStatus> open_sqlite_store(
    const std::string& file, const DatabaseOptions& options) {
  std::variant<Database, DbStatus> opened = Database::open(file, options);
  if (DbStatus* failed = std::get_if<DbStatus>(&opened)) return std::move(*failed);
  Database& db = std::get<Database>(opened);
  if (!options.read_only) {
    if (DbStatus status = db.execute(kCacheSize); !status.ok()) return status;
  }
  return std::unique_ptr<SqlStore>(new SqliteStore(std::move(db)));
}

}  // namespace muster
