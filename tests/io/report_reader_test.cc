#include "io/report_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "io/file.h"
#include "io/json_stream.h"
#include "tests/support/report_feeds.h"

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string corpus(const std::string& name) {
  const Result<std::string> text =
      read_file(std::string(MUSTER_SOURCE_DIR) + "/tests/fuzz/corpus/" + name, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.error();
  return text.ok() ? *text : "";
}

Read<CaseResult> junit(std::string_view text) {
  return read_report<CaseResult>(text, SIZE_MAX, make_junit_reader);
}
Read<CaseResult> gtest(std::string_view text) {
  return read_report<CaseResult>(text, SIZE_MAX, make_gtest_reader);
}
Read<Measurement> csv(std::string_view text) {
  return read_report<Measurement>(text, SIZE_MAX, [](MeasurementSink sink) {
    return make_csv_reader("perf", std::move(sink));
  });
}

std::string testcase(const std::string& inside) {
  return "<testsuite name=\"S\"><testcase name=\"c\">" + inside + "</testcase></testsuite>";
}

// Kilobytes that the process has held at most until now.
long rss_max_kb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// --- JUnit ---

TEST(JunitReader, ReadsWhatPytestWrites) {
  const Read<CaseResult> read = junit(corpus("fuzz_read_junit/pytest.xml"));
  EXPECT_EQ(read.reason, "");
  EXPECT_THAT(
      read.items,
      ElementsAre(CaseResult{"tests.test_a", "test_pass", Outcome::pass, 1ms, ""},
                  CaseResult{"tests.test_a", "test_fail[1-<x>]", Outcome::fail, 2ms,
                             "def test_fail():\n>       assert 1 == 2\nE       assert 1 == 2"},
                  CaseResult{"tests.test_a", "test_skip", Outcome::skip, 0ms,
                             "tests/test_a.py:9: no device"},
                  CaseResult{"tests.test_a", "test_error", Outcome::error, 1'234'500ms,
                             "failed on setup with \"OSError\"\ntrace"}));
}

TEST(JunitReader, TheWorstFindingIsTheOutcome) {
  const struct {
    const char* inside;
    Outcome outcome;
    const char* message;
  } rows[] = {
      {"", Outcome::pass, ""},
      {"<system-out>failure</system-out>", Outcome::pass, ""},
      {"<failure/>", Outcome::fail, ""},
      {"<skipped/><failure message='m'/>", Outcome::fail, "m"},
      {"<error message='a'/><failure message='b'/>", Outcome::error, "a\nb"},
      {"<failure message='b'/><error>a</error><skipped/>", Outcome::error, "b\na"},
      {"<failure message='m'>  m and more\n</failure>", Outcome::fail, "m and more"},
      {"<failure message='m'>t</failure>", Outcome::fail, "m\nt"},
      {"<failure><![CDATA[<&>]]></failure>", Outcome::fail, "<&>"},
      {"<failure>a<b>c</b></failure>", Outcome::fail, "ac"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(junit(testcase(row.inside)).items,
                ElementsAre(CaseResult{"S", "c", row.outcome, 0ms, row.message}))
        << row.inside;
  }
}

TEST(JunitReader, NamesSuitesByTheClassElseByTheSuiteAround) {
  const Read<CaseResult> read = junit(corpus("fuzz_read_junit/nested.xml"));
  EXPECT_THAT(read.items, ElementsAre(CaseResult{"b", "x", Outcome::skip, 0ms, ""},
                                      CaseResult{"a", "(no name)", Outcome::pass, 0ms, ""}));
}

TEST(JunitReader, OddTimesAreNoTime) {
  for (const char* time : {"", "-1", "nan", "inf", "1e400", "abc", "1s2", "99999999999999"}) {
    const std::string text =
        "<testsuite><testcase name='c' time='" + std::string(time) + "'/></testsuite>";
    EXPECT_THAT(junit(text).items, ElementsAre(CaseResult{"", "c", Outcome::pass, 0ms, ""}))
        << time;
  }
}

TEST(JunitReader, WhatIsBrokenHasAReasonAndKeepsWhatCameBefore) {
  const std::string good = "<testsuite name='S'><testcase name='c'/>";
  const struct {
    std::string text;
    const char* reason;
    size_t cases;
  } rows[] = {
      {good, "line 1: no element found", 1},
      {"", "no element found", 0},
      {good + "\n<testcase name='d'></testsuite>", "line 2: mismatched tag", 1},
      {good + "<testcase name='d' name='e'/></testsuite>", "duplicate attribute", 1},
      {good + "&nope;</testsuite>", "undefined entity", 1},
      {good + std::string("\0", 1), "not well-formed", 1},
      {good + "\xff</testsuite>", "not well-formed", 1},
      {"<html></html>", "it begins with <html>", 0},
      {"not xml", "syntax error", 0},
      {"<?xml version='1.0' encoding='klingon'?><testsuite/>", "unknown encoding", 0},
  };
  for (const auto& row : rows) {
    const Read<CaseResult> read = junit(row.text);
    EXPECT_THAT(read.reason, HasSubstr(row.reason)) << row.text;
    EXPECT_THAT(read.items, SizeIs(row.cases)) << row.text;
  }
}

TEST(JunitReader, EntityBombsAreRefusedAtTheirDeclaration) {
  EXPECT_THAT(junit(corpus("fuzz_read_junit/bomb.xml")).reason, HasSubstr("declares an entity"));
  EXPECT_THAT(
      junit("<!DOCTYPE t [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><testsuite>&x;</testsuite>")
          .reason,
      HasSubstr("declares an entity"));
}

TEST(JunitReader, NestingHasABound) {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "<testsuite>";
    for (size_t i = 0; i < depth; ++i) text += "</testsuite>";
    return text;
  };
  EXPECT_EQ(junit(nested(kXmlDepthMax)).reason, "");
  EXPECT_THAT(junit(nested(kXmlDepthMax + 1)).reason, HasSubstr("nested deeper than"));
}

TEST(JunitReader, OneTagHasABound) {
  const auto with_attribute = [](size_t bytes) {
    return testcase("<failure message='" + std::string(bytes, 'x') + "'/>");
  };
  const Read<CaseResult> fits = junit(with_attribute(kXmlTagBytesMax - 1024));
  EXPECT_EQ(fits.reason, "");
  EXPECT_EQ(fits.items.at(0).message.size(), kMessageLengthMax);
  EXPECT_THAT(junit(with_attribute(2 * kXmlTagBytesMax)).reason, HasSubstr("a tag is longer than"));
}

// A gigabyte of one text, of one comment or of one attribute: a reason, or a case with a short
// message, and in any case little memory.
TEST(JunitReader, AGigabyteOfOneThingCostsNoMemory) {
  const struct {
    std::string before;
    bool refused;
  } rows[] = {
      {"<testsuite><testcase name='c'><failure>", false},
      {"<testsuite><testcase name='c'><system-out><![CDATA[", false},
      {"<testsuite><testcase name='", true},
      {"<testsuite><!-- ", true},
  };
  const std::string block(1 << 20, 'x');
  const long before_kb = rss_max_kb();
  for (const auto& row : rows) {
    const std::unique_ptr<ReportReader> reader = make_junit_reader([](CaseResult) {});
    Result<Done> done = reader->feed(row.before);
    for (int i = 0; i < 1024 && done.ok(); ++i) done = reader->feed(block);
    EXPECT_EQ(done.ok(), !row.refused) << row.before;
  }
  EXPECT_LT(rss_max_kb() - before_kb, 64 << 10);
}

// --- googletest ---

TEST(GtestReader, XmlAndJsonSayTheSame) {
  const Read<CaseResult> xml = gtest(corpus("fuzz_read_gtest/gtest-1.12.xml"));
  const Read<CaseResult> json = gtest(corpus("fuzz_read_gtest/gtest-1.12.json"));
  EXPECT_EQ(xml.reason, "");
  EXPECT_EQ(json.reason, "");
  ASSERT_THAT(xml.items, SizeIs(7));
  EXPECT_EQ(xml.items[2],
            (CaseResult{"Crash", "Fails", Outcome::fail, 0ms,
                        "a.cc:4\nExpected equality of these values:\n  1\n  2\nmore\nlines\n"
                        "a.cc:4\nFailed\nsecond"}));
  EXPECT_EQ(xml.items[3], (CaseResult{"Crash", "Skips", Outcome::skip, 0ms, "a.cc:5\nno device"}));
  EXPECT_EQ(xml.items[4].outcome, Outcome::skip);  // disabled
  EXPECT_EQ(xml.items[6].suite, "Many/P");
  // This googletest writes no reason of a skip into JSON.
  std::vector<CaseResult> without_reason = xml.items;
  without_reason[3].message.clear();
  EXPECT_EQ(json.items, without_reason);
}

TEST(GtestReader, LaterVersionsTellWhyTheySkipped) {
  const Read<CaseResult> read = gtest(
      R"({"testsuites":[{"name":"A","testsuite":[{"name":"b","result":"SKIPPED","time":"1.5s",
          "skipped":[{"message":"no device"}],"unknown":{"name":"x","deep":[{"name":"y"}]}}]}]})");
  EXPECT_EQ(read.reason, "");
  EXPECT_THAT(read.items, ElementsAre(CaseResult{"A", "b", Outcome::skip, 1500ms, "no device"}));
}

