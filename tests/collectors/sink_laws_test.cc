#include "tests/conformance/sink_laws.h"

#include <nlohmann/json.hpp>

#include "collectors/couchdb_sink.h"
#include "collectors/decibel_sink.h"
#include "collectors/ledger_sink.h"
#include "collectors/status_log_sink.h"
#include "core/guid.h"
#include "tests/collectors/decibel_server.h"
#include "tests/collectors/ledger_kit.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/scratch.h"
#include "tests/support/status_logs.h"

namespace muster {
namespace {

SinkUnderTest status_log() {
  SinkUnderTest sink;
  sink.name = "status_log";
  sink.make = [](const std::string& dir) {
    return std::make_unique<StatusLogSink>(dir + "/status_log.db", dir + "/results");
  };
  sink.effect = [](const std::string& dir) { return read_status_logs(dir + "/results"); };
  sink.is_state = [](const std::string& file) { return file.starts_with("status_log.db"); };
  return sink;
}

SinkUnderTest ledger_at(const std::string& name,
                        const std::function<LedgerPlace(const std::string&)>& place_of) {
  SinkUnderTest sink;
  sink.name = name;
  sink.make = [=](const std::string& dir) { return std::make_unique<LedgerSink>(place_of(dir)); };
  sink.effect = [=](const std::string& dir) {
    return dump_tables(**open_ledger_store_read_only(place_of(dir)));
  };
  sink.is_state = [](const std::string&) { return true; };
  return sink;
}

SinkUnderTest ledger() {
  return ledger_at("ledger", [](const std::string& dir) {
    return LedgerPlace{dir + "/ledger.db", {}};
  });
}

// A database for each directory. Where that is none there is no server either.
SinkUnderTest ledger_on_server() {
  return ledger_at("ledger_mariadb", [](const std::string& dir) {
    LedgerPlace place = mariadb_server().place("laws_" + hex16(hash64(dir)));
    if (!std::filesystem::is_directory(dir)) place.server->options.socket = dir + "/socket";
    return place;
  });
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
  sink.is_state = [](const std::string& file) { return file.starts_with("couchdb.cursor"); };
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

const auto kFileSinks = ::testing::Values(status_log(), ledger(), couchdb(), decibel());
const auto kSinks =
    ::testing::Values(status_log(), ledger(), ledger_on_server(), couchdb(), decibel());
INSTANTIATE_TEST_SUITE_P(Collectors, SinkLaws, kSinks, sink_name);
INSTANTIATE_TEST_SUITE_P(Collectors, SinkFileLaws, kFileSinks, sink_name);
INSTANTIATE_TEST_SUITE_P(Collectors, SinkRunnerLaws, kSinks, sink_name);

}  // namespace
}  // namespace muster
