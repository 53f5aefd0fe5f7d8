// Lines of the daemons' own logs, as events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/broker_in_hand.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BrokerLogTest : public testing::Test {
 protected:
  BrokerLogTest() {
    broker.worker("w", "w1", 1);
    broker.hello("c", Role::collector, "collector");
    broker.hello("p", Role::submitter, "ada@lab");
  }

  LogLine line(uint64_t seq, const std::string& text = "no room") {
    return {seq, broker.now, LogLevel::error, text, 0};
  }
  void tell(const std::string& peer, std::vector<LogLine> lines) {
    broker.hear(peer, TellLog{std::move(lines)});
  }
  std::vector<std::string> logged() const {
    std::vector<std::string> lines;
    for (const Event& event : broker.log) {
      const auto* logged = std::get_if<DaemonLogged>(&event.body);
      if (logged) lines.push_back(logged->daemon + " " + std::to_string(logged->line.seq));
    }
    return lines;
  }

  Broker broker;
};

TEST_F(BrokerLogTest, ALineBecomesAnEventOnceHoweverOftenItIsTold) {
  tell("w", {line(5), line(6)});
  EXPECT_EQ(broker.answer<TellLogReply>().through, 6u);
  tell("w", {line(5), line(6)});
  EXPECT_EQ(broker.newest, 0u);
  EXPECT_EQ(broker.answer<TellLogReply>().through, 6u) << "a repeat is answered as the first was";
  tell("w", {line(6), line(9)});
  tell("c", {line(2)});
  EXPECT_THAT(logged(), ElementsAre("worker-w1 5", "worker-w1 6", "worker-w1 9", "collector 2"));

  Broker again(broker.log, broker.now);
  again.worker("w", "w1", 1);
  again.hear("w", TellLog{{line(9)}});
  EXPECT_EQ(again.answer<TellLogReply>().through, 9u);
  EXPECT_EQ(again.newest, 0u) << "a broker that was restarted knows them";
}

TEST_F(BrokerLogTest, WhatWasToldIsPartOfTheHardState) {
  Broker other(broker.log, broker.now);
  Broker same(broker.log, broker.now);
  EXPECT_EQ(other.core.hard_digest(), same.core.hard_digest());
  const Event told{broker.now, DaemonLogged{"broker", line(1)}};
  other.core.apply(told);
  same.core.apply(Event{broker.now, DaemonLogged{"broker", line(2)}});
  EXPECT_NE(other.core.hard_digest(), same.core.hard_digest());
}

TEST_F(BrokerLogTest, TheBrokersOwnLinesNeedNoMessage) {
  broker.take(OwnLog{{line(1, "one"), line(2, "two")}});
  EXPECT_THAT(logged(), ElementsAre("broker 1", "broker 2"));
  EXPECT_TRUE(broker.sends.empty());
}

// A dispatch that is due stays so.
TEST_F(BrokerLogTest, TheBrokersOwnLinesPutOffNoWork) {
  broker.submit({Broker::spec(guid_of(1))});
  ASSERT_TRUE(broker.core.dispatch_due());
  broker.take(OwnLog{{line(1)}});
  EXPECT_TRUE(broker.core.dispatch_due());
}

TEST_F(BrokerLogTest, OnlyDaemonsTell) {
  tell("p", {line(1)});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::not_permitted);
  EXPECT_EQ(broker.newest, 0u);
  broker.hello("x", Role::collector, "a b");
  tell("x", {line(1)});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::invalid);
  tell("nobody", {line(1)});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::hello_first);
}

TEST_F(BrokerLogTest, SoManyLinesInOneMessageAndNoMore) {
  std::vector<LogLine> lines;
  for (size_t i = 1; i <= kLogLinesPerTellMax; ++i) lines.push_back(line(i));
  tell("w", lines);
  EXPECT_EQ(broker.newest, kLogLinesPerTellMax);
  lines.push_back(line(kLogLinesPerTellMax + 1));
  tell("w", lines);
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
}

TEST_F(BrokerLogTest, ALineIsCutWhereItIsTooLong) {
  tell("w", {line(1, std::string(kLogLineBytesMax, 'x')),
             line(2, std::string(kLogLineBytesMax + 1, 'y'))});
  const auto text = [&](size_t from_end) {
    return std::get<DaemonLogged>(broker.log.at(broker.log.size() - from_end).body).line.text;
  };
  EXPECT_EQ(text(2), std::string(kLogLineBytesMax, 'x'));
  EXPECT_LE(text(1).size(), kLogLineBytesMax);
  EXPECT_THAT(text(1), HasSubstr("yy\u2026"));
}

// What a line says is in a log file anyway; the rest of the disk is for what is nowhere else.
TEST_F(BrokerLogTest, LinesWaitWhileTheDiskIsLow) {
  broker.core.note_disk_low(true);
  tell("w", {line(1)});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::unavailable);
  broker.core.note_disk_low(false);
  tell("w", {line(1)});
  EXPECT_EQ(broker.answer<TellLogReply>().through, 1u);
}

TEST_F(BrokerLogTest, SoManyDaemonsTellAndNoMore) {
  for (size_t i = 0; i < kLogTellersMax; ++i) {
    broker.core.apply(Event{broker.now, DaemonLogged{"worker-" + std::to_string(i), line(1)}});
  }
  tell("w", {line(1)});
  EXPECT_EQ(broker.answer<Refused>().code, RefusalCode::limit);
  broker.hello("c", Role::worker, "7");
  tell("c", {line(2)});
  EXPECT_EQ(broker.answer<TellLogReply>().through, 2u) << "one that is known goes on";
}

}  // namespace
}  // namespace muster
