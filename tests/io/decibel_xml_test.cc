#include "io/decibel_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "core/guid.h"
#include "io/clock.h"
#include "io/file.h"
#include "tests/support/decibel_document.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

DecibelDocument full_document() {
  DecibelDocument document;
  DecibelRun run;
  run.key = "log:0000000000000017";
  run.guid = "https://lab.example/run/1?job=a&b=<c>";
  run.supersedes = "log:0000000000000003";
  run.sw = "firmware 1.2";
  run.team = "radio";
  run.framework = "muster";
  run.name = "smoke";
  run.start = parse_rfc3339("2026-11-23T08:15:30.123456Z");
  run.end = parse_rfc3339("2026-11-23T08:16:30.000000Z");
  run.iterations = 3;
  run.user = "ann@desk";
  run.origin = "lund";
  run.info = "1 of 3 failed\nsee \"the\" log";
  run.comment = "nightly";
  run.git_url = "ssh://git@host/tree";
  run.git_sha1 = "0123456789abcdef0123456789abcdef01234567";
  run.result = DecibelResult::failure;
  document.runs = {run};
  DecibelSuite suite;
  suite.hw = "phone-7";
  suite.name = "net";
  suite.iteration = 3;
  suite.start = run.start;
  suite.end = run.end;
  suite.log_link = "http://box/archive/v1/x/3/log";
  suite.comment = "on the roof";
  suite.result = DecibelResult::failure;
  suite.totals = {7, 1, 1, 2};
  document.suites.push_back(
      {suite,
       {{"net", "dhcp", DecibelResult::passed, 1500ms, "", "", ""},
        {"net", "dns", DecibelResult::failure, 20ms, "no answer", "http://box/dns", "again"},
        {"net", "", DecibelResult::error, 0ms, "it broke", "", ""}}});
  document.suites.push_back({DecibelSuite(), {}});
  return document;
}

// What xmllint says of `xml` by schemas/xml/decibel.xsd; empty: it is valid.
std::string judge_by_schema(const std::string& xml) {
  const Scratch scratch;
  const std::string file = scratch / "document.xml";
  EXPECT_TRUE(write_file_atomically(file, xml).ok());
  const std::string command = "xmllint --noout --nonet --schema '" +
                              std::string(MUSTER_SOURCE_DIR) + "/schemas/xml/decibel.xsd' '" +
                              file + "' 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string said;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe)) said.append(buffer, size);
  const int status = ::pclose(pipe);
  if (status == 0) return "";
  return said.empty() ? "xmllint ended with " + std::to_string(status) : said;
}

// Attributes that no field is for were taken in silence.
TEST(DecibelXml, SaysWhichAttributesAndElementsItIgnores) {
  const ReadDecibel read = read_decibel_xml(
      "<run key='k' tester='ann' xmlns:xsi='x' xsi:noNamespaceSchemaLocation='y'><note>n</note>"
      "<suite name='s' rack='3'><info>i</info><case name='c' result='passed' flaky='1'>"
      "<info>plain<b>bold</b></info><stack><frame/></stack></case></suite></run>");
  EXPECT_EQ(read.reason, "");
  EXPECT_THAT(read.ignored, ElementsAre("attribute tester of <run>", "element <note> of <run>",
                                        "attribute rack of <suite>", "element <info> of <suite>",
                                        "attribute flaky of <case>", "element <b> of a text",
                                        "element <stack> of <case>"));
  EXPECT_THAT(read_decibel_xml(write_decibel(full_document())).ignored, ElementsAre());
}

TEST(DecibelXml, WhatIsWrittenIsReadBackAndKeepsToTheSchema) {
  const DecibelDocument document = full_document();
  const std::string xml = write_decibel(document);
  const ReadDecibel read = read_decibel_xml(xml);
  EXPECT_EQ(read.reason, "") << xml;
  EXPECT_EQ(read.document, document) << xml;
  EXPECT_EQ(read_decibel_xml(xml, 1).document, document);
  EXPECT_EQ(judge_by_schema(xml), "") << xml;
}

