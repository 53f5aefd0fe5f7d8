// Ledgers of both kinds for tests: a file of SQLite's, and a database on a server that is started
// when the first test wants it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "collectors/ledger_sink.h"
#include "io/ledger.h"
#include "io/sql_dialect.h"
#include "tests/support/mariadb_server.h"
#include "tests/support/scratch.h"

namespace muster {

// Of this test program.
inline MariadbServer& mariadb_server() {
  static MariadbServer server;
  return server;
}

enum class LedgerKind { sqlite, mariadb };
inline std::string to_string(LedgerKind kind) {
  return kind == LedgerKind::sqlite ? "sqlite" : "mariadb";
}
inline std::string kind_name(const ::testing::TestParamInfo<LedgerKind>& info) {
  return to_string(info.param);
}

// An empty place for a ledger of that kind, gone with this.
class NewLedger {
 public:
  explicit NewLedger(LedgerKind kind) {
    static int made = 0;
    if (kind == LedgerKind::sqlite) {
      place_.file = scratch_ / "ledger.db";
    } else {
      place_ = mariadb_server().place("ledger_" + std::to_string(++made));
    }
  }
  ~NewLedger() {
    if (place_.server) {
      mariadb_server().execute("DROP DATABASE IF EXISTS " + place_.server->options.database);
    }
  }
  NewLedger(const NewLedger&) = delete;
  NewLedger& operator=(const NewLedger&) = delete;

  const LedgerPlace& place() const { return place_; }

  std::unique_ptr<SqlStore> store() const {
    Result<std::unique_ptr<SqlStore>> store = open_ledger_store(place_);
    EXPECT_TRUE(store.ok()) << store.error();
    return std::move(*store);
  }
  Ledger open() const {
    Result<Ledger> ledger = Ledger::open(place_);
    EXPECT_TRUE(ledger.ok()) << ledger.error();
    return std::move(*ledger);
  }
  // By a sink that is opened for it.
  void deliver(std::span<const SequencedEvent> events) const {
    LedgerSink sink(place_);
    const Result<SinkPosition> position = sink.open();
    ASSERT_TRUE(position.ok()) << position.error();
    const Delivery done = sink.deliver(events, {"the-log", events.back().seq});
    ASSERT_TRUE(done.ok()) << done.reason;
  }

 private:
  Scratch scratch_;
  LedgerPlace place_;
};

// Every row of every table but those of the position and the version.
inline std::string dump_tables(SqlStore& store) {
  const std::pair<std::string, std::string> tables[] = {
      {"tasks", "guid"},
      {"attempts", "guid, attempt"},
      {"results", "seq"},
      {"device_attempts", "device, seq"},
      {"events", "seq"},
      {"device_health", "device, seq"},
      {"device_specs", "device, seq"},
      {"inventory_selectors", "place"},
      {"declared_devices", "device"},
      {"listed_devices", "device, worker"},
      {"sources", "seq"},
      {"artifacts", "seq"},
      {"measurements", "seq"},
      {"measure_columns", "table_name, place"},
  };
  std::string text;
  for (const auto& [table, order] : tables) {
    text += "== " + table + "\n";
    int columns = 0;
    const auto names = store.prepare(select_columns(store.dialect()));
    for ((*names)->start({std::string_view(table)}); (*names)->next();) ++columns;
    const auto rows = store.prepare("SELECT * FROM " + table + " ORDER BY " + order);
    EXPECT_TRUE(rows.ok()) << rows.error();
    for ((*rows)->start({}); (*rows)->next(); text += "\n") {
      for (int column = 0; column < columns; ++column) {
        text +=
            (*rows)->is_null(column) ? " NULL" : " [" + std::string((*rows)->text(column)) + "]";
      }
    }
    const DbStatus status = (*rows)->finish();
    EXPECT_TRUE(status.ok()) << status.reason;
  }
  return text;
}

}  // namespace muster
