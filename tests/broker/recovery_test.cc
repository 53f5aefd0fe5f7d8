// Recovery from snapshots and the log behind them: what can be read is used, what cannot is passed
// over aloud, and the state is the same whichever way it came.
#include "io/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/snapshots.h"
#include "core/work.h"
#include "io/broker_options.h"
#include "io/codec.h"
#include "tests/support/memory_event_log.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Instant kZero{std::chrono::hours(500'000)};

// A log in memory, and a core that has applied all of it.
class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() : log_(std::move(*MemoryLogStore::open(store_))), core_(options()) {}

  BrokerOptions options() const { return make_broker_options(log_->log_id()); }

  // One block: tasks that are submitted, run and pass.
  void append(int tasks) {
    std::vector<Event> events;
    if (core_.head() == 0) {
      events.push_back({now_, BrokerStarted{1, "test"}});
      events.push_back({now_, WorkerJoined{"w1", 1, "lab", {}, 100, "test"}});
    }
    for (int i = 0; i < tasks; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "recovered-task-" + std::to_string(++tasks_);
      spec->work = encode_work(NoopWork{});
      now_ += Duration(1'000);
      events.push_back({now_, TaskSubmitted{spec}});
      if (i % 3 == 0) continue;  // waits
      events.push_back({now_, AttemptLeased{{spec->guid, 1}, "w1", 1, {}}});
      if (i % 3 == 1) continue;  // runs
      events.push_back({now_, AttemptEnded{{"w1", ++reports_},
                                           {spec->guid, 1},
                                           make_ending(Outcome::pass, Cause::none, StatusCode::ok,
                                                       "", now_, now_),
                                           Verdict::pass,
                                           kNever}});
    }
    const Bytes bytes = encode_block(log_->head() + 1, events);
    const AppendResult appended =
        log_->append(log_->head() + 1, static_cast<uint32_t>(events.size()), bytes);
    ASSERT_EQ(appended.fault, AppendFault::none) << appended.reason;
    for (const Event& event : events) core_.apply(event);
  }

  void take_snapshot() {
    Snapshots snapshots(*log_, {});
    snapshots.finish(core_, now_, now_);
    ASSERT_FALSE(log_->snapshots().list().empty());
    ASSERT_EQ(log_->snapshots().list().front().head, core_.head());
  }

  // Damages or replaces a stored snapshot.
  void rewrite_snapshot(uint64_t head, const std::function<void(std::vector<std::string>&)>& how) {
    std::vector<std::string> records;
    ASSERT_TRUE(log_->snapshots()
                    .read(head,
                          [&](std::string_view record) -> Result<Done> {
                            records.emplace_back(record);
                            return Done{};
                          })
                    .ok());
    how(records);
    size_t next = 0;
    ASSERT_TRUE(log_->snapshots()
                    .write(head,
                           [&]() -> std::optional<std::string> {
                             if (next == records.size()) return std::nullopt;
                             return records[next++];
                           })
                    .ok());
  }

  // Recovers and expects the state that the whole log gives.
  Recovered recover() {
    said_.clear();
    BrokerCore again(options());
    const Result<Recovered> recovered =
        recover_core(*log_, again, [&](const std::string& problem) { said_.push_back(problem); });
    EXPECT_TRUE(recovered.ok()) << recovered.error();
    EXPECT_EQ(again.head(), core_.head());
    EXPECT_EQ(again.hard_digest(), core_.hard_digest());
    return recovered.ok() ? *recovered : Recovered{};
  }

  std::shared_ptr<MemoryLogStore> store_ = std::make_shared<MemoryLogStore>();
  std::unique_ptr<EventLog> log_;
  BrokerCore core_;
  Instant now_ = kZero;
  int tasks_ = 0;
  uint64_t reports_ = 0;
  std::vector<std::string> said_;
};

TEST_F(RecoveryTest, TheNewestSnapshotAndWhatIsBehindItGiveTheState) {
  append(30);
  EXPECT_EQ(recover().snapshot, 0u);
  take_snapshot();
  const uint64_t first = core_.head();
  EXPECT_EQ(recover().events, 0u);
  append(20);
  const Recovered recovered = recover();
  EXPECT_EQ(recovered.snapshot, first);
  EXPECT_EQ(recovered.events, core_.head() - first);
  EXPECT_EQ(recovered.newest, now_);
  take_snapshot();
  EXPECT_EQ(recover().snapshot, core_.head());
  EXPECT_EQ(recover().newest, now_);
  EXPECT_THAT(said_, ElementsAre());
}

TEST_F(RecoveryTest, TheNewestTwoSnapshotsAreKept) {
  std::vector<uint64_t> heads;
  for (int i = 0; i < 4; ++i) {
    append(5);
    take_snapshot();
    heads.push_back(core_.head());
  }
  const std::vector<StoredSnapshot> kept = log_->snapshots().list();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].head, heads[3]);
  EXPECT_EQ(kept[1].head, heads[2]);
}

TEST_F(RecoveryTest, ADamagedSnapshotIsPassedOverForTheOneBeforeAndSaidSo) {
  append(10);
  take_snapshot();
  const uint64_t older = core_.head();
  append(10);
  take_snapshot();
  const uint64_t newer = core_.head();
  append(3);
  rewrite_snapshot(newer, [](std::vector<std::string>& records) { records.pop_back(); });
  EXPECT_EQ(recover().snapshot, older);
  EXPECT_THAT(said_, ElementsAre(HasSubstr(std::to_string(newer) + " is passed over: it ends")));

  rewrite_snapshot(older, [](std::vector<std::string>& records) { records[1].resize(8); });
  EXPECT_EQ(recover().snapshot, 0u);
  EXPECT_THAT(said_, ElementsAre(HasSubstr(std::to_string(newer)),
                                 HasSubstr(std::to_string(older) + " is passed over")));
}

