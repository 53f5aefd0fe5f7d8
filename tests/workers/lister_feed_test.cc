#include "workers/lister_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/limits.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Instant kEnd{std::chrono::hours(500'000)};

std::vector<std::string> names(const ListerFeed& feed) {
  std::vector<std::string> names;
  for (const auto& [name, device] : feed.devices()) names.push_back(name);
  return names;
}

TEST(ListerFeed, AddsReplacesAndRemoves) {
  ListerFeed feed("usb");
  feed.take(
      "{\"op\":\"add\",\"name\":\"b\",\"profile\":{\"type\":\"hub\",\"ports\":4,\"ok\":true}}\n"
      "{\"op\":\"add\",\"profile\":{\"serial\":\"CB5\"}}\r\n\n"
      "{\"op\":\"add\",\"name\":\"a\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("CB5", "a", "b"));
  const Profile hub = {{"type", "hub"}, {"ports", "4"}, {"ok", "true"}};
  EXPECT_EQ(feed.devices().at("b"), (ListedDevice{"usb", "b", hub}));
  feed.take(
      "{\"op\":\"add\",\"name\":\"b\",\"profile\":{\"type\":\"relay\"}}\n"
      "{\"op\":\"remove\",\"profile\":{\"serial\":\"CB5\"}}\n"
      "{\"op\":\"remove\",\"name\":\"never seen\"}\n{\"op\":\"remove\",\"name\":\"never-seen\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("a", "b"));
  EXPECT_EQ(feed.devices().at("b").profile.at("type"), "relay");
}

TEST(ListerFeed, LinesMayComeInPieces) {
  const std::string text = "{\"op\":\"add\",\"name\":\"a\"}\n{\"op\":\"add\",\"name\":\"b\"}\n";
  ListerFeed feed("usb");
  for (const char c : text) feed.take(std::string(1, c));
  EXPECT_THAT(names(feed), ElementsAre("a", "b"));
  feed.take("{\"op\":\"add\",\"name\":\"half");
  feed.restart(kEnd);
  feed.take("{\"op\":\"add\",\"name\":\"c\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("a", "b", "c"));
  EXPECT_THAT(feed.take_complaints(), IsEmpty());
}

TEST(ListerFeed, AfterARestartSyncDropsWhatWasNotListedAgain) {
  ListerFeed feed("usb");
  feed.take(
      "{\"op\":\"add\",\"name\":\"a\"}\n{\"op\":\"add\",\"name\":\"b\"}\n{\"op\":\"sync\"}\n");
  EXPECT_TRUE(feed.synced());
  EXPECT_THAT(names(feed), ElementsAre("a", "b"));
  feed.restart(kEnd);
  EXPECT_FALSE(feed.synced());
  EXPECT_NE(feed.next_stale(), kNever);
  EXPECT_THAT(names(feed), ElementsAre("a", "b")) << "until the new run has said what there is";
  feed.take("{\"op\":\"add\",\"name\":\"b\"}\n{\"op\":\"add\",\"name\":\"c\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("a", "b", "c"));
  feed.take("{\"op\":\"sync\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("b", "c"));
  EXPECT_EQ(feed.next_stale(), kNever);
  feed.take("{\"op\":\"sync\"}\n");
  EXPECT_THAT(names(feed), ElementsAre("b", "c")) << "what this run has listed stays";
}

TEST(ListerFeed, BadLinesAreSkippedAndReportedOnce) {
  struct Row {
    std::string line;
    const char* reason;
  };
  const std::vector<Row> rows = {
      {"hello", "it is not a JSON object: hello"},
      {"[1]", "it is not a JSON object"},
      {"{}", "its \"op\" must be add, remove or sync"},
      {"{\"op\":7}", "its \"op\" must be add, remove or sync"},
      {"{\"op\":\"list\"}", "its \"op\" must be add, remove or sync"},
      {"{\"op\":\"add\"}", "it has neither a name nor a serial"},
      {"{\"op\":\"remove\"}", "it has neither a name nor a serial"},
      {"{\"op\":\"add\",\"name\":7}", "\"name\" must be a text"},
      {"{\"op\":\"add\",\"name\":\"a b\"}", "device name \"a b\" has a character"},
      {"{\"op\":\"add\",\"profile\":{\"serial\":\"a/b\"}}", "device name \"a/b\" has a character"},
      {"{\"op\":\"add\",\"name\":\"x\",\"profile\":[]}", "\"profile\" must be an object"},
      {"{\"op\":\"add\",\"name\":\"x\",\"profile\":{\"a\":{}}}",
       "profile value \"a\" must be a text"},
      {"{\"op\":\"add\",\"name\":\"x\",\"profile\":{\"a\":null}}", "profile value \"a\" must be"},
      {"{\"op\":\"add\",\"name\":\"x\",\"profile\":{\"pool\":\"p\"}}",
       "cannot be a key of a profile"},
      {"{\"op\":\"add\",\"name\":\"x\",\"profile\":{\"a b\":\"p\"}}",
       "a key of a profile is made of"},
      {"{\"op\":\"add\",\"name\":\"\xff\"}", "it is not a JSON object"},
  };
  for (const Row& row : rows) {
    ListerFeed feed("usb");
    feed.take(row.line + "\n" + row.line + "\n{\"op\":\"add\",\"name\":\"good\"}\n");
    EXPECT_THAT(feed.take_complaints(), ElementsAre(HasSubstr(row.reason))) << row.line;
    EXPECT_THAT(names(feed), ElementsAre("good")) << row.line;
  }
}

TEST(ListerFeed, AListerThatTalksNonsenseDoesNotFillTheLog) {
  ListerFeed feed("usb");
  for (int i = 0; i < 1000; ++i) {
    feed.take("{\"op\":\"add\",\"name\":\" " + std::to_string(i) + "\"}\n");
  }
  const std::vector<std::string> complaints = feed.take_complaints();
  ASSERT_EQ(complaints.size(), 20u);
  EXPECT_THAT(complaints.back(), HasSubstr("no more of this run is reported"));
  feed.restart(kEnd);
  feed.take("x\n");
  EXPECT_EQ(feed.take_complaints().size(), 1u);
}

TEST(ListerFeed, TakesLinesUpToALimit) {
  const auto line = [](size_t length) {
    const std::string head = "{\"op\":\"add\",\"name\":\"a\"";
    return head + std::string(length - head.size() - 1, ' ') + "}";
  };
  ListerFeed feed("usb");
  feed.take(line(kListerLineBytesMax) + "\n");
  EXPECT_THAT(names(feed), ElementsAre("a"));
  EXPECT_THAT(feed.take_complaints(), IsEmpty());
  ListerFeed other("usb");
  for (const char c : line(kListerLineBytesMax + 1)) other.take(std::string(1, c));
  other.take("more\n{\"op\":\"add\",\"name\":\"b\"}\n");
  EXPECT_THAT(names(other), ElementsAre("b"));
  EXPECT_THAT(other.take_complaints(), ElementsAre(HasSubstr("longer than 65536 bytes")));
}

TEST(ListerFeed, TakesProfilesUpToALimit) {
  const auto add = [](size_t bytes) {
    return "{\"op\":\"add\",\"name\":\"a\",\"profile\":{\"k\":\"" + std::string(bytes - 1, 'v') +
           "\"}}\n";
  };
  ListerFeed feed("usb");
  feed.take(add(kListedProfileBytesMax + 1));
  EXPECT_THAT(names(feed), IsEmpty());
  EXPECT_THAT(feed.take_complaints(), ElementsAre(HasSubstr("larger than 4096 bytes")));
  feed.take(add(kListedProfileBytesMax));
  EXPECT_THAT(names(feed), ElementsAre("a"));
}

TEST(ListerFeed, ListsSoManyDevicesAndNoMore) {
  ListerFeed feed("usb");
  for (size_t i = 0; i < kListedDevicesMax; ++i) {
    feed.take("{\"op\":\"add\",\"name\":\"d" + std::to_string(i) + "\"}\n");
  }
  EXPECT_THAT(feed.take_complaints(), IsEmpty());
  feed.take("{\"op\":\"add\",\"name\":\"more\"}\n{\"op\":\"add\",\"name\":\"d7\"}\n");
  EXPECT_EQ(feed.devices().size(), kListedDevicesMax);
  EXPECT_THAT(feed.take_complaints(), ElementsAre(HasSubstr("more than 10000 devices")));
}

}  // namespace
}  // namespace muster
