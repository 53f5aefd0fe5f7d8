#include "io/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "io/file.h"
#include "io/ledger_schema.h"
#include "io/sqlite.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = ::testing::TempDir() + "ledger-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    file_ = dir_ + "/ledger.db";
  }
  ~LedgerTest() override { std::filesystem::remove_all(dir_); }

  Database open() { return std::move(std::get<Database>(Database::open(file_))); }
  std::unique_ptr<SqlStore> open_store() { return std::move(*open_ledger_store({file_, {}})); }

  std::string dir_;
  std::string file_;
};

TEST_F(LedgerTest, SaysWhyItCannotBeOpened) {
  struct Row {
    std::string name;
    std::function<void(LedgerTest&)> prepare;
    std::string error;
  };
  const auto execute = [&](const char* sql) {
    return [this, sql](LedgerTest&) { ASSERT_TRUE(open().execute(sql).ok()); };
  };
  const auto migrate_and = [&](const char* sql) {
    return [this, sql](LedgerTest&) {
      ASSERT_TRUE(migrate_ledger(*open_store()).ok());
      ASSERT_TRUE(open().execute(sql).ok());
    };
  };
  const Row rows[] = {
      {"missing", [](LedgerTest&) {}, "there is no ledger yet: start a collector"},
      {"empty", execute("PRAGMA user_version = 0"), "there is no ledger yet: start a collector"},
      {"newer", migrate_and("INSERT INTO schema_version VALUES (999)"),
       "newer muster (schema 999, this build knows"},
      {"older", migrate_and("DELETE FROM schema_version; INSERT INTO schema_version VALUES (0)"),
       "there is no ledger yet"},
      {"negative",
       migrate_and("DELETE FROM schema_version; INSERT INTO schema_version VALUES (-1)"),
       "there is no ledger yet"},
      {"no database",
       [this](LedgerTest&) {
         ASSERT_TRUE(write_file_atomically(file_, std::string(5'000, 'x')).ok());
       },
       "file is not a database; the file is damaged: stop the collector, delete"},
      {"directory", [this](LedgerTest&) { std::filesystem::create_directory(file_); },
       "Is a directory"},
      {"somebody else's", execute("CREATE TABLE schema_version (colour TEXT)"), "no such column"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
    row.prepare(*this);
    const Result<Ledger> ledger = Ledger::open(LedgerPlace{file_, {}});
    ASSERT_FALSE(ledger.ok());
    EXPECT_THAT(ledger.error(), HasSubstr(row.error));
    EXPECT_THAT(ledger.error(), HasSubstr(file_));
  }
}

TEST_F(LedgerTest, MigratesOnce) {
  const std::unique_ptr<SqlStore> store = open_store();
  EXPECT_EQ(*read_ledger_version(*store), 0u);
  ASSERT_TRUE(migrate_ledger(*store).ok());
  EXPECT_EQ(*read_ledger_version(*store), kLedgerSchemaVersion);
  ASSERT_TRUE(migrate_ledger(*store).ok());
  EXPECT_EQ(*read_ledger_version(*store), kLedgerSchemaVersion);
}

TEST_F(LedgerTest, AnEmptyLedgerAnswers) {
  ASSERT_TRUE(migrate_ledger(*open_store()).ok());
  Result<Ledger> ledger = Ledger::open(LedgerPlace{file_, {}});
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  EXPECT_EQ(ledger->position()->log_id, "");
  EXPECT_TRUE(ledger->tasks({})->empty());
  EXPECT_TRUE(ledger->events({})->empty());
  EXPECT_TRUE(ledger->find_guids("last", 1)->empty());
  EXPECT_FALSE(ledger->task("0194-nothing")->has_value());
}

// Rows that this build would not write are read as well as may be.
TEST_F(LedgerTest, OddRowsDoNoHarm) {
  ASSERT_TRUE(migrate_ledger(*open_store()).ok());
  Database db = open();
  ASSERT_TRUE(db.execute("INSERT INTO tasks (seq, guid, kind, name, submitter, priority, state,"
                         " submitted_us, attempts, spec, work) VALUES"
                         " (1, '0194-no-json', '?', '', '', 1, '?', 0, 1, '{', x''),"
                         " (2, '0194-odd-json', '?', '', '', 1, 'ended', 0, 1,"
                         "  '{\"guid\":7,\"devices\":[3,{\"role\":[]}],\"priority\":-1,"
                         "\"timeouts\":{\"run_s\":1e300,\"queue_s\":\"x\"},\"retry\":4}', x'')")
                  .ok());
  ASSERT_TRUE(db.execute("INSERT INTO attempts (guid, attempt, worker, incarnation, devices,"
                         " leased_us, outcome, status) VALUES"
                         " ('0194-odd-json', 1, '', 0, '{\"no\":1}', 0, 'splendid', 12345)")
                  .ok());
  Result<Ledger> ledger = Ledger::open(LedgerPlace{file_, {}});
  ASSERT_TRUE(ledger.ok()) << ledger.error();
  EXPECT_EQ((*ledger->task("0194-no-json"))->info.spec, TaskSpec{});
  const LedgerTask odd = **ledger->task("0194-odd-json");
  EXPECT_EQ(odd.info.spec.timeouts, Timeouts{});
  EXPECT_EQ(odd.info.spec.retry, Retry{});
  EXPECT_EQ(odd.info.spec.devices, std::vector<DeviceRequest>(1));
  ASSERT_EQ(odd.info.attempts.size(), 1u);
  EXPECT_TRUE(odd.info.attempts[0].devices.empty());
  EXPECT_EQ(odd.info.attempts[0].ending->outcome, Outcome{});
  EXPECT_EQ(odd.info.attempts[0].ending->status, StatusCode::error);
}

}  // namespace
}  // namespace muster
