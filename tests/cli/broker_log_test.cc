// muster broker log: the words, and what people see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/parse.h"
#include "cli/render_broker.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const Instant kNow = from_us(1'790'000'000'000'000);

template <typename Options>
Options parsed(const std::vector<std::string>& words) {
  const ParsedCommand command = parse_command_line(words);
  const auto* invocation = std::get_if<Invocation>(&command);
  const auto* options = invocation ? std::get_if<Options>(&invocation->verb) : nullptr;
  EXPECT_NE(options, nullptr);
  return options ? *options : Options{};
}

TEST(BrokerLogVerbs, TheWordsAreUnderstood) {
  parsed<LogStatusOptions>({"broker", "log", "status"});
  parsed<LogVerifyOptions>({"broker", "log", "verify"});
  const auto part = parsed<LogExportOptions>(
      {"broker", "log", "export", "--from", "3", "--to", "9", "--file", "x"});
  EXPECT_EQ(part.from, 3u);
  EXPECT_EQ(part.to, 9u);
  EXPECT_EQ(part.file, "x");
  EXPECT_EQ(parsed<LogTrimOptions>({"broker", "log", "trim"}).before, 0u);
  const auto trim = parsed<LogTrimOptions>({"broker", "log", "trim", "--before", "7", "--dry-run"});
  EXPECT_EQ(trim.before, 7u);
  EXPECT_TRUE(trim.dry_run);
  EXPECT_EQ(parsed<LogForgetOptions>({"broker", "log", "forget", "a@b:/c"}).reader, "a@b:/c");
}

TEST(BrokerLogVerbs, WrongWordsAreRefused) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"broker"},
           {"broker", "log"},
           {"broker", "log", "trimm"},
           {"broker", "log", "trim", "--before", "0"},
           {"broker", "log", "trim", "--before", "x"},
           {"broker", "log", "export", "--file", ""},
           {"broker", "log", "forget"},
       }) {
    EXPECT_TRUE(std::holds_alternative<UsageFault>(parse_command_line(words)))
        << ::testing::PrintToString(words);
  }
}

LogState state() {
  LogState state;
  state.tail = 101;
  state.head = 1'000;
  state.size = {50 << 20, 3 << 20};
  state.keeping = {std::chrono::hours(48), 1 << 30};
  state.snapshots = {900, 700};
  state.readers = {{"couchdb@old:/m", 400, kNow - 90s}, {"ledger@box:/m", 1'001, kNow}};
  state.limit = 400;
  return state;
}

TEST(RenderBrokerLog, TheStateSaysWhoHoldsWhat) {
  const std::string text = render_log_state(state(), {.now = kNow});
  for (const char* part : {"101 to 1000", "50 MiB, and room for 3 MiB", "after event 900 and 700",
                           "299 events before 400", "couchdb@old:/m", "601", "1m30s ago"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(render_log_state(LogState{}, {.now = kNow}), HasSubstr("none"));
  const json parsed = json::parse(log_state_json(state()));
  EXPECT_EQ(parsed["schema"], "muster.event_log/1");
  EXPECT_EQ(parsed["readers"][0]["needs"], 400);
  EXPECT_EQ(parsed["snapshots"], json({900, 700}));
}

TEST(RenderBrokerLog, ATrimSaysWhatGoesAndWhyNotMore) {
  TrimLogReply reply{400, "couchdb@old:/m needs event 400", state()};
  EXPECT_THAT(render_trim(reply, true), HasSubstr("299 events before 400 would go; no more"));
  EXPECT_THAT(render_trim(reply, false), HasSubstr("299 events before 400 go;"));
  reply = {101, "", state()};
  EXPECT_EQ(render_trim(reply, false), "no event goes\n");
}

TEST(RenderBrokerLog, DamageIsSaid) {
  LogCheck check;
  check.head = check.events = 30;
  check.blocks = 3;
  check.snapshots = {{10, 1'000, true, ""}, {20, 1'000, false, "is cut off"}};
  EXPECT_THAT(render_log_check(check, {.now = kNow}), HasSubstr("DAMAGED: is cut off"));
  EXPECT_EQ(json::parse(log_check_json(check))["sound"], false);
  check.snapshots.pop_back();
  EXPECT_THAT(render_log_check(check, {.now = kNow}), HasSubstr("30 events in 3 blocks"));
  EXPECT_THAT(render_log_check(check, {.now = kNow}), Not(HasSubstr("DAMAGED")));
  EXPECT_EQ(json::parse(log_check_json(check))["sound"], true);
  check.problem = "the block of events 5 and following cannot be read";
  EXPECT_THAT(render_log_check(check, {.now = kNow}), HasSubstr("DAMAGED: the block of events 5"));
}

}  // namespace
}  // namespace muster
