#include "workers/reportable.h"

#include <gtest/gtest.h>

#include "core/guid.h"
#include "core/limits.h"
#include "io/codec.h"

namespace muster {
namespace {

// Whatever an attempt says, the broker can read it.
Result<Report> through_the_codec(ReportBody body) {
  const Report report{1, {"guid-of-a-task", 1}, from_us(1), make_reportable(std::move(body))};
  return decode_report(encode_report(report));
}

TEST(Reportable, WhatIsTooLongOrNotTextIsMadeReadable) {
  const std::string bytes = "half a character: \xc3";
  const std::string flood(1 << 20, 'x');
  const std::vector<std::pair<std::string, std::string>> many_fields(10'000, {"k", "v"});
  const ReportBody bodies[] = {
      AttemptStarted{bytes, {bytes, flood}},
      AttemptStarted{"", std::vector<std::string>(100'000, "argument")},
      Record{"GOOD", flood, flood, {{"key", flood}, {flood, bytes}}, flood},
      Record{"GOOD", "", bytes, many_fields, bytes},
      CaseResult{flood, flood, Outcome::fail, Duration{1}, flood},
      CaseResult{bytes, bytes, Outcome::fail, Duration{1}, bytes},
      make_ending(Outcome::fail, Cause::test, StatusCode::failures, flood + bytes, from_us(1),
                  from_us(2)),
  };
  for (const ReportBody& body : bodies) {
    const Result<Report> report = through_the_codec(body);
    EXPECT_TRUE(report.ok()) << body.index() << ": " << report.error();
  }
}

TEST(Reportable, WhatIsInOrderStaysAsItIs) {
  const ReportBody bodies[] = {
      AttemptStarted{"file:///log", {"sh", "-c", "true"}},
      Record{"FAIL", "dir", "verify.adb", {{"kernel", "6.1"}}, "no answer\nsecond line"},
      CaseResult{"suite", "name", Outcome::skip, Duration{5}, "why \xc3\xa9"},
      make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", from_us(1), from_us(2)),
  };
  for (const ReportBody& body : bodies) EXPECT_TRUE(make_reportable(body) == body) << body.index();
}

}  // namespace
}  // namespace muster
