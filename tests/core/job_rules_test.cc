#include "core/job_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/limits.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(MeasureValue, KeepsEveryDigitOrStaysText) {
  const struct {
    const char* text;
    MeasureValue value;
  } rows[] = {
      {"0", int64_t{0}},
      {"-17", int64_t{-17}},
      {"9223372036854775807", std::numeric_limits<int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<int64_t>::min()},
      {"9007199254740993", int64_t{9007199254740993}},
      {"9223372036854775808", std::string("9223372036854775808")},
      {"123456789012345678901234567890", std::string("123456789012345678901234567890")},
      {"1.5", 1.5},
      {"-0.25", -0.25},
      {"0.0", 0.0},
      {"1e3", 1000.0},
      {"2.", 2.0},
      {"1e999", std::string("1e999")},
      {"007", std::string("007")},
      {"-007", std::string("-007")},
      {"00.5", std::string("00.5")},
      {"-0", std::string("-0")},
      {"+1", std::string("+1")},
      {".5", std::string(".5")},
      {"1 ", std::string("1 ")},
      {" 1", std::string(" 1")},
      {"0x10", std::string("0x10")},
      {"1.5.0", std::string("1.5.0")},
      {"nan", std::string("nan")},
      {"inf", std::string("inf")},
      {"-", std::string("-")},
      {"", std::string()},
      {"true", true},
      {"false", false},
      {"True", std::string("True")},
      {"yes", std::string("yes")},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_measure_value(row.text), row.value) << row.text;
}

TEST(Measurement, WhatIsNoRow) {
  const Measurement fine = {"perf", {{"latency [ms]", 1.5}, {"ok", true}}};
  EXPECT_EQ(invalid_measurement(fine), std::nullopt);
  const std::string wide(kNameLengthMax + 1, 'x');
  Measurement many = {"perf", {}};
  for (size_t i = 0; i <= kMeasureColumnsMax; ++i)
    many.row.emplace_back("c" + std::to_string(i), 1.0);
  Measurement large = {"perf", {}};
  for (int i = 0; i < 9; ++i) {
    large.row.emplace_back("c" + std::to_string(i), std::string(kMessageLengthMax, 'x'));
  }
  const struct {
    Measurement measurement;
    const char* reason;
  } rows[] = {
      {{"", {{"a", 1.0}}}, "table"},
      {{"a/b", {{"a", 1.0}}}, "table"},
      {{"perf", {}}, "has no columns"},
      {{"perf", {{"", 1.0}}}, "not a name for a column"},
      {{"perf", {{wide, 1.0}}}, "not a name for a column"},
      {{"perf", {{"a\nb", 1.0}}}, "not a name for a column"},
      {{"perf", {{"\xff", 1.0}}}, "not a name for a column"},
      {{"perf", {{"a", 1.0}, {"a", 2.0}}}, "twice"},
      {{"perf", {{"a", std::string(kMessageLengthMax + 1, 'x')}}}, "longer than"},
      {{"perf", {{"a", std::nan("")}}}, "finite"},
      {{"perf", {{"a", std::numeric_limits<double>::infinity()}}}, "finite"},
      {many, "columns"},
      {large, "more than"},
  };
  for (const auto& row : rows) {
    const std::optional<std::string> reason = invalid_measurement(row.measurement);
    ASSERT_TRUE(reason) << row.reason;
    EXPECT_THAT(*reason, HasSubstr(row.reason));
  }
  many.row.pop_back();
  EXPECT_EQ(invalid_measurement(many), std::nullopt);
  large.row.resize(7);
  EXPECT_EQ(invalid_measurement(large), std::nullopt);
}

MeasureLimit limit(std::optional<double> min, std::optional<double> max) {
  return {"perf", "latency", min, max, "ms"};
}

TEST(Limit, NamesTableColumnValueBoundAndUnit) {
  const auto row = [](MeasureValue value) { return Measurement{"perf", {{"latency", value}}}; };
  EXPECT_EQ(broken_limit(limit({}, 10.0), row(12.5)), "perf.latency is 12.5 ms, more than 10 ms");
  EXPECT_EQ(broken_limit(limit(3.0, {}), row(int64_t{2})), "perf.latency is 2 ms, less than 3 ms");
  EXPECT_EQ(broken_limit(limit(3.0, {}), row(std::string("slow"))),
            "perf.latency is \"slow\", which is not a number");
  EXPECT_EQ(broken_limit(limit(3.0, {}), row(true)), "perf.latency is true, which is not a number");
  EXPECT_EQ(broken_limit(limit(3.0, 10.0), row(3.0)), std::nullopt);
  EXPECT_EQ(broken_limit(limit(3.0, 10.0), row(10.0)), std::nullopt);
  MeasureLimit bare = limit({}, 1.0);
  bare.unit.clear();
  EXPECT_EQ(broken_limit(bare, row(2.0)), "perf.latency is 2, more than 1");
  // 2^53 + 1 is no double: comparing it as one would call it 2^53.
  EXPECT_TRUE(broken_limit(limit({}, 9007199254740992.0), row(int64_t{9007199254740993})));
}

