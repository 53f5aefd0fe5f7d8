#include "io/config_event_log.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "io/config.h"
#include "tests/io/config_files.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

class EventLogConfigTest : public ConfigFiles {};

TEST_F(EventLogConfigTest, WithoutItALabIsSafe) {
  const ConfigFile file = load("");
  EXPECT_EQ(file.config.event_log, EventLogConfig{});
  EXPECT_EQ(file.config.event_log.keeping.age, std::chrono::hours(24 * 30));
  EXPECT_EQ(file.config.event_log.keeping.bytes_max, 8ull << 30);
}

TEST_F(EventLogConfigTest, EveryKeyIsRead) {
  const ConfigFile file = load("event_log: { keep: 7d, max: 1GiB, snapshot_every: 5000 }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.event_log.keeping.age, std::chrono::hours(24 * 7));
  EXPECT_EQ(file.config.event_log.keeping.bytes_max, 1ull << 30);
  EXPECT_EQ(file.config.event_log.snapshot_events, 5'000u);
}

TEST_F(EventLogConfigTest, WhatWouldLoseTooMuchIsRefused) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"event_log: { keep: 59s }\n", "\"keep\" must be at least 1m"},
      {"event_log: { max: 15MiB }\n", "\"max\" must be at least 16MiB"},
      {"event_log: { max: lots }\n", "\"max\" is wrong: size"},
      {"event_log: { snapshot_every: 999 }\n", "snapshot_every"},
      {"event_log: { kep: 1d }\n", "keep"},
      {"event_log: 30d\n", "event_log"},
  };
  for (const auto& [text, part] : rows) {
    EXPECT_THAT(load(text).problems.to_text(), HasSubstr(part)) << text;
  }
  EXPECT_EQ(load("event_log: { keep: 1m, max: 16MiB, snapshot_every: 1000 }\n").problems.to_text(),
            "");
}

}  // namespace
}  // namespace muster
