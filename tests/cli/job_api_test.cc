// The words of the verbs that work inside a job, and results that go out as JUnit and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/parse.h"
#include "cli/render_result.h"
#include "io/report_reader.h"
#include "tests/cli/samples.h"
#include "tests/support/report_feeds.h"

namespace muster {
namespace {

using samples::at;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

template <typename Options>
Options parsed(const std::vector<std::string>& words) {
  const ParsedCommand command = parse_command_line(words);
  const auto* fault = std::get_if<UsageFault>(&command);
  EXPECT_EQ(fault, nullptr) << fault->message;
  if (fault != nullptr) return {};
  return std::get<Options>(std::get<Invocation>(command).verb);
}

std::string fault_of(const std::vector<std::string>& words) {
  const ParsedCommand command = parse_command_line(words);
  const auto* fault = std::get_if<UsageFault>(&command);
  return fault == nullptr ? "" : fault->message;
}

TEST(JobApiWords, SayWhatIsReported) {
  const auto report = parsed<ReportOptions>(
      {"report", "--suite", "s", "--name", "n", "fail", "--seconds", "1.5", "--message", "why"});
  EXPECT_EQ(report.suite, "s");
  EXPECT_EQ(report.outcome, "fail");
  EXPECT_EQ(report.seconds, 1500ms);
  EXPECT_EQ(parsed<ReportOptions>({"report", "--junit", "a.xml"}).junit, "a.xml");
  const auto measure = parsed<MeasureOptions>({"measure", "perf", "a=1", "b=x=y", "c="});
  EXPECT_EQ(measure.table, "perf");
  EXPECT_THAT(measure.row, ElementsAre(Pair("a", "1"), Pair("b", "x=y"), Pair("c", "")));
  EXPECT_EQ(parsed<PushOptions>({"push", "f", "as/g"}).as, "as/g");
  EXPECT_EQ(parsed<ProgressOptions>({"progress", "40", "half way"}).percent, 40u);
  EXPECT_EQ(parsed<ShoutOptions>({"shout", "{\"a\":1}"}).json, "{\"a\":1}");
}

TEST(JobApiWords, ACallTakesTheRestAsItStands) {
  const auto call =
      parsed<CallOptions>({"--home", "/h", "call", "run", "-o", "json", "--", "x", "-y"});
  EXPECT_EQ(call.method, "run");
  EXPECT_THAT(call.arguments, ElementsAre("--home", "/h", "run", "-o", "json", "--", "x", "-y"));
  EXPECT_EQ(parsed<RunOptions>({"run", "--", "call"}).command.at(0), "call");
  EXPECT_TRUE(std::holds_alternative<HelpText>(parse_command_line({"call", "--help"})));
}

TEST(JobApiWords, ContradictionsAreRefused) {
  EXPECT_THAT(fault_of({"report"}), HasSubstr("give one of"));
  EXPECT_THAT(fault_of({"report", "--junit", "a", "--gtest", "b"}), HasSubstr("give one of"));
  EXPECT_THAT(fault_of({"report", "--name", "n"}), HasSubstr("an outcome"));
  EXPECT_THAT(fault_of({"report", "--name", "n", "pass", "--junit", "a"}),
              HasSubstr("give one of"));
  EXPECT_THAT(fault_of({"measure", "perf"}), HasSubstr("K=V"));
  EXPECT_THAT(fault_of({"measure", "perf", "a=1", "--csv", "f"}), HasSubstr("K=V"));
  EXPECT_THAT(fault_of({"measure", "perf", "novalue"}), HasSubstr("novalue"));
  EXPECT_THAT(fault_of({"progress", "101"}), HasSubstr("100"));
  EXPECT_THAT(fault_of({"call"}), HasSubstr("which verb?"));
  EXPECT_NE(fault_of({"shout"}), "");
}

TaskResult rich_result() {
  TaskResult result = samples::failing_result();
  result.task.spec.metadata = {{"build", "4711"}, {"odd", "<\"&\n"}};
  AttemptInfo attempt;
  attempt.attempt = 2;
  attempt.worker = "bench-1";
  attempt.devices = {"phone-7", "relay-1"};
  result.task.attempts = {attempt};
  result.sources = {{"https://git.example/a.git", "main", std::string(40, 'a')}};
  return result;
}

TEST(ResultExport, SaysWhereTheResultsComeFrom) {
  const std::string xml = render_junit(rich_result());
  EXPECT_THAT(xml, HasSubstr("    <properties>\n"
                             "      <property name=\"build\" value=\"4711\"/>\n"
                             "      <property name=\"odd\" value=\"&lt;&quot;&amp;&#10;\"/>\n"
                             "      <property name=\"muster.attempt\" value=\"2\"/>\n"
                             "      <property name=\"muster.worker\" value=\"bench-1\"/>\n"
                             "      <property name=\"muster.device\" value=\"phone-7\"/>\n"
                             "      <property name=\"muster.device\" value=\"relay-1\"/>\n"
                             "      <property name=\"muster.source\" "
                             "value=\"https://git.example/a.git\"/>\n"));
  const nlohmann::json json = nlohmann::json::parse(result_json(rich_result()));
  EXPECT_EQ(json["metadata"]["build"], "4711");
  EXPECT_EQ(json["worker"], "bench-1");
  EXPECT_EQ(json["devices"], nlohmann::json({"phone-7", "relay-1"}));
  EXPECT_EQ(json["sources"][0]["sha"], std::string(40, 'a'));
}

TEST(ResultExport, JunitThatGoesOutComesBack) {
  TaskResult result = rich_result();
  result.cases = {{"a", "passes", Outcome::pass, 1500ms, ""},
                  {"a", "fails <x>", Outcome::fail, 1us, "expected 1\n  got \"2\" & more"},
                  {"b", "breaks", Outcome::error, 0s, "ended by signal 11 (SIGSEGV)"},
                  {"b", "skips", Outcome::skip, 0s, "no 6 GHz"}};
  result.task.ending =
      make_ending(Outcome::fail, Cause::test, StatusCode::failures, "", at(0), at(3));
  const Read<CaseResult> read =
      read_report<CaseResult>(render_junit(result), SIZE_MAX, make_junit_reader);
  EXPECT_EQ(read.reason, "");
  EXPECT_EQ(read.items, result.cases);
}

}  // namespace
}  // namespace muster
