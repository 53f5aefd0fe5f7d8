// io/sql.h against a real server.
#include "io/mariadb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "io/sql_dialect.h"
#include "tests/support/house.h"
#include "tests/support/mariadb_server.h"

namespace muster {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using Opened = std::variant<std::unique_ptr<SqlStore>, DbStatus>;

std::unique_ptr<SqlStore> open(const MariadbOptions& options) {
  Opened opened = open_mariadb_store(options);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) {
    ADD_FAILURE() << failed->reason;
    std::abort();
  }
  return std::move(std::get<std::unique_ptr<SqlStore>>(opened));
}

std::string error_of(const MariadbOptions& options) {
  const Opened opened = open_mariadb_store(options);
  const DbStatus* failed = std::get_if<DbStatus>(&opened);
  return failed == nullptr ? "" : failed->reason;
}

void execute(SqlStore& store, const std::string& sql) {
  const DbStatus status = store.execute(sql);
  ASSERT_TRUE(status.ok()) << status.reason;
}

// The first column of every row, as text.
std::vector<std::string> select(SqlStore& store, const std::string& sql,
                                const std::vector<SqlValue>& values = {}) {
  std::vector<std::string> rows;
  const Result<std::unique_ptr<SqlStatement>> statement = store.prepare(sql);
  for ((*statement)->start(values); (*statement)->next();) {
    rows.emplace_back((*statement)->text(0));
  }
  const DbStatus status = (*statement)->finish();
  EXPECT_TRUE(status.ok()) << status.reason;
  return rows;
}

// A table as a migration makes it.
void create(SqlStore& store, const std::string& sql) {
  for (const std::string& statement : translate_migration(sql, store)) execute(store, statement);
}

TEST(MariadbStore, KeepsEveryNumberAndEveryByte) {
  const MariadbServer server;
  const std::unique_ptr<SqlStore> store = open(server.options());
  create(*store, "CREATE TABLE t (seq INTEGER PRIMARY KEY, i INTEGER, d DOUBLE, s TEXT, b BLOB);");
  std::vector<double> reals = {0.0, -0.0, 1.0, 0.1, 5e-324, -1.7976931348623157e308, 1e22};
  std::mt19937_64 random(7);
  while (reals.size() < 2'000) {
    const uint64_t bits = random();
    double real = 0;
    std::memcpy(&real, &bits, sizeof real);
    if (std::isfinite(real)) reals.push_back(real);
  }
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const std::string texts[] = {"", std::string("' \" ` \\ \n \r \0 \x1a %_?", 19),
                               "\xf0\x9f\x98\x80 größer \\' OR 1=1"};
  const int64_t integers[] = {0, -1, INT64_MAX, INT64_MIN};
  const auto inserter = store->make_inserter("t", {"seq", "i", "d", "s", "b"});
  for (size_t i = 0; i < reals.size(); ++i) {
    ASSERT_TRUE(inserter
                    ->add({static_cast<int64_t>(i), integers[i % 4], reals[i],
                           std::string_view(texts[i % 3]), SqlBlob{bytes}})
                    .ok());
  }
  const DbStatus flushed = inserter->flush();
  ASSERT_TRUE(flushed.ok()) << flushed.reason;
  const auto rows = store->prepare("SELECT i, d, s, b FROM t ORDER BY seq");
  (*rows)->start({});
  for (size_t i = 0; i < reals.size(); ++i) {
    ASSERT_TRUE((*rows)->next());
    EXPECT_EQ((*rows)->integer(0), integers[i % 4]);
    EXPECT_EQ((*rows)->real(1), reals[i]);
    EXPECT_EQ((*rows)->text(2), texts[i % 3]);
    EXPECT_EQ((*rows)->text(3), bytes);
  }
  EXPECT_FALSE((*rows)->next());
}

