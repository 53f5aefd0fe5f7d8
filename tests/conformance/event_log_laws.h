// The laws of an EventLog. An implementation gives a Store to them:
//
//   struct Store {                                     // an empty log of its own
//     Result<std::unique_ptr<EventLog>> open();        // the next writer
//     Result<std::unique_ptr<EventLog>> open_anyway(); // the same, past the lock of another one
//     void fill_up();                                  // until make_room, no block fits
//     void make_room();
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, EventLogLaws, Store);
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/limits.h"
#include "io/event_log.h"
#include "tests/support/noise.h"

namespace muster {

inline bool operator==(const StoredBlock& a, const StoredBlock& b) {
  return a.first == b.first && a.count == b.count && a.bytes == b.bytes;
}
inline void PrintTo(const StoredBlock& block, std::ostream* out) {
  *out << "{" << block.first << "+" << block.count << ", " << block.bytes.size() << " bytes}";
}

// Everything in the log, read in one go.
inline std::vector<StoredBlock> read_all(const EventLog& log) {
  Result<std::vector<StoredBlock>> read = log.read(1, SIZE_MAX);
  EXPECT_TRUE(read.ok()) << read.error();
  return read.ok() ? std::move(*read) : std::vector<StoredBlock>{};
}

template <typename Store>
class EventLogLaws : public ::testing::Test {
 protected:
  void open() {
    log_.reset();
    Result<std::unique_ptr<EventLog>> opened = store_.open();
    ASSERT_TRUE(opened.ok()) << opened.error();
    log_ = std::move(*opened);
  }

  void append(uint32_t count, std::string bytes) {
    StoredBlock block{log_->head() + 1, count, std::move(bytes)};
    const AppendResult result = log_->append(block.first, block.count, block.bytes);
    ASSERT_EQ(result.fault, AppendFault::none) << result.reason;
    written_.push_back(std::move(block));
    ASSERT_EQ(log_->head(), written_.back().first + count - 1);
  }

  // Blocks of many counts and sizes, bytes of every value, some of them over and over again.
  void append_random(int blocks) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int i = 0; i < blocks; ++i) {
      std::string bytes(random() % 4 == 0 ? random() % 20'000 : random() % 200, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random());
      const size_t period = random() % 2 == 0 ? 8 : SIZE_MAX;
      for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = bytes[at % period];
      append(1 + random() % 5, std::move(bytes));
    }
  }

  Store store_;
  std::unique_ptr<EventLog> log_;
  std::vector<StoredBlock> written_;
};

TYPED_TEST_SUITE_P(EventLogLaws);