TEST_F(RecoveryTest, ASnapshotOfAnotherHistoryIsPassedOver) {
  append(10);
  take_snapshot();
  const uint64_t head = core_.head();
  const BrokerSnapshot state = core_.snapshot();
  const SnapshotPlace place = *place_of_snapshot(*log_, now_);
  const auto store_at = [&](SnapshotPlace other) {
    SnapshotEncoder encoder(state, std::move(other));
    ASSERT_TRUE(log_->snapshots().write(head, [&] { return encoder.next(); }).ok());
  };
  SnapshotPlace other = place;
  other.log_id = "another-log";
  store_at(other);
  EXPECT_EQ(recover().snapshot, 0u);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("of another event log (another-log)")));
  other = place;
  ++other.block_digest;
  store_at(other);
  EXPECT_EQ(recover().snapshot, 0u);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("the log went another way")));
  store_at(place);
  EXPECT_EQ(recover().snapshot, head);
}

// An older copy of the log was put back under newer snapshots.
TEST_F(RecoveryTest, ASnapshotOfALongerLogIsPassedOver) {
  append(10);
  BrokerSnapshot later = core_.snapshot();
  later.head += 100;
  SnapshotEncoder encoder(later, *place_of_snapshot(*log_, now_));
  ASSERT_TRUE(log_->snapshots().write(later.head, [&] { return encoder.next(); }).ok());
  EXPECT_EQ(recover().snapshot, 0u);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("an older copy of the log was put back")));
}

TEST_F(RecoveryTest, OneOfANewerFormIsPassedOver) {
  append(10);
  take_snapshot();
  rewrite_snapshot(core_.head(), [](std::vector<std::string>& records) {
    SnapshotHead head = std::get<SnapshotHead>(*decode_snapshot_record(records[0]));
    ++head.form;
    records[0] = encode_snapshot_record(head);
  });
  EXPECT_EQ(recover().snapshot, 0u);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("a newer version of muster wrote it")));
}

TEST_F(RecoveryTest, ATrimmedLogIsRecoveredFromASnapshotAndNotWithoutOne) {
  for (int i = 0; i < 6; ++i) append(10);
  take_snapshot();
  append(10);
  take_snapshot();
  std::vector<uint64_t> snapshots;
  for (const StoredSnapshot& stored : log_->snapshots().list()) snapshots.push_back(stored.head);
  const uint64_t limit = trim_limit(snapshots, {});
  ASSERT_EQ(log_->trim(limit, 1'000).fault, AppendFault::none);
  EXPECT_GT(log_->tail(), 1u);
  EXPECT_LE(log_->tail(), snapshots[1]);
  append(4);
  EXPECT_EQ(recover().snapshot, snapshots[0]);
  const auto cut = [](std::vector<std::string>& records) { records.pop_back(); };
  rewrite_snapshot(snapshots[0], cut);
  EXPECT_EQ(recover().snapshot, snapshots[1]);
  rewrite_snapshot(snapshots[1], cut);
  BrokerCore again(options());
  const Result<Recovered> recovered = recover_core(*log_, again, [](const std::string&) {});
  ASSERT_FALSE(recovered.ok());
  EXPECT_THAT(recovered.error(), HasSubstr("were trimmed"));
  EXPECT_THAT(recovered.error(), HasSubstr("backup"));
}

TEST_F(RecoveryTest, SnapshotsAreDueAfterSoManyEventsOrBytes) {
  append(1);
  Snapshots snapshots(*log_, {100, 10'000});
  EXPECT_FALSE(snapshots.due(now_));
  snapshots.note_appended(99, 9'999);
  EXPECT_FALSE(snapshots.due(now_));
  snapshots.note_appended(1, 0);
  EXPECT_TRUE(snapshots.due(now_));
  snapshots.begin(core_, now_, now_);
  EXPECT_FALSE(snapshots.due(now_));
  snapshots.finish(core_, now_, now_);
  EXPECT_FALSE(snapshots.due(now_));
  snapshots.note_appended(0, 10'000);
  EXPECT_TRUE(snapshots.due(now_));
}

TEST_F(RecoveryTest, OneThatCannotBeWrittenStopsNothingAndIsTriedAgain) {
  append(10);
  take_snapshot();
  const std::vector<StoredSnapshot> before = log_->snapshots().list();
  append(10);
  store_->snapshots().set_fault("the disk is full");
  Snapshots snapshots(*log_, {10, 1 << 30});
  snapshots.note_appended(10, 0);
  ASSERT_TRUE(snapshots.due(now_));
  snapshots.finish(core_, now_, now_);
  EXPECT_EQ(log_->snapshots().list(), before);
  EXPECT_FALSE(snapshots.due(now_)) << "not at once";
  const Instant later = now_ + std::chrono::minutes(2);
  ASSERT_TRUE(snapshots.due(later));
  store_->snapshots().set_fault("");
  snapshots.finish(core_, now_, later);
  EXPECT_EQ(log_->snapshots().list().front().head, core_.head());
}

TEST_F(RecoveryTest, WhatWasReplayedCountsTowardsTheNextSnapshot) {
  append(10);
  Snapshots snapshots(*log_, {core_.head(), 1 << 30});
  snapshots.start_after(recover());
  EXPECT_TRUE(snapshots.due(now_));
}

}  // namespace
}  // namespace muster
