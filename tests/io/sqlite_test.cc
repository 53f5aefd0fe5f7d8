#include "io/sqlite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "io/file.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Database open_or_die(const std::string& path, const DatabaseOptions& options = {}) {
  std::variant<Database, DbStatus> opened = Database::open(path, options);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) {
    std::fprintf(stderr, "%s\n", failed->reason.c_str());
    std::abort();
  }
  return std::move(std::get<Database>(opened));
}

Statement prepare_or_die(Database& db, std::string_view sql) {
  Result<Statement> statement = db.prepare(sql);
  if (!statement) {
    std::fprintf(stderr, "%s\n", statement.error().c_str());
    std::abort();
  }
  return std::move(*statement);
}

void run_or_die(Database& db, const char* sql) {
  const DbStatus status = db.execute(sql);
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.reason.c_str());
  std::abort();
}

int64_t count_rows(Database& db) {
  Statement count = prepare_or_die(db, "SELECT count(*) FROM t");
  return count.next() ? count.integer(0) : -1;
}

TEST(Database, KeepsWhatWasBound) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(i INTEGER, s TEXT, b BLOB, n)");
  Statement insert = prepare_or_die(db, "INSERT INTO t VALUES (?, ?, ?, ?)");
  const std::string nasty("a\0b\xff", 4);
  ASSERT_TRUE(
      insert.bind(1, INT64_MIN).bind(2, "text").bind_blob(3, nasty).bind_null(4).run().ok());
  EXPECT_EQ(db.changes(), 1);
  // Empty is not null, whatever the view's pointer is.
  ASSERT_TRUE(insert.bind(1, INT64_MAX)
                  .bind(2, std::string_view())
                  .bind_blob(3, std::string_view())
                  .bind(4, "")
                  .run()
                  .ok());

  Statement select = prepare_or_die(db, "SELECT i, s, b, n FROM t ORDER BY i");
  ASSERT_TRUE(select.next());
  EXPECT_EQ(select.integer(0), INT64_MIN);
  EXPECT_EQ(select.text(1), "text");
  EXPECT_EQ(select.blob(2), nasty);
  EXPECT_TRUE(select.is_null(3));
  ASSERT_TRUE(select.next());
  EXPECT_EQ(select.integer(0), INT64_MAX);
  EXPECT_EQ(select.text(1), "");
  for (int column = 1; column <= 3; ++column) EXPECT_FALSE(select.is_null(column)) << column;
  EXPECT_FALSE(select.next());
  EXPECT_TRUE(select.finish().ok());
}

TEST(Statement, CanBeRunAgainAfterTheEndAndInTheMiddle) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(i); INSERT INTO t VALUES (1), (2), (3)");
  Statement select = prepare_or_die(db, "SELECT i FROM t WHERE i >= ? ORDER BY i");
  for (int64_t from = 1; from <= 3; ++from) {
    ASSERT_TRUE(select.bind(1, from).next());
    EXPECT_EQ(select.integer(0), from);
    ASSERT_TRUE(select.finish().ok());
  }
  run_or_die(db, "DROP TABLE t");  // no read lock was left behind
}

TEST(Statement, FailuresAreTellingAndDoNotStick) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(i INTEGER PRIMARY KEY, n INTEGER CHECK (n > 0)) STRICT");
  Statement insert = prepare_or_die(db, "INSERT INTO t VALUES (?1, ?2)");
  ASSERT_TRUE(insert.bind(1, 1).bind(2, 1).run().ok());

  const DbStatus twice = insert.bind(1, 1).bind(2, 1).run();
  EXPECT_EQ(twice.fault, DbFault::constraint);
  EXPECT_THAT(twice.reason, StartsWith(scratch / "db: "));
  EXPECT_THAT(twice.reason, HasSubstr("UNIQUE constraint failed: t.i"));
  EXPECT_EQ(insert.bind(1, 2).bind(2, 0).run().fault, DbFault::constraint);
  EXPECT_EQ(insert.bind(1, 2).bind(9, 1).run().fault, DbFault::broken) << "no such parameter";

  ASSERT_TRUE(insert.bind(1, 2).bind(2, 1).run().ok());
  EXPECT_EQ(count_rows(db), 2);
}

TEST(Database, WrongStatementsAreErrors) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  for (const char* sql : {"SELEC 1", "SELECT * FROM absent", "INSERT INTO", "SELECT ("}) {
    const Result<Statement> prepared = db.prepare(sql);
    ASSERT_FALSE(prepared.ok()) << sql;
    EXPECT_THAT(prepared.error(), StartsWith(scratch / "db: "));
    EXPECT_EQ(db.execute(sql).fault, DbFault::broken) << sql;
  }
}

