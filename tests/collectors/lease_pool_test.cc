// Questions to the ledger end when the collector is to end.
#include "collectors/lease_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "collectors/stop.h"
#include "io/ledger_schema.h"
#include "tests/collectors/ledger_kit.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr Duration kNever = std::chrono::hours(1);
constexpr const char* kEndless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

using LedgerPool = LeasePool<Ledger>;

TEST(LeasePool, WhoWaitsIsToldOfAStop) {
  const NewLedger ledger(LedgerKind::sqlite);
  ASSERT_TRUE(migrate_ledger(*ledger.store()).ok());
  LedgerPool pool([&] { return Ledger::open(ledger.place()); }, 1, kNever);
  const Result<LedgerPool::Lease> lease = pool.borrow();
  ASSERT_TRUE(lease.ok()) << lease.error();
  auto second = std::async(std::launch::async, [&] { return pool.borrow(); });
  pool.stop();
  const Result<LedgerPool::Lease> refused = second.get();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error(), HasSubstr("stopping"));
  EXPECT_FALSE(pool.borrow().ok());
}

// It said that questions were being answered while a database said nothing.
TEST(LeasePool, WhoWaitsInVainIsToldThatNothingIsAnswered) {
  const NewLedger ledger(LedgerKind::sqlite);
  ASSERT_TRUE(migrate_ledger(*ledger.store()).ok());
  LedgerPool pool([&] { return Ledger::open(ledger.place()); }, 1, 20ms);
  {
    const Result<LedgerPool::Lease> lease = pool.borrow();
    ASSERT_TRUE(lease.ok()) << lease.error();
    const Result<LedgerPool::Lease> refused = pool.borrow();
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error(), HasSubstr("the database is slow or says nothing: of 1 questions"));
  }
  EXPECT_TRUE(pool.borrow().ok());
}

// A question to a file went on to its end.
TEST(LeasePool, AQuestionToAFileEndsWithAStop) {
  const NewLedger ledger(LedgerKind::sqlite);
  const auto writer = ledger.store();
  ASSERT_TRUE(migrate_ledger(*writer).ok());
  Stop stop;
  LedgerPlace place = ledger.place();
  place.stop_fd = stop.fd();
  const auto reader = std::move(*open_ledger_store_read_only(place));
  const auto endless = std::move(*reader->prepare(kEndless));
  std::jthread stopper([&] { stop.raise(); });
  const DbStatus status = endless->run();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.reason, HasSubstr("interrupted"));
  // What writes goes on.
  EXPECT_TRUE(writer->begin().ok());
  EXPECT_TRUE(writer->commit().ok());
}

TEST(LeasePool, AQuestionToAFileEndsWhenItTakesTooLong) {
  const NewLedger ledger(LedgerKind::sqlite);
  ASSERT_TRUE(migrate_ledger(*ledger.store()).ok());
  LedgerPlace place = ledger.place();
  place.question_max = 50ms;
  const auto reader = std::move(*open_ledger_store_read_only(place));
  const DbStatus late = std::move(*reader->prepare(kEndless))->run();
  EXPECT_THAT(late.reason, HasSubstr("it took longer than"));
  EXPECT_TRUE(std::move(*reader->prepare("SELECT count(*) FROM tasks"))->run().ok());
}

// A table made anew could be large, and the collector did not end before it was.
TEST(LeasePool, WhatIsWrittenToAFileIsRolledBackSoonAfterAStop) {
  const NewLedger ledger(LedgerKind::sqlite);
  Stop stop;
  LedgerPlace place = ledger.place();
  place.stop_fd = stop.fd();
  const auto writer = std::move(*open_ledger_store(place));
  ASSERT_TRUE(migrate_ledger(*writer).ok());
  stop.raise();
  {
    SqlTransaction transaction(*writer);  // what is short is written still
    ASSERT_TRUE(writer->execute("CREATE TABLE t (i INTEGER)").ok());
    ASSERT_TRUE(transaction.commit().ok());
  }
  SqlTransaction transaction(*writer);
  const DbStatus cut = writer->execute(std::string("INSERT INTO t ") + kEndless);
  EXPECT_THAT(cut.reason, HasSubstr("interrupted"));
}

}  // namespace
}  // namespace muster
