// Questions to the ledger end when the collector is to end.
#include "collectors/ledger_pool.h"

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

TEST(LedgerPool, WhoWaitsIsToldOfAStop) {
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

// A question to a file went on to its end.
TEST(LedgerPool, AQuestionToAFileEndsWithAStop) {
  const NewLedger ledger(LedgerKind::sqlite);
  const auto writer = ledger.store();
  ASSERT_TRUE(migrate_ledger(*writer).ok());
  Stop stop;
  LedgerPlace place = ledger.place();
  place.stop_fd = stop.fd();
  const auto reader = std::move(*open_ledger_store_read_only(place));
  const auto endless = std::move(*reader->prepare(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"));
  std::jthread stopper([&] { stop.raise(); });
  const DbStatus status = endless->run();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.reason, HasSubstr("interrupted"));
  // What writes goes on.
  EXPECT_TRUE(writer->begin().ok());
  EXPECT_TRUE(writer->commit().ok());
}

}  // namespace
}  // namespace muster