TEST(Database, OpeningRefusesWithThePath) {
  const Scratch scratch;
  std::ofstream(scratch / "text") << std::string(5'000, 'x');
  DatabaseOptions existing;
  existing.create = false;
  DatabaseOptions reading;
  reading.read_only = true;
  const struct {
    std::string path;
    DatabaseOptions options;
    const char* reason;
  } rows[] = {
      {scratch / "absent", existing, "unable to open"},
      {scratch / "absent", reading, "unable to open"},
      {scratch / "absent/db", {}, "unable to open"},
      {scratch / "text", {}, "file is not a database"},
      {scratch.path(), {}, "unable to open"},
  };
  for (const auto& row : rows) {
    const std::variant<Database, DbStatus> opened = Database::open(row.path, row.options);
    const DbStatus* failed = std::get_if<DbStatus>(&opened);
    ASSERT_NE(failed, nullptr) << row.path;
    EXPECT_EQ(failed->fault, DbFault::broken) << failed->reason;
    EXPECT_THAT(failed->reason, HasSubstr(row.path));
    EXPECT_THAT(failed->reason, HasSubstr(row.reason));
  }
}

TEST(Database, IsInWalModeAndDurable) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  Statement mode = prepare_or_die(db, "PRAGMA journal_mode");
  ASSERT_TRUE(mode.next());
  EXPECT_EQ(mode.text(0), "wal");
  Statement synchronous = prepare_or_die(db, "PRAGMA synchronous");
  ASSERT_TRUE(synchronous.next());
  EXPECT_EQ(synchronous.integer(0), 2) << "FULL";
}

TEST(Database, AReaderSeesCommitsAndMayNotWrite) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(i)");
  DatabaseOptions reading;
  reading.read_only = true;
  Database reader = open_or_die(scratch / "db", reading);
  EXPECT_EQ(count_rows(reader), 0);
  run_or_die(db, "INSERT INTO t VALUES (1)");
  EXPECT_EQ(count_rows(reader), 1);
  EXPECT_EQ(reader.execute("INSERT INTO t VALUES (2)").fault, DbFault::broken);
}

TEST(Transaction, CommitsOrLeavesNothing) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(i)");
  {
    Transaction transaction(db);
    ASSERT_TRUE(transaction.status().ok());
    run_or_die(db, "INSERT INTO t VALUES (1)");
  }
  EXPECT_EQ(count_rows(db), 0);
  {
    Transaction transaction(db);
    run_or_die(db, "INSERT INTO t VALUES (1)");
    ASSERT_TRUE(transaction.commit().ok());
  }
  EXPECT_EQ(count_rows(db), 1);
}

TEST(Transaction, ASecondWriterIsBusy) {
  const Scratch scratch;
  Database first = open_or_die(scratch / "db");
  DatabaseOptions impatient;
  impatient.busy_timeout = 1ms;
  Database second = open_or_die(scratch / "db", impatient);
  Transaction held(first);
  ASSERT_TRUE(held.status().ok());
  Transaction refused(second);
  EXPECT_EQ(refused.status().fault, DbFault::busy);
  EXPECT_EQ(refused.commit().fault, DbFault::busy);
}

// RLIMIT_FSIZE stands in for a disk without room; it binds the child only.
int run_without_room(const std::string& path) {
  ::signal(SIGXFSZ, SIG_IGN);
  Database db = open_or_die(path);
  run_or_die(db, "CREATE TABLE t(b); INSERT INTO t VALUES (1)");
  const rlimit small{64 << 10, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return 1;
  {
    Statement insert = prepare_or_die(db, "INSERT INTO t VALUES (zeroblob(1000000))");
    const DbStatus status = insert.run();
    if (status.fault != DbFault::disk_full) {
      std::fprintf(stderr, "%s\n", status.reason.c_str());
      return 2;
    }
    if (status.reason.find(path) == std::string::npos) return 3;
    if (count_rows(db) != 1) return 4;
    const rlimit large{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &large) != 0) return 5;
    if (!insert.run().ok()) return 6;
  }
  return count_rows(db) == 2 ? 0 : 7;
}

TEST(Database, AFullDiskIsToldApartAndHeals) {
  const Scratch scratch;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(run_without_room(scratch / "db"));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the return statement in run_without_room";
}

TEST(Database, MaxPageCountIsAFullDiskToo) {
  const Scratch scratch;
  Database db = open_or_die(scratch / "db");
  run_or_die(db, "CREATE TABLE t(b); PRAGMA max_page_count = 10");
  EXPECT_EQ(db.execute("INSERT INTO t VALUES (zeroblob(100000))").fault, DbFault::disk_full);
}

TEST(Database, ADamagedFileIsBrokenNotACrash) {
  const Scratch scratch;
  {
    Database db = open_or_die(scratch / "db");
    run_or_die(db, "CREATE TABLE t(b); INSERT INTO t VALUES (zeroblob(50000))");
  }
  std::filesystem::resize_file(scratch / "db", 8'000);
  std::variant<Database, DbStatus> opened = Database::open(scratch / "db");
  if (Database* db = std::get_if<Database>(&opened)) {
    EXPECT_EQ(db->execute("SELECT sum(length(b)) FROM t WHERE substr(b, -1) = x'00'").fault,
              DbFault::broken);
  }
}

}  // namespace
}  // namespace muster
