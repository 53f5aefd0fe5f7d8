#include "io/clock.h"

#include <gtest/gtest.h>

#include "io/random.h"

namespace muster {
namespace {

constexpr Instant kFarFuture = Instant(std::chrono::hours(24 * 365 * 200));

TEST(SystemClock, NeverGoesBack) {
  SystemClock clock;
  Instant before = clock.now();
  for (int i = 0; i < 10'000; ++i) {
    const Instant now = clock.now();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(SystemClock, BeginsAtTheSystemsTime) {
  const Instant before = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  SystemClock clock;
  const Instant now = clock.now();
  EXPECT_GE(now + 1ms, before);
  EXPECT_LE(now, before + 1min);
}

TEST(SystemClock, DoesNotBeginBeforeWhatIsOnRecord) {
  SystemClock clock(kFarFuture);
  const Instant first = clock.now();
  EXPECT_GE(first, kFarFuture);
  EXPECT_LE(first, kFarFuture + 1min);
}

TEST(SystemClock, AdvancesWithTheMachinesOwnTime) {
  SystemClock clock(kFarFuture);
  const int64_t boot_before = boot_us();
  const Instant before = clock.now();
  while (boot_us() < boot_before + 2'000) {
  }
  EXPECT_GE(clock.now() - before, 1ms);
}

TEST(FormatRfc3339, Table) {
  const struct {
    int64_t us;
    const char* text;
  } rows[] = {
      {0, ""},
      {1, "1970-01-01T00:00:00.000001Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {999'999, "1970-01-01T00:00:00.999999Z"},
      {1'795'421'730'123'456, "2026-11-23T08:15:30.123456Z"},
      {951'782'400'000'000, "2000-02-29T00:00:00.000000Z"},
      {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
      {253'402'300'800'000'000, "10000-01-01T00:00:00.000000Z"},
  };
  for (const auto& row : rows) EXPECT_EQ(format_rfc3339(from_us(row.us)), row.text) << row.us;
}

TEST(FormatRfc3339, TheEndsOfTheRangeDoNotOverflow) {
  EXPECT_FALSE(format_rfc3339(from_us(INT64_MAX)).empty());
  EXPECT_FALSE(format_rfc3339(from_us(INT64_MIN)).empty());
}

TEST(ParseRfc3339, IsTheInverse) {
  for (const int64_t us :
       {int64_t{1}, int64_t{-1}, int64_t{999'999}, int64_t{1'795'421'730'123'456},
        int64_t{951'782'400'000'000}, int64_t{253'402'300'799'999'999}}) {
    EXPECT_EQ(parse_rfc3339(format_rfc3339(from_us(us))), from_us(us)) << us;
  }
}

TEST(ParseRfc3339, AnythingElseIsNever) {
  for (const char* text :
       {"", "now", "2026-11-23", "2026-11-23T08:15:30Z", "2026-11-23T08:15:30.123456",
        "2026-11-23T08:15:30.123456Z ", "2026-11-23T08:15:30.123456+01:00",
        "2026-02-30T08:15:30.123456Z", "2026-11-23T25:15:30.123456Z", "2026-11-23T08:15:30.12345Z",
        " 2026-11-23T08:15:30.123456Z", "99999999999-11-23T08:15:30.123456Z",
        "2026-99-23T08:15:30.123456Z"}) {
    EXPECT_EQ(parse_rfc3339(text), kNever) << text;
  }
}

TEST(NewUuidV7, IsFreshAndOrderedByTime) {
  SystemClock clock;
  std::string before = new_uuid_v7(clock);
  for (int i = 0; i < 1'000; ++i) {
    const std::string next = new_uuid_v7(clock);
    ASSERT_EQ(next.size(), 36u);
    ASSERT_EQ(next[14], '7');
    ASSERT_NE(next, before);
    ASSERT_GE(next.substr(0, 13), before.substr(0, 13));
    before = next;
  }
}

}  // namespace
}  // namespace muster