TYPED_TEST_P(EventLogLaws, AnEmptyLogHasNothing) {
  this->open();
  EXPECT_EQ(this->log_->head(), 0u);
  EXPECT_FALSE(this->log_->log_id().empty());
  for (const uint64_t from : {uint64_t{1}, uint64_t{2}, UINT64_MAX / 2}) {
    const auto read = this->log_->read(from, 1'000);
    ASSERT_TRUE(read.ok()) << read.error();
    EXPECT_TRUE(read->empty());
  }
}

TYPED_TEST_P(EventLogLaws, WhatWasAppendedIsReadInOrder) {
  this->open();
  this->append_random(50);
  this->append(kBlockEventsMax, std::string(kBlockBytesMax, '\xff'));
  this->append(1, "");
  EXPECT_EQ(read_all(*this->log_), this->written_);
}

TYPED_TEST_P(EventLogLaws, AReaderFromAnyCursorSeesNoGap) {
  this->open();
  this->append_random(40);
  const uint64_t head = this->log_->head();
  for (uint64_t from = 1; from <= head; ++from) {
    size_t index = 0;
    while (this->written_[index].first + this->written_[index].count <= from) ++index;
    for (const size_t max_bytes : {size_t{0}, size_t{1}, size_t{500}, size_t{30'000}, SIZE_MAX}) {
      const auto read = this->log_->read(from, max_bytes);
      ASSERT_TRUE(read.ok()) << read.error();
      ASSERT_FALSE(read->empty());
      ASSERT_LE(index + read->size(), this->written_.size());
      size_t size = 0;
      for (size_t i = 0; i < read->size(); ++i) {
        ASSERT_TRUE(i == 0 || size < max_bytes) << "it went on after max_bytes was reached";
        ASSERT_EQ((*read)[i], this->written_[index + i]);
        size += (*read)[i].bytes.size();
      }
      const bool is_end = index + read->size() == this->written_.size();
      ASSERT_TRUE(is_end || size >= max_bytes) << "it stopped early at cursor " << from;
    }
  }
  EXPECT_TRUE(this->log_->read(head + 1, SIZE_MAX)->empty());
}

TYPED_TEST_P(EventLogLaws, ReopeningKeepsAll) {
  this->open();
  const std::string id = this->log_->log_id();
  for (int i = 0; i < 5; ++i) {
    this->append_random(10);
    this->open();
    EXPECT_EQ(this->log_->log_id(), id);
    EXPECT_EQ(this->log_->head(), this->written_.back().first + this->written_.back().count - 1);
    EXPECT_EQ(read_all(*this->log_), this->written_);
  }
}

TYPED_TEST_P(EventLogLaws, TheEpochGrowsByOneAtEachOpening) {
  this->open();
  for (int i = 0; i < 5; ++i) {
    const uint64_t before = this->log_->epoch();
    this->open();
    EXPECT_EQ(this->log_->epoch(), before + 1);
  }
}

TYPED_TEST_P(EventLogLaws, ASecondWriterIsRefusedAndNamesTheFirst) {
  this->open();
  const uint64_t epoch = this->log_->epoch();
  const auto second = this->store_.open();
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error(), ::testing::HasSubstr("pid " + std::to_string(::getpid())));
  this->append(1, "the first one is unharmed");
  this->open();
  EXPECT_EQ(this->log_->epoch(), epoch + 1) << "a refused writer takes no epoch";
}

TYPED_TEST_P(EventLogLaws, ADeposedWriterWritesNothingMore) {
  this->open();
  this->append(2, "before");
  Result<std::unique_ptr<EventLog>> successor = this->store_.open_anyway();
  ASSERT_TRUE(successor.ok()) << successor.error();
  EXPECT_GT((*successor)->epoch(), this->log_->epoch());
  // Both when the successor has written nothing yet, and when it has.
  for (int i = 0; i < 2; ++i) {
    const AppendResult late = this->log_->append(3, 1, "from the past");
    EXPECT_EQ(late.fault, AppendFault::deposed);
    EXPECT_FALSE(late.reason.empty());
    if (i == 0) {
      ASSERT_EQ((*successor)->append(3, 1, "new").fault, AppendFault::none);
    }
  }
  this->written_.push_back({3, 1, "new"});
  EXPECT_EQ(read_all(**successor), this->written_);
}

TYPED_TEST_P(EventLogLaws, AWriterInTheWrongPlaceIsRefused) {
  this->open();
  this->append(3, "one to three");
  for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{5}, UINT64_MAX}) {
    const AppendResult result = this->log_->append(first, 1, "x");
    EXPECT_EQ(result.fault, AppendFault::deposed) << first;
    EXPECT_FALSE(result.reason.empty());
  }
  EXPECT_NE(this->log_->append(4, 0, "no events").fault, AppendFault::none);
  EXPECT_EQ(this->log_->head(), 3u);
  this->append(1, "four");
  EXPECT_EQ(read_all(*this->log_), this->written_);
}