TEST(DecibelXml, TheSchemaRefusesWhatIsNoDocument) {
  const std::string good = write_decibel(full_document());
  const std::pair<const char*, const char*> changes[] = {
      {"result=\"passed\"", "result=\"fail\""},
      {"<case package=\"net\" name=\"dhcp\"", "<case package=\"net\""},
      {" key=\"log:0000000000000017\"", ""},
      {"muster.decibel/1", "muster.decibel/2"},
      {"iterations=\"3\"", "iterations=\"three\""},
      {"time=\"1.500000\"", "time=\"-1\""},
      {"start=\"2026-11-23T", "start=\"23/11/2026 "},
      {"<comment>on the roof</comment>", "<note/>"},
  };
  for (const auto& [from, to] : changes) {
    std::string bad = good;
    const size_t at = bad.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    bad.replace(at, std::string(from).size(), to);
    EXPECT_NE(judge_by_schema(bad), "") << to;
  }
}

TEST(DecibelXml, HostileTextIsTextAndNothingElse) {
  const std::string hostile[] = {
      "]]>",
      "<![CDATA[x]]>",
      "</case></suite></run>",
      "\"/><case name=\"forged\" result=\"passed\"/>",
      "&lt;&amp;&#0;&undefined;",
      "<!DOCTYPE run [<!ENTITY a \"b\">]>",
      "tab\tline\nreturn\r\nend ",
      "  blanks around  ",
      "\xE2\x80\xA8line separator, \xF0\x9F\x90\x9D bee, \xC2\x85next line",
  };
  for (const std::string& text : hostile) {
    SCOPED_TRACE(quote_text(text));
    DecibelDocument document = full_document();
    DecibelRun& run = document.runs[0];
    run.name = run.guid = run.info = run.comment = text;
    DecibelCase& test = document.suites[0].second[1];
    test.package = test.name = test.info = test.comment = test.log_link = text;
    document.suites[0].first.hw = document.suites[0].first.comment = text;
    const std::string xml = write_decibel(document);
    const ReadDecibel read = read_decibel_xml(xml);
    EXPECT_EQ(read.reason, "");
    EXPECT_EQ(read.document, document) << xml;
    EXPECT_EQ(judge_by_schema(xml), "");
  }
}

TEST(DecibelXml, WhatNoXmlCanHaveIsReplaced) {
  const std::string kReplaced = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> rows[] = {
      {std::string("a\0b", 3), "a" + kReplaced + "b"},
      {"\x01\x08\x0B\x1B[31m", kReplaced + kReplaced + kReplaced + kReplaced + "[31m"},
      {"bad \xFF\xC0 byte", "bad " + kReplaced + kReplaced + " byte"},
      {"half \xE2\x82", "half " + kReplaced + kReplaced},
      {"\xED\xA0\x80surrogate", kReplaced + kReplaced + kReplaced + "surrogate"},
      {"\xEF\xBF\xBE and \xEF\xBF\xBF", kReplaced + " and " + kReplaced},
  };
  for (const auto& [text, expected] : rows) {
    DecibelDocument document = full_document();
    document.suites[0].second[0].name = text;
    document.runs[0].info = text;
    const std::string xml = write_decibel(document);
    const ReadDecibel read = read_decibel_xml(xml);
    EXPECT_EQ(read.reason, "") << xml;
    ASSERT_EQ(read.document.runs.size(), 1u);
    EXPECT_EQ(read.document.runs[0].info, expected);
    EXPECT_EQ(read.document.suites[0].second[0].name, expected);
    EXPECT_EQ(judge_by_schema(xml), "");
  }
}

