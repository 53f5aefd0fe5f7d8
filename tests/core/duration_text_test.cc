#include "core/duration_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/limits.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

TEST(Duration, Parses) {
  const std::vector<std::pair<std::string, Duration>> rows = {
      {"90", 90s},      {"0", 0s},         {"90s", 90s},
      {"5m", 5min},     {"2h30m", 150min}, {"1d", 24h},
      {"250ms", 250ms}, {"7us", 7us},      {"1d2h3m4s5ms6us", 24h + 2h + 3min + 4s + 5ms + 6us},
      {"1m90s", 150s},  {"007s", 7s},      {"36500d", kDurationTextMax},
  };
  for (const auto& [text, duration] : rows) {
    const Result<Duration> parsed = parse_duration(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    EXPECT_EQ(*parsed, duration) << text;
  }
}

TEST(Duration, Refuses) {
  const std::vector<std::pair<std::string, const char*>> rows = {
      {"", "is empty"},
      {" ", "does not begin with a digit"},
      {"-5s", "does not begin with a digit"},
      {"+5s", "does not begin with a digit"},
      {"s", "does not begin with a digit"},
      {"5x", "unknown unit \"x\""},
      {"5S", "unknown unit \"S\""},
      {"5 s", "unknown unit \" s\""},
      {"5s ", "unknown unit \"s \""},
      {"1.5h", "unknown unit \".\""},
      {"1e3", "unknown unit \"e\""},
      {"2h30", "ends in a number without unit"},
      {"30m2h", "from large units to small ones"},
      {"1h1h", "from large units to small ones"},
      {"1ms1s", "from large units to small ones"},
      {"0x10", "unknown unit \"x\""},
      {std::string("5\0", 2), "unknown unit"},
      {"36500d1us", "is longer than 36500d"},
      {"36501d", "is longer than"},
      {"9223372036854775807s", "is longer than"},
      {"99999999999999999999999999", "is longer than"},
      {"106751992d", "is longer than"},
  };
  for (const auto& [text, why] : rows) {
    const Result<Duration> parsed = parse_duration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(why));
    EXPECT_THAT(parsed.error(), HasSubstr("duration \""));
  }
}

TEST(Size, Parses) {
  const std::vector<std::pair<std::string, uint64_t>> rows = {
      {"0", 0},
      {"4096", 4096},
      {"10B", 10},
      {"1K", 1024},
      {"1KiB", 1024},
      {"1KB", 1000},
      {"512MiB", 512ull << 20},
      {"4G", 4ull << 30},
      {"4GB", 4'000'000'000ull},
      {"2T", 2ull << 40},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"16777215T", 16777215ull << 40},
  };
  for (const auto& [text, size] : rows) {
    const Result<uint64_t> parsed = parse_size(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error();
    EXPECT_EQ(*parsed, size) << text;
  }
}

TEST(Size, Refuses) {
  const std::vector<std::pair<std::string, const char*>> rows = {
      {"", "not a number of bytes"},
      {"-1", "not a number of bytes"},
      {"G", "not a number of bytes"},
      {"4g", "not a number of bytes"},
      {"4 G", "not a number of bytes"},
      {"4Gi", "not a number of bytes"},
      {"4GIB", "not a number of bytes"},
      {"4BB", "not a number of bytes"},
      {"4iB", "not a number of bytes"},
      {"1.5G", "not a number of bytes"},
      {"1G512M", "not a number of bytes"},
      {"4P", "not a number of bytes"},
      {"18446744073709551616", "larger than 64 bits"},
      {"16777216T", "larger than 64 bits"},
      {"99999999999999999999G", "larger than 64 bits"},
  };
  for (const auto& [text, why] : rows) {
    const Result<uint64_t> parsed = parse_size(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(why)) << text;
  }
}

TEST(Duration, IsFormattedForPeople) {
  const std::vector<std::pair<Duration, const char*>> rows = {
      {0s, "0s"},
      {1us, "1us"},
      {999us, "999us"},
      {1ms, "1ms"},
      {12'345us, "12ms"},
      {999'999us, "999ms"},
      {1s, "1s"},
      {4'249ms, "4.2s"},
      {59'999ms, "59.9s"},
      {60s, "1m"},
      {303s, "5m3s"},
      {303'999ms, "5m3s"},
      {1h, "1h"},
      {150min, "2h30m"},
      {150min + 59s, "2h30m"},
      {1h + 1s, "1h"},
      {24h, "1d"},
      {24h * 3 + 4h + 5min, "3d4h"},
      {kDurationTextMax, "36500d"},
      {-90s, "-1m30s"},
      {Duration::max(), "106751991d4h"},
      {Duration::min(), "-106751991d4h"},
  };
  for (const auto& [duration, text] : rows) EXPECT_EQ(format_duration(duration), text);
}

TEST(Size, IsFormattedForPeople) {
  const std::vector<std::pair<uint64_t, const char*>> rows = {
      {0, "0B"},
      {1023, "1023B"},
      {1024, "1KiB"},
      {1536, "1.5KiB"},
      {(1 << 20) - 1, "1023.9KiB"},
      {1 << 20, "1MiB"},
      {uint64_t{3} << 29, "1.5GiB"},
      {uint64_t{5} << 40, "5TiB"},
      {std::numeric_limits<uint64_t>::max(), "16777215.9TiB"},
  };
  for (const auto& [size, text] : rows) EXPECT_EQ(format_size(size), text);
}

}  // namespace
}  // namespace muster
