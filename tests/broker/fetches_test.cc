// Questions for what is not in the log yet: each is answered, and in time.
#include "broker/fetches.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "io/codec.h"
#include "tests/support/memory_event_log.h"

namespace muster {
namespace {

constexpr Instant kZero{std::chrono::hours(500'000)};
constexpr Duration kWait = std::chrono::seconds(20);

class FetchesTest : public ::testing::Test {
 protected:
  FetchesTest() : log_(std::move(*MemoryLogStore::open(store_))), fetches_(*log_) {}

  void append() {
    const std::vector<Event> events(1, {kZero, WorkerLost{"w1", 1, ""}});
    ASSERT_EQ(log_->append(log_->head() + 1, 1, encode_block(log_->head() + 1, events)).fault,
              AppendFault::none);
  }
  void ask(uint64_t request, Instant now, const std::string& peer = "collector") {
    fetches_.add(peer, request, Fetch{log_->head() + 1, 1 << 20, kWait, "", 0}, now);
  }

  std::shared_ptr<MemoryLogStore> store_ = std::make_shared<MemoryLogStore>();
  std::unique_ptr<EventLog> log_;
  Fetches fetches_;
};

TEST_F(FetchesTest, WhatComesIsToldAtOnce) {
  ask(7, kZero);
  EXPECT_TRUE(fetches_.drain(kZero).empty());
  append();
  const std::vector<Send> sends = fetches_.drain(kZero);
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(sends[0].peer, "collector");
  EXPECT_EQ(sends[0].envelope.request, 7u);
  EXPECT_EQ(std::get<Blocks>(sends[0].envelope.message).blocks.size(), 1u);
  EXPECT_TRUE(fetches_.drain(kZero + kWait).empty());
}

// With short beats a question is repeated before its time is up: each repetition began the wait
// anew, and the collector said that the broker did not answer.
TEST_F(FetchesTest, WhoRepeatsItsQuestionIsAnsweredWhenTheTimeOfTheFirstIsUp) {
  for (Instant now = kZero; now < kZero + kWait; now += std::chrono::seconds(4)) {
    ask(7, now);
    EXPECT_TRUE(fetches_.drain(now).empty());
  }
  EXPECT_EQ(fetches_.next_deadline(), kZero + kWait);
  const std::vector<Send> sends = fetches_.drain(kZero + kWait);
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_TRUE(std::get<Blocks>(sends[0].envelope.message).blocks.empty());
  EXPECT_FALSE(fetches_.next_deadline());
}

// Every peer counts its questions from 1.
TEST_F(FetchesTest, TwoPeersMayAskUnderOneNumber) {
  ask(1, kZero, "ledger");
  ask(1, kZero, "couchdb");
  append();
  const std::vector<Send> sends = fetches_.drain(kZero);
  ASSERT_EQ(sends.size(), 2u);
  EXPECT_EQ(sends[0].peer, "ledger");
  EXPECT_EQ(sends[1].peer, "couchdb");
}

TEST_F(FetchesTest, OnlyTheNewestQuestionsOfAPeerWait) {
  for (uint64_t request = 1; request <= 10; ++request) ask(request, kZero);
  append();
  const std::vector<Send> sends = fetches_.drain(kZero);
  ASSERT_EQ(sends.size(), 4u);
  for (size_t i = 0; i < sends.size(); ++i) EXPECT_EQ(sends[i].envelope.request, 7 + i);
}

}  // namespace
}  // namespace muster
