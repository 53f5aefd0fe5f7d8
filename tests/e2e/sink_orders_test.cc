// What people ask of sinks through the command, and how it exits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "collectors/dead_letters.h"
#include "io/clock.h"
#include "tests/support/house.h"

namespace muster {
namespace {

using testing::HasSubstr;

class SinkOrdersTest : public testing::Test {
 protected:
  SinkOrdersTest() : house_(MUSTER_BIN_DIR) {}

  void start() {
    broker_ = house_.start_broker();
    house_.connect();
    collector_ = house_.start_collector();
    ASSERT_TRUE(eventually([&] {
      const std::string status = house_.muster({"sink", "status", "ledger", "-o", "json"}).out;
      return status.find("\"state\":\"ok\"") != status.npos;
    })) << house_.daemon_output();
  }

  House house_;
  std::unique_ptr<Child> broker_;
  std::unique_ptr<Child> collector_;
};

// As if the collector were away: whoever retried in a script waited for it.
TEST_F(SinkOrdersTest, WhatCanNeverBeDoneIsAWrongUse) {
  start();
  const Ran letter = house_.muster({"sink", "dead", "retry", "ledger", "9999"});
  EXPECT_EQ(letter.status, 64) << letter.err;
  EXPECT_THAT(letter.err, HasSubstr("ledger has no dead letter 9999"));
  EXPECT_EQ(house_.muster({"sink", "dead", "drop", "ledger", "9999"}).status, 64);
  const Ran middle = house_.muster({"sink", "replay", "ledger", "--from", "5"});
  EXPECT_EQ(middle.status, 64) << middle.err;
  EXPECT_THAT(middle.err, HasSubstr("ledger can be written anew from the beginning only"));
  EXPECT_EQ(house_.muster({"sink", "replay", "ledger"}).status, 0);
}

// More than 1,000 did not go into the address of one request: 414.
TEST_F(SinkOrdersTest, ManyLettersAreNamedInParts) {
  constexpr uint64_t kLetters = 1'500;
  std::vector<std::string> drop = {"sink", "dead", "drop", "ledger", "-o", "quiet"};
  {
    DeadLetters letters(house_.home().dead_letters_dir() + "/ledger.jsonl", "ledger");
    ASSERT_TRUE(letters.open().ok());
    for (uint64_t i = 0; i < kLetters; ++i) {
      const uint64_t seq = 1'000'000'000 + i;
      const Event event{SystemClock().now(), CancelRequested{"a-task", "", ""}};
      ASSERT_TRUE(letters.bury("another-log", {seq, event}, "no", event.time).ok());
      drop.push_back(std::to_string(seq));
    }
  }
  start();
  const Ran dropped = house_.muster(drop);
  EXPECT_EQ(dropped.status, 0) << dropped.err;
  EXPECT_EQ(dropped.out, std::to_string(kLetters) + "\n");
  EXPECT_EQ(house_.muster({"sink", "dead", "ls", "ledger", "-o", "quiet"}).out, "");
}

}  // namespace
}  // namespace muster