// A decision that needs several blocks was cut by a crash between them.
TYPED_TEST_P(EventLogLaws, SeveralBlocksAreAppendedAllOrNone) {
  this->open();
  this->append(2, "before");
  const std::string large(100'000, 'x');
  const std::vector<NewBlock> blocks = {{3, 2, "three"}, {5, 1, large}, {6, 4, ""}};
  const std::vector<std::vector<NewBlock>> wrong = {
      {},
      {{4, 1, "a gap"}},
      {{3, 1, "in place"}, {3, 1, "again"}},
      {{3, 1, "in place"}, {5, 1, "a gap"}},
      {{3, 1, "in place"}, {4, 0, "no events"}},
  };
  for (const std::vector<NewBlock>& row : wrong) {
    EXPECT_EQ(this->log_->append(row).fault, AppendFault::deposed);
    EXPECT_EQ(read_all(*this->log_), this->written_);
  }
  this->store_.fill_up();
  EXPECT_EQ(this->log_->append(blocks).fault, AppendFault::disk_full);
  EXPECT_EQ(this->log_->head(), 2u);
  EXPECT_EQ(read_all(*this->log_), this->written_);
  this->store_.make_room();
  this->open();
  EXPECT_EQ(read_all(*this->log_), this->written_);
  const AppendResult result = this->log_->append(blocks);
  ASSERT_EQ(result.fault, AppendFault::none) << result.reason;
  EXPECT_EQ(this->log_->head(), 9u);
  for (const NewBlock& block : blocks) {
    this->written_.push_back({block.first, block.count, std::string(block.bytes)});
  }
  EXPECT_EQ(read_all(*this->log_), this->written_);
  this->append(1, "after");
  Result<std::unique_ptr<EventLog>> successor = this->store_.open_anyway();
  ASSERT_TRUE(successor.ok()) << successor.error();
  const std::vector<NewBlock> late = {{11, 1, "from"}, {12, 1, "the past"}};
  EXPECT_EQ(this->log_->append(late).fault, AppendFault::deposed);
  EXPECT_EQ(read_all(**successor), this->written_);
}

TYPED_TEST_P(EventLogLaws, AReaderBesideTheWriterSeesAPrefix) {
  this->open();
  std::atomic<bool> done = false;
  uint64_t seen = 0;
  std::thread reader([&] {
    while (seen < 300 && !(done && seen == this->log_->head())) {
      const auto read = this->log_->read(seen + 1, 2'000);
      ASSERT_TRUE(read.ok()) << read.error();
      for (const StoredBlock& block : *read) {
        ASSERT_EQ(block.first, seen + 1);
        ASSERT_EQ(block.bytes, std::to_string(block.first));
        seen += block.count;
      }
    }
  });
  for (uint64_t i = 1; i <= 300; ++i) this->append(1, std::to_string(i));
  done = true;
  reader.join();
  EXPECT_EQ(seen, 300u);
}

TYPED_TEST_P(EventLogLaws, AFullDiskRefusesKeepsAllAndHeals) {
  this->open();
  this->append_random(20);
  const uint64_t head = this->log_->head();
  const std::string large(100'000, 'x');
  this->store_.fill_up();
  for (int i = 0; i < 3; ++i) {
    const AppendResult result = this->log_->append(head + 1, 1, large);
    EXPECT_EQ(result.fault, AppendFault::disk_full) << result.reason;
    EXPECT_FALSE(result.reason.empty());
    EXPECT_EQ(this->log_->head(), head);
    EXPECT_EQ(read_all(*this->log_), this->written_);
  }
  this->store_.make_room();
  this->append(1, large);
  EXPECT_EQ(read_all(*this->log_), this->written_);
  this->open();
  EXPECT_EQ(read_all(*this->log_), this->written_);
}

TYPED_TEST_P(EventLogLaws, WhatIsTrimmedIsGoneInWholeBlocksOldestFirst) {
  this->open();
  EXPECT_EQ(this->log_->tail(), 1u);
  EXPECT_EQ(this->log_->trim(1'000, SIZE_MAX).fault, AppendFault::none)
      << "there is nothing to trim";
  for (int i = 0; i < 10; ++i) this->append(3, "block " + std::to_string(i));
  for (const uint64_t before : {0, 1, 2, 3}) {
    ASSERT_EQ(this->log_->trim(before, SIZE_MAX).fault, AppendFault::none);
    EXPECT_EQ(this->log_->tail(), 1u) << before;
  }
  ASSERT_EQ(this->log_->trim(4, 0).fault, AppendFault::none);
  EXPECT_EQ(this->log_->tail(), 4u);
  ASSERT_EQ(this->log_->trim(15, 8).fault, AppendFault::none);
  EXPECT_EQ(this->log_->tail(), 10u) << "two blocks of seven bytes";
  ASSERT_EQ(this->log_->trim(15, SIZE_MAX).fault, AppendFault::none);
  EXPECT_EQ(this->log_->tail(), 13u) << "the block that holds event 15 stays";
  this->written_.erase(this->written_.begin(), this->written_.begin() + 4);
  const auto all = this->log_->read(13, SIZE_MAX);
  ASSERT_TRUE(all.ok()) << all.error();
  EXPECT_EQ(*all, this->written_);
  for (const uint64_t from : {1, 12}) {
    const auto read = this->log_->read(from, SIZE_MAX);
    ASSERT_FALSE(read.ok()) << from;
    EXPECT_THAT(read.error(), ::testing::HasSubstr("before 13 were trimmed"));
  }
  const uint64_t head = this->log_->head();
  this->open();
  EXPECT_EQ(this->log_->tail(), 13u);
  EXPECT_EQ(this->log_->head(), head);
  ASSERT_EQ(this->log_->trim(UINT64_MAX / 2, SIZE_MAX).fault, AppendFault::none);
  EXPECT_EQ(this->log_->tail(), head - 2) << "the newest block stays";
  this->open();
  EXPECT_EQ(this->log_->head(), head);
  this->append(1, "and it goes on");
}

TYPED_TEST_P(EventLogLaws, RoomThatTrimmingMadeIsCounted) {
  this->open();
  this->append(1, noise(1 << 20));
  const Result<LogSize> before = this->log_->size();
  ASSERT_TRUE(before.ok()) << before.error();
  this->append(1, noise(1 << 20));
  ASSERT_EQ(this->log_->trim(2, 10).fault, AppendFault::none);
  const Result<LogSize> after = this->log_->size();
  ASSERT_TRUE(after.ok()) << after.error();
  EXPECT_NEAR(static_cast<double>(after->bytes), static_cast<double>(before->bytes), 100'000);
}

TYPED_TEST_P(EventLogLaws, ReadersAreRememberedUntilTheyAreForgotten) {
  const Instant now{std::chrono::hours(500'000)};
  this->open();
  EXPECT_TRUE(this->log_->readers()->empty());
  std::vector<LogReader> readers = {{"collector/couchdb", 7, now}, {"collector/ledger", 9, now}};
  ASSERT_EQ(this->log_->keep_readers(readers).fault, AppendFault::none);
  EXPECT_EQ(*this->log_->readers(), readers);
  readers[1].needs = 12;
  readers[1].heard = now + Duration(1);
  ASSERT_EQ(this->log_->keep_readers(std::span(readers).subspan(1)).fault, AppendFault::none);
  this->open();
  EXPECT_EQ(*this->log_->readers(), readers);
  ASSERT_EQ(this->log_->forget_reader("collector/couchdb").fault, AppendFault::none);
  ASSERT_EQ(this->log_->forget_reader("never-heard-of").fault, AppendFault::none);
  EXPECT_EQ(*this->log_->readers(), (std::vector<LogReader>{readers[1]}));
}

TYPED_TEST_P(EventLogLaws, ADeposedWriterTrimsNothingAndRegistersNobody) {
  this->open();
  for (int i = 0; i < 4; ++i) this->append(1, "block");
  Result<std::unique_ptr<EventLog>> successor = this->store_.open_anyway();
  ASSERT_TRUE(successor.ok()) << successor.error();
  const LogReader reader{"collector/late", 1, Instant{}};
  this->log_->trim(4, 10);
  EXPECT_NE(this->log_->keep_readers({&reader, 1}).fault, AppendFault::none);
  EXPECT_EQ((*successor)->read(1, SIZE_MAX)->size(), 4u);
  EXPECT_TRUE((*successor)->readers()->empty());
}

REGISTER_TYPED_TEST_SUITE_P(EventLogLaws, WhatIsTrimmedIsGoneInWholeBlocksOldestFirst,
                            RoomThatTrimmingMadeIsCounted,
                            ReadersAreRememberedUntilTheyAreForgotten,
                            ADeposedWriterTrimsNothingAndRegistersNobody, AnEmptyLogHasNothing,
                            WhatWasAppendedIsReadInOrder, AReaderFromAnyCursorSeesNoGap,
                            ReopeningKeepsAll, TheEpochGrowsByOneAtEachOpening,
                            ASecondWriterIsRefusedAndNamesTheFirst, ADeposedWriterWritesNothingMore,
                            AWriterInTheWrongPlaceIsRefused, SeveralBlocksAreAppendedAllOrNone,
                            AReaderBesideTheWriterSeesAPrefix, AFullDiskRefusesKeepsAllAndHeals);

}  // namespace muster
