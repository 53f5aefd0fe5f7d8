// What the broker does with a log that grows: readers are registered, what nobody needs goes, and
// whoever asks for it is told.
#include "broker/log_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "io/codec.h"
#include "tests/support/memory_event_log.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant kZero{std::chrono::hours(500'000)};
constexpr uint64_t kPerBlock = 10;

// A log of blocks of ten events, one block an hour.
class LogKeeperTest : public ::testing::Test {
 protected:
  LogKeeperTest() : log_(std::move(*MemoryLogStore::open(store_))) {}

  void append(int blocks, size_t bytes = 100) {
    for (int i = 0; i < blocks; ++i) {
      now_ += std::chrono::hours(1);
      const std::string reason(bytes, 'r');
      const std::vector<Event> events(kPerBlock, {now_, WorkerLost{"w1", 1, reason}});
      ASSERT_EQ(
          log_->append(log_->head() + 1, kPerBlock, encode_block(log_->head() + 1, events)).fault,
          AppendFault::none);
    }
  }
  void snapshot() {
    bool given = false;
    ASSERT_TRUE(log_->snapshots()
                    .write(log_->head(),
                           [&]() -> std::optional<std::string> {
                             if (given) return std::nullopt;
                             given = true;
                             return "state";
                           })
                    .ok());
  }
  LogKeeper& keeper(LogKeeping keeping) {
    keeper_ = std::make_unique<LogKeeper>(*log_, keeping);
    EXPECT_TRUE(keeper_->open().ok());
    return *keeper_;
  }
  // Steps until there is nothing to do for a while.
  void settle(bool disk_low = false) {
    for (int i = 0; i < 1'000; ++i) {
      now_ = std::max(now_, keeper_->next_step());
      const uint64_t before = log_->tail();
      keeper_->step(disk_low, now_);
      if (log_->tail() == before && keeper_->next_step() >= now_ + std::chrono::seconds(1)) return;
    }
    FAIL() << "it never ends";
  }
  static Fetch fetch(const std::string& reader, uint64_t needs) {
    Fetch fetch;
    fetch.from = needs;
    fetch.reader = reader;
    fetch.needs = needs;
    return fetch;
  }
  LogKeeping keep_hours(int hours) { return {std::chrono::hours(hours), 0}; }

  std::shared_ptr<MemoryLogStore> store_ = std::make_shared<MemoryLogStore>();
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<LogKeeper> keeper_;
  Instant now_ = kZero;
};

TEST_F(LogKeeperTest, OldEventsGoWhenTwoSnapshotsHoldWhatTheyDid) {
  keeper(keep_hours(5));
  append(20);
  settle();
  EXPECT_EQ(log_->tail(), 1u) << "there is no snapshot";
  snapshot();
  settle();
  EXPECT_EQ(log_->tail(), 1u) << "there is only one";
  append(1);
  snapshot();
  now_ += std::chrono::minutes(2);
  settle();
  EXPECT_EQ(log_->tail(), 16 * kPerBlock + 1) << "five hours are kept";
}

TEST_F(LogKeeperTest, NothingGoesThatARegisteredReaderNeeds) {
  LogKeeper& keeper = this->keeper(keep_hours(1));
  append(20);
  EXPECT_FALSE(keeper.note_fetch(fetch("ledger@a:/m", 1), now_));
  EXPECT_FALSE(keeper.note_fetch(fetch("couchdb@a:/m", 77), now_));
  snapshot();
  append(1);
  snapshot();
  append(3);
  settle();
  EXPECT_EQ(log_->tail(), 1u);
  EXPECT_FALSE(keeper.note_fetch(fetch("ledger@a:/m", 200), now_));
  now_ += std::chrono::minutes(2);
  settle();
  EXPECT_EQ(log_->tail(), 71u) << "the block that holds event 77 stays";
}

TEST_F(LogKeeperTest, ReadersAreKnownAfterARestartAndForgottenByOrder) {
  keeper(keep_hours(1)).note_fetch(fetch("ledger@a:/m", 5), now_);
  keeper_->note_fetch(fetch("ledger@a:/m", 7), now_ + Duration(1));
  keeper_->save_readers(now_);
  LogKeeper& again = keeper(keep_hours(1));
  ASSERT_EQ(again.state().readers.size(), 1u);
  EXPECT_EQ(again.state().readers[0], (LogReader{"ledger@a:/m", 7, now_ + Duration(1)}));
  EXPECT_TRUE(std::holds_alternative<Refused>(again.take(ForgetReader{"ledger", "ada"})));
  EXPECT_TRUE(std::get<LogState>(again.take(ForgetReader{"ledger@a:/m", "ada"})).readers.empty());
  EXPECT_TRUE(keeper(keep_hours(1)).state().readers.empty());
}

// A crash before save_readers: the log keeps more than is needed, never less.
TEST_F(LogKeeperTest, AReaderIsRegisteredDurablyBeforeItGetsAnything) {
  keeper(keep_hours(1)).note_fetch(fetch("ledger@a:/m", 5), now_);
  keeper_->note_fetch(fetch("ledger@a:/m", 90), now_);
  EXPECT_EQ(keeper(keep_hours(1)).state().readers.at(0).needs, 5u);
}

