// muster measure query: its conditions and its answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cli/parse.h"
#include "cli/render_measure.h"
#include "io/measure_where.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

std::string words(const std::vector<MeasureCondition>& conditions) {
  static constexpr const char* kOperators[] = {"=", "!=", "<", "<=", ">", ">="};
  std::string text;
  for (const MeasureCondition& one : conditions) {
    text += "[" + one.column + "|" + kOperators[static_cast<int>(one.op)] + "|" + one.value + "]";
  }
  return text;
}

TEST(MeasureWhere, ReadsConditions) {
  const std::pair<std::string, std::string> rows[] = {
      {"a=1", "[a|=|1]"},
      {"a=1,b>2.5,c!=x", "[a|=|1][b|>|2.5][c|!=|x]"},
      {"a<=-1,b>=0,c<9", "[a|<=|-1][b|>=|0][c|<|9]"},
      {"a=", "[a|=|]"},
      {"a=b=c", "[a|=|b=c]"},
      {"\"time\">2,a\"=1", "[\"time\"|>|2][a\"|=|1]"},
      {"\"x,y\"=1,\"p>q\"<=3", "[\"x,y\"|=|1][\"p>q\"|<=|3]"},
      {"größe m=1 2", "[größe m|=|1 2]"},
      {"a=\"1,2\",b=\"say \"\"hi\"\"\"", "[a|=|1,2][b|=|say \"hi\"]"},
      {"time>=2026-11-01T00:00:00Z", "[time|>=|2026-11-01T00:00:00Z]"},
  };
  for (const auto& [text, expected] : rows) {
    const Result<std::vector<MeasureCondition>> conditions = parse_measure_where(text);
    ASSERT_TRUE(conditions.ok()) << conditions.error();
    EXPECT_EQ(words(*conditions), expected);
  }
}

TEST(MeasureWhere, RefusesWhatIsNone) {
  for (const char* text : {"", "a", "=1", "a=1,", ",a=1", "a!1", "a=1,,b=2", "a=\"1", "a=\"1\"x",
                           "\"time=x", "\"=1"}) {
    EXPECT_FALSE(parse_measure_where(text).ok()) << text;
  }
}

ParsedCommand parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments);
}

TEST(MeasureQuery, IsAVerbBelowMeasure) {
  const ParsedCommand parsed = parse(
      {"measure", "query", "boot", "--where", "s>1,t=2", "--where", "u=3", "-n", "5", "-o", "csv"});
  const auto& options = std::get<MeasureQueryOptions>(std::get<Invocation>(parsed).verb);
  EXPECT_EQ(options.query.table, "boot");
  EXPECT_EQ(words(options.query.conditions), "[s|>|1][t|=|2][u|=|3]");
  EXPECT_EQ(options.query.max, 5u);
  EXPECT_TRUE(options.csv);
  const ParsedCommand json = parse({"measure", "query", "boot", "-o", "json"});
  EXPECT_EQ(std::get<Invocation>(json).global.format, Format::json);
  EXPECT_FALSE(std::get<MeasureQueryOptions>(std::get<Invocation>(json).verb).csv);
  const ParsedCommand before = parse({"-o", "jsonl", "measure", "query", "boot"});
  EXPECT_EQ(std::get<Invocation>(before).global.format, Format::jsonl);
}

TEST(MeasureList, IsAVerbBelowMeasure) {
  const ParsedCommand parsed = parse({"measure", "ls", "-o", "quiet"});
  const auto* invocation = std::get_if<Invocation>(&parsed);
  ASSERT_NE(invocation, nullptr);
  EXPECT_TRUE(std::holds_alternative<MeasureListOptions>(invocation->verb));
}

TEST(MeasureList, ATableForPeople) {
  EXPECT_THAT(render_measure_tables({}, {}), HasSubstr("nothing was measured yet"));
  const std::vector<MeasureTable> tables = {
      {"boot", "", {{"seconds", "", MeasureType::real}, {"cold", "", MeasureType::boolean}}}};
  EXPECT_EQ(render_measure_tables(tables, {}),
            "TABLE  COLUMNS\nboot   seconds real, cold boolean\n");
}

TEST(MeasureQuery, IsRefusedWithAReason) {
  const std::pair<std::vector<std::string>, std::string> rows[] = {
      {{"measure", "query"}, "TABLE"},
      {{"measure", "query", "boot", "--where", "s"}, "no condition"},
      {{"measure", "query", "boot", "-n", "0"}, "0"},
      {{"measure", "query", "boot", "-n", "1000001"}, "1000001"},
      {{"measure", "query", "boot", "-o", "xml"}, "csv"},
      {{"measure"}, "which table"},
  };
  for (const auto& [arguments, reason] : rows) {
    const ParsedCommand parsed = parse(arguments);
    const auto* fault = std::get_if<UsageFault>(&parsed);
    ASSERT_NE(fault, nullptr) << arguments.size();
    EXPECT_THAT(fault->message, HasSubstr(reason));
  }
}

MeasureAnswer answer() {
  MeasureAnswer answer;
  answer.columns = {"n", "x", "ok", "a \"name\""};
  const Instant time = from_us(1'700'000'000'000'000);
  answer.rows.push_back(
      {7, "0194-one", 1, time, {int64_t{INT64_MAX}, 0.1, true, std::string("say \"hi\",\r\nyou")}});
  answer.rows.push_back({9, "0194-\"two\"", 2, time, {std::nullopt, 1e300, false, std::string()}});
  return answer;
}

TEST(MeasureQuery, CsvKeepsEveryDigitAndTellsNothingFromAnEmptyText) {
  EXPECT_EQ(render_measurements_csv(answer()),
            "time,guid,attempt,\"n\",\"x\",\"ok\",\"a \"\"name\"\"\"\r\n"
            "2023-11-14T22:13:20.000000Z,\"0194-one\",1,9223372036854775807,0.1,true,"
            "\"say \"\"hi\"\",\r\nyou\"\r\n"
            "2023-11-14T22:13:20.000000Z,\"0194-\"\"two\"\"\",2,,1e+300,false,\"\"\r\n");
}

// A table had two columns TIME, and a reader of the CSV took the wrong one.
TEST(MeasureQuery, AColumnNamedLikeOneOfTheRowItselfStandsInQuotes) {
  MeasureAnswer answer;
  answer.columns = {"time", "Time"};
  EXPECT_EQ(render_measurements_csv(answer), "time,guid,attempt,\"\"\"time\"\"\",\"Time\"\r\n");
  answer.rows.push_back({7, "0194-one", 1, from_us(1), {1.5, std::nullopt}});
  EXPECT_THAT(render_measurements(answer, Look{}), HasSubstr("\"time\"  Time"));
}

TEST(MeasureQuery, JsonHasTheCellsThatARowHas) {
  EXPECT_EQ(measurement_json("perf", answer(), answer().rows[1]),
            "{\"schema\":\"muster.measurement/1\",\"table\":\"perf\",\"seq\":9,"
            "\"time\":\"2023-11-14T22:13:20.000000Z\",\"guid\":\"0194-\\\"two\\\"\",\"attempt\":2,"
            "\"row\":{\"x\":1e+300,\"ok\":false,\"a \\\"name\\\"\":\"\"}}");
}

TEST(MeasureQuery, ATableForPeople) {
  const std::string text = render_measurements(answer(), Look{});
  EXPECT_THAT(text, HasSubstr("9223372036854775807"));
  EXPECT_THAT(text, HasSubstr("0194-one"));
  EXPECT_EQ(render_measurements({}, Look{}), "no row is like that\n");
}

}  // namespace
}  // namespace muster