TEST(DecibelXml, LongTextIsCutOnBothSides) {
  DecibelDocument document = full_document();
  document.suites[0].second[0].name = std::string(kDecibelFieldBytesMax, 'n');
  document.suites[0].second[0].info = std::string(kDecibelTextBytesMax, 'i');
  const ReadDecibel longest = read_decibel_xml(write_decibel(document));
  EXPECT_EQ(longest.document, document);
  document.suites[0].second[0].name += 'n';
  document.suites[0].second[0].info += 'i';
  const std::string xml = write_decibel(document);
  EXPECT_EQ(judge_by_schema(xml), "");
  const DecibelCase cut = read_decibel_xml(xml).document.suites[0].second[0];
  EXPECT_LE(cut.name.size(), kDecibelFieldBytesMax);
  EXPECT_LE(cut.info.size(), kDecibelTextBytesMax);
  EXPECT_THAT(cut.name, ::testing::EndsWith("…"));

  const std::string foreign = "<run key=\"k\"><suite><case name=\"" + std::string(5'000, 'n') +
                              "\" result=\"error\"><info>" + std::string(50'000, 'i') +
                              "</info></case></suite></run>";
  for (const size_t piece : {size_t{7}, SIZE_MAX}) {
    const ReadDecibel read = read_decibel_xml(foreign, piece);
    EXPECT_EQ(read.reason, "");
    const DecibelCase& test = read.document.suites.at(0).second.at(0);
    EXPECT_LE(test.name.size(), kDecibelFieldBytesMax);
    EXPECT_LE(test.info.size(), kDecibelTextBytesMax);
  }
}

TEST(DecibelXml, WhatIsNotKnownIsPassedOver) {
  const ReadDecibel read = read_decibel_xml(
      "<run key='k' mood='good'><weather><suite name='no'><case/></suite></weather>"
      "<info>one<b>bold</b>two</info>"
      "<suite name='s' colour='red'><case name='c' result='passed'><log>x</log></case>"
      "<suite name='inner'/></suite></run>");
  EXPECT_EQ(read.reason, "");
  ASSERT_EQ(read.document.suites.size(), 1u);
  EXPECT_EQ(read.document.runs[0].info, "onetwo");
  EXPECT_EQ(read.document.suites[0].first.name, "s");
  EXPECT_EQ(read.document.suites[0].second.size(), 1u);
}

TEST(DecibelXml, ReadsTimesAsOthersWriteThem) {
  const Instant expected = parse_rfc3339("2026-11-23T08:15:30.500000Z");
  for (const char* text : {"2026-11-23T08:15:30.500000Z", "2026-11-23T08:15:30.5",
                           "2026-11-23 08:15:30.5", "2026-11-23T09:15:30.5+01:00",
                           "2026-11-23T06:45:30.500-0130", "2026-11-23t08:15:30,5000000z"}) {
    EXPECT_EQ(parse_decibel_time(text), expected) << text;
  }
  EXPECT_EQ(parse_decibel_time("2026-11-23T08:15:30"), expected - 500ms);
  for (const char* text :
       {"", "now", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
        "2026-11-23T25:00:00Z", "2026-11-23T08:15:30.Z", "2026-11-23T08:15:30+1:00",
        "1969-12-31T23:59:59Z", "2026-11-23T08:15:30Zx", "-026-11-23T08:15:30Z",
        "9999-11-23T08:15:30Z"}) {
    EXPECT_EQ(parse_decibel_time(text), std::nullopt) << text;
  }
}

TEST(DecibelXml, AnEndBeforeItsStartIsKept) {
  const ReadDecibel read = read_decibel_xml(
      "<run key='k' start='2026-11-23T08:15:30Z' end='2026-11-23T08:15:29Z' result='passed'/>");
  EXPECT_EQ(read.reason, "");
  EXPECT_EQ(read.document.runs.at(0).start - read.document.runs.at(0).end, Duration(1s));
}

TEST(DecibelXml, RefusalsSayWhatAndWhere) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "no element found"},
      {"{}", "not well-formed"},
      {"<testsuites/>",
       "line 1: this is no run of tests: it begins with <testsuites> and not with <run>"},
      {"<run schema='muster.decibel/2'/>", "another schema than muster.decibel/1"},
      {"<run start='yesterday'/>", "start of <run> is no time"},
      {"<run iterations='-1'/>", "iterations of <run> is no count: \"-1\""},
      {"<run iterations='4294967296'/>", "is no count"},
      {"<run key='" + std::string(257, 'k') + "'/>", "key of <run> has more than 256 bytes"},
      {"<run>\n<suite passed='x'/></run>", "line 2: passed of <suite> is no count"},
      {"<run><suite><case result='passed'/></suite></run>", "name of <case> is missing"},
      {"<run><suite><case name='c'/></suite></run>", "result of <case> is missing"},
      {"<run><suite>\n\n<case name='c' result='FAIL'/></suite></run>",
       "line 3: result of <case> is not passed, failure or error: \"FAIL\""},
      {"<run><suite><case name='c' result='passed' time='1s'/></suite></run>",
       "time of <case> is no number of seconds"},
      {"<run><suite><case name='c' result='passed' time='1e99'/></suite></run>",
       "is no number of seconds"},
      {"<run><suite></run>", "mismatched tag"},
      {"<run/>", "line 1: result of <run> is missing, and so is a <suite>"},
      {"<run key='k'>\n<info>i</info>\n</run>", "line 3: result of <run> is missing"},
      {"<run result='passed'/><run/>", "junk after document element"},
      {"<!DOCTYPE run [<!ENTITY a 'b'>]><run name='&a;'/>", "declares an entity"},
  };
  for (const auto& [xml, expected] : rows) {
    for (const size_t piece : {size_t{1}, SIZE_MAX}) {
      EXPECT_THAT(read_decibel_xml(xml, piece).reason, HasSubstr(expected)) << xml;
    }
  }
}