TEST(GtestReader, WhatIsBrokenHasAReasonAndKeepsWhatCameBefore) {
  const std::string one = R"({"testsuites":[{"name":"A","testsuite":[{"name":"b"})";
  const struct {
    std::string text;
    const char* reason;
    size_t cases;
  } rows[] = {
      {"", "is empty", 0},
      {"  \n", "is empty", 0},
      {"{}", "no \"testsuites\"", 0},
      {"[]", "syntax error", 0},
      {one, "ends in the middle", 1},
      {one + ",]}]}", "unexpected \"]\"", 1},
      {one + "]}]} x", "unexpected \"x\"", 1},
  };
  for (const auto& row : rows) {
    const Read<CaseResult> read = gtest(row.text);
    EXPECT_THAT(read.reason, HasSubstr(row.reason)) << row.text;
    EXPECT_THAT(read.items, SizeIs(row.cases)) << row.text;
  }
}

TEST(GtestReader, AGigabyteOfOneTextCostsNoMemory) {
  const std::string block(1 << 20, 'x');
  const long before_kb = rss_max_kb();
  std::vector<CaseResult> cases;
  const std::unique_ptr<ReportReader> reader =
      make_gtest_reader([&](CaseResult result) { cases.push_back(std::move(result)); });
  ASSERT_TRUE(
      reader->feed(R"({"testsuites":[{"testsuite":[{"name":"b","failures":[{"failure":")").ok());
  for (int i = 0; i < 1024; ++i) ASSERT_TRUE(reader->feed(block).ok());
  ASSERT_TRUE(reader->feed("\"}]}]}]}").ok());
  ASSERT_TRUE(reader->finish().ok());
  ASSERT_THAT(cases, SizeIs(1));
  EXPECT_EQ(cases[0].message.size(), kMessageLengthMax);
  EXPECT_LT(rss_max_kb() - before_kb, 64 << 10);
}

// --- JSON ---

class Ignore final : public JsonHandler {
 public:
  void begin_object() override {}
  void end_object() override {}
  void begin_array() override {}
  void end_array() override {}
  void key(std::string_view) override {}
  void text(std::string_view) override {}
  void number(std::string_view) override {}
  void literal(std::string_view) override {}
};

bool accepts(std::string_view text) {
  Ignore ignore;
  JsonStream stream(ignore, 100);
  return stream.feed(text).ok() && stream.finish().ok();
}

TEST(JsonStream, TakesWhatNlohmannTakes) {
  const char* rows[] = {
      "0",
      "-0",
      "01",
      "-",
      "1.",
      "1.5",
      ".5",
      "1e5",
      "1e",
      "1E+5",
      "+1",
      "1.5.5",
      "- 1",
      "true",
      "truex",
      "tru",
      "null",
      "nul",
      "\"\"",
      "\"\\u00e4\"",
      "\"\\ud83d\\ude00\"",
      "\"\\ud83d\"",
      "\"\\ude00\"",
      "\"\\ud83d\\u0041\"",
      "\"\\ud83d\\n\"",
      "\"\\x\"",
      "\"\\u12g4\"",
      "\"a",
      "\"\n\"",
      "\"\t\"",
      "[]",
      "[1]",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{}",
      "{\"a\":1}",
      "{\"a\":1,}",
      "{\"a\"}",
      "{a:1}",
      "{\"a\":}",
      "{\"a\" : [ { } , null ] }",
      "[}",
      "{]",
      "[[]",
      "]",
      "",
      " ",
      "1 2",
      "[1]x",
      "// c\n1",
      "[1]\n",
  };
  for (const char* text : rows) EXPECT_EQ(accepts(text), nlohmann::json::accept(text)) << text;
  EXPECT_TRUE(accepts(std::string(kJsonDepthMax, '[') + std::string(kJsonDepthMax, ']')));
  EXPECT_FALSE(accepts(std::string(kJsonDepthMax + 1, '[') + std::string(kJsonDepthMax + 1, ']')));
  EXPECT_FALSE(accepts(std::string(1 << 20, '1')));
}

// --- CSV ---

TEST(CsvReader, ReadsRfc4180IntoTypes) {
  const Read<Measurement> read = csv(corpus("fuzz_read_csv/rfc4180.csv"));
  EXPECT_EQ(read.reason, "");
  EXPECT_THAT(
      read.items,
      ElementsAre(
          Measurement{"perf",
                      {{"name", std::string("a, \"b\"\nc")}, {"latency [ms]", 1.5}, {"ok", true}}},
          Measurement{"perf", {{"latency [ms]", std::string("9223372036854775808")}}},
          Measurement{"perf",
                      {{"name", std::string("d")},
                       {"latency [ms]", std::string("007")},
                       {"ok", std::string("1")}}}));
}

TEST(CsvReader, RowsKeepTheTypesOfTheirFields) {
  const Read<Measurement> read = csv("n\n1\n1.0\n\"1\"\n\"\"\ntrue\n-9223372036854775808\n");
  ASSERT_THAT(read.items, SizeIs(6));
  EXPECT_EQ(read.items[0].row[0].second, MeasureValue(int64_t{1}));
  EXPECT_EQ(read.items[1].row[0].second, MeasureValue(1.0));
  EXPECT_EQ(read.items[2].row[0].second, MeasureValue(std::string("1")));
  EXPECT_EQ(read.items[3].row[0].second, MeasureValue(std::string()));
  EXPECT_EQ(read.items[4].row[0].second, MeasureValue(true));
  EXPECT_EQ(read.items[5].row[0].second, MeasureValue(std::numeric_limits<int64_t>::min()));
}

TEST(CsvReader, WhatIsBrokenHasALineAndAReason) {
  const std::string wide(kCsvFieldBytesMax + 1, 'x');
  std::string many = "c";
  for (size_t i = 0; i < kMeasureColumnsMax; ++i) many += ",c" + std::to_string(i);
  const struct {
    std::string text;
    const char* reason;
    size_t rows;
  } rows[] = {
      {"", "is empty", 0},
      {"\n\n", "is empty", 0},
      {"a,b\n1,2\n3\n", "line 3: has 1 fields, and the header 2", 1},
      {"a,b\n1,2,3\n", "line 2: has 3 fields", 0},
      {"a,a\n1,2\n", "line 1: column \"a\" is there twice", 0},
      {"a,\n1,2\n", "line 1: \"\" is not a name for a column", 0},
      {"a\n\"1\n", "line 3: a quote is not closed", 0},
      {"a\n1\"2\n", "line 2: a quote in the middle", 0},
      {"a\n\"1\"2\n", "line 2: text after a closing quote", 0},
      {"a\n1\r2\n", "line 2: a carriage return without", 0},
      {"a\n" + wide + "\n", "line 2: a field is longer than", 0},
      {"a\n\"" + wide + "\"\n", "line 2: a field is longer than", 0},
      {many + "\n", "line 1: more than 256 columns", 0},
  };
  for (const auto& row : rows) {
    const Read<Measurement> read = csv(row.text);
    EXPECT_THAT(read.reason, StartsWith(row.reason)) << row.text.substr(0, 40);
    EXPECT_THAT(read.items, SizeIs(row.rows)) << row.text.substr(0, 40);
  }
}

TEST(CsvReader, ToleratesWhatSpreadsheetsDo) {
  EXPECT_EQ(csv("\xEF\xBB\xBF"
                "a,b\r\n1,2\r\n\r\n")
                .items,
            csv("a,b\n1,2").items);
  EXPECT_THAT(csv("a,b\n,\n").items, IsEmpty());
}

}  // namespace
}  // namespace muster
