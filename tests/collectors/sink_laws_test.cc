#include "tests/conformance/sink_laws.h"

#include "collectors/ledger_sink.h"
#include "collectors/status_log_sink.h"
#include "io/sqlite.h"

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

INSTANTIATE_TEST_SUITE_P(Collectors, SinkLaws, ::testing::Values(status_log(), ledger()),
                         sink_name);
INSTANTIATE_TEST_SUITE_P(Collectors, SinkRunnerLaws, ::testing::Values(status_log(), ledger()),
                         sink_name);

}  // namespace
}  // namespace muster
