#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/render_result.h"
#include "core/guid.h"
#include "tests/cli/samples.h"

namespace muster {
namespace {

using samples::at;
using testing::HasSubstr;
using testing::Not;

// A small reader of XML: names that open and close match, attributes are quoted, no character that
// XML 1.0 forbids. Returns what is wrong, or nothing.
std::string xml_fault(std::string_view text) {
  if (!is_utf8(text)) return "not UTF-8";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') return "a control character";
  }
  if (text.find("\xEF\xBF\xBE") != text.npos || text.find("\xEF\xBF\xBF") != text.npos) {
    return "a noncharacter";
  }
  std::vector<std::string> open;
  size_t at = text.find("?>");
  if (!text.starts_with("<?xml ") || at == text.npos) return "no declaration";
  for (at += 2; at < text.size();) {
    if (text[at] != '<') {
      if (text[at] == '>' || text[at] == '&') return "unescaped text";
      ++at;
      continue;
    }
    // To the end of the tag, outside of quotes.
    size_t end = at + 1;
    bool quoted = false;
    for (; end < text.size() && (quoted || text[end] != '>'); ++end) {
      if (text[end] == '"') quoted = !quoted;
      if (quoted && text[end] == '<') return "< in an attribute";
    }
    if (end == text.size()) return "a tag without end";
    const std::string tag(text.substr(at + 1, end - at - 1));
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "a wrong end: " + tag;
      open.pop_back();
    } else if (!tag.ends_with("/")) {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

TEST(Junit, ItsReaderSeesFaults) {
  EXPECT_EQ(xml_fault("<?xml ?><a b=\"1\"><c/></a>\n"), "");
  EXPECT_NE(xml_fault("<?xml ?><a>"), "");
  EXPECT_NE(xml_fault("<?xml ?><a></b>"), "");
  EXPECT_NE(xml_fault("<?xml ?><a>x & y</a>"), "");
  EXPECT_NE(xml_fault("<?xml ?><a b=\"<\"/>"), "");
  EXPECT_NE(xml_fault("<?xml ?><a>\x01</a>"), "");
  EXPECT_NE(xml_fault("<?xml ?><a>\xff</a>"), "");
}

TEST(Junit, Golden) {
  const std::string xml = render_junit(samples::failing_result());
  EXPECT_EQ(xml_fault(xml), "");
  EXPECT_EQ(
      xml,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"lab/nightly/0044\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" "
      "time=\"2.000000\">\n"
      "  <testsuite name=\"wifi\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" "
      "time=\"2.000000\" timestamp=\"2026-11-23T08:15:30.000000Z\">\n"
      "    <testcase classname=\"wifi\" name=\"connect\" time=\"1.500000\"/>\n"
      "    <testcase classname=\"wifi\" name=\"roam\" time=\"0.500000\"><failure "
      "message=\"expected &lt;2, got &quot;\" type=\"test\"/></testcase>\n"
      "  </testsuite>\n"
      "  <testsuite name=\"\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\" "
      "time=\"0.000000\" timestamp=\"2026-11-23T08:15:30.000000Z\">\n"
      "    <testcase classname=\"\" name=\"skipped\" time=\"0.000000\"><skipped message=\"no 6 "
      "GHz\"/></testcase>\n"
      "  </testsuite>\n"
      "</testsuites>\n");
}

TEST(Junit, StaysWellFormedWhateverAJobSays) {
  const std::string nasty[] = {
      "]]>",
      "</testsuites>",
      "<!-- -- >",
      "&amp; & &#0; &lt",
      "\"'><",
      std::string("nul \0 here", 10),
      "\x01\x02\x1b[31m\x7f",
      "\xff\xfe broken \xc3",
      "\xEF\xBF\xBE\xEF\xBF\xBF",
      "\xed\xa0\x80 surrogate",
      "line\nfeed\ttab\r\n",
      "漢字 \u202E",
      std::string(100'000, '<'),
  };
  for (const std::string& text : nasty) {
    TaskResult result = samples::failing_result();
    result.task.spec.guid = text;
    result.task.spec.name = text;
    result.cases.push_back({text, text, Outcome::fail, 1s, text});
    result.cases.push_back({text, text, Outcome::skip, 1s, text});
    result.cases.push_back({text, text, Outcome::error, 1s, text});
    EXPECT_EQ(xml_fault(render_junit(result)), "") << testing::PrintToString(text.substr(0, 40));
  }
}

TEST(Junit, LineFeedsSurviveInAttributes) {
  TaskResult result = samples::failing_result();
  result.cases[1].message = "a\nb";
  EXPECT_THAT(render_junit(result), HasSubstr("message=\"a&#10;b\""));
}

TEST(Junit, InfrastructureFaultIsAnErrorAndNeverAFailure) {
  TaskResult result;
  result.task = samples::device_error_task();
  const std::string xml = render_junit(result);
  EXPECT_EQ(xml_fault(xml), "");
  EXPECT_THAT(xml, HasSubstr("tests=\"1\" failures=\"0\" errors=\"1\""));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"muster\" name=\"smoke\" time=\"12.500000\">"
                             "<error message=\"error (device): phone-7 is not on the bus\" "
                             "type=\"device\"/>"));
  EXPECT_THAT(xml, Not(HasSubstr("<failure")));
}

// A timeout counted as two errors, a missing file of results as an error and a failure.
TEST(Junit, OneFaultCountsOnce) {
  struct Row {
    CaseResult one;
    Ending ending;
    const char* counts;
    const char* type;
  };
  const auto error = [](Cause cause, const char* message) {
    return make_ending(Outcome::error, cause, StatusCode::error, message, at(0), at(1));
  };
  const Row rows[] = {
      {{"sleep", "sleep", Outcome::error, 1s, "ran for longer than 1s"},
       error(Cause::timeout, "ran for longer than 1s (1 of 2 steps were not run)"),
       "tests=\"1\" failures=\"0\" errors=\"1\"",
       "type=\"timeout\""},
      {{"A", "B", Outcome::error, 1s,
        "was running when the program ran for longer than 1s\nthe end"},
       error(Cause::timeout, "ran for longer than 1s"),
       "tests=\"1\" failures=\"0\" errors=\"1\"",
       "type=\"timeout\""},
      {{"muster", "unit", Outcome::error, 0s, "no file matches \"nosuch/*.xml\""},
       error(Cause::test, "no file matches \"nosuch/*.xml\""),
       "tests=\"1\" failures=\"0\" errors=\"1\"",
       "type=\"test\""},
      {{"s", "n", Outcome::error, 0s, "no setup"},
       make_ending(Outcome::fail, Cause::test, StatusCode::failures,
                   "1 of 1 reported tests did not pass", at(0), at(1)),
       "tests=\"1\" failures=\"0\" errors=\"1\"",
       "type=\"test\""},
      {{"s", "n", Outcome::error, 0s, "no setup"},
       error(Cause::worker, "the worker was lost"),
       "tests=\"2\" failures=\"0\" errors=\"2\"",
       "type=\"worker\""},
      {{"s", "n", Outcome::pass, 0s, ""},
       error(Cause::test, "1 of 2 expected test results were reported"),
       "tests=\"2\" failures=\"0\" errors=\"1\"",
       "type=\"test\""},
  };
  for (const Row& row : rows) {
    TaskResult result;
    result.task = samples::device_error_task();
    result.task.ending = row.ending;
    result.cases = {row.one};
    EXPECT_THAT(render_junit(result), HasSubstr(row.counts)) << row.ending.message;
    EXPECT_THAT(render_junit(result), HasSubstr(row.type)) << row.ending.message;
  }
}

TEST(Junit, TaskWithoutCasesIsOneCase) {
  TaskResult result;
  result.task = samples::device_error_task();
  result.task.ending = make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", at(0), at(1));
  EXPECT_THAT(render_junit(result),
              HasSubstr("<testcase classname=\"muster\" name=\"smoke\" time=\"1.000000\"/>"));
  result.task.ending =
      make_ending(Outcome::fail, Cause::test, StatusCode::failures, "exit status 1", at(0), at(1));
  EXPECT_THAT(render_junit(result),
              HasSubstr("<failure message=\"fail: exit status 1\" type=\"test\"/>"));
  result.task.ending.reset();
  EXPECT_THAT(render_junit(result), HasSubstr("<error message=\"the task has not ended\""));
}

}  // namespace
}  // namespace muster
