#include "cli/render_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Instant kNow = from_us(1'790'000'000'000'000);

SinkInfo well() {
  SinkInfo sink;
  sink.name = "couchdb";
  sink.state = "ok";
  sink.place = "http://box:5984/events";
  sink.cursor = 4711;
  sink.lag_events = 0;
  sink.dead_letters = 0;
  return sink;
}

std::string rendered(const SinkInfo& sink) { return render_sink_table({sink}, {.now = kNow}); }

TEST(RenderSink, OneThatIsWellIsOneLine) {
  const std::string text = rendered(well());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_THAT(text, HasSubstr("4711"));
}

// A place that hangs looked well.
TEST(RenderSink, ADeliveryThatTakesLongIsSaid) {
  SinkInfo sink = well();
  sink.delivering_since = kNow - 9s;
  EXPECT_THAT(rendered(sink), Not(HasSubstr("under way")));
  sink.delivering_since = kNow - 125s;
  EXPECT_THAT(rendered(sink), HasSubstr("couchdb: a delivery is under way that began 2m5s ago\n"));
}

// A ledger that was never reached was 0 events behind.
TEST(RenderSink, WhatIsNotKnownIsNotZero) {
  SinkInfo sink = well();
  sink.state = "failing";
  sink.error = "the server is away";
  sink.retry_at = kNow + 4s;
  sink.cursor.reset();
  sink.lag_events.reset();
  EXPECT_THAT(rendered(sink), ::testing::ContainsRegex("failing +\\? +\\? "));
}

TEST(RenderSink, WhatTheCollectorDoesNotKnowIsSaid) {
  SinkInfo sink = well();
  sink.unknown = 1;
  sink.first_unknown = 17;
  EXPECT_THAT(rendered(sink), HasSubstr("couchdb: 1 event of types that the collector does not "
                                        "know, from 17 on, left out: update it, and then: muster "
                                        "sink replay couchdb --from 17\n"));
}

TEST(RenderSink, ADamagedFileOfLettersIsNoNumberOfLetters) {
  SinkInfo sink = well();
  sink.state = "failing";
  sink.error = "dead.jsonl:3: is no dead letter";
  sink.retry_at = kNow + 4s;
  sink.dead_letters.reset();
  const std::string text = rendered(sink);
  EXPECT_THAT(text, HasSubstr(" ? "));
  EXPECT_THAT(text, HasSubstr("couchdb: dead.jsonl:3: is no dead letter (again in 4s)\n"));
}

TEST(RenderSink, WhatBecameOfLetters) {
  SinkOrderInfo info;
  info.done = {3, 5};
  info.refused = {{8, "still no"}};
  EXPECT_EQ(render_letter_change("couchdb", false, info),
            "couchdb: 2 letters delivered\nevent 8 was refused again: still no\n");
}

}  // namespace
}  // namespace muster