TEST_F(LogKeeperTest, WhoAsksForWhatIsGoneIsToldWhereTheLogBegins) {
  LogKeeper& keeper = this->keeper(keep_hours(1));
  append(20);
  snapshot();
  append(1);
  snapshot();
  settle();
  ASSERT_EQ(log_->tail(), 191u);
  EXPECT_FALSE(keeper.trimmed(191));
  const std::optional<Refused> refused = keeper.trimmed(17);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, RefusalCode::unknown);
  EXPECT_THAT(refused->reason, HasSubstr("events 17 to 190 were trimmed"));
  EXPECT_THAT(refused->reason, HasSubstr("begins with event 191"));
}

TEST_F(LogKeeperTest, ALogThatIsTooLargeLosesYoungEventsToo) {
  LogKeeping keeping = keep_hours(10'000);
  append(20, 4'000);
  keeping.bytes_max = log_->size()->bytes / 2;
  keeper(keeping);
  snapshot();
  append(1);
  snapshot();
  settle();
  EXPECT_GT(log_->tail(), 1u);
  EXPECT_LE(log_->size()->bytes, keeping.bytes_max);
}

// The log grew beyond its size in silence, for a reader that was long gone.
TEST_F(LogKeeperTest, AReaderThatKeepsTheLogTooLargeIsNamedOnce) {
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  LogKeeping keeping = keep_hours(10'000);
  append(20, 4'000);
  keeping.bytes_max = log_->size()->bytes / 2;
  keeper(keeping).note_fetch(fetch("couchdb@a:/m", 7), now_);
  keeper_->note_fetch(fetch("ledger@a:/m", 201), now_);
  const auto look = [&] {
    said.str("");
    now_ += std::chrono::minutes(1);
    settle();
    return said.str();
  };
  EXPECT_EQ(look(), "") << "without snapshots nothing could go";
  snapshot();
  append(1);
  snapshot();
  const std::string warning = look();
  EXPECT_THAT(warning, HasSubstr("cannot be trimmed as it is to be: couchdb@a:/m needs event 7 "));
  EXPECT_THAT(warning, HasSubstr("muster broker log forget couchdb@a:/m\n"));
  EXPECT_THAT(warning, Not(HasSubstr("forget ledger")));
  EXPECT_EQ(look(), "");
  keeper_->take(ForgetReader{"couchdb@a:/m", "ada"});
  look();
  EXPECT_GT(log_->tail(), 1u);
  spdlog::set_default_logger(before);
}

TEST_F(LogKeeperTest, OnADiskThatIsLowAllGoesThatMay) {
  keeper(keep_hours(10'000));
  append(20);
  snapshot();
  append(1);
  snapshot();
  settle();
  EXPECT_EQ(log_->tail(), 1u);
  now_ += std::chrono::minutes(1);
  settle(true);
  EXPECT_EQ(log_->tail(), 191u) << "the block by which the older snapshot is known stays";
}

TEST_F(LogKeeperTest, APersonsOrderSaysWhatItDoesAndWhyNotMore) {
  LogKeeper& keeper = this->keeper(keep_hours(10'000));
  append(20);
  TrimLog order{50, true, "ada"};
  TrimLogReply reply = std::get<TrimLogReply>(keeper.take(order, now_));
  EXPECT_EQ(reply.before, 1u);
  EXPECT_THAT(reply.held_by, HasSubstr("two snapshots"));
  snapshot();
  append(1);
  snapshot();
  keeper.note_fetch(fetch("ledger@a:/m", 40), now_);
  reply = std::get<TrimLogReply>(keeper.take(order, now_));
  EXPECT_EQ(reply.before, 40u);
  EXPECT_THAT(reply.held_by, HasSubstr("ledger@a:/m needs event 40"));
  EXPECT_THAT(reply.held_by, HasSubstr("muster broker log forget ledger@a:/m"));
  settle();
  EXPECT_EQ(log_->tail(), 1u) << "it was a dry run";
  order = {25, false, "ada"};
  reply = std::get<TrimLogReply>(keeper.take(order, now_));
  EXPECT_EQ(reply.before, 25u);
  EXPECT_EQ(reply.held_by, "");
  settle();
  EXPECT_EQ(log_->tail(), 21u);
  settle();
  EXPECT_EQ(log_->tail(), 21u) << "once";
}

TEST_F(LogKeeperTest, NamesAndTheirNumberAreBounded) {
  LogKeeper& keeper = this->keeper(keep_hours(1));
  EXPECT_FALSE(keeper.note_fetch(fetch(std::string(kReaderNameBytesMax, 'x'), 1), now_));
  const auto refused = keeper.note_fetch(fetch(std::string(kReaderNameBytesMax + 1, 'x'), 1), now_);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, RefusalCode::limit);
  for (size_t i = 1; i < kLogReadersMax; ++i) {
    ASSERT_FALSE(keeper.note_fetch(fetch("reader-" + std::to_string(i), 1), now_));
  }
  EXPECT_TRUE(keeper.note_fetch(fetch("one-too-many", 1), now_));
  EXPECT_FALSE(keeper.note_fetch(fetch("reader-1", 2), now_)) << "who is known goes on";
}

}  // namespace
}  // namespace muster