TEST(MariadbStore, ComparesTextsByteByByte) {
  const MariadbServer server;
  const std::unique_ptr<SqlStore> store = open(server.options());
  create(*store, "CREATE TABLE t (guid GUID PRIMARY KEY);");
  const auto inserter = store->make_inserter("t", {"guid"});
  // 256 characters of 4 bytes are the longest GUID.
  std::string longest;
  for (int i = 0; i < 256; ++i) longest += "\xf0\x9f\x98\x80";
  const std::vector<std::string> guids = {"A", "a", "a ", "\xc3\xa4", longest};
  for (const std::string& guid : guids) {
    ASSERT_TRUE(inserter->add({std::string_view(guid)}).ok());
  }
  ASSERT_TRUE(inserter->flush().ok());
  EXPECT_EQ(select(*store, "SELECT guid FROM t ORDER BY guid"), guids);
  EXPECT_THAT(select(*store, "SELECT guid FROM t WHERE guid = ?", {std::string_view("a")}),
              ElementsAre("a"));
}

TEST(MariadbStore, SendsNoLargerStatementThanTheServerTakes) {
  const MariadbServer server({"--max-allowed-packet=256K"});
  const std::unique_ptr<SqlStore> store = open(server.options());
  create(*store, "CREATE TABLE t (seq INTEGER PRIMARY KEY, s TEXT);");
  const std::string text(10'000, '\'');
  const auto inserter = store->make_inserter("t", {"seq", "s"});
  for (int64_t i = 0; i < 200; ++i) {
    const DbStatus status = inserter->add({i, std::string_view(text)});
    ASSERT_TRUE(status.ok()) << status.reason;
  }
  ASSERT_TRUE(inserter->flush().ok());
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t WHERE length(s) = 10000"), ElementsAre("200"));
  // What cannot be sent says what is to be done, and the connection stays.
  const std::string huge(300'000, 'x');
  ASSERT_TRUE(inserter->add({int64_t{1'000}, std::string_view(huge)}).ok());
  EXPECT_THAT(inserter->flush().reason, HasSubstr("max_allowed_packet"));
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t"), ElementsAre("200"));
}

TEST(MariadbStore, ConnectsAnewWhereTheConnectionWasLost) {
  MariadbServer server;
  const std::unique_ptr<SqlStore> store = open(server.options());
  create(*store, "CREATE TABLE t (seq INTEGER PRIMARY KEY);");
  server.end_connections();
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t"), ElementsAre("0"));
  server.end_connections();
  {
    SqlTransaction transaction(*store);
    ASSERT_TRUE(transaction.status().ok()) << transaction.status().reason;
    execute(*store, "REPLACE INTO t VALUES (1)");
    ASSERT_TRUE(transaction.commit().ok());
  }
  server.kill_now();
  EXPECT_FALSE(store->execute("DO 0").ok());
  EXPECT_FALSE(store->begin().ok());
  server.start_again();
  EXPECT_THAT(select(*store, "SELECT seq FROM t"), ElementsAre("1"));
}

TEST(MariadbStore, ATransactionIsThereWholeOrNotAtAll) {
  MariadbServer server;
  const std::unique_ptr<SqlStore> store = open(server.options());
  create(*store, "CREATE TABLE t (seq INTEGER PRIMARY KEY);");
  {
    SqlTransaction transaction(*store);
    execute(*store, "REPLACE INTO t VALUES (1)");
  }
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t"), ElementsAre("0"));
  {
    SqlTransaction transaction(*store);
    execute(*store, "REPLACE INTO t VALUES (2)");
    server.end_connections();
    // Not sent again by itself: the first row is not there any more.
    EXPECT_FALSE(store->execute("REPLACE INTO t VALUES (3)").ok());
    EXPECT_FALSE(store->execute("REPLACE INTO t VALUES (4)").ok());
    EXPECT_FALSE(transaction.commit().ok());
  }
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t"), ElementsAre("0"));
}

TEST(MariadbStore, TellsWhatIsThereFromWhatIsWrong) {
  const MariadbServer server;
  const std::unique_ptr<SqlStore> store = open(server.options());
  execute(*store, "CREATE TABLE t (seq BIGINT PRIMARY KEY)");
  EXPECT_EQ(store->execute("CREATE TABLE t (seq BIGINT)").fault, DbFault::exists);
  EXPECT_EQ(store->execute("ALTER TABLE t ADD COLUMN seq BIGINT").fault, DbFault::exists);
  execute(*store, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(store->execute("INSERT INTO t VALUES (1)").fault, DbFault::constraint);
  const DbStatus wrong = store->execute("NONSENSE");
  EXPECT_EQ(wrong.fault, DbFault::broken);
  EXPECT_THAT(wrong.reason, HasSubstr(store->place()));
  // Values out of range are refused, never cut.
  EXPECT_FALSE(store->execute("INSERT INTO t VALUES (9223372036854775808)").ok());
}

// MySQL's numbers for what a row may not be were taken for a broken database: one bad event held up
// the sink, where it is to be put aside.
TEST(MariadbFault, KnowsTheNumbersOfBothServers) {
  const std::pair<DbFault, std::vector<unsigned>> table[] = {
      {DbFault::none, {0}},
      {DbFault::disk_full, {1021, 1114}},
      {DbFault::busy, {1205, 1213, 3572}},
      {DbFault::constraint, {1022, 1048, 1062, 1118, 1169, 1216, 1217, 1264, 1265, 1292, 1364,
                             1366, 1406, 1451, 1452, 1586, 1644, 1690, 3140, 3819, 4025}},
      {DbFault::exists, {1050, 1060, 1061}},
      {DbFault::broken, {1045, 1049, 1064, 1146, 1193, 1969, 2006, 2013, 3024, 3818, 3820}},
  };
  for (const auto& [fault, numbers] : table) {
    for (const unsigned number : numbers) EXPECT_EQ(mariadb_fault(number), fault) << number;
  }
}

// Its SELECT was sent again, and both were answered to nobody.
TEST(MariadbStore, WhatAServerIsSilentAboutIsNotSentAgain) {
  const MariadbServer server;
  MariadbOptions options = server.options();
  options.answer_timeout = 1s;
  const std::unique_ptr<SqlStore> store = open(options);
  const DbStatus status = store->execute("DO sleep(600)");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.reason, HasSubstr("the server says nothing"));
  EXPECT_THAT(select(*open(server.options()),
                     "SELECT count(*) FROM information_schema.processlist WHERE info LIKE "
                     "'DO sleep%'"),
              ElementsAre("1"));
  EXPECT_THAT(select(*store, "SELECT 1"), ElementsAre("1"));  // on a new connection
}

TEST(MariadbStore, TheServerEndsAQuestionThatTakesTooLong) {
  const MariadbServer server;
  execute(*open(server.options()), "CREATE TABLE t (seq BIGINT PRIMARY KEY)");
  MariadbOptions options = server.options();
  options.read_only = true;
  options.question_max = 200ms;
  const std::unique_ptr<SqlStore> store = open(options);
  const auto endless =
      store->prepare("SELECT count(*) FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b");
  (*endless)->start({});
  EXPECT_FALSE((*endless)->next());
  EXPECT_THAT((*endless)->finish().reason, HasSubstr("the question takes too long"));
  EXPECT_THAT(select(*store, "SELECT count(*) FROM t"), ElementsAre("0"));
}

TEST(MariadbStore, AReaderCannotWrite) {
  const MariadbServer server;
  execute(*open(server.options()), "CREATE TABLE t (seq BIGINT PRIMARY KEY)");
  MariadbOptions options = server.options();
  options.read_only = true;
  EXPECT_FALSE(open(options)->execute("INSERT INTO t VALUES (1)").ok());
  options.database = "not_there";
  EXPECT_THAT(error_of(options), HasSubstr("not_there"));
}

TEST(MariadbStore, SaysWhyItCannotConnectAndKeepsThePasswordToItself) {
  const MariadbServer server;
  MariadbOptions options = server.tcp_options();
  EXPECT_EQ(error_of(options), "");
  options.password = "guessed-wrongly";
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("mariadb://muster@127.0.0.1:"),
                                       HasSubstr("Access denied"), Not(HasSubstr("guessed"))));
  options.port = 1;
  EXPECT_THAT(error_of(options), HasSubstr("127.0.0.1:1/muster"));
  options.host.clear();
  options.socket = "/nowhere/at/all";
  EXPECT_THAT(error_of(options), HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace muster