TEST(Limit, OtherTablesAndColumnsAreNotItsBusiness) {
  EXPECT_EQ(broken_limit(limit({}, 1.0), {"other", {{"latency", 5.0}}}), std::nullopt);
  EXPECT_EQ(broken_limit(limit({}, 1.0), {"perf", {{"other", 5.0}}}), std::nullopt);
}

TEST(Limit, CheckKeepsTheFirstAndCountsAll) {
  LimitCheck check({limit({}, 1.0), {"perf", "rate", 1.0, {}, ""}, {"heat", "t", {}, 1.0, ""}});
  for (int i = 0; i < 100; ++i) check.take({"perf", {{"latency", int64_t{i}}, {"rate", 2.0}}});
  EXPECT_EQ(check.broken_count(), 98u);
  EXPECT_EQ(check.broken().size(), kErrorsPerFileMax);
  EXPECT_EQ(check.broken()[0], "perf.latency is 2 ms, more than 1 ms");
  EXPECT_THAT(check.unmeasured(), ElementsAre("heat.t"));
  EXPECT_THAT(LimitCheck({}).unmeasured(), IsEmpty());
}

Ending came_to(Outcome outcome, Cause cause, StatusCode status, const std::string& message) {
  return make_ending(outcome, cause, status, message, from_us(1), from_us(2));
}

TEST(JobRules, DecideWhatAnAttemptCameTo) {
  const Ending pass = came_to(Outcome::pass, Cause::none, StatusCode::ok, "");
  const Ending fail = came_to(Outcome::fail, Cause::test, StatusCode::failures, "exit code 1");
  const Ending skip = came_to(Outcome::skip, Cause::none, StatusCode::norun, "nothing to do");
  const Ending error = came_to(Outcome::error, Cause::worker, StatusCode::error, "disk full");
  const std::string two_of_three = "2 of 3 expected test results were reported";
  const std::string hot = "perf.latency is 5 ms, more than 1 ms";
  const std::string unmeasured = "perf.latency has a limit and was not measured";
  const struct {
    Ending before;
    uint64_t results;                // of 3
    std::optional<double> measured;  // at most 1
    Ending after;
  } rows[] = {
      {pass, 3, 0.5, pass},
      {pass, 4, 0.5, pass},
      {pass, 2, 0.5, came_to(Outcome::error, Cause::test, StatusCode::error, two_of_three)},
      {skip, 2, 0.5,
       came_to(Outcome::error, Cause::test, StatusCode::error, "nothing to do; " + two_of_three)},
      {fail, 2, 0.5,
       came_to(Outcome::fail, Cause::test, StatusCode::failures, "exit code 1; " + two_of_three)},
      {error, 2, 5.0, error},
      {pass, 3, 5.0, came_to(Outcome::fail, Cause::test, StatusCode::failures, hot)},
      {pass, 2, 5.0,
       came_to(Outcome::fail, Cause::test, StatusCode::failures, hot + "; " + two_of_three)},
      {pass, 3, {}, came_to(Outcome::error, Cause::test, StatusCode::error, unmeasured)},
      {fail,
       3,
       {},
       came_to(Outcome::fail, Cause::test, StatusCode::failures, "exit code 1; " + unmeasured)},
  };
  for (const auto& row : rows) {
    LimitCheck check({limit({}, 1.0)});
    if (row.measured) check.take({"perf", {{"latency", *row.measured}}});
    const Ending after = apply_job_rules(row.before, 3, row.results, check);
    EXPECT_EQ(after, row.after) << after.message;
  }
  EXPECT_EQ(apply_job_rules(pass, 0, 0, LimitCheck({})), pass);
}

TEST(JobRules, ManyBrokenLimitsAreCounted) {
  LimitCheck check({limit({}, 1.0)});
  for (int i = 0; i < 10; ++i) check.take({"perf", {{"latency", 5.0}}});
  const Ending pass = came_to(Outcome::pass, Cause::none, StatusCode::ok, "");
  EXPECT_THAT(apply_job_rules(pass, 0, 0, check).message, HasSubstr("(and 7 more)"));
}

}  // namespace
}  // namespace muster
