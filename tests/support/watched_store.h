// A store that tells what it is asked for, and what of the answers is read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/sql.h"

namespace muster {

struct StoreWatch {
  std::vector<std::string> statements;  // that were prepared
  size_t rows = 0;                      // that were read
  // Called before each is prepared.
  std::function<void(std::string_view sql)> before = [](std::string_view) {};
};

class WatchedStore final : public SqlStore {
 public:
  // The watch outlives it.
  WatchedStore(std::unique_ptr<SqlStore> store, StoreWatch& watch)
      : store_(std::move(store)), watch_(watch) {}

  SqlDialect dialect() const override { return store_->dialect(); }
  const std::string& place() const override { return store_->place(); }
  std::string bytewise_collation() const override { return store_->bytewise_collation(); }
  DbStatus execute(std::string_view sql) override { return store_->execute(sql); }
  Result<std::unique_ptr<SqlStatement>> prepare(std::string_view sql) override {
    watch_.before(sql);
    watch_.statements.emplace_back(sql);
    Result<std::unique_ptr<SqlStatement>> statement = store_->prepare(sql);
    if (!statement.ok()) return statement;
    return std::unique_ptr<SqlStatement>(
        std::make_unique<WatchedStatement>(std::move(*statement), watch_));
  }
  std::unique_ptr<SqlInserter> make_inserter(std::string_view table,
                                             const std::vector<std::string>& columns) override {
    return store_->make_inserter(table, columns);
  }
  DbStatus begin() override { return store_->begin(); }
  DbStatus commit() override { return store_->commit(); }
  void rollback() override { store_->rollback(); }

 private:
  class WatchedStatement final : public SqlStatement {
   public:
    WatchedStatement(std::unique_ptr<SqlStatement> statement, StoreWatch& watch)
        : statement_(std::move(statement)), watch_(watch) {}
    void start(SqlValues values) override { statement_->start(values); }
    bool next() override {
      const bool is_there = statement_->next();
      if (is_there) ++watch_.rows;
      return is_there;
    }
    DbStatus finish() override { return statement_->finish(); }
    int64_t integer(int column) const override { return statement_->integer(column); }
    double real(int column) const override { return statement_->real(column); }
    std::string_view text(int column) const override { return statement_->text(column); }
    bool is_null(int column) const override { return statement_->is_null(column); }

   private:
    std::unique_ptr<SqlStatement> statement_;
    StoreWatch& watch_;
  };

  std::unique_ptr<SqlStore> store_;
  StoreWatch& watch_;
};

}  // namespace muster
