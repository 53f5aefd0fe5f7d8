#include "io/decibel_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"
#include "tests/support/decibel_document.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DecibelJson, ReadsWhatMarionetteReports) {
  const ReadDecibel read = read_marionette(R"({
    "test_name": "test_dial.py", "start": 1381839600.25, "end": 1381839605,
    "passed": 4, "failed": 2,
    "failures": ["no tone", {"test": "test_hang_up", "message": "still there"}],
    "error": "the phone went away", "hw": "phone-7", "team": "radio", "git_sha1": "abc",
    "some": {"thing": ["else"]}})");
  ASSERT_EQ(read.reason, "");
  const DecibelRun& run = read.document.runs.at(0);
  EXPECT_EQ(run.name, "test_dial.py");
  EXPECT_EQ(run.framework, "marionette");
  EXPECT_EQ(run.team, "radio");
  EXPECT_EQ(run.git_sha1, "abc");
  EXPECT_EQ(format_rfc3339(run.start), "2013-10-15T12:20:00.250000Z");
  EXPECT_EQ(format_rfc3339(run.end), "2013-10-15T12:20:05.000000Z");
  ASSERT_EQ(read.document.suites.size(), 1u);
  const auto& [suite, cases] = read.document.suites[0];
  EXPECT_EQ(suite.name, "test_dial.py");
  EXPECT_EQ(suite.hw, "phone-7");
  EXPECT_EQ(suite.totals, (DecibelTotals{4, 2, 1, 0}));
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[0], (DecibelCase{"test_dial.py", "test_dial.py", DecibelResult::failure, 0ms,
                                   "no tone", "", ""}));
  EXPECT_EQ(cases[1], (DecibelCase{"test_dial.py", "test_hang_up", DecibelResult::failure, 0ms,
                                   "still there", "", ""}));
  EXPECT_EQ(cases[2].result, DecibelResult::error);
  EXPECT_EQ(cases[2].info, "the phone went away");
}

// Keys that no field is for were taken in silence.
TEST(DecibelJson, SaysWhichKeysItIgnores) {
  const ReadDecibel read = read_marionette(
      R"({"test_name": "t", "passed": 1, "device": "x", "failures": [{"name": "a", "trace": "b"}],
          "error": {"message": "m", "code": 7}})");
  EXPECT_EQ(read.reason, "");
  EXPECT_THAT(read.ignored,
              ElementsAre("key device", "key trace of a failure", "key code of error"));
  EXPECT_THAT(read_marionette(R"({"test_name": "t", "passed": 1, "failures": ["x"]})").ignored,
              ElementsAre());
}

TEST(DecibelJson, NothingWentWrongInManyWays) {
  for (const char* error : {"null", "\"\"", "false", "0"}) {
    const ReadDecibel read = read_marionette(
        R"({"test_name": "t", "passed": ["a", "b"], "failed": [], "failures": [], "error": )" +
        std::string(error) + "}");
    ASSERT_EQ(read.reason, "") << error;
    EXPECT_EQ(read.document.suites[0].first.totals, (DecibelTotals{2, 0, 0, 0})) << error;
    EXPECT_TRUE(read.document.suites[0].second.empty()) << error;
  }
}

TEST(DecibelJson, TimesOfManyKindsAndAnEndBeforeTheStart) {
  const ReadDecibel read = read_marionette(
      R"({"test_name": "t", "start": 1381839600250, "end": "2013-10-15 12:19:59"})");
  ASSERT_EQ(read.reason, "");
  const DecibelRun& run = read.document.runs.at(0);
  EXPECT_EQ(run.start - run.end, Duration(1'250ms));
  const ReadDecibel none = read_marionette(R"({"test_name": "t", "start": null, "end": ""})");
  EXPECT_EQ(none.document.runs.at(0).start, kNever);
}

TEST(DecibelJson, RefusalsSayWhatIsMeant) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "is no JSON"},
      {"{", "is no JSON"},
      {"[]", "is no JSON object"},
      {"{}", "has no test_name"},
      {R"({"test_name": 7})", "has no test_name"},
      {R"({"test_name": "t", "start": "noon"})", "start must be seconds since 1970"},
      {R"({"test_name": "t", "start": -5})", "start must be"},
      {R"({"test_name": "t", "end": 1e300})", "end must be"},
      {R"({"test_name": "t", "passed": -1})", "passed must be a number, or a list"},
      {R"({"test_name": "t", "failed": 1.5})", "failed must be"},
      {R"({"test_name": "t", "failures": {"a": 1}})", "failures must be a list"},
      {R"({"test_name": "t", "key": ")" + std::string(257, 'k') + "\"}", "key must be"},
      {R"({"test_name": "t", "x": )" + std::string(100, '[') + std::string(100, ']') + "}",
       "nested deeper than 64"},
      {std::string(100'000, '['), "nested deeper than 64"},
  };
  for (const auto& [json, expected] : rows) {
    const ReadDecibel read = read_marionette(json);
    EXPECT_THAT(read.reason, HasSubstr(expected)) << json.substr(0, 80);
    EXPECT_TRUE(read.document.runs.empty());
  }
}

// Half a million of them made a gigabyte.
TEST(DecibelJson, FailuresAreBoundedAsCasesAre) {
  std::string many = R"({"test_name": "t", "failures": [0)";
  for (size_t i = 1; i < kDecibelCasesMax; ++i) many += ",0";
  DecibelCollector collector;
  EXPECT_THAT(read_decibel_json(many + "]}", collector).error(), HasSubstr("more than 99999"));
}

TEST(DecibelJson, HostileTextBecomesXmlAllTheSame) {
  const ReadDecibel read = read_marionette(
      R"({"test_name": "]]>\u0000\u001b<", "failures": ["\ud83d\udc1d & \"quotes\"", 7, null]})");
  ASSERT_EQ(read.reason, "");
  EXPECT_EQ(read.document.suites[0].second.size(), 3u);
  const ReadDecibel again = read_decibel_xml(write_decibel(read.document));
  EXPECT_EQ(again.reason, "");
  EXPECT_EQ(again.document.suites[0].second.size(), 3u);
  EXPECT_EQ(again.document.suites[0].second[0].info, "\xF0\x9F\x90\x9D & \"quotes\"");
}

}  // namespace
}  // namespace muster
