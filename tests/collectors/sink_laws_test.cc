#include "tests/conformance/sink_laws.h"

#include <nlohmann/json.hpp>

#include "collectors/couchdb_sink.h"
#include "collectors/decibel_sink.h"
#include "collectors/ledger_sink.h"
#include "collectors/status_log_sink.h"
#include "io/sqlite.h"
#include "tests/collectors/decibel_server.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

SinkUnderTest status_log() {
  SinkUnderTest sink;
  sink.name = "status_log";
  sink.make = [](const std::string& dir) {
    return std::make_unique<StatusLogSink>(dir + "/status_log.db", dir + "/results");
  };
  sink.effect = [](const std::string& dir) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir + "/results")) {
      if (!entry.is_regular_file()) continue;
      files[entry.path().lexically_relative(dir)] = *read_file(entry.path(), 1 << 20);
    }
    std::string text;
    for (const auto& [name, bytes] : files) text += "== " + name + "\n" + bytes;
    return text;
  };
  sink.is_state = [](const std::string& file) { return file.starts_with("status_log.db"); };
  return sink;
}

// Every row of every table but the position's.
std::string dump_tables(const std::string& file) {
  std::variant<Database, DbStatus> opened = Database::open(file, {.read_only = true});
  Database& db = std::get<Database>(opened);
  const std::pair<std::string, std::string> tables[] = {
      {"tasks", "guid"},  {"attempts", "guid, attempt"},
      {"results", "seq"}, {"device_attempts", "device, seq"},
      {"events", "seq"},
  };
  std::string text;
  for (const auto& [table, order] : tables) {
    text += "== " + table + "\n";
    std::vector<std::string> columns;
    Result<Statement> names = db.prepare("SELECT name FROM pragma_table_info('" + table + "')");
    while (names->next()) columns.emplace_back(names->text(0));
    Result<Statement> rows = db.prepare("SELECT * FROM " + table + " ORDER BY " + order);
    while (rows->next()) {
      for (size_t i = 0; i < columns.size(); ++i) {
        const int column = static_cast<int>(i);
        text += " " + columns[i] + "=";
        text += rows->is_null(column) ? "NULL" : std::string(rows->text(column));
      }
      text += "\n";
    }
  }
  return text;
}

SinkUnderTest ledger() {
  SinkUnderTest sink;
  sink.name = "ledger";
  sink.make = [](const std::string& dir) {
    return std::make_unique<LedgerSink>(dir + "/ledger.db");
  };
  sink.effect = [](const std::string& dir) { return dump_tables(dir + "/ledger.db"); };
  sink.is_state = [](const std::string&) { return true; };
  return sink;
}

// One server for all laws; each place has a database of its own.
CouchDbServer& couchdb_server() {
  static const Scratch scratch;
  static CouchDbServer server(scratch.path());
  return server;
}

std::string database_of(const std::string& dir) {
  std::string name = "place";
  for (const char c : dir) name += "_" + std::to_string(static_cast<unsigned char>(c));
  return name;
}

SinkUnderTest couchdb() {
  SinkUnderTest sink;
  sink.name = "couchdb";
  sink.make = [](const std::string& dir) {
    static const Stop never;
    CouchDbOptions options;
    options.url = couchdb_server().url();
    options.db = database_of(dir);
    options.user = CouchDbServer::kAdmin;
    options.password = CouchDbServer::kAdminPassword;
    options.cursor_file = dir + "/couchdb.cursor";
    return std::make_unique<CouchDbSink>(std::move(options), never);
  };
  sink.effect = [](const std::string& dir) {
    std::string text;
    for (const auto& [id, document] : couchdb_server().documents(database_of(dir))) {
      text += document.dump() + "\n";
    }
    return text;
  };
  sink.is_state = [](const std::string& file) { return file == "couchdb.cursor"; };
  sink.full_disks = {0, 1, 100};  // the cursor is all that it writes
  return sink;
}

// One receiver for all laws; each place has a store of its own.
DecibelServer& decibel_server() {
  static DecibelServer server;
  return server;
}

SinkUnderTest decibel() {
  SinkUnderTest sink;
  sink.name = "decibel";
  sink.make = [](const std::string& dir) {
    static const Stop never;
    DecibelOptions options;
    options.url = decibel_server().url(dir);
    options.token = DecibelServer::kToken;
    options.kinds = {TaskKind::job, TaskKind::verify, TaskKind::repair};
    options.spool_file = dir + "/decibel.db";
    return std::make_unique<DecibelSink>(std::move(options), never);
  };
  // In the order of the log, whenever they came: without that time.
  sink.effect = [](const std::string& dir) {
    std::map<std::string, std::string> runs;
    const auto rows = decibel_server().search(
        dir, {{"projection", "run,suite.name,suite.iteration,case"}, {"superseded", "1"}});
    for (auto row : rows) {
      row["run"].erase("received");
      std::string& text = runs[row["run"]["key"].get<std::string>()];
      text = row.dump() + "\n" + text;
    }
    std::string text;
    for (const auto& [key, cases] : runs) text += cases;
    return text;
  };
  sink.is_state = [](const std::string& file) { return file.starts_with("decibel.db"); };
  return sink;
}

const auto kSinks = ::testing::Values(status_log(), ledger(), couchdb(), decibel());
INSTANTIATE_TEST_SUITE_P(Collectors, SinkLaws, kSinks, sink_name);
INSTANTIATE_TEST_SUITE_P(Collectors, SinkRunnerLaws, kSinks, sink_name);

}  // namespace
}  // namespace muster
