#include "collectors/task_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectors/script.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGuid = "0194-the-task";

// "START - job: message" for each line, indented by a dot a level; INFO lines have no text.
std::string outline(const std::string& text) {
  const ParsedStatusLog parsed = parse_status_log(text);
  EXPECT_TRUE(parsed.problems.empty()) << parsed.problems[0].message << "\n" << text;
  std::string outline;
  for (const StatusLine& line : parsed.lines) {
    outline += std::string(line.indent, '.') + line.status + " " + line.operation;
    if (!line.reason.empty()) outline += ": " + line.reason;
    outline += "\n";
  }
  return outline;
}

std::string write_all_of(const std::vector<EventBody>& bodies, bool* ended = nullptr) {
  TaskLog log({TaskKind::verify, false, false, {}});
  std::string text;
  for (const SequencedEvent& at : number_events(bodies)) text += log.take(at.event);
  if (ended != nullptr) *ended = log.state().ended;
  return text;
}

TEST(TaskLog, SaysHowEveryTaskEnded) {
  const auto end = [](Outcome outcome, Cause cause, Verdict verdict, const std::string& message,
                      const std::string& worker) {
    return attempt_ended(kGuid, 1, outcome, cause, verdict, message, worker);
  };
  const EventBody start = record(kGuid, 1, "START", "verify");
  const EventBody good = record(kGuid, 1, "END GOOD", "verify");
  struct Row {
    std::string name;
    std::vector<EventBody> events;
    std::string outline;
  };
  const Row rows[] = {
      {"the worker said it all",
       {start, good, end(Outcome::pass, Cause::none, Verdict::pass, "", "bench")},
       "START verify\nEND GOOD verify\n"},
      {"no record, passed",
       {end(Outcome::pass, Cause::none, Verdict::pass, "", "bench")},
       "START verify\nEND GOOD verify\n"},
      {"no record, failed",
       {end(Outcome::fail, Cause::test, Verdict::fail, "it is red", "bench")},
       "START verify\nEND FAIL verify: it is red\n"},
      {"no record, skipped",
       {end(Outcome::skip, Cause::none, Verdict::skip, "nothing to do", "bench")},
       "START verify\nEND TEST_NA verify: nothing to do\n"},
      {"no record, lost",
       {end(Outcome::error, Cause::worker, Verdict::error, "its lease ran out", "")},
       "START verify\nEND ABORT verify: its lease ran out\n"},
      {"left open by the worker's word",
       {start, record(kGuid, 1, "START", "inner"),
        end(Outcome::error, Cause::worker, Verdict::error, "stopped", "bench")},
       "START verify\n.START inner\n.END ABORT inner: stopped\nEND ABORT verify: stopped\n"},
      {"left open, nothing to say",
       {start, end(Outcome::error, Cause::worker, Verdict::error, "", "")},
       "START verify\nEND ABORT verify: the attempt ended\n"},
      {"closed, but the broker says otherwise",
       {start, good, end(Outcome::error, Cause::worker, Verdict::error, "its lease ran out", "")},
       "START verify\nEND GOOD verify\nINFO \n"},
      {"tried again",
       {start, end(Outcome::error, Cause::worker, Verdict::none, "gone", ""), start, good,
        end(Outcome::pass, Cause::none, Verdict::pass, "", "bench")},
       "START verify\nEND ABORT verify: gone\nINFO \nSTART verify\nEND GOOD verify\n"},
      {"in the queue",
       {task_ended(kGuid, Cause::user, "cancelled: no need")},
       "START verify\nEND ABORT verify: cancelled: no need\n"},
      {"in the queue after an attempt",
       {start, end(Outcome::error, Cause::worker, Verdict::none, "gone", ""),
        task_ended(kGuid, Cause::capacity, "waited too long")},
       "START verify\nEND ABORT verify: gone\nINFO \nSTART verify\nEND ABORT verify: waited too "
       "long\n"},
      {"records that make no sense",
       {good, record(kGuid, 1, "NICE", "x"), start, record(kGuid, 1, "END GOOD", "other"), good,
        end(Outcome::pass, Cause::none, Verdict::pass, "", "bench")},
       "INFO \nINFO \nSTART verify\n.INFO \nEND GOOD verify\n"},
      {"nothing but nonsense",
       {good, end(Outcome::error, Cause::worker, Verdict::error, "odd", "bench")},
       "INFO \nSTART verify\nEND ABORT verify: odd\n"},
      {"retried by a person",
       {start, good, end(Outcome::fail, Cause::test, Verdict::fail, "it is red", "bench"),
        record(kGuid, 1, "GOOD", "late"), TaskRetried{kGuid, "new cable", "ann", "1"},
        leased(kGuid, 2), end(Outcome::pass, Cause::none, Verdict::flaky, "", "bench")},
       "START verify\nEND GOOD verify\nINFO \nSTART verify\nEND GOOD verify\n"},
      {"words after the end",
       {task_ended(kGuid, Cause::user, "over"), start, task_ended(kGuid, Cause::user, "again")},
       "START verify\nEND ABORT verify: over\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    bool ended = false;
    EXPECT_EQ(outline(write_all_of(row.events, &ended)), row.outline);
    EXPECT_TRUE(ended);
  }
}

TEST(TaskLog, TellsWhyAndWhenAnAttemptIsRepeated) {
  bool ended = true;
  const std::string text = write_all_of(
      {attempt_ended(kGuid, 3, Outcome::error, Cause::device, Verdict::none, "no usb", "bench")},
      &ended);
  EXPECT_FALSE(ended);
  EXPECT_THAT(text, HasSubstr("attempt 3 ended: error (device): no usb; again at 2026-09-2"));
}

TEST(TaskLog, SaysWhoHadItRetried) {
  const EventBody over = task_ended(kGuid, Cause::user, "over");
  EXPECT_THAT(write_all_of({over, TaskRetried{kGuid, "new cable", "ann", "1"}}),
              HasSubstr("retried by ann: new cable"));
  EXPECT_THAT(write_all_of({over, TaskRetried{kGuid, "", "ann", "1"}}),
              HasSubstr("retried by ann\n"));
}

TEST(TaskLog, SaysWhichRecordWasLeftOut) {
  EXPECT_THAT(write_all_of({record(kGuid, 1, "SPLENDID", "x")}),
              HasSubstr("a record was left out: status"));
}

TEST(TaskLog, TimesAreTheReports) {
  const std::string text = write_all_of({record(kGuid, 1, "START", "verify")});
  // One millisecond before the event, so a second earlier when cut.
  const int64_t seconds = to_us(script_time(1)) / 1'000'000 - 1;
  EXPECT_THAT(text, HasSubstr("\ttimestamp=" + std::to_string(seconds) + "\t"));
}

TEST(TaskLog, GoesOnFromItsState) {
  const std::vector<SequencedEvent> events = number_events({
      leased(kGuid, 1),
      record(kGuid, 1, "START", "verify"),
      record(kGuid, 1, "GOOD", "verify.usb"),
      attempt_ended(kGuid, 1, Outcome::error, Cause::worker, Verdict::none, "gone", ""),
      leased(kGuid, 2),
      record(kGuid, 2, "START", "verify"),
      record(kGuid, 2, "END GOOD", "verify"),
      attempt_ended(kGuid, 2, Outcome::pass, Cause::none, Verdict::pass),
  });
  TaskLog whole({TaskKind::verify, false, false, {}});
  TaskLogState state{TaskKind::verify, false, false, {}};
  for (const SequencedEvent& at : events) {
    TaskLog resumed(state);
    EXPECT_EQ(resumed.take(at.event), whole.take(at.event)) << at.seq;
    state = resumed.state();
    EXPECT_EQ(state, whole.state()) << at.seq;
  }
}

}  // namespace
}  // namespace muster