TEST(DecibelXml, NothingOutsideOfADocumentIsRead) {
  const ReadDecibel read = read_decibel_xml(
      "<!DOCTYPE run SYSTEM 'file:///etc/passwd'><run name='a&x;b' "
      "result='passed'><info>c&x;d</info></run>");
  EXPECT_EQ(read.reason, "");
  EXPECT_EQ(read.document.runs.at(0).name, "ab");
  EXPECT_EQ(read.document.runs.at(0).info, "cd");
}

TEST(DecibelXml, ManyLaughsAreNotHeard) {
  std::string bomb = "<!DOCTYPE run [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "&a" + std::to_string(i - 1) + ";";
    bomb += "<!ENTITY a" + std::to_string(i) + " \"" + before + before + "\">";
  }
  bomb += "]><run name=\"&a29;\"/>";
  EXPECT_THAT(read_decibel_xml(bomb).reason, HasSubstr("declares an entity"));
  std::string nested = "<run>";
  for (int i = 0; i < 70; ++i) nested += "<x>";
  EXPECT_THAT(read_decibel_xml(nested).reason, HasSubstr("nested deeper"));
}

TEST(DecibelXml, AsManyCasesAsADocumentMayHave) {
  for (const size_t extra : {0, 1}) {
    std::string xml = "<run key='k'><suite>";
    for (size_t i = 0; i < kDecibelCasesMax + extra; ++i) {
      xml += "<case name='c' result='passed'/>";
    }
    xml += "</suite></run>";
    const ReadDecibel read = read_decibel_xml(xml);
    if (extra == 0) {
      EXPECT_EQ(read.reason, "");
      EXPECT_EQ(read.document.suites.at(0).second.size(), kDecibelCasesMax);
    } else {
      EXPECT_THAT(read.reason, HasSubstr("more than 100000 cases"));
    }
  }
}

TEST(DecibelXml, TheSizeOfTextIsWhatItTakes) {
  const std::string text = std::string("a<b>&\"\n\x01\xFF", 8) + std::string(5'000, '<');
  DecibelXmlWriter with;
  with.add_case({"", text, DecibelResult::passed, 0ms, "", "", ""});
  DecibelXmlWriter without;
  without.add_case({"", "", DecibelResult::passed, 0ms, "", "", ""});
  EXPECT_EQ(with.take().size() - without.take().size(),
            decibel_xml_size(text, kDecibelFieldBytesMax));
}

TEST(DecibelXml, AFailureIsKnownWhateverElseIsNot) {
  using R = DecibelResult;
  for (const R other : {R::passed, R::error, R::failure}) {
    EXPECT_EQ(worse_of(R::failure, other), R::failure);
    EXPECT_EQ(worse_of(other, R::failure), R::failure);
    EXPECT_EQ(worse_of(R::passed, other), other);
  }
  EXPECT_EQ(worse_of(R::error, R::passed), R::error);
  EXPECT_EQ(derive_result({0, 0, 0, 0}), R::passed);
  EXPECT_EQ(derive_result({5, 0, 0, 3}), R::passed);
  EXPECT_EQ(derive_result({5, 0, 1, 0}), R::error);
  EXPECT_EQ(derive_result({5, 1, 1, 0}), R::failure);
}

}  // namespace
}  // namespace muster
