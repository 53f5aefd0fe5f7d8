#include "io/log_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <thread>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Instant kStart{std::chrono::hours(500'000)};

std::vector<std::string> texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> all;
  for (const LogLine& line : lines) all.push_back(line.text);
  return all;
}

bool readable(int fd) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, 0) == 1;
}

class LogEventsTest : public testing::Test {
 protected:
  void add(const std::string& text, Instant now = kStart) {
    events.add(LogLevel::warning, text, now);
  }
  std::vector<LogLine> waiting(Instant now = kStart) { return events.waiting(1000, now); }

  LogEvents events{kStart};
};

TEST_F(LogEventsTest, LinesWaitUntilTheyAreTold) {
  add("a");
  add("b");
  const std::vector<LogLine> lines = waiting();
  EXPECT_THAT(texts(lines), ElementsAre("a", "b"));
  EXPECT_EQ(lines[0].level, LogLevel::warning);
  EXPECT_EQ(lines[0].time, kStart);
  EXPECT_EQ(lines[1].seq, lines[0].seq + 1);
  EXPECT_THAT(texts(waiting()), ElementsAre("a", "b"));
  events.told(lines[0].seq);
  EXPECT_THAT(texts(waiting()), ElementsAre("b"));
  events.told(lines[1].seq);
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_F(LogEventsTest, ALaterStartHasHigherNumbers) {
  for (size_t i = 0; i < 10; ++i) add("x");
  LogEvents later(kStart + 1s);
  later.add(LogLevel::error, "y", kStart + 1s);
  EXPECT_GT(later.waiting(1, kStart + 1s)[0].seq, waiting().back().seq);
}

TEST_F(LogEventsTest, TheDescriptorTellsOfWhatIsNew) {
  EXPECT_FALSE(readable(events.fd()));
  add("a");
  EXPECT_TRUE(readable(events.fd()));
  events.heed();
  EXPECT_FALSE(readable(events.fd())) << "although it still waits";
}

TEST_F(LogEventsTest, TheRateIsBoundedAndTheNextLineSaysWhatIsMissing) {
  for (uint32_t i = 0; i < kLogEventsBurst + 7; ++i) add(std::to_string(i));
  EXPECT_THAT(waiting(), SizeIs(kLogEventsBurst));
  EXPECT_TRUE(events.owes_count());
  add("early", kStart + kLogEventInterval - 1us);
  EXPECT_THAT(waiting(), SizeIs(kLogEventsBurst));
  add("in time", kStart + kLogEventInterval);
  const std::vector<LogLine> lines = waiting();
  ASSERT_THAT(lines, SizeIs(kLogEventsBurst + 1));
  EXPECT_EQ(lines.back().text, "in time");
  EXPECT_EQ(lines.back().left_out, 8u);
  EXPECT_FALSE(events.owes_count());
}

TEST_F(LogEventsTest, ACountThatNoLineCarriesGetsOne) {
  for (uint32_t i = 0; i < kLogEventsBurst + 3; ++i) add("x");
  events.told(waiting().back().seq);
  EXPECT_THAT(waiting(kStart), IsEmpty()) << "that line counts as any other";
  const std::vector<LogLine> lines = waiting(kStart + kLogEventInterval);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0].left_out, 3u);
}

TEST_F(LogEventsTest, SoMuchWaitsAndNoMore) {
  Instant now = kStart;
  for (size_t i = 0; i < kLogLinesHeldMax + 2; ++i) add("x", now += kLogEventInterval);
  EXPECT_THAT(waiting(now), SizeIs(kLogLinesHeldMax));
  EXPECT_THAT(events.waiting(3, now), SizeIs(3));
  EXPECT_TRUE(events.owes_count());
}

TEST_F(LogEventsTest, AClockThatWentBackStopsNothing) {
  for (uint32_t i = 0; i < kLogEventsBurst; ++i) add("x");
  add("back", kStart - 1h);
  EXPECT_THAT(waiting(), SizeIs(kLogEventsBurst));
  add("on", kStart - 1h + kLogEventInterval);
  EXPECT_THAT(waiting(), SizeIs(kLogEventsBurst + 1));
}

// The broker has heard of lines that we have not said: our numbers begin after them.
TEST_F(LogEventsTest, NumbersOvertakeThoseOfAClockThatWasAhead) {
  add("a");
  const uint64_t ahead = waiting()[0].seq + 1000;
  events.told(ahead);
  add("b");
  const std::vector<LogLine> lines = waiting();
  EXPECT_THAT(texts(lines), ElementsAre("a", "b"));
  EXPECT_EQ(lines[0].seq, ahead + 1);
  EXPECT_EQ(lines[1].seq, ahead + 2);
}

TEST_F(LogEventsTest, ALineIsReadableAndBounded) {
  add(std::string("\xff", 1) + std::string(kLogLineBytesMax, 'x'));
  const std::string text = waiting()[0].text;
  EXPECT_LE(text.size(), kLogLineBytesMax);
  EXPECT_TRUE(is_utf8(text));
}

TEST_F(LogEventsTest, AQuietThreadSaysNothingAndOthersDo) {
  {
    const QuietLog quiet;
    const QuietLog inner(false);
    add("quiet");
    std::thread([this] { add("loud"); }).join();
  }
  const QuietLog not_quiet(false);
  add("again");
  EXPECT_THAT(texts(waiting()), ElementsAre("loud", "again"));
}

class LogTellerTest : public LogEventsTest {
 protected:
  size_t told(Instant now) {
    const std::optional<TellLog> tell = teller.next(now);
    return tell ? tell->lines.size() : 0;
  }

  LogTeller teller{events};
};

TEST_F(LogTellerTest, OneMessageAtATimeToldAgainUntilItIsAnswered) {
  EXPECT_EQ(told(kStart), 0u);
  add("a");
  EXPECT_EQ(told(kStart), 1u);
  add("b");
  EXPECT_EQ(told(kStart), 0u) << "the answer may come";
  EXPECT_FALSE(readable(events.fd())) << "or whoever waits for it would spin";
  EXPECT_EQ(told(kStart + 5s), 2u);
  teller.connected();
  EXPECT_EQ(told(kStart + 5s), 2u) << "the answer may be lost";
  teller.take(TellLogReply{waiting().back().seq}, kStart + 5s);
  EXPECT_EQ(told(kStart + 5s), 0u);
  add("c");
  EXPECT_EQ(told(kStart + 5s), 1u);
}

TEST_F(LogTellerTest, WhatWaitsForRoomIsToldLater) {
  add("a");
  ASSERT_EQ(told(kStart), 1u);
  teller.take(Refused{RefusalCode::unavailable, "disk"}, kStart);
  EXPECT_EQ(told(kStart + 29s), 0u);
  EXPECT_EQ(told(kStart + 30s), 1u);
  teller.take(Refused{RefusalCode::hello_first, ""}, kStart + 30s);
  EXPECT_THAT(waiting(), SizeIs(1));
}

TEST_F(LogTellerTest, ABrokerThatDoesNotTakeThemGetsACount) {
  add("a");
  add("b");
  ASSERT_EQ(told(kStart), 2u);
  teller.take(Unimplemented{36}, kStart);
  EXPECT_TRUE(events.owes_count());
  const std::optional<TellLog> later = teller.next(kStart + 30s);
  ASSERT_TRUE(later.has_value());
  ASSERT_THAT(later->lines, SizeIs(1));
  EXPECT_EQ(later->lines[0].left_out, 2u);
}

}  // namespace
}  // namespace muster
